"""Small journals of dear measures are joined into larger ones: a build writes one for a thousand texts, and all are read."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from runtime.store.at_once import AT_ONCE, at_once
from runtime.store.journals import JOURNAL
from runtime.store.layout import MEMOS
from runtime.store.lease import collecting
from runtime.store.remote import Remote
from runtime.store.store import Store
from runtime.tables.memo import CHECK, entries_in, width_of
from runtime.tables.segmented import ENDING, HEAD, cuts_in

LARGE = 16 << 20
"""Bytes from which on a journal stays as it is."""
#: Where the journals of one measure or segmenter lie, and what each is called.
PLACE = re.compile(rf"(memo/[0-9a-f]{{2}}/[0-9a-f]{{64}})/({JOURNAL.pattern})")


class Small(NamedTuple):
    """A small journal."""

    folder: str
    kind: str
    """What its name ends with: entries of one form."""
    name: str
    size: int

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}"


def join_here(store: Store) -> int:
    """Join the small journals of a store in a folder; how many were removed. Builds that run read them, or measure again."""
    paths = [path for path in (store.memos / "memo").glob("*/*/*") if path.is_file()]
    found = ((path.relative_to(store.memos).as_posix(), path.stat().st_size) for path in paths)

    def put(path: str, data: bytes) -> None:
        made = store.root / "tmp" / uuid.uuid4().hex
        store.files.write_bytes(made, data)
        store.files.rename(made, store.memos / path)

    with store.gate(exclusive=True):
        return sum(
            join_group(group, lambda path: read(store.memos / path), put, lambda path: (store.memos / path).unlink(True))
            for group in groups(found)
        )


def join_remote(remote: Remote, grace: timedelta) -> int:
    """Join the small journals of a bucket that are older than `grace`; how many were removed.

    A machine that has some of them reads the same values once more. Raises StoreError where another collects garbage.
    """
    removed = 0
    with collecting(remote) as lease:
        oldest = remote.now() - grace
        items = [item for item in lease.during(remote.bucket.list(f"{MEMOS}/memo")) if item.modified < oldest]
        for group in groups((item.path.removeprefix(f"{MEMOS}/"), item.size) for item in items):
            lease.go_on()
            removed += join_group(
                group,
                lambda path: remote.bucket.get(f"{MEMOS}/{path}"),
                lambda path, data: remote.bucket.put(f"{MEMOS}/{path}", data),
                lambda path: remote.bucket.delete(f"{MEMOS}/{path}"),
            )
    return removed


def read(path: Path) -> bytes | None:
    with suppress(FileNotFoundError):
        return path.read_bytes()
    return None


def groups(found: Iterable[tuple[str, int]]) -> Iterator[list[Small]]:
    """Small journals of one measure that make a large one together, of (path, bytes) of all."""
    small = []
    for path, size in found:
        if size < LARGE and (named := PLACE.fullmatch(path)) is not None:
            small.append(Small(named[1], named[2][32:], named[2], size))
    for _, inside in groupby(sorted(small), lambda each: each[:2]):
        group, size = list[Small](), 0
        for each in inside:
            group, size = [*group, each], size + each.size
            if size >= LARGE:
                yield group
                group, size = [], 0
        if len(group) > 1:
            yield group


def join_group(
    group: list[Small], get: Callable[[str], bytes | None], put: Callable[[str, bytes], None], remove: Callable[[str], None]
) -> int:
    """Write one journal with the entries of several, then remove those; one that is not whole stays, to be set aside."""
    kind, entries, paths = group[0].kind, dict[bytes, bytes](), list[str]()
    for each, data in zip(group, at_once(AT_ONCE, lambda each: get(each.path), group), strict=True):
        if data is not None and (whole := entries_of(kind, data)) is not None:
            entries |= whole
            paths.append(each.path)
    if len(paths) < 2:
        return 0
    bodies = (entries[cell] for cell in sorted(entries))
    data = b"".join(body + blake3(body).digest(CHECK) for body in bodies)
    made = f"{group[0].folder}/{blake3(data).hexdigest(16)}{kind}"
    put(made, data)
    gone = [path for path in paths if path != made]
    at_once(AT_ONCE, remove, gone)
    return len(gone)


def entries_of(kind: str, data: bytes) -> dict[bytes, bytes] | None:
    """Digest of a cell or text -> its entry, of a journal; None where not all of it is whole."""
    if kind == ENDING:
        found = {digest: HEAD.pack(digest, len(cuts)) + cuts for digest, cuts in cuts_in(data)}
        return found if sum(len(each) + CHECK for each in found.values()) == len(data) else None
    width = width_of(kind)
    entries = list(entries_in(data, width))
    return {each[:16]: each for each in entries} if len(entries) * width == len(data) else None
