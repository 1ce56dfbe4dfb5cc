"""Small segments are joined into larger ones, so that a store that is asked from for months is listed in little time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

from runtime.completions.memo import Completion
from runtime.completions.segments import SEGMENTS, Damage, name_of, pack_segment, read_segment
from runtime.store.at_once import AT_ONCE, at_once
from runtime.store.bucket import Item
from runtime.store.lease import collecting
from runtime.store.remote import Remote

LARGE = 16 << 20
"""Bytes from which on a segment stays as it is."""


def join_segments(remote: Remote, grace: timedelta) -> int:
    """Write what small segments older than `grace` hold into larger ones and remove them; how many were removed.

    A machine that took some of them in reads them once more. A damaged one stays: `verify --remote` tells of it. Killed at any
    point this leaves the same completions twice, at worst.
    """
    removed = 0
    with collecting(remote) as lease:
        oldest = remote.now() - grace
        listed = lease.during(remote.bucket.list(SEGMENTS))
        small = [item for item in listed if item.size < LARGE and item.modified < oldest]
        for group in groups(sorted(small)):
            paths, completions = [], dict[bytes, Completion]()
            for item, data in zip(group, at_once(AT_ONCE, remote.bucket.get, [item.path for item in group]), strict=True):
                with suppress(Damage):
                    for each in read_segment(item.path.rpartition("/")[2], data or b""):
                        completions.setdefault(each.address, each)
                    paths.append(item.path)
            if len(paths) > 1:
                data = pack_segment([completions[address] for address in sorted(completions)])
                remote.bucket.create(f"{SEGMENTS}/{name_of(data)}", data)
                lease.go_on()
                at_once(AT_ONCE, remote.bucket.delete, [path for path in paths if not path.endswith(name_of(data))])
                removed += len(paths)
    return removed


def groups(items: list[Item]) -> Iterator[list[Item]]:
    """Segments that make a large one together."""
    group: list[Item] = []
    for item in items:
        group.append(item)
        if sum(each.size for each in group) >= LARGE:
            yield group
            group = []
    if group:
        yield group
