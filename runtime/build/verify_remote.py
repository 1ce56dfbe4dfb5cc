"""Verify a shared store: read all that its bucket holds, and list what is not what its name says."""

from __future__ import annotations

from collections.abc import Iterator

from runtime.completions.memo import CompletionMemo
from runtime.completions.segments import SEGMENTS, Damage, Segments, read_segment
from runtime.store.at_once import AT_ONCE, UPLOADS, at_once
from runtime.store.files import Hashed
from runtime.store.layout import FORMAT
from runtime.store.names import read_last_build
from runtime.store.record import KEYED, read_record
from runtime.store.remote import Remote
from runtime.store.shared import SharedStore
from runtime.store.store import StoreError


def verify_remote(store: SharedStore, mend: bool = False) -> list[str]:
    """Every problem found, in words; with `mend`, what is damaged is set aside so that a build makes it anew."""
    remote = store.remote
    if not store.connected:
        raise StoreError(f"there is no store at `{remote.url}`", "build a recipe first")
    problems, damaged = [], []
    for problem, path in [*wrong_objects(remote), *wrong_records(remote), *wrong_names(remote), *wrong_segments(store)]:
        problems.append(problem)
        damaged += [path] if path is not None else []
    if mend:
        for path in damaged:
            remote.set_aside(path)
    return problems


Found = Iterator[tuple[str, str | None]]
"""(a problem, the path of what is damaged)."""


def wrong_objects(remote: Remote) -> Found:
    def digest_of(path: str) -> str:
        hashed = Hashed()
        remote.bucket.read_into(path, hashed)
        return hashed.digest

    paths = [item.path for item in remote.bucket.list(f"{FORMAT}/objects")]
    for path, digest in zip(paths, at_once(UPLOADS, digest_of, paths), strict=True):
        if not path.endswith(f"/{digest}"):
            yield f"the object {path.rpartition('/')[2][:12]} is damaged", path


def wrong_records(remote: Remote) -> Found:
    present = {item.path.rpartition("/")[2] for item in remote.bucket.list(f"{FORMAT}/objects")}
    for kind in KEYED:
        keys = [key for key, _ in remote.keys(kind.folder)]
        for key, data in zip(keys, at_once(AT_ONCE, lambda key: remote.record(kind.folder, key), keys), strict=True):  # noqa: B023
            name = f"record {kind.folder}/{key[:12]}"
            record = None if data is None else read_record(kind, key, data)
            if record is None:
                yield f"the {name} is damaged", remote.record_path(kind.folder, key)
                continue
            for digest in sorted(record.objects() - present - set(record.without or ())):
                yield f"the {name} names the object {digest[:12]}, which is not here", None


def wrong_names(remote: Remote) -> Found:
    paths = [(recipe, remote.name_path(recipe)) for recipe in remote.recipes()]
    for recipe, path in [*paths, *((recipe, item.path) for recipe, item, _ in remote.pushed())]:
        if read_last_build(recipe, remote.bucket.get(path) or b"") is None:
            yield f"the name {recipe} is damaged", path


def wrong_segments(store: SharedStore) -> Found:
    segments = Segments(CompletionMemo(store), store.remote)
    for name in segments.names():
        try:
            read_segment(name, segments.fetch(name) or b"")
        except Damage as damage:
            yield f"the completions {name[:12]} are damaged: {damage}", f"{SEGMENTS}/{name}"
