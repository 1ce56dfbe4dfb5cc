"""Garbage collection: what no last build of any recipe and no running build needs is removed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from runtime.store.names import last_builds
from runtime.store.record import BesideRecord, Record
from runtime.store.running import clear_tmp, live_builds
from runtime.store.store import Store, StoreError


@dataclass(frozen=True)
class Collected:
    """What was removed, or would be."""

    records: int
    objects: int
    bytes: int


def collect(store: Store, dry_run: bool = False) -> Collected:
    """Remove records and objects that nothing names; memos stay, they are dear."""
    with store.gate(exclusive=True):
        alive = live_builds(store.root)
        needed: set[str] = set().union(*alive)
        unread = [recipe for _, recipe, build in last_builds(store.root) if build is None]
        if unread:
            raise StoreError(
                f"the last build of `{unread[0]}` cannot be read, so what it needs is not known",
                "`recipe store verify --mend` sets it aside; then build the recipe again",
            )
        for _, build in store.builds():
            needed.update(build.beside, (stage["key"] for stage in build.stages.values()))
        records = objects = size = 0
        for kind in (Record, BesideRecord):
            for record in list(store.records_here(kind)):
                if record.key in needed:
                    needed |= record.objects()
                    continue
                records += 1
                if not dry_run:
                    store.files.remove(store.record_path(kind.folder, record.key))
        for path in sorted((store.root / "objects").glob("*/*")):
            if path.name not in needed:
                objects, size = objects + 1, size + path.stat().st_size
                if not dry_run:
                    store.files.remove(path)
        if not dry_run:
            if not alive:
                clear_tmp(store.root)
            drop_unnamed_outputs(store)
        return Collected(records, objects, size)


def drop_unnamed_outputs(store: Store) -> None:
    """Remove the readable folders that no name leads to."""
    named = {path.resolve() for path in (store.root / "names").glob("**/outputs/*")}
    for folder in (store.root / "outputs").iterdir():
        if folder.resolve() not in named:
            shutil.rmtree(folder)
