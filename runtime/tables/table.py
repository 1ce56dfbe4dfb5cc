"""A stored table as a tree of what it is made from: text lies where it was made, the rest is ids and small columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from operators.base.scope import Columns, ColumnType
from runtime.store.digest import id_bytes
from runtime.store.store import Store
from runtime.store.trees import references
from runtime.tables.cursors import (
    CombinedCursor,
    Cursor,
    FileCursor,
    FilteredCursor,
    FrameCursor,
    JoinedCursor,
    Mask,
    MemberCursor,
    joined,
    located,
)
from runtime.tables.objects import beside_part, object_name, read_part, whole

TEXT: tuple[ColumnType, ...] = ("text", "list of text", "messages", "tools")
ARROW: dict[ColumnType, pa.DataType] = {
    **dict.fromkeys(("text", "messages", "tools"), pa.large_string()),
    "list of text": pa.large_list(pa.large_string()),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "label": pa.dictionary(pa.int32(), pa.string()),
}
DIGEST = ".digest"
BATCH = 16384
"""Rows that text is read by: small enough for the caches, large enough to be worth a call."""


class Table:
    """Rows in row_id order, in parts that are ranges of row_id prefixes; a small table is one part."""

    store: Store
    tree: dict[str, Any]
    columns: Columns
    rows: int
    spread: list[int]
    """The rows of each part."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open_table, (self.store, self.tree)

    @property
    def bounds(self) -> list[int]:
        """The first row of each part, and the number of all rows."""
        return [0, *accumulate(self.spread)]

    def column(self, name: str, part: int) -> pa.Array:
        """One small column of a part, its `row_id`, `item_id`, or the cell digests of a text column."""
        raise NotImplementedError

    def cursor(self, columns: Sequence[str], first: int = 0) -> Cursor:
        """A reader of these text columns, from a row on."""
        raise NotImplementedError

    def place_of(self, prefix: int) -> int:
        """The first row whose id begins with a byte, or with a higher one."""
        parts = len(self.spread)
        part, inside = divmod(prefix * parts, 256)
        if not inside:
            return self.bounds[part]
        ids = id_bytes(self.column("row_id", part))
        return self.bounds[part] + int(np.searchsorted(ids[:, 0], prefix))

    def frame(self, name: str) -> pa.Array:
        """The same as `column` of all parts."""
        pieces = [self.column(name, part) for part in range(len(self.spread))]
        return joined(pieces, pieces[0].type)

    def window(self, name: str, first: int, last: int) -> pa.Array:
        """The same of the rows from one up to another; one part is in memory at a time."""
        pieces = []
        for part, (start, end) in enumerate(pairwise(self.bounds)):
            if first < end and start < last:
                low = max(first, start)
                pieces.append(self.column(name, part).slice(low - start, min(last, end) - low))
        return joined(pieces, pieces[0].type) if pieces else self.column(name, 0).slice(0, 0)

    def batches(
        self, columns: Sequence[str], rows: int = BATCH, first: int = 0, last: int | None = None
    ) -> Iterator[tuple[int, dict[str, pa.Array]]]:
        """(first row, columns) of the table, or of some of its rows, in row order; text and small columns alike."""
        text = [name for name in columns if self.columns[name] in TEXT]
        small = [name for name in columns if name not in text]
        last = self.rows if last is None else min(last, self.rows)
        if first >= last:
            return
        readers: list[tuple[list[str], Cursor]] = [(text, self.cursor(text, first))] if text else []
        if small:
            readers.append((small, FrameCursor(self.column, small, self.spread, first)))
        for start in range(first, last, rows):
            count = min(rows, last - start)
            read: dict[str, pa.Array] = {}
            for names, reader in readers:
                read |= zip(names, reader.read(count), strict=True)
            yield start, read


class Framed(Table):
    """A table whose ids and small columns lie in objects of its own."""

    def __init__(self, store: Store, tree: dict[str, Any]) -> None:
        self.store, self.tree = store, tree
        self.columns, self.rows = tree["columns"], tree["rows"]
        self.spread = tree.get("spread", [self.rows])
        self._held: tuple[int, pa.Table] | None = None

    def column(self, name: str, part: int) -> pa.Array:
        held = self._held
        if held is None or held[0] != part:
            # What is mapped counts as memory of the process, so that one part is held on to.
            held = self._held = part, read_part(self.store, self.tree["frame"], part)
        return whole(held[1].column(name))


class Based(Framed):
    """A table whose text was written with it: a source, or rows that were born."""

    def cursor(self, columns: Sequence[str], first: int = 0) -> Cursor:
        return FileCursor(self.store, self.tree["text"], columns, self.spread, first)


class Filtered(Table):
    """The rows of a table that a ledger keeps."""

    def __init__(self, store: Store, tree: dict[str, Any]) -> None:
        self.parent = open_table(store, tree["of"])
        self.store, self.tree = store, tree
        self.columns, self.rows = self.parent.columns, tree["rows"]
        self.spread = tree.get("spread", [self.rows])
        self._held: tuple[int, Mask] | None = None

    def mask(self, part: int) -> Mask:
        """Whether each row of a part of the parent is kept."""
        held = self._held
        if held is None or held[0] != part:
            dropped = whole(read_part(self.store, self.tree["ledger"], part).column("dropped_by"))
            held = self._held = part, dropped.to_numpy()[: self.parent.spread[part]] == 0
        return held[1]

    def column(self, name: str, part: int) -> pa.Array:
        return self.parent.column(name, part).filter(pa.array(self.mask(part)))

    def cursor(self, columns: Sequence[str], first: int = 0) -> Cursor:
        def inner(first: int) -> Cursor:
            return self.parent.cursor(columns, first)

        return FilteredCursor(inner, self.mask, self.parent.spread, self.spread, first)


