"""The lines of a text file: decoded a block at a time, split at newlines only."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from runtime.sources.readers.beginning import recognise
from runtime.sources.readers.files import CHUNK, MAX_LINE, Unreadable

#: A line that is not in the declared encoding stays bytes: it is that row's fault, not the file's.
Line = str | bytes


def read_lines(path: Path, stream: BinaryIO, encoding: str) -> Iterator[list[Line]]:
    """Blocks of lines without their newlines."""
    encoding = name_codec(path, encoding)
    if "\n".encode(encoding) != b"\n":
        # In UTF-16 and its like a newline byte is no newline: the text is split, and not its bytes.
        yield from split_texts(path, read_text(path, stream, encoding))
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


def split_texts(path: Path, blocks: Iterator[str]) -> Iterator[list[Line]]:
    """Blocks of the lines of a text."""
    held: list[str] = []
    length, end = 0, ""
    for block in blocks:
        end = end or ("\r" if "\n" not in block and "\r" in block.rstrip() else "\n")
        *lines, rest = block.split(end)
        if lines:
            yield ["".join((*held, lines[0])), *lines[1:]]
            held, length = [], 0
        held.append(rest)
        length += len(rest)
        if length > MAX_LINE:
            raise Unreadable(path, f"a line is longer than {MAX_LINE >> 20} MB")
    if length:
        yield ["".join(held)]


def read_text(path: Path, stream: BinaryIO, encoding: str) -> Iterator[str]:
    """The text of a file, a block at a time."""
    decoder = codecs.getincrementaldecoder(encoding)()
    read = 0
    while True:
        block = stream.read(CHUNK)
        if not read:
            check_head(path, block, encoding)
        before = read - len(decoder.getstate()[0])
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise Unreadable(path, f"it is not {encoding}: {error.reason} at byte {before + error.start + 1}") from error
        except UnicodeError as error:
            raise Unreadable(path, f"it is not {encoding}: {error}") from error
        yield text if read else text.removeprefix("\ufeff")
        if not block:
            return
        read += len(block)
