"""Rows by their ids: of a table in parts only that part is read in which an id lies."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from runtime.store.digest import Bytes, id_bytes
from runtime.store.record import DecisionRecord
from runtime.store.store import Store
from runtime.store.trees import references
from runtime.tables.objects import read_part, whole
from runtime.tables.order import position, starting
from runtime.tables.table import Table, open_table


def part_of(first: int, parts: int) -> int:
    """In which of several parts a row lies, by the first byte of its id."""
    return first * parts // 256


def find_row(table: Table, wanted: Bytes) -> int | None:
    """Where a row stands, by its id (16,)."""
    part = part_of(int(wanted[0]), len(table.spread))
    place = position(id_bytes(table.column("row_id", part)), wanted)
    return None if place is None else table.bounds[part] + place


def rows_starting(table: Table, prefix: str) -> Iterator[str]:
    """The ids of the rows that begin with hexadecimal digits, in order."""
    low, high = (int((prefix + fill * 2)[:2], 16) for fill in "0f")
    parts = len(table.spread)
    for part in range(part_of(low, parts), part_of(high, parts) + 1):
        yield from starting(id_bytes(table.column("row_id", part)), prefix)


def find_fate(store: Store, record: DecisionRecord, wanted: Bytes) -> tuple[int, int, int] | None:
    """(the part of a ledger in which a row's fate is, its place there, its place in the whole table); None where it has none."""
    part = part_of(int(wanted[0]), len(references(record.ledger)))
    place = position(ledger_ids(store, record, part), wanted)
    return None if place is None else (part, place, list(accumulate(decided_rows(store, record), initial=0))[part] + place)


def ledger_ids(store: Store, record: DecisionRecord, part: int) -> Bytes:
    """The ids of the rows in a part of a ledger."""
    return id_bytes(whole(read_part(store, record.ledger, part).column("row_id")))


def decided_rows(store: Store, record: DecisionRecord) -> list[int]:
    """The rows of each part of the table that was decided on."""
    tree = record.table
    while tree["kind"] == "combined":  # with the rows that stand in it again, which come second
        tree = tree["parts"][0]
    return open_table(store, tree["of"]).spread
