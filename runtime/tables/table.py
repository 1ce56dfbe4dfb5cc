"""A stored table as a tree of what it is made from: text lies where it was made, the rest is ids and small columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.base.scope import Columns, ColumnType
from runtime.store.store import Store
from runtime.tables.cursors import CombinedCursor, Cursor, FileCursor, FilteredCursor, JoinedCursor, PartCursor, object_name

TEXT: tuple[ColumnType, ...] = ("text", "list of text")
ARROW: dict[ColumnType, pa.DataType] = {
    "text": pa.large_string(),
    "list of text": pa.large_list(pa.large_string()),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "label": pa.dictionary(pa.int32(), pa.string()),
}
DIGEST = ".digest"
SHARE = "part/whole"
BATCH = 16384
"""Rows that text is read by: small enough for the caches, large enough to be worth a call."""


class Table:
    """Rows in row_id order. `frame` gives ids, small columns and, for text, the digests of the cells."""

    columns: Columns
    rows: int
    tree: dict[str, Any]

    def frame(self, name: str) -> pa.Array:
        """One small column, `row_id`, `item_id`, or the cell digests of a text column."""
        raise NotImplementedError

    def cursor(self, columns: Sequence[str]) -> Cursor:
        """A reader of these text columns."""
        raise NotImplementedError

    def batches(
        self, columns: Sequence[str], rows: int = BATCH, first: int = 0, last: int | None = None
    ) -> Iterator[tuple[int, dict[str, pa.Array]]]:
        """(first row, columns) of the table, or of some of its rows, in row order; text and small columns alike."""
        text = [name for name in columns if self.columns[name] in TEXT]
        small = {name: self.frame(name) for name in columns if name not in text}
        cursor = self.cursor(text) if text else None
        last = self.rows if last is None else min(last, self.rows)
        for start in range(0, first, rows):
            if cursor is not None:
                cursor.read(min(rows, first - start))
        for start in range(first, last, rows):
            count = min(rows, last - start)
            read = dict(zip(text, cursor.read(count), strict=True)) if cursor else {}
            yield start, read | {name: column.slice(start, count) for name, column in small.items()}


class Framed(Table):
    """A table whose ids and small columns lie in an object of its own."""

    store: Store

    @cached_property
    def _frame(self) -> pa.Table:
        return read_table(self.store, self.tree["frame"])

    def frame(self, name: str) -> pa.Array:
        return whole(self._frame.column(name))


class Based(Framed):
    """A table whose text was written with it: a source, or rows that were born."""

    def __init__(self, store: Store, tree: dict[str, Any]) -> None:
        self.store, self.tree = store, tree
        self.columns, self.rows = tree["columns"], tree["rows"]

    def cursor(self, columns: Sequence[str]) -> Cursor:
        return FileCursor(self.store, self.tree["text"], columns)


class Filtered(Table):
    """The rows of a table that a ledger keeps."""

    def __init__(self, store: Store, tree: dict[str, Any]) -> None:
        self.parent = open_table(store, tree["of"])
        self.store, self.tree = store, tree
        self.columns, self.rows = self.parent.columns, tree["rows"]

    @cached_property
    def mask(self) -> np.ndarray[Any, Any]:
        """Whether each row of the parent is kept."""
        ledger = read_table(self.store, self.tree["ledger"])
        mask: np.ndarray[Any, Any] = whole(ledger.column("dropped_by")).to_numpy() == 0
        return mask[: self.parent.rows]

    def frame(self, name: str) -> pa.Array:
        return self.parent.frame(name).filter(pa.array(self.mask))

    def cursor(self, columns: Sequence[str]) -> Cursor:
        return FilteredCursor(self.parent.cursor(columns), self.mask)


class Carried(Table):
    """A table with columns replaced, added, renamed or left out; rows and ids stay.

    `from` says of each column who made it (an object beside the table, or null for the table), its name there, and the
    object that holds its text, where it has some.
    """

    def __init__(self, store: Store, tree: dict[str, Any], parent: Table | None = None) -> None:
        self.parent = parent or open_table(store, tree["of"])
        self.store, self.tree = store, tree
        self.columns, self.rows = tree["columns"], self.parent.rows

    def frame(self, name: str) -> pa.Array:
        if name in ("row_id", "item_id"):
            return self.parent.frame(name)
        column = name.removesuffix(DIGEST)
        maker, old, _ = self.tree["from"][column]
        old = old + name[len(column) :]
        return self.parent.frame(old) if maker is None else beside_column(self.store, maker, old)

    def cursor(self, columns: Sequence[str]) -> Cursor:
        parts: dict[str | None, list[str]] = {}
        for name in columns:
            parts.setdefault(self.tree["from"][name][2], []).append(name)
        cursors = [
            (names, self.parent.cursor(olds) if maker is None else FileCursor(self.store, maker, olds))
            for maker, names in parts.items()
            for olds in [[self.tree["from"][name][1] for name in names]]
        ]
        return JoinedCursor(list(columns), cursors)


class Combined(Framed):
    """All rows of several tables, in row_id order; a column that one lacks is null there."""

    def __init__(self, store: Store, tree: dict[str, Any]) -> None:
        self.parts = [open_table(store, part) for part in tree["parts"]]
        self.store, self.tree = store, tree
        self.columns, self.rows = tree["columns"], tree["rows"]

    def cursor(self, columns: Sequence[str]) -> Cursor:
        part, types = whole(self._frame.column(".part")).to_numpy(), [(name, ARROW[self.columns[name]]) for name in columns]
        cursors = []
        for table in self.parts:
            known = [name for name in columns if name in table.columns]
            cursors.append(PartCursor(table.cursor(known) if known else None, known, types))
        return CombinedCursor(part, cursors)


class Attached(Framed):
    """Completions with the columns of the rows that they came from: small ones in a frame, their text beside it."""

    def __init__(self, store: Store, tree: dict[str, Any]) -> None:
        self.made = open_table(store, tree["of"])
        self.store, self.tree = store, tree
        self.columns, self.rows = tree["columns"], tree["rows"]

    def cursor(self, columns: Sequence[str]) -> Cursor:
        inherited = [name for name in columns if name in self.tree["inherited"]]
        made = [name for name in columns if name not in inherited]
        cursors: list[tuple[list[str], Cursor]] = [(made, self.made.cursor(made))] if made else []
        if inherited:
            cursors.append((inherited, FileCursor(self.store, self.tree["text"], inherited)))
        return JoinedCursor(list(columns), cursors)


KINDS = {"based": Based, "filtered": Filtered, "carried": Carried, "combined": Combined, "attached": Attached}


def open_table(store: Store, tree: dict[str, Any]) -> Table:
    """The table that a record's tree describes."""
    table: Table = KINDS[tree["kind"]](store, tree)
    return table


