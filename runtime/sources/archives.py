"""Archives: the members of a zip or a tar that a source names, each unpacked into a folder of its own until the command ends."""

from __future__ import annotations

import atexit
import gzip
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO
from weakref import WeakSet

from operators.declared.source import packed_as
from runtime.sources.readers.files import CHUNK, DAMAGED, Unreadable
from runtime.sources.readers.globs import opened, parts_of
from runtime.store.passing import passing_folder

#: Members that are looked at; no archive of data has more.
MOST_MEMBERS = 100_000
#: Text packs to a tenth, or a thirtieth where it repeats itself; what unpacks to more than this is made to fill a disk.
RATIO = 100
ALLOWED = 1 << 26
"""Bytes that any archive may unpack to."""
SHOWN = 8
ADDED = (".", "__MACOSX")
"""What editors and a Mac leave beside the data begins so."""


@dataclass(frozen=True)
class Unpacked:
    """The members of one archive that a glob names."""

    folder: TemporaryDirectory[str]
    """Where they lie; it is removed with the last mention of it."""
    members: tuple[tuple[str, Path], ...]
    """(name in the archive, where its bytes lie), sorted by name."""
    size: int
    """Their bytes."""


UNPACKED: WeakSet[Unpacked] = WeakSet()
"""Those whose members are on the disk."""


@cache
def unpacking_folder() -> Path:
    """Where this process unpacks archives, until it ends."""
    held = ExitStack()
    atexit.register(held.close)
    return held.enter_context(passing_folder("recipe-unpacked-", tempfile.gettempdir()))


def unpack(path: Path, pattern: str | None) -> Unpacked:
    """The members of an archive that a glob names, or all of them. Raises Unreadable for damage, and for what would do some."""
    try:
        seen = path.stat()
    except OSError as error:
        raise Unreadable(path, str(error)) from error
    return unpacked(path, pattern, (seen.st_ino, seen.st_size, seen.st_mtime_ns))


@lru_cache(maxsize=64)
def unpacked(path: Path, pattern: str | None, version: tuple[int, ...]) -> Unpacked:
    """The same of one version of an archive: a command unpacks it once."""
    folder = TemporaryDirectory(dir=unpacking_folder())
    room = Room(path, folder.name)
    found: dict[str, Path] = {}
    written = 0
    names: list[str] = []
    try:
        for name, size, opening in (zip_members if packed_as(path.name) == "zip" else tar_members)(path, room):
            names.append(name)
            if len(names) > MOST_MEMBERS:
                raise Unreadable(path, f"it has more than {MOST_MEMBERS:,} members")
            complain_name(path, name)
            if not chosen(name, pattern):
                continue
            if size is None:
                raise Unreadable(path, f"its member `{shorten(name)}` is a link or a device, and no file")
            if name in found:
                raise Unreadable(path, f"it has two members called `{shorten(name)}`")
            target = Path(folder.name) / str(len(found)) / (PurePosixPath(name).name[-200:] or "member")
            target.parent.mkdir()
            with opening as stream, target.open("wb") as out:
                if room.copy(stream, out) != size:
                    raise EOFError(f"its member `{shorten(name)}` ends too early")
            found[name], written = target, written + size
    except (*DAMAGED, tarfile.TarError) as error:
        raise Unreadable(path, f"it cannot be unpacked: {error}") from error
    if not found:
        listed = ", ".join(f"`{shorten(name)}`" for name in names[:SHOWN]) or "nothing"
        more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
        raise Unreadable(path, f"it has no member `{pattern or '**'}`: it holds {listed}{more}")
    UNPACKED.add(made := Unpacked(folder, tuple(sorted(found.items())), written))
    return made


class Room:
    """How many bytes an archive may still unpack to."""

    def __init__(self, path: Path, folder: str) -> None:
        """All archives of a process together take no more than half of what was free: a check fills no disk."""
        held = sum(each.size for each in UNPACKED)
        half = (shutil.disk_usage(folder).free + held) // 2 - held
        self.path, self.most = path, max(0, min(ALLOWED + RATIO * path.stat().st_size, half))
        self.left = self.most

    def take(self, size: int) -> None:
        """Count bytes that came out of it. Raises Unreadable for too many."""
        self.left -= size
        if self.left < 0:
            most = f"{self.most >> 20:,} MB, {RATIO} times its size or half of what `{tempfile.gettempdir()}` has free"
            raise Unreadable(self.path, f"it unpacks to more than {most}")

    def copy(self, stream: IO[bytes], out: IO[bytes]) -> int:
        """Write what a stream holds; the number of its bytes."""
        size = 0
        while block := stream.read(CHUNK):
            self.take(len(block))
            size += out.write(block)
        return size


