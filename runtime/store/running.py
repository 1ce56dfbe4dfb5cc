"""Which builds run in a store, and what dead ones left behind."""

from __future__ import annotations

import fcntl
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


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
    """What each running build but one's own holds; the files of dead ones are removed. Needs the gate alone."""
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
