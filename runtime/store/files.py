"""The only hand that writes: every write, sync, rename and link of the store goes through here."""

from __future__ import annotations

import errno
import io
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from blake3 import blake3

Buffer = bytes | bytearray | memoryview


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class NoFile(OSError):
    """A pipe, a folder or a device where a file should be."""


def open_file(path: Path) -> io.FileIO:
    """A file to read, unbuffered. Raises NoFile for what is none: to open a pipe could wait for ever."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NoFile(errno.EINVAL, "this is not a file", str(path))
    return io.FileIO(handle)


def hash_path(path: Path) -> str:
    """The digest of a file's bytes, 64 hexadecimal digits."""
    hasher = blake3(max_threads=blake3.AUTO)
    # Read, not mapped: mapped pages of a large object would count as memory of the process.
    with open_file(path) as file:
        buffer = bytearray(min(os.fstat(file.fileno()).st_size + 1, 1 << 22))
        while size := file.readinto(buffer):
            hasher.update(memoryview(buffer)[:size])
    return hasher.hexdigest()


class Files:
    """Plain calls to the operating system, in one place, so that a test can stop the world at each of them."""

    def before(self, action: str, path: Path) -> None:
        """Called before every action that changes the disk; a test may raise or kill here."""

    def write(self, file: BinaryIO, path: Path, data: Buffer) -> int:
        self.before("write", path)
        return file.write(data)

    def sync(self, file: BinaryIO, path: Path) -> None:
        self.before("fsync", path)
        file.flush()
        os.fsync(file.fileno())

    def make_folder(self, path: Path) -> None:
        if not path.is_dir():
            self.before("mkdir", path)
            path.mkdir(parents=True, exist_ok=True)
            self.sync_folder(path.parent)

    def rename(self, made: Path, target: Path) -> None:
        """Put a finished file in its place, replacing what is there."""
        self.before("rename", target)
        os.replace(made, target)
        self.sync_folder(target.parent)

    def link(self, made: Path, target: Path) -> bool:
        """Put a finished file in its place unless something is there already; says whether it did."""
        self.before("link", target)
        try:
            os.link(made, target)
        except FileExistsError:
            return False
        finally:
            made.unlink(missing_ok=True)
        self.sync_folder(target.parent)
        return True

    def symlink(self, target: Path, path: Path) -> None:
        self.before("symlink", path)
        path.symlink_to(target)

    def remove(self, path: Path) -> None:
        self.before("remove", path)
        path.unlink(missing_ok=True)

    def sync_folder(self, folder: Path) -> None:
        """Make a rename durable: the folder's own entry is what a power cut loses."""
        self.before("fsync", folder)
        sync(folder)

    @contextmanager
    def create(self, path: Path) -> Iterator[BinaryIO]:
        """A new file whose writes are hooked; it is synced when the block ends well."""
        with open(path, "xb") as file:
            hooked = HookedFile(self, file, path)
            yield cast(BinaryIO, hooked)
            self.sync(file, path)

    @contextmanager
    def scratch(self, path: Path) -> Iterator[BinaryIO]:
        """The same of a file that is read again by this process alone: it is not synced."""
        with open(path, "xb") as file:
            yield cast(BinaryIO, HookedFile(self, file, path))

    def write_bytes(self, path: Path, data: bytes) -> None:
        """A whole small file, synced."""
        with self.create(path) as file:
            file.write(data)


class HookedFile(io.RawIOBase):
    """A file for pyarrow to write to, each of whose writes goes through `Files`."""

    def __init__(self, files: Files, file: BinaryIO, path: Path) -> None:
        self.files, self.file, self.path, self.size = files, file, path, 0

    def write(self, data: Buffer) -> int:  # type: ignore[override]
        size = memoryview(data).nbytes
        self.files.write(self.file, self.path, data)
        self.size += size
        return size

    def tell(self) -> int:
        return self.size

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        pass


class Hashed:
    """A file that is hashed while it is written; without one, of what is written only the digest is wanted."""

    def __init__(self, file: BinaryIO | None = None) -> None:
        self.file, self.hasher = file, blake3()

    def write(self, data: Buffer) -> int:
        self.hasher.update(data)
        return memoryview(data).nbytes if self.file is None else self.file.write(data)

    @property
    def digest(self) -> str:
        return self.hasher.hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside a file, to write to; it takes the file's place where the block ends, and is gone where that fails."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
