"""The bound of a cache: of what a shared store has, the objects that were not read for longest leave this machine."""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

from runtime.store.running import live_builds
from runtime.store.store import Store

MOST = 50 << 30
SHARE = 5
"""Of a disk a cache takes one in so many bytes, and no more than `MOST`."""


class Cache:
    """The objects in the folder before a shared store."""

    def __init__(self, store: Store, held: set[str]) -> None:
        self.store, self.held = store, held
        self.grown = False
        """Whether this process put anything into it."""

    @property
    def bound(self) -> int:
        """Bytes that it may hold."""
        told = self.store.location.cache
        return told if told is not None else min(MOST, shutil.disk_usage(self.store.root).total // SHARE)

    def known(self, name: str) -> str | None:
        """What is written down in the folder of the cache under a name."""
        path = self.store.folder / name
        return path.read_text("utf-8").strip() if path.is_file() else None

    def note(self, name: str, value: str) -> str:
        """Write a value down unless one is; gives what is."""
        made = self.store.root / "tmp" / uuid.uuid4().hex
        if self.known(name) is None:
            with self.store.gate():  # a build that begins takes unfinished files for those of a dead one
                self.store.files.write_bytes(made, value.encode())
                self.store.files.link(made, self.store.folder / name)
        return self.known(name) or value

    def touch(self, path: Path) -> None:
        """Note that an object was read now."""
        with suppress(OSError):  # it may have left meanwhile, or be somebody else's
            os.utime(path)

    def shrink(self) -> int:
        """Let objects leave until the rest is within the bound; says how many bytes went.

        Those that a running build holds stay, and those that are shown under a name. All others are in the bucket, or were
        left behind by a build that died and are named by nothing.
        """
        store, bound = self.store, self.bound
        found = [(each.stat(), Path(each.path)) for each in walk(store.root / "objects")]
        size = sum(stat.st_size for stat, _ in found)
        if size <= bound:
            return 0
        gone = 0
        with store.gate(exclusive=True):
            own = "" if store.running is None else Path(store.running.name).name
            held: set[str] = set(self.held).union(*live_builds(store.root, own)) | self.shown()
            for stat, path in sorted(found, key=lambda each: (each[0].st_mtime_ns, each[1].name)):
                if size - gone <= bound:
                    break
                if path.name not in held:
                    store.files.remove(path)
                    store.checked.discard(path.name)
                    gone += stat.st_size
        return gone

    def shown(self) -> set[str]:
        """The objects that the folders of outputs lead to: people read them by their names."""
        links = (each for each in (self.store.root / "outputs").glob("*/*") if each.is_symlink())
        return {Path(os.readlink(each)).name for each in links}


def walk(folder: Path) -> list[os.DirEntry[str]]:
    """The files in the folders of a folder."""
    found: list[os.DirEntry[str]] = []
    with os.scandir(folder) as inner:
        for each in inner:
            with os.scandir(each) as files:
                found += files
    return found
