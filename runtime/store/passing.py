"""Folders outside the project that go with the process that made them, and those of one that was killed with the next."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GRACE = 60
"""Seconds in which a folder may wait to be locked."""


@contextmanager
def passing_folder(prefix: str, root: str) -> Iterator[Path]:
    """A new folder that is called so, locked for as long as it is used."""
    remove_left(Path(root), prefix)
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=root))
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield path
    finally:
        os.close(handle)
        shutil.rmtree(path, ignore_errors=True)


def remove_left(root: Path, prefix: str) -> None:
    """Remove the folders of this user that are called so and that nobody has locked."""
    for path in root.glob(f"{prefix}*"):
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
        except OSError:
            continue
        try:
            found = os.fstat(handle)
            if found.st_uid == os.getuid() and found.st_mtime < time.time() - GRACE:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(handle)
