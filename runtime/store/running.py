"""Which builds run in a store, and what dead ones left behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


def clear_tmp(root: Path) -> None:
    """Remove unfinished files; only where no other build is running."""
    for path in (root / "tmp").iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


@contextmanager
def scratch(root: Path) -> Iterator[Path]:
    """A folder for what does not fit in memory, which is gone afterwards."""
    path = root / "tmp" / uuid.uuid4().hex
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def live_builds(root: Path, own: str = "") -> list[set[str]]:
    """What each running build but one's own holds; the files of dead ones are removed. Resources the gate alone."""
    alive = []
    for path in (root / "running").glob("*"):
        if path.name == own:
            continue
        with suppress(FileNotFoundError), open(path) as other:  # a build may end while it is looked at
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                alive.append(set(other.read().split()))
                continue
        path.unlink(missing_ok=True)
    return alive


class Holding:
    """The part of a store by which builds and gc know of one another."""

    def __init__(self, root: Path) -> None:
        self.root = root
        """The folder of the store's format."""
        self.running: IO[str] | None = None
        self.read_only = False
        """Whether it is somebody else's, or on a medium, so that it serves what is built and takes nothing."""

    def prepare(self) -> None:
        """Make the folders of an empty store."""
        raise NotImplementedError(f"a {type(self).__name__} does not say how it begins")

    @contextmanager
    def building(self) -> Iterator[None]:
        """While this lasts, gc leaves alone what this build names; of a store that cannot be written nothing is taken away."""
        self.read_only = self.root.is_dir() and not os.access(self.root, os.W_OK)
        if self.read_only:
            yield
            return
        self.prepare()
        path = self.root / "running" / uuid.uuid4().hex
        with self.gate():  # a file that is not locked yet looks like that of a dead build
            running = open(path, "x")  # noqa: SIM115 - it stays open, and locked, as long as the build runs
            fcntl.flock(running, fcntl.LOCK_EX)
        with running:
            self.running = running
            try:
                yield
            finally:
                self.running = None
                path.unlink(missing_ok=True)

    def hold(self, name: str) -> None:
        """Name a key or object that this build relies on."""
        if self.running is not None:
            self.running.write(name + "\n")
            self.running.flush()

    @contextmanager
    def gate(self, exclusive: bool = False) -> Iterator[None]:
        """Builds pass together; gc passes alone, so that nothing is taken away between a look and a hold."""
        if self.read_only:
            yield
            return
        with open(self.root / "gate", "a") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
            yield

    def sweep(self) -> None:
        """Remove what dead builds left in tmp: a build that was killed leaves nothing that is needed."""
        if self.read_only:
            return
        with self.gate(exclusive=True):
            if not live_builds(self.root, "" if self.running is None else Path(self.running.name).name):
                clear_tmp(self.root)
