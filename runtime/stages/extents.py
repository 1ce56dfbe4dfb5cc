"""How large a table is, or will be at most, and what the stage that makes it writes: to look for room before it is needed."""

from __future__ import annotations

from typing import NamedTuple

from operators.base.scope import Columns
from runtime.store.record import Record
from runtime.store.store import Store
from runtime.tables.table import TEXT, bytes_a_row

ROW = 64
"""Bytes of a row besides its columns, about: its ids, and the fates and labels that are written of it."""


class Extent(NamedTuple):
    """Of a table."""

    rows: int
    text: int
    """Bytes of its text, without that of ids."""

    def times(self, count: int) -> Extent:
        return Extent(self.rows * count, self.text * count)


class Needs(NamedTuple):
    """What a stage makes, and the bytes that it writes, about and at most."""

    extent: Extent
    kept: int
    """Bytes that stay in the store."""
    passing: int = 0
    """Bytes that are there while it runs."""


def frame_bytes(rows: int, columns: Columns) -> int:
    """Bytes of the ids and small columns of rows."""
    return rows * (ROW + sum(16 if kind in TEXT else 8 for kind in columns.values()))


def extent_of(store: Store, record: Record) -> Extent:
    """That of a table that is there."""
    return Extent(record.rows, record.rows * bytes_a_row(store, record.table))
