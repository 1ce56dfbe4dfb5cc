"""Layers of files that stop the world at a chosen touch of the disk, and a store in the wrong order."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, BinaryIO

from runtime.store.files import Buffer, Files, hash_path
from runtime.store.store import K, Store

KILLED = 137


class Watched(Files):
    """Keeps a copy of the store as it is before each action, which is what a kill there would leave.

    What a process has not flushed dies with it and is in no copy either. With `torn`, half of every write
    reaches the disk first. Points between which the disk did not change share a copy.
    """

    def __init__(self, store: Path, copies: Path, torn: bool = False) -> None:
        self.store, self.copies, self.torn = store, copies, torn
        self.lock = RLock()
        self.points: list[tuple[str, str]] = []
        self.known: dict[tuple[tuple[str, int, int, int], ...], str] = {}

    def __getattribute__(self, name: str) -> Any:
        """What changes the disk waits while a copy is made, as a build writes from several threads."""
        found = super().__getattribute__(name)
        if name not in ("write", "sync", "make_folder", "rename", "link", "symlink", "remove", "sync_folder"):
            return found

        def locked(*given: Any) -> Any:
            with self.lock:
                return found(*given)

        return locked

    def before(self, action: str, path: Path) -> None:
        if action != "write" or not self.torn:
            self.keep(action)

    def write(self, file: BinaryIO, path: Path, data: Buffer) -> int:
        self.before("write", path)
        if not self.torn:
            return file.write(data)
        whole = memoryview(data).cast("B")
        half = file.write(whole[: len(whole) // 2])
        file.flush()
        self.keep("write")
        return half + file.write(whole[half:])

    def keep(self, action: str) -> None:
        """Note a point, with a copy of the disk where it has changed."""
        seen = sorted(self.store.rglob("*")) if self.store.is_dir() else []
        state = tuple((str(each), at.st_size, at.st_mtime_ns, at.st_ino) for each in seen for at in [each.lstat()])
        if state not in self.known:
            self.known[state] = f"copy-{len(self.known)}"
            if self.store.is_dir():
                shutil.copytree(self.store, self.copies / self.known[state], symlinks=True)
        self.points.append((action, self.known[state]))


class Deadly(Files):
    """Ends the process before the action of a number, as SIGKILL would: no `finally` runs, nothing is flushed."""

    def __init__(self, number: int) -> None:
        self.number, self.seen = number, 0

    def before(self, action: str, path: Path) -> None:
        if self.seen == self.number:
            os._exit(KILLED)
        self.seen += 1


class Full(Files):
    """A disk that has no more room from the write of a number on, or may not be written at all."""

    def __init__(self, number: int = 0, error: int = errno.ENOSPC) -> None:
        self.number, self.error, self.seen = number, error, 0

    def before(self, action: str, path: Path) -> None:
        self.seen += action == "write"
        if self.seen > self.number and (action != "fsync" or self.error != errno.ENOSPC):
            raise OSError(self.error, os.strerror(self.error), str(path))


class Hasty(Store):
    """A store in the wrong order, for the twin: it writes a record before the objects that the record names."""

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        super().__init__(folder, files)
        self.late: dict[str, Path] = {}

    @contextmanager
    def new_object(self, made: list[str]) -> Iterator[BinaryIO]:
        path = self.root / "tmp" / uuid.uuid4().hex
        with self.files.create(path) as file:
            yield file
        made.append(hash_path(path))
        self.late[made[-1]] = path

    def read_path(self, digest: str) -> Path:
        return self.late[digest] if digest in self.late else super().read_path(digest)

    def write_record(self, record: K) -> K:
        record = super().write_record(record)
        for digest in sorted(record.objects() & set(self.late)):
            self.files.make_folder(self.object_path(digest).parent)
            self.files.rename(self.late.pop(digest), self.object_path(digest))
        return record
