"""Push and pull: results without any text, to and from a folder, so that an edit can be judged where the data is not."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.ingest import without_cells
from runtime.record import Record, hash_path, named_objects, sealed, unsealed
from runtime.store import FORMAT, Store, StoreError
from runtime.table import small_objects

DIGEST = re.compile(r"[0-9a-f]{64}")
JOURNAL = re.compile(r"[0-9a-f]{32}-[0-9]{1,3}\.journal")
KINDS = ("results", "beside")


@dataclass
class Moved:
    """What was copied, and what was there already."""

    records: int = 0
    objects: int = 0
    bytes: int = 0
    left_out: int = 0
    """Objects that hold text, which stay where they are."""


def push(store: Store, folder: Path) -> Moved:
    """Copy the records of every last build with ids, ranks and measured values, and no text, to a folder.

    Layout of the folder: KIND/KE/KEY/DIGEST.json and objects/DI/DIGEST. What is there already stays as it is.
    """
    root, moved = folder / FORMAT, Moved()
    with store.building():
        for recipe, body in store.builds():
            keys = {"results": [stage["key"] for stage in body["stages"].values()], "beside": body["beside"]}
            for kind in KINDS:
                for key in keys[kind]:
                    record = store.hold_record(key, kind)
                    if record is not None:
                        push_record(store, root, kind, record, moved)
            put(root / "names" / Path(*recipe.split("/")) / "last-build.json", sealed(body))
        for journal in sorted((store.root / "memo").glob("*/*/*.journal")):
            target = root / journal.relative_to(store.root)
            if not target.exists():
                put(target, journal.read_bytes())
    return moved


def push_record(store: Store, root: Path, kind: str, record: Record, moved: Moved) -> None:
    """One record after the objects that it needs."""
    wanted = set(textless_objects(kind, record.body))
    left = sorted(record.objects() - wanted)
    moved.left_out += len(left)
    for digest in sorted(wanted):
        target = root / "objects" / digest[:2] / digest
        if not target.exists():
            source = store.read_path(digest)
            moved.objects, moved.bytes = moved.objects + 1, moved.bytes + source.stat().st_size
            target.parent.mkdir(parents=True, exist_ok=True)
            made = target.parent / f".{uuid.uuid4().hex}"
            shutil.copyfile(source, made)
            made.rename(target)
    target = root / kind / record.key[:2] / record.key / f"{name_of(kind, record.body)}.json"
    if not target.exists():
        moved.records += 1
        put(target, sealed({**textless(record.body), "without": left}))


def textless_objects(kind: str, body: dict[str, Any]) -> Iterator[str]:
    """The objects of a record in which there is no text."""
    small = [body["object"], *small_objects(body["of"])] if kind == "beside" else [*small_objects(body["table"])]
    small += [body[part] for part in ("ledger", "asked", "lineage", "refused") if part in body]
    small += [each for each in body.get("measured", ()) if each is not None]
    yield from (each.removeprefix("object:") for each in small)


def textless(body: dict[str, Any]) -> dict[str, Any]:
    """A record without what it quotes of rows that could not be read."""
    if not body.get("bad"):
        return body
    return {**body, "raw": None, "bad": [{**each, "reason": without_cells(each["reason"])} for each in body["bad"]]}


def name_of(kind: str, body: dict[str, Any]) -> str:
    """What tells results of one key apart: the digest of the result."""
    return str(body.get("object")).removeprefix("object:") if kind == "beside" else str(body.get("digest"))


def put(path: Path, content: bytes) -> None:
    """A file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.parent / f".{uuid.uuid4().hex}"
    made.write_bytes(content)
    made.rename(path)


def pull(store: Store, folder: Path) -> Moved:
    """Copy what a folder holds into the store; every file is checked against its name. Raises StoreError."""
    root, moved = folder / FORMAT, Moved()
    if not root.is_dir():
        raise StoreError(f"there is nothing to pull in `{folder}`", "make it with `recipe store push DIR --measures`")
    with store.building():
        for kind in KINDS:
            for path in sorted((root / kind).glob("*/*")):
                pull_key(store, root, kind, path, moved)
        for path in sorted((root / "memo").glob("*/*/*.journal")):
            if JOURNAL.fullmatch(path.name) and DIGEST.fullmatch(path.parent.name):
                pull_journal(store, path)
        for path in sorted((root / "names").rglob("last-build.json")):
            pull_name(store, root, path)
    return moved


def pull_key(store: Store, root: Path, kind: str, path: Path, moved: Moved) -> None:
    """The result of one key."""
    key, found = path.name, sorted(each.stem for each in path.glob("*.json"))
    if not DIGEST.fullmatch(key) or not found:
        return
    local = store.find(key, kind)
    digests = sorted({*found, *([name_of(kind, local.body)] if local is not None else [])})
    if len(digests) > 1:
        listed = ", ".join(digest[:12] for digest in digests)
        raise StoreError(f"the key {key[:12]} has several results: {listed}", "one of the stores is wrong: `recipe store verify`")
    if local is not None:
        return
    body = unsealed((path / f"{found[0]}.json").read_bytes())
    if body is None or body.get("key") != key or name_of(kind, body) != found[0] or not all(map(is_digest, objects_of(body))):
        raise StoreError(f"the record {kind}/{key[:12]} in `{root.parent}` is damaged", "push it again")
    for digest in sorted(objects_of(body) - set(body.get("without", ()))):
        pull_object(store, root, digest, moved)
    store.write_record(key, body, kind)
    moved.records, moved.left_out = moved.records + 1, moved.left_out + len(body.get("without", ()))


def objects_of(body: dict[str, Any]) -> set[str]:
    """Every object that a record names, those that were left out included."""
    return {*named_objects(body), *body.get("without", ())}


def is_digest(text: str) -> bool:
    return DIGEST.fullmatch(text) is not None


def pull_object(store: Store, root: Path, digest: str, moved: Moved) -> None:
    """One object, if its bytes are what its name says."""
    target, source = store.object_path(digest), root / "objects" / digest[:2] / digest
    if target.exists():
        return
    made = store.root / "tmp" / uuid.uuid4().hex
    try:
        shutil.copyfile(source, made)
    except FileNotFoundError:
        raise StoreError(f"the object {digest[:12]} is missing in `{root.parent}`", "push it again") from None
    if hash_path(made) != digest:
        made.unlink()
        raise StoreError(f"the object {digest[:12]} in `{root.parent}` is damaged", "push it again")
    store.hold(digest)
    made.chmod(0o444)
    store.files.make_folder(target.parent)
    with store.gate():
        store.files.rename(made, target)
    moved.objects, moved.bytes = moved.objects + 1, moved.bytes + target.stat().st_size


def pull_journal(store: Store, path: Path) -> None:
    """Values of a dear measure; a broken entry is not believed when it is read."""
    target = store.root / "memo" / path.parent.name[:2] / path.parent.name / path.name
    if not target.exists():
        made = store.root / "tmp" / uuid.uuid4().hex
        store.files.write_bytes(made, path.read_bytes())
        store.files.make_folder(target.parent)
        store.files.rename(made, target)


def pull_name(store: Store, root: Path, path: Path) -> None:
    """What the last build of a recipe was, where none is known here."""
    body = unsealed(path.read_bytes())
    name = path.parent.relative_to(root / "names").as_posix()
    if body is not None and body.get("recipe") == name and store.read_name(f"{name}/last-build.json") is None:
        store.write_name(f"{name}/last-build.json", body)
