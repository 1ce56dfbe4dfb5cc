"""How large the rows of a source will be, by a look at its files: how many Parquet says it has, and the first of them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from operators.declared.source import Source
from runtime.sources.readers.files import CHUNK, DAMAGED, Unreadable, open_bytes
from runtime.sources.readers.inside import outer_columns

HEAD = 1 << 20
FIRST = 1024
"""Rows of a Parquet file that are looked at."""
PACKED = 4
"""How many times smaller packed text is taken to be."""
CELLS = 4
"""How many times larger than its unpacked bytes a workbook is while it is read: the texts of all cells are held."""
PAGE = 1 << 14
"""Bytes that a page is taken to have."""


class Size(NamedTuple):
    """Of rows as they are in memory, without their ids; 0 where nothing is known."""

    rows: int
    text: int
    """Bytes of their cells."""


def size_of(source: Source, paths: Iterable[Path]) -> Size:
    """About how large the rows of some files are together. A file that cannot be read counts as empty: reading it says why."""
    sizes = []
    for path in paths:
        try:
            parquet = source.format_of(path.name) == "parquet"
            sizes.append(parquet_size(source, path) if parquet else text_size(source, path))
        except (Unreadable, OSError):
            continue
    return Size(sum(each.rows for each in sizes), sum(each.text for each in sizes))


def held_whole(source: Source, paths: Iterable[Path]) -> int:
    """What is in memory of a file of which all is, about: of the largest workbook."""
    sizes = []
    for path in paths:
        if source.format_of(path.name) == "xlsx":
            try:
                with zipfile.ZipFile(path) as archive:
                    sizes.append(sum(info.file_size for info in archive.infolist()))
            except DAMAGED:
                continue  # reading it says why
    return CELLS * max(sizes, default=0)


def parquet_size(source: Source, path: Path) -> Size:
    """As many rows as the footer says, as large as the first of them.

    The footer is not asked how large a column is: where that is damaged, Arrow ends the process instead of saying so.
    """
    import pyarrow.parquet as pq

    from runtime.sources.readers.parquet import refusing

    with refusing(path), pq.ParquetFile(str(path), pre_buffer=False) as file:
        read = source.reads() if source.records is None else outer_columns(source)
        wanted = [name for name in read if name in file.schema_arrow.names]
        first = next(file.iter_batches(FIRST, columns=wanted), None)
        each = 0.0 if first is None or not first.num_rows else first.nbytes / first.num_rows
        return Size(file.metadata.num_rows, int(file.metadata.num_rows * each))


def rows_said(paths: Iterable[Path]) -> int | None:
    """How many rows files say that they have; None where one of them cannot be read."""
    from runtime.sources.readers.parquet import metadata_of

    try:
        return sum(int(metadata_of(path).num_rows) for path in paths)
    except Unreadable:
        return None


def text_size(source: Source, path: Path) -> Size:
    """By the first rows of a file of lines: as many more of them as it is longer."""
    from runtime.sources.readers.read import read_batches

    size = path.stat().st_size * (1 if path.suffix not in (".gz", ".zst") else PACKED)
    if source.format_of(path.name) == "warc":
        return Size(size // PAGE, size)  # more than what is read of it: pages are mostly markup
    with open_bytes(path) as stream:
        head = stream.read(min(HEAD, CHUNK))
    lines = head.count(b"\n")
    first = next(iter(read_batches(source, path)), None)
    if first is None or not first.table.num_rows:
        return Size(0, 0)
    each = first.table.nbytes / first.table.num_rows
    rows = max(first.table.num_rows, size * lines // max(1, len(head)))
    return Size(rows, int(rows * each))