class Carried(Table):
    """A table with columns replaced, added, renamed or left out; rows and ids stay.

    `from` says of each column who made it (the objects beside the table, or null for the table), its name there, and the
    objects that hold its text, where it has some.
    """

    def __init__(self, store: Store, tree: dict[str, Any], parent: Table | None = None) -> None:
        self.parent = parent or open_table(store, tree["of"])
        self.store, self.tree = store, tree
        self.columns, self.rows, self.spread = tree["columns"], self.parent.rows, self.parent.spread

    def column(self, name: str, part: int) -> pa.Array:
        if name in ("row_id", "item_id"):
            return self.parent.column(name, part)
        column = name.removesuffix(DIGEST)
        maker, old, _ = self.tree["from"][column]
        old = old + name[len(column) :]
        return self.parent.column(old, part) if maker is None else beside_part(self.store, maker, old, self.spread, part)

    def cursor(self, columns: Sequence[str], first: int = 0) -> Cursor:
        groups: dict[str, tuple[Any, list[str]]] = {}
        for name in columns:
            maker = self.tree["from"][name][2]
            groups.setdefault(str(maker), (maker, []))[1].append(name)
        cursors: list[tuple[list[str], Cursor]] = []
        for maker, names in groups.values():
            olds = [self.tree["from"][name][1] for name in names]
            if maker is None:
                cursors.append((names, self.parent.cursor(olds, first)))
            else:
                cursors.append((names, FileCursor(self.store, maker, olds, self.spread, first)))
        return JoinedCursor(list(columns), cursors)


class Combined(Framed):
    """All rows of several tables, in row_id order; a column that one lacks is null there."""

    def __init__(self, store: Store, tree: dict[str, Any]) -> None:
        super().__init__(store, tree)
        self.members = [open_table(store, member) for member in tree["parts"]]

    @cached_property
    def totals(self) -> list[np.ndarray[Any, Any]]:
        """How many rows of each member stand before each part."""
        totals = [np.zeros(len(self.members), dtype=np.int64)]
        for part in range(len(self.spread) - 1):
            totals.append(totals[-1] + np.bincount(self.column(".part", part).to_numpy(), minlength=len(self.members)))
        return totals

    def before(self, first: int) -> np.ndarray[Any, Any]:
        """How many rows of each member stand before a row."""
        part, place = located(self.spread, first)
        counted = self.totals[part].copy()
        if place:
            counted += np.bincount(self.column(".part", part).to_numpy()[:place], minlength=len(counted))
        return counted

    def cursor(self, columns: Sequence[str], first: int = 0) -> Cursor:
        types = [(name, ARROW[self.columns[name]]) for name in columns]
        cursors = []
        for member, start in zip(self.members, self.before(first).tolist(), strict=True):
            known = [name for name in columns if name in member.columns]
            cursors.append(MemberCursor(member.cursor(known, start) if known else None, known, types))
        return CombinedCursor(FrameCursor(self.column, [".part"], self.spread, first), cursors)


class Attached(Framed):
    """Completions with the columns of the rows that they came from: small ones in a frame, their text beside it."""

    def __init__(self, store: Store, tree: dict[str, Any]) -> None:
        super().__init__(store, tree)
        self.made = open_table(store, tree["of"])

    def cursor(self, columns: Sequence[str], first: int = 0) -> Cursor:
        inherited = [name for name in columns if name in self.tree["inherited"]]
        made = [name for name in columns if name not in inherited]
        cursors: list[tuple[list[str], Cursor]] = [(made, self.made.cursor(made, first))] if made else []
        if inherited:
            cursors.append((inherited, FileCursor(self.store, self.tree["text"], inherited, self.spread, first)))
        return JoinedCursor(list(columns), cursors)


KINDS = {"based": Based, "filtered": Filtered, "carried": Carried, "combined": Combined, "attached": Attached}


def open_table(store: Store, tree: dict[str, Any]) -> Table:
    """The table that a record's tree describes."""
    table: Table = KINDS[tree["kind"]](store, tree)
    return table


def carry(store: Store, table: Table, columns: Columns, origin: dict[str, list[Any]]) -> Table:
    """The table with other columns; `origin` is the tree's `from`."""
    return Carried(store, {"kind": "carried", "of": table.tree, "columns": dict(columns), "from": origin}, table)


def empty_column(rows: int, kind: ColumnType) -> pa.Array:
    """Nulls, as a frame holds a column of this kind."""
    return pa.nulls(rows, pa.uuid() if kind in TEXT else pa.string() if kind == "label" else ARROW[kind])


def bytes_a_row(store: Store, tree: dict[str, Any]) -> int:
    """What the text of a row of the tables that a tree is made of takes on average, all columns together, and at least 1."""
    found = [bytes_a_row(store, below) for below in [*tree.get("parts", ()), *([tree["of"]] if "of" in tree else ())]]
    texts = references(tree.get("text")) + [each[2] for each in tree.get("from", {}).values() if each[2] is not None]
    size = sum(store.size_of(object_name(each)) for each in set(texts))  # one that is missing is told where it is read
    # A row of a combined table is one of one of its parts; text that was made later lies beside that of its table.
    return max(1, max(found, default=0) + size // (rows_of(tree) or 1))


def rows_of(tree: dict[str, Any]) -> int:
    """The rows of the table that a tree describes: one that carries columns has those of the table it is made from."""
    return int(tree["rows"]) if "rows" in tree else rows_of(tree["of"])
