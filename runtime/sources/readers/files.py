"""Files of a source: which ones a pattern names, their decompressed bytes, and the hash of what they hold."""

from __future__ import annotations

import lzma
import os
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

from compiler.text.project import Outside, within
from operators.declared.source import COMPRESSIONS
from runtime.sources.readers.globs import globbed

CHUNK = 1 << 22
#: In which a name may be written that looks like another.
FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
#: A line, or a value of a JSON document, beyond this would be held in memory at once: a bomb, or the wrong format.
MAX_LINE = 1 << 28
#: What the standard library raises for a zip that is none, is damaged, or is encrypted, and for what else is packed.
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, RuntimeError, ValueError)
#: Characters of a path: Linux takes no longer one.
MOST_PATH = 4096


class Unreadable(Exception):
    """A file cannot be read as what its source says it is."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


def resolve_files(pattern: str, base: Path, allowed_roots: Sequence[Path]) -> list[Path]:
    """The files that a path or a glob names, sorted, each once; `**` enters no linked folder.

    Each is called as the pattern has it, in a real folder: a link of the hub's or of DVC's cache leads to a name that says
    nothing of the file. What it leads to lies inside the roots. Names are found in any Unicode form. Raises Outside,
    Unreadable where two names differ in their form alone, and TooMany.
    """
    if "\0" in pattern or len(pattern) > MOST_PATH:
        return []  # no file has such a name, and the system calls refuse it
    roots = [Path(os.path.realpath(root)) for root in allowed_roots]
    parts = Path(pattern).parts
    first = next((place for place, part in enumerate(parts) if "*" in part or "?" in part), len(parts))
    begin = base.joinpath(*parts[:first])
    within(begin, roots)
    begin = spelled(begin)
    start = within(begin, roots)
    if first == len(parts):
        return [called(begin)] if os.path.isfile(start) else []
    if ".." in parts[first:]:
        raise Outside(base / pattern)
    rest = "/".join(part if part == "**" else re.sub(r"\*+", "*", part).replace("[", "[[]") for part in parts[first:])
    # A star means no hidden file: editors and archives leave `.name` files beside the data.
    hidden = any(part.startswith(".") for part in parts[first:])
    found: dict[Path, Path] = {}
    forms = {rest, *(unicodedata.normalize(form, rest) for form in FORMS)}
    matches = {match for form in forms for match in globbed(start, form)}
    for match in sorted(matches, key=Path.as_posix):
        if match.is_file() and (hidden or not any(part.startswith(".") for part in match.relative_to(start).parts)):
            found.setdefault(within(match, roots), called(match))
    return sorted(found.values(), key=Path.as_posix)


def called(path: Path) -> Path:
    """A file by its own name, in a real folder."""
    return Path(os.path.realpath(path.parent)) / path.name


def spelled(path: Path) -> Path:
    """The path with its names in the Unicode form in which the disk has them; as it is where the disk has none of them."""
    if os.path.lexists(path) or path.parent == path or path.name in ("", ".."):
        return path
    parent, same = spelled(path.parent), unicodedata.normalize("NFC", path.name)
    try:
        twins = sorted(name for name in os.listdir(parent) if unicodedata.normalize("NFC", name) == same)
    except OSError:
        return path
    if len(twins) > 1:
        raise Unreadable(path, f"{len(twins)} files are called so in other Unicode forms, and none as it is said here")
    return parent / twins[0] if twins else path


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, decompressed as its name says; damage found while reading is `Unreadable` too."""
    try:
        if path.suffix in COMPRESSIONS and not path.stat().st_size:
            # Nothing at all, packed, is some bytes long: what wrote this one was cut off.
            raise EOFError(f"it has no bytes, and every {path.suffix} file has some: it was cut off")
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
