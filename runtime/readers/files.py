"""Files of a source: which ones a pattern names, their decompressed bytes, and the hash of what they hold."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 22
#: A line or a whole JSON document beyond these would be held in memory at once: a bomb, or the wrong format.
MAX_LINE = 1 << 28
MAX_DOCUMENT = 1 << 31


class Outside(Exception):
    """A file lies outside the folders that may be read."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is outside the folders that may be read")
        self.path = path


class Unreadable(Exception):
    """A file cannot be read as what its source says it is."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


def resolve_files(pattern: str, base: Path, allowed_roots: Sequence[Path]) -> list[Path]:
    """The files that a path or a glob names, symlinks resolved, sorted, each once; `**` enters no linked folder."""
    if "\0" in pattern:
        return []  # no file has such a name, and the system calls refuse it
    roots = [resolve(root) for root in allowed_roots]
    parts = Path(pattern).parts
    first = next((place for place, part in enumerate(parts) if "*" in part or "?" in part), len(parts))
    start = check_inside(resolve(base.joinpath(*parts[:first])), roots)
    if first == len(parts):
        return [start] if os.path.isfile(start) else []
    if ".." in parts[first:]:
        raise Outside(base / pattern)
    rest = [part if part == "**" else re.sub(r"\*+", "*", part).replace("[", "[[]") for part in parts[first:]]
    # A star means no hidden file: editors and archives leave `.name` files beside the data.
    hidden = any(part.startswith(".") for part in rest)
    found = set()
    for match in start.glob("/".join(rest)):
        if match.is_file() and (hidden or not any(part.startswith(".") for part in match.relative_to(start).parts)):
            found.add(check_inside(resolve(match), roots))
    return sorted(found, key=Path.as_posix)


def resolve(path: Path) -> Path:
    """The real path; a loop of symlinks stays one, and is no file then."""
    return Path(os.path.realpath(path))


def check_inside(path: Path, roots: Sequence[Path]) -> Path:
    """The resolved path, where it lies inside one of the roots."""
    if not any(path.is_relative_to(root) for root in roots):
        raise Outside(path)
    return path


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, decompressed as its name says; damage found while reading is `Unreadable` too."""
    try:
        if path.suffix == ".gz":
            import gzip

            with gzip.open(path) as stream:
                yield stream  # type: ignore[misc]
        elif path.suffix == ".zst":
            import pyarrow as pa

            # Python 3.11 has no zstd of its own, and Arrow's brings no further dependency.
            with pa.OSFile(str(path)) as file, pa.CompressedInputStream(file, "zstd") as stream:
                yield stream
        else:
            with path.open("rb") as stream:
                yield stream
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable(path, str(error)) from error


def hash_file(path: Path) -> str:
    """The BLAKE3 of a file's bytes, in hex."""
    from blake3 import blake3

    # Not a memory map: a file that shrinks while it is mapped ends the process.
    digest = blake3(max_threads=blake3.AUTO)
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
