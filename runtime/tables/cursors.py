"""Readers of text in row order: of a file, of kept rows, of columns side by side, of rows interleaved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from runtime.store.store import Store


class Cursor(Protocol):
    """Text columns of a table, read in row order."""

    def read(self, rows: int) -> list[pa.Array]:
        """The next `rows` cells of each column."""


def object_name(reference: str) -> str:
    return reference.removeprefix("object:")


class FileCursor:
    """Columns of an Arrow file, batch by batch."""

    def __init__(self, store: Store, reference: str, columns: Sequence[str]) -> None:
        # Plain reads, not a memory map: mapped text would count as memory of the process.
        self.file = pa.ipc.open_file(pa.OSFile(str(store.read_path(object_name(reference)))))
        self.columns = list(columns)
        self.number, self.offset = 0, 0
        self.batch: pa.RecordBatch | None = None

    def read(self, rows: int) -> list[pa.Array]:
        parts: list[list[pa.Array]] = [[] for _ in self.columns]
        while rows > 0:
            if self.batch is None or self.offset == self.batch.num_rows:
                self.batch, self.offset = self.file.get_batch(self.number), 0
                self.number += 1
            taken = min(rows, self.batch.num_rows - self.offset)
            for part, name in zip(parts, self.columns, strict=True):
                part.append(self.batch.column(name).slice(self.offset, taken))
            self.offset, rows = self.offset + taken, rows - taken
        schema = self.file.schema
        return [
            (part[0] if len(part) == 1 else pa.concat_arrays(part)) if part else pa.array([], schema.field(name).type)
            for part, name in zip(parts, self.columns, strict=True)
        ]


class FilteredCursor:
    """The kept rows of a cursor."""

    def __init__(self, inner: Cursor, mask: np.ndarray[Any, Any]) -> None:
        self.inner, self.mask = inner, mask
        self.kept = np.flatnonzero(mask)
        self.place, self.taken = 0, 0

    def read(self, rows: int) -> list[pa.Array]:
        end = int(self.kept[self.taken + rows - 1]) + 1 if rows else self.place
        columns = self.inner.read(end - self.place)
        mask = self.mask[self.place : end]
        self.place, self.taken = end, self.taken + rows
        return columns if mask.all() else [column.filter(pa.array(mask)) for column in columns]


class JoinedCursor:
    """Columns of several cursors over the same rows."""

    def __init__(self, columns: list[str], cursors: list[tuple[list[str], Cursor]]) -> None:
        self.columns, self.cursors = columns, cursors

    def read(self, rows: int) -> list[pa.Array]:
        read: dict[str, pa.Array] = {}
        for names, cursor in self.cursors:
            read |= zip(names, cursor.read(rows), strict=True)
        return [read[name] for name in self.columns]


class PartCursor:
    """The columns of one part of a combination, null where it lacks one."""

    def __init__(self, inner: Cursor | None, known: list[str], columns: Sequence[tuple[str, pa.DataType]]) -> None:
        self.inner, self.known, self.columns = inner, known, columns

    def read(self, rows: int) -> list[pa.Array]:
        read = dict(zip(self.known, self.inner.read(rows), strict=True)) if self.inner else {}
        return [read[name] if name in read else pa.nulls(rows, kind) for name, kind in self.columns]


class CombinedCursor:
    """The parts' rows, interleaved as the combined table has them."""

    def __init__(self, part: np.ndarray[Any, Any], cursors: list[PartCursor]) -> None:
        self.part, self.cursors, self.place = part, cursors, 0

    def read(self, rows: int) -> list[pa.Array]:
        chosen = self.part[self.place : self.place + rows]
        self.place += rows
        read = [cursor.read(int((chosen == number).sum())) for number, cursor in enumerate(self.cursors)]
        order = np.empty(rows, dtype=np.int64)
        # Each part gives its rows in row_id order, so a stable sort by part tells where each one goes.
        order[np.argsort(chosen, kind="stable")] = np.arange(rows)
        places = pa.array(order)
        return [pa.concat_arrays([columns[at] for columns in read]).take(places) for at in range(len(read[0]))]
