"""Columns beside a table: the objects that hold them, and the record that says of which cells they are the values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from compiler.graph.nodes import Node
from runtime.store.record import BesideRecord
from runtime.store.store import Store
from runtime.tables.table import Table, carry


@dataclass(frozen=True)
class Beside:
    """The columns of one node: whole numbers or digests, and apart from them the text that a map made.

    However many parts the table has they are one object each, so that two stores that know the same values name them alike.
    """

    object: str
    text: str | None = None


def seen(store: Store, table: Table, node: Node, objects: Mapping[int, Beside]) -> tuple[Table, dict[str, str]]:
    """(the base table with the columns that a node reads, role -> column there)."""
    columns, origin = dict(table.columns), {name: list[Any]([None, name, None]) for name in table.columns}
    names = {}
    for role, made in node.carried.items():
        names[role] = made.name if made.node is None else f"{role}.read"
        if made.node is not None:
            beside = objects[made.node]
            columns[names[role]], origin[names[role]] = made.kind, [beside.object, made.name, beside.text]
    if len(columns) == len(table.columns):
        return table, names
    return carry(store, table, columns, origin), names


def keep_beside(store: Store, key: str, measure: str, viewed: Table, reads: Mapping[str, str], made: Beside) -> Beside:
    """Record columns: under their key, and with the cells they are the values of, so that any table may use them again."""
    record = BesideRecord(
        key=key, object=made.object, text=made.text, rows=viewed.rows, measure=measure, of=viewed.tree, reads=dict(reads)
    )
    return beside_of(store.write_record(record))


def beside_of(record: BesideRecord) -> Beside:
    """The columns that a record beside a table names."""
    return Beside(record.object, record.text)


def find_measured(store: Store, measure: str) -> Iterator[BesideRecord]:
    """The records of all columns that one measure made, of whatever table."""
    return (record for record in store.records(BesideRecord) if record.measure == measure)
