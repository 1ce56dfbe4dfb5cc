"""Search: whether a file holds a text, in whatever way it is packed: Arrow, Parquet, SQLite, archives and compression."""

from __future__ import annotations

import gzip
import io
import json
import re
import sqlite3
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Protocol

import pyarrow as pa
import pyarrow.compute as pc

CHUNK = 1 << 22
DEPTH = 4
"""How often something packed may lie in something packed."""
ZSTD, GZIP, ZIP, SQLITE = b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"PK\x03\x04", b"SQLite format 3\0"


class Readable(Protocol):
    """Bytes that are read from front to back."""

    def read(self, size: int = ..., /) -> bytes: ...


ESCAPED = re.compile(r"\\u[0-9a-f]{4}")


def forms_of(text: str) -> Iterator[str]:
    """A text as a cell or JSON may have it: as it is, composed and decomposed; escaped with small digits and with large ones."""
    for each in dict.fromkeys((text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text))):
        escaped = json.dumps(each)[1:-1]
        yield from (each, json.dumps(each, ensure_ascii=False)[1:-1], escaped)
        yield ESCAPED.sub(lambda found: "\\u" + found[0][2:].upper(), escaped)


class Sought:
    """Texts that are searched for, in all forms that they may be written in."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = tuple(dict.fromkeys(form for text in texts for form in forms_of(text)))
        self.forms = tuple(text.encode() for text in self.texts)
        self.undecoded = 0
        """Packed things that could not be read, as they are damaged: what they hold nobody knows."""
        self.overlap = max((len(form) for form in self.forms), default=1) - 1

    def within(self, data: bytes) -> bool:
        """Whether bytes hold a text as they are."""
        return any(form in data for form in self.forms)

    def in_column(self, column: pa.Array) -> bool:
        """Whether a cell of a column holds one, or an entry of its dictionary, be it used or not."""
        if isinstance(column, pa.ExtensionArray):
            return self.in_column(column.storage)
        kind = column.type
        if pa.types.is_dictionary(kind):
            return self.in_column(column.dictionary)
        if pa.types.is_struct(kind):
            return any(self.in_column(column.field(at)) for at in range(kind.num_fields))
        if pa.types.is_nested(kind) and hasattr(column, "values"):
            return self.in_column(column.values)
        if pa.types.is_string_view(kind):
            column = column.cast(pa.large_string())
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            return any(pc.any(pc.match_substring(column, text)).as_py() for text in self.texts)
        return any(self.within(part.to_pybytes()) for part in column.buffers() if part is not None)

    def in_bytes(self, data: bytes, depth: int = DEPTH) -> bool:
        """The same of bytes, and of what is packed in them."""
        return self.within(data) or ((data[:4] in (ZSTD, ZIP) or data[:2] == GZIP) and self.in_file(io.BytesIO(data), depth))

    def in_file(self, file: BinaryIO, depth: int = DEPTH) -> bool:
        """The same of a file; SQLite is read by its path. What is none of what its first bytes say has been read as it is."""
        if not self.forms:
            return False
        begin = file.read(16)
        file.seek(0)
        if self.in_stream(file):
            return True
        file.seek(0)
        if depth == 0:
            return False
        try:
            if begin.startswith(b"ARROW1"):
                reader = pa.ipc.open_file(file)
                batches = (reader.get_batch(at) for at in range(reader.num_record_batches))
                return self.in_batches(batches)
            if begin.startswith(b"PAR1"):
                from pyarrow import parquet

                return self.in_batches(parquet.ParquetFile(file).iter_batches())
            if begin.startswith(ZIP):
                with zipfile.ZipFile(file) as archive:
                    return any(self.in_member(archive, name, depth) for name in archive.namelist())
            if begin.startswith((ZSTD, GZIP)):
                return self.in_packed(file, begin.startswith(GZIP), depth)
        except (pa.ArrowException, OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
            self.undecoded += not begin.startswith(GZIP) or begin[2:3] == b"\x08"  # two bytes alone may be anything's
            return False
        return False

    def in_member(self, archive: zipfile.ZipFile, name: str, depth: int) -> bool:
        with archive.open(name) as member:
            return self.in_bytes(member.read(), depth - 1)

    def in_packed(self, file: BinaryIO, gzipped: bool, depth: int) -> bool:
        """The same of a compressed stream; one inside another is read as a whole."""
        opened = gzip.GzipFile(fileobj=file) if gzipped else pa.input_stream(file, compression="zstd")
        with opened as stream:
            first = stream.read(CHUNK)
            if len(first) < CHUNK:
                return self.in_bytes(first, depth - 1)
            return self.within(first) or self.in_stream(stream, first)

    def in_stream(self, stream: Readable, before: bytes = b"") -> bool:
        """Whether a text stands in what is left of a stream, a chunk at a time."""
        while chunk := stream.read(CHUNK):
            data = before[max(0, len(before) - self.overlap) :] + chunk if self.overlap else chunk
            if self.within(data):
                return True
            before = data
        return False

    def in_batches(self, batches: Iterable[pa.RecordBatch]) -> bool:
        return any(self.in_column(column) for batch in batches for column in batch.columns)

    def in_database(self, path: Path) -> bool:
        """Whether a row of a SQLite file holds one, what is packed in it included."""
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return any(self.in_cells(connection.execute(f'SELECT * FROM "{name}"')) for name in tables)

    def in_cells(self, rows: Iterable[tuple[object, ...]]) -> bool:
        cells = (cell.encode() if isinstance(cell, str) else cell for row in rows for cell in row)
        return any(isinstance(cell, bytes) and self.in_bytes(cell) for cell in cells)

    def in_path(self, path: Path) -> bool:
        """Whether a file holds one. Raises OSError for one that cannot be read, sqlite3.Error for a damaged database."""
        with open(path, "rb") as file:
            begin = file.read(len(SQLITE))
            file.seek(0)
            return self.in_file(file) or (begin == SQLITE and bool(self.forms) and self.in_database(path))


def files_in(folder: Path) -> Iterator[Path]:
    """Every file of a folder; what links lead to is elsewhere, or here under its own name."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
