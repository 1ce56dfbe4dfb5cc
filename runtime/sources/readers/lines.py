"""The lines of a text file: decoded a block at a time, split at newlines only."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from runtime.sources.readers.beginning import recognise
from runtime.sources.readers.files import CHUNK, MAX_DOCUMENT, MAX_LINE, Unreadable

#: A line that is not in the declared encoding stays bytes: it is that row's fault, not the file's.
Line = str | bytes


def read_lines(path: Path, stream: BinaryIO, encoding: str) -> Iterator[list[Line]]:
    """Blocks of lines without their newlines."""
    encoding = name_codec(path, encoding)
    if "\n".encode(encoding) != b"\n":
        # In UTF-16 and its like a newline byte is no newline: such files are decoded whole.
        yield [*split_lines(decode_whole(path, stream, encoding))]
        return
    held: list[bytes] = []
    length = 0
    first, end = True, b"\n"
    while block := stream.read(CHUNK):
        if first:
            check_head(path, block, encoding)
            # Old programs on a Mac end lines with a carriage return alone.
            end = b"\r" if b"\n" not in block and b"\r" in block.rstrip() else b"\n"
            if encoding == "utf-8":
                block = block.removeprefix(codecs.BOM_UTF8)
        first = False
        cut = block.rfind(end) + 1
        if cut:
            yield decode_lines(b"".join((*held, block[: cut - 1])), encoding, end)
            held, length = [], 0
        held.append(block[cut:])
        length += len(block) - cut
        if length > MAX_LINE:
            raise Unreadable(path, f"a line is longer than {MAX_LINE >> 20} MB")
    if first:
        check_head(path, b"", encoding)
    if length:
        yield decode_lines(b"".join(held), encoding, end)


def check_head(path: Path, head: bytes, encoding: str) -> None:
    """Raises Unreadable where a file holds nothing, or its first bytes are those of something else than text."""
    wrong = recognise(head, encoding) if head else "it is empty"
    if wrong is not None:
        raise Unreadable(path, wrong)


def name_codec(path: Path, encoding: str) -> str:
    """The one name of an encoding; a byte order mark is dropped in UTF-8 of either name."""
    found = codecs.lookup(encoding)
    if not getattr(found, "_is_text_encoding", True):
        raise Unreadable(path, f"`{encoding}` is no encoding of text")
    return "utf-8" if found.name == "utf-8-sig" else found.name


def split_lines(text: str) -> list[str]:
    """The lines of a text, which end with a newline, or all with a carriage return alone."""
    return text.split("\n" if "\n" in text or "\r" not in text.rstrip() else "\r")


def decode_lines(block: bytes, encoding: str, end: bytes = b"\n") -> list[Line]:
    """The lines of a block, each decoded; one that cannot be decoded stays bytes."""
    try:
        return [*block.decode(encoding).split(end.decode("ascii"))]
    except UnicodeError:
        return [decode_line(line, encoding) for line in block.split(end)]


def decode_line(line: bytes, encoding: str) -> Line:
    """One line decoded, or as it is."""
    try:
        return line.decode(encoding)
    except UnicodeError:
        return line


def decode_whole(path: Path, stream: BinaryIO, encoding: str) -> str:
    """The text of a whole file."""
    data = read_whole(path, stream)
    check_head(path, data[:CHUNK], encoding)
    try:
        # As a look at the beginning does it: in which order UTF-16 without its mark has its bytes is not guessed.
        return codecs.getincrementaldecoder(encoding)().decode(data, final=True).removeprefix("\ufeff")
    except UnicodeError as error:
        raise Unreadable(path, f"it is not {encoding}: {error}") from error


def read_whole(path: Path, stream: BinaryIO) -> bytes:
    """The bytes of a whole file, up to the size that one document may have."""
    data = b""
    parts = []
    size = 0
    while data := stream.read(CHUNK):
        parts.append(data)
        size += len(data)
        if size > MAX_DOCUMENT:
            raise Unreadable(path, f"it is larger than {MAX_DOCUMENT >> 30} GB and has to be read at once; use jsonl")
    return b"".join(parts)
