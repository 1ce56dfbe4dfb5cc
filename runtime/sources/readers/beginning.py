"""What the first bytes of a file say where they are no text, and what to do about it."""

from __future__ import annotations

import codecs

from operators.declared.source import ARCHIVE, WORKBOOK

#: First bytes of what is no text in any encoding that text files are read in, with what it is and what to do.
KINDS = (
    (b"PK\x03\x04", f"it is a zip archive or a workbook (xlsx): {ARCHIVE}; {WORKBOOK}"),
    (b"PK\x05\x06", f"it is a zip archive without files: {ARCHIVE}"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"it is a workbook of an old office program (xls): {WORKBOOK}"),
    (b"7z\xbc\xaf\x27\x1c", f"it is a 7z archive: {ARCHIVE}"),
    (b"\x1f\x8b", f"it is compressed with gzip: let its name end in `.gz`; if it holds an archive of tar, {ARCHIVE}"),
    (b"\x28\xb5\x2f\xfd", "it is compressed with zstd: let its name end in `.zst`, or unpack it"),
    (b"\xfd7zXZ\x00", "it is compressed with xz: unpack it, or pack it with gzip or zstd"),
    (b"PAR1", "it is Parquet: let its name end in `.parquet`, or say `format: parquet`"),
    (b"ARROW1", "it is an Arrow file: write it as Parquet"),
    (b"SQLite format 3\x00", "it is a database (SQLite): export its table as csv"),
)
#: Where an archive of tar says that it is one.
TAR = 257
LOOK = 512


def recognise(head: bytes, encoding: str) -> str | None:
    """What a text file is instead, by its beginning, with what to do; None where nothing speaks against text."""
    for start, what in KINDS:
        if head.startswith(start):
            return what
    if head[TAR : TAR + 5] == b"ustar":
        return f"it is a tar archive: {ARCHIVE}"
    if encoding.startswith(("utf-16", "utf-32")):
        return None
    found = name_wide(head[:LOOK])
    if found is None:
        return None
    name = found.removesuffix("-le").removesuffix("-be").upper()
    return f"it is {name} and not {encoding}: say `encoding: {found}`"


def name_wide(head: bytes) -> str | None:
    """The encoding of text in units of two or four bytes: by its mark, or by the zeros of ASCII in it."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # Text of JSON or csv has ASCII in it in any language; a NUL is in no text of one-byte units at every other place.
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if 8 * max(even, odd) < len(head) or 8 * min(even, odd) > max(even, odd):
        return None
    name, newline = ("utf-16-le", b"\n\0") if odd > even else ("utf-16-be", b"\0\n")
    return name if newline in head or b"\n" not in head else None
