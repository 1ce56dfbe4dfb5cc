"""Readers of columns in row order, from any row on: of files, of frames, of columns side by side, of rows interleaved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from runtime.store.store import Store
from runtime.store.trees import references
from runtime.tables.objects import Reference, object_name, whole

Mask = np.ndarray[Any, np.dtype[np.bool_]]
PIECE = 1024


class Cursor(Protocol):
    """Columns of a table, read in row order."""

    def read(self, rows: int) -> list[pa.Array]:
        """The next `rows` cells of each column."""


def located(spread: Sequence[int], row: int) -> tuple[int, int]:
    """(the part in which a row lies, its place there), by the rows of each part; the last part takes what is beyond."""
    part = 0
    while part < len(spread) - 1 and row >= spread[part]:
        row -= spread[part]
        part += 1
    return part, row


def joined(pieces: list[pa.Array], kind: pa.DataType) -> pa.Array:
    """Pieces of a column as one array."""
    return pieces[0] if len(pieces) == 1 else whole(pa.chunked_array(pieces, kind))


class FileCursor:
    """Columns of Arrow files, one for each part, batch by batch."""

    def __init__(self, store: Store, reference: Reference, columns: Sequence[str], spread: Sequence[int], first: int) -> None:
        self.store, self.columns = store, list(columns)
        self.waiting, self.skipped = references(reference), first
        if len(self.waiting) == len(spread):
            part, self.skipped = located(spread, first)
            self.waiting = self.waiting[part:]
        self.number, self.offset = 0, 0
        self.batch: pa.RecordBatch | None = None
        self.open()

    def open(self) -> None:
        """Begin with the next file."""
        path = str(self.store.read_path(object_name(self.waiting[0])))
        self.waiting = self.waiting[1:]
        # Plain reads, not a memory map: mapped text would count as memory of the process.
        self.file = pa.ipc.open_file(pa.OSFile(path))
        self.number, self.batch = 0, None
        if self.skipped:
            with pa.memory_map(path) as mapped:  # of which only the lengths are looked at
                reader = pa.ipc.open_file(mapped)
                while self.number < reader.num_record_batches:
                    if self.skipped < (rows := reader.get_batch(self.number).num_rows):
                        break
                    self.skipped -= rows
                    self.number += 1

    def read(self, rows: int) -> list[pa.Array]:
        pieces: list[list[pa.Array]] = [[] for _ in self.columns]
        while rows > 0:
            while self.batch is None or self.offset == self.batch.num_rows:
                if self.number == self.file.num_record_batches:
                    self.open()
                    continue
                self.batch, self.offset, self.skipped = self.file.get_batch(self.number), self.skipped, 0
                self.number += 1
            count = min(rows, self.batch.num_rows - self.offset)
            for piece, name in zip(pieces, self.columns, strict=True):
                piece.append(self.batch.column(name).slice(self.offset, count))
            self.offset, rows = self.offset + count, rows - count
        schema = self.file.schema
        return [joined(piece, schema.field(name).type) for piece, name in zip(pieces, self.columns, strict=True)]


class FrameCursor:
    """Ids and small columns, of which no more than one part is held."""

    def __init__(self, column: Callable[[str, int], pa.Array], columns: Sequence[str], spread: Sequence[int], first: int) -> None:
        self.column, self.columns, self.spread = column, list(columns), spread
        self.part, self.offset = located(spread, first)
        self.held: list[pa.Array] | None = None

    def read(self, rows: int) -> list[pa.Array]:
        pieces: list[list[pa.Array]] = [[] for _ in self.columns]
        while True:
            if self.held is None:
                self.held = [self.column(name, self.part) for name in self.columns]
            count = min(rows, self.spread[self.part] - self.offset)
            for piece, column in zip(pieces, self.held, strict=True):
                piece.append(column.slice(self.offset, count))
            self.offset, rows = self.offset + count, rows - count
            if not rows:
                return [joined(piece, piece[0].type) for piece in pieces]
            self.part, self.offset, self.held = self.part + 1, 0, None


FEWEST = 1024
"""Rows of a table that are read at a time, however few of those that are kept are asked for."""


class FilteredCursor:
    """The kept rows of a table; `inner` gives its cursor from a row on, `mask` says of each part which rows are kept."""

    def __init__(
        self,
        inner: Callable[[int], Cursor],
        mask: Callable[[int], Mask],
        parent: Sequence[int],
        kept: Sequence[int],
        first: int,
    ) -> None:
        self.inner, self.mask, self.parent, self.left = inner, mask, parent, kept
        self.begin(*located(kept, first))

    def begin(self, part: int, taken: int) -> None:
        """Go on at a kept row of a part."""
        self.part, self.taken, self.kept_mask = part, taken, self.mask(part)
        self.kept = np.flatnonzero(self.kept_mask)
        self.place = int(self.kept[taken - 1]) + 1 if taken else 0
        self.cursor = self.inner(sum(self.parent[:part]) + self.place)

    def read(self, rows: int) -> list[pa.Array]:
        pieces: list[list[pa.Array]] = []
        while True:
            count = min(rows, len(self.kept) - self.taken)
            end = int(self.kept[self.taken + count - 1]) + 1 if count else self.place
            # As many rows at a time as are wanted: where few of them are kept, those between would fill the memory.
            for start in range(self.place, max(end, self.place + 1), max(rows, FEWEST)):
                mask = self.kept_mask[start : min(start + max(rows, FEWEST), end)]
                columns = self.cursor.read(len(mask))
                pieces.append(columns if mask.all() else [column.filter(pa.array(mask)) for column in columns])
            self.place, self.taken, rows = end, self.taken + count, rows - count
            if not rows:
                return [joined(list(piece), piece[0].type) for piece in zip(*pieces, strict=True)]
            self.begin(self.part + 1, 0)


class JoinedCursor:
    """Columns of several cursors over the same rows."""

    def __init__(self, columns: list[str], cursors: list[tuple[list[str], Cursor]]) -> None:
        self.columns, self.cursors = columns, cursors

    def read(self, rows: int) -> list[pa.Array]:
        read: dict[str, pa.Array] = {}
        for names, cursor in self.cursors:
            read |= zip(names, cursor.read(rows), strict=True)
        return [read[name] for name in self.columns]


class MemberCursor:
    """The columns of one table of a combination, null where it lacks one."""

    def __init__(self, inner: Cursor | None, known: list[str], columns: Sequence[tuple[str, pa.DataType]]) -> None:
        self.inner, self.known, self.columns = inner, known, columns

    def read(self, rows: int) -> list[pa.Array]:
        read = dict(zip(self.known, self.inner.read(rows), strict=True)) if self.inner else {}
        return [read[name] if name in read else pa.nulls(rows, kind) for name, kind in self.columns]


class CombinedCursor:
    """The rows of several tables, interleaved as the combined table has them; `members` says of each row whose it is."""

    def __init__(self, members: Cursor, cursors: list[MemberCursor]) -> None:
        self.members, self.cursors = members, cursors

    def read(self, rows: int) -> list[pa.Array]:
        # Each piece is copied twice on its way: few rows at a time, so that long ones are not in memory three times.
        pieces = [self.piece(min(PIECE, rows - start)) for start in range(0, max(rows, 1), PIECE)]
        return [joined(list(piece), piece[0].type) for piece in zip(*pieces, strict=True)]

    def piece(self, rows: int) -> list[pa.Array]:
        """A few of the next rows."""
        chosen = self.members.read(rows)[0].to_numpy()
        read = [cursor.read(int((chosen == number).sum())) for number, cursor in enumerate(self.cursors)]
        order = np.empty(rows, dtype=np.int64)
        # Each table gives its rows in row_id order, so a stable sort by table tells where each one goes.
        order[np.argsort(chosen, kind="stable")] = np.arange(rows)
        places = pa.array(order)
        return [pa.concat_arrays([columns[at] for columns in read]).take(places) for at in range(len(read[0]))]