def carry(store: Store, table: Table, columns: Columns, origin: dict[str, list[Any]]) -> Table:
    """The table with other columns; `origin` is the tree's `from`."""
    return Carried(store, {"kind": "carried", "of": table.tree, "columns": dict(columns), "from": origin}, table)


def read_table(store: Store, reference: str) -> pa.Table:
    """An Arrow file of the store, checked and mapped into memory."""
    with pa.memory_map(str(store.read_path(object_name(reference)))) as file:
        return pa.ipc.open_file(file).read_all()


def whole(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array, without a copy where it has one chunk."""
    if column.num_chunks == 1:
        return column.chunk(0)
    joined = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return joined


def beside_column(store: Store, reference: str, name: str) -> pa.Array:
    """A column made beside a table; `part/whole` is the share, null where the measure abstains."""
    table = read_table(store, reference)
    if name != SHARE:
        return nulled(whole(table.column(name)))
    return share_of(*(nulled(whole(table.column(each))) for each in SHARE.split("/")))


def share_of(part: pa.Array, of: pa.Array) -> pa.Array:
    """Two counts as one number."""
    return pc.divide(part.cast(pa.float64()), of.cast(pa.float64()))


def empty_column(rows: int, kind: ColumnType) -> pa.Array:
    """Nulls, as a frame holds a column of this kind."""
    return pa.nulls(rows, pa.uuid() if kind in TEXT else pa.string() if kind == "label" else ARROW[kind])


def nulled(column: pa.Array) -> pa.Array:
    """Measured whole numbers with null in the place of -1; other columns as they are."""
    if not pa.types.is_integer(column.type):
        return column
    return pc.if_else(pc.less(column, 0), pa.scalar(None, column.type), column)