class Counted:
    """A stream of which all that is read counts: headers of an archive may be made to fill the memory.

    Behind its end nothing is asked for: tarfile would look there, block by block, for all that a header says there is.
    """

    def __init__(self, stream: IO[bytes], room: Room) -> None:
        self.stream, self.room = stream, room

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        block = self.stream.read(size)
        if not block:
            raise EOFError("it was cut off")
        self.room.take(len(block))
        return block


Member = tuple[str, int | None, "Opening"]


class Opening:
    """A member that is opened where it is wanted."""

    def __init__(self, open_it: Callable[[], IO[bytes] | None]) -> None:
        self.open_it = open_it

    def __enter__(self) -> IO[bytes]:
        stream = self.open_it()
        assert stream is not None
        self.stream = stream
        return stream

    def __exit__(self, *error: object) -> None:
        self.stream.close()


def zip_members(path: Path, room: Room) -> Iterator[Member]:
    """(name, its bytes or None where it is no plain file, its stream) of each member of a zip but for folders."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if not info.filename.endswith("/"):
                size = info.file_size if kind in (0, stat.S_IFREG) else None
                yield info.filename, size, Opening(partial(archive.open, info))


class Header(tarfile.TarInfo):
    """The header of a member: a damaged one is an end to tarfile, which says nothing of those behind it."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Header:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if buf and not any(buf):
                raise  # zeros are the mark of the end
            raise tarfile.ReadError(f"the header of a member is damaged: {error}") from error


def tar_members(path: Path, room: Room) -> Iterator[Member]:
    """The same of a tar; the unpacked stream counts as a whole, so that what is copied out of it counts twice."""
    room.left += room.most
    with opened_tar(path) as stream:
        counted = Counted(stream, room)
        with tarfile.open(fileobj=counted, mode="r|", tarinfo=Header) as archive:  # type: ignore[call-overload]
            for info in archive:
                if not info.isdir():
                    yield info.name, info.size if info.isreg() else None, Opening(partial(archive.extractfile, info))
                archive.members = []  # or a list of all headers grows
        while stream.read(CHUNK):
            pass  # what is packed says at its end whether it is whole


@contextmanager
def opened_tar(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a tar, unpacked as its name says."""
    if packed_as(path.name) == "tar.gz":
        with gzip.open(path) as stream:
            yield stream  # type: ignore[misc]
    else:
        with path.open("rb") as stream:
            yield stream


def complain_name(path: Path, name: str) -> None:
    """Raises Unreadable for a name that leads out of its archive: who made it means no good."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or name.startswith(("/", "\\")) or ".." in parts or "\0" in name or re.match(r"[A-Za-z]:", name):
        raise Unreadable(path, f"its member `{shorten(name)}` leads out of it")


def chosen(name: str, pattern: str | None) -> bool:
    """Whether a glob names a member; without one all are named. Neither means hidden ones, nor what a Mac adds, but by name."""
    parts = PurePosixPath(name).parts
    said = () if pattern is None else pattern.split("/")
    if any(part.startswith(ADDED) for part in parts) and not any(part.startswith(ADDED) for part in said):
        return False
    if pattern is None:
        return True
    wanted = parts_of(pattern)
    places = opened(wanted, {0})
    for at, part in enumerate(parts):
        after: set[int] = set()
        for place in places:
            each = wanted[place] if place < len(wanted) else None
            if each == "**":
                after |= {place} if at < len(parts) - 1 else set()
            elif isinstance(each, re.Pattern) and each.fullmatch(part):
                after.add(place + 1)
        places = opened(wanted, after)
    return len(wanted) in places


def shorten(name: str) -> str:
    """A member's name as it is shown."""
    return name if len(name) <= 80 else name[:79] + "…"
