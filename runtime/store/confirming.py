"""Before a build gets its name in a shared store: all that it names is looked for there, and what a gc took is written again."""

from __future__ import annotations

from typing import Protocol, TypeVar

from runtime.store.at_once import AT_ONCE, at_once
from runtime.store.lease import collected_since
from runtime.store.names import LastBuild
from runtime.store.record import BesideRecord, Keyed, Record
from runtime.store.remote import Remote
from runtime.store.store import StoreError

K = TypeVar("K", bound=Keyed)


class Confirmed(Protocol):
    """What is asked of a shared store."""

    remote: Remote
    promised: set[str]

    def has(self, digest: str) -> bool: ...
    def record_here(self, key: str, kind: type[K]) -> K | None: ...
    def remove_record(self, record: Keyed) -> None: ...
    def send_objects(self, record: Keyed) -> None: ...


def confirm(store: Confirmed, build: LastBuild, since: float | None) -> None:
    """See that the bucket has all records of a build; what a gc took is written again. Raises StoreError.

    Objects of records that are there are looked for where a gc ran since a moment of `ticks`: it knew nothing of records that
    were written meanwhile.
    """
    named: list[tuple[str, type[Keyed]]] = [(stage["key"], Record) for stage in build.stages.values()]
    named += [(key, BesideRecord) for key in build.beside]
    collected = since is not None and collected_since(store.remote, since)

    def confirm_one(each: tuple[str, type[Keyed]]) -> None:
        key, kind = each
        there = store.remote.bucket.head(store.remote.record_path(kind.folder, key)) is not None
        if there and not collected:
            return
        record = store.record_here(key, kind)
        if record is None:
            return  # a build of some targets names what others made before
        named_objects = record.objects() - set(record.without or ())
        store.promised -= named_objects
        absent = [digest for digest in named_objects if not store.has(digest)]
        if absent:
            store.remove_record(record)
            raise StoreError("results that this build goes on from were removed meanwhile", "run the same command again")
        store.send_objects(record)
        if not there:
            store.remote.create_record(record)

    at_once(AT_ONCE, confirm_one, named)
