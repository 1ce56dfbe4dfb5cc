"""Garbage collection of a shared store: what no build needs goes, once it is old by the server's clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from runtime.store.at_once import AT_ONCE, at_once
from runtime.store.batches import batched
from runtime.store.gc import Collected
from runtime.store.layout import FORMAT
from runtime.store.lease import FEW, RUNNING, collecting, leased
from runtime.store.names import read_last_build
from runtime.store.record import KEYED, Keyed, read_record
from runtime.store.remote import YOUNG, Remote
from runtime.store.shared import SharedStore
from runtime.store.store import StoreError

HOUR = timedelta(hours=1)
SCRAPS = ("probe", "clock", f"{FORMAT}/damaged")
"""What is written to learn something of a server, and what was damaged."""


def collect_remote(store: SharedStore, dry_run: bool, grace: timedelta) -> Collected:
    """Remove records and objects that nothing needs and that are older than `grace`; completions and measured values stay.

    A build that names what goes here sees that it is under way, or is seen (`lease.py`). Raises StoreError.
    """
    remote = store.remote
    if not store.connected:
        raise StoreError(f"there is no store at `{remote.url}`", "build a recipe first")
    with collecting(remote) as lease:
        objects = list(lease.during(remote.bucket.list(f"{FORMAT}/objects")))
        records = [(kind, key, item) for kind in KEYED for key, item in lease.during(remote.keys(kind.folder))]
        needed = named(remote) | leased(remote)
        if grace < YOUNG and not dry_run and any(remote.bucket.list(RUNNING)):
            message = f"a build that uses `{remote.url}` runs, and relies on what is younger than {YOUNG // HOUR} hours"
            raise StoreError(message, f"wait for it, or say --grace {YOUNG // HOUR} or more")
        oldest = remote.now() - grace
        old = [(kind, key, item) for kind, key, item in records if key not in needed and item.modified < oldest]
        gone = {item.path for _, _, item in old}
        kept = [(kind, key) for kind, key, item in records if item.path not in gone]
        for few in batched(kept, FEW):
            needed = needed.union(*at_once(AT_ONCE, lambda each: objects_of(store, *each), few))
            lease.go_on()
        loose = [item for item in objects if item.path.rpartition("/")[2] not in needed and item.modified < oldest]
        scraps = [item for folder in SCRAPS for item in lease.during(remote.bucket.list(folder)) if item.modified < oldest]
        scraps += [item for _, item, passed in remote.pushed() if passed and item.modified < oldest]
        if not dry_run:
            # Records first: one that is there names nothing that is not.
            for items in ([item for _, _, item in old], loose, scraps):
                for paths in batched((item.path for item in items), FEW):
                    lease.go_on()
                    at_once(AT_ONCE, lambda path: remove(remote, path, oldest), paths)
        return Collected(len(old), len(loose), sum(item.size for item in loose))


def remove(remote: Remote, path: str, oldest: datetime) -> None:
    """Remove what is old still: what was written again since it was listed stays."""
    item = remote.bucket.head(path)
    if item is not None and item.modified < oldest:
        remote.bucket.delete(path)


def named(remote: Remote) -> set[str]:
    """The keys that last builds name, and what was pushed beside them. Raises StoreError for one that cannot be read."""
    needed: set[str] = set()
    paths = [(recipe, remote.name_path(recipe)) for recipe in remote.recipes()]
    paths += [(recipe, item.path) for recipe, item, passed in remote.pushed() if not passed]
    for recipe, path in paths:
        data = remote.bucket.get(path)
        build = None if data is None else read_last_build(recipe, data)
        if data is not None and build is None:
            raise StoreError(
                f"the last build of `{recipe}` in `{remote.url}` cannot be read, so what it needs is not known",
                "`recipe store verify --remote --mend` sets it aside; then build the recipe again",
            )
        if build is not None:
            needed.update(build.beside, (stage["key"] for stage in build.stages.values()))
    return needed


def objects_of(store: SharedStore, kind: type[Keyed], key: str) -> set[str]:
    """The objects of a record of the bucket; of one that is damaged none are known, and its stage is made anew."""
    data = store.remote.record(kind.folder, key)  # two machines may have laid one result down in other parts
    record = None if data is None else read_record(kind, key, data)
    return set() if record is None else record.objects()
