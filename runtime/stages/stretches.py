"""Columns whose rows several workers compute: each a stretch of the table, and one more joins what they made."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import pyarrow as pa

from runtime.executors.executor import Executor, Resources, Rows
from runtime.stages.columns import ColumnWork, Computation, Stretch, compute, made_schema
from runtime.store.store import Store
from runtime.tables.beside import Beside
from runtime.tables.objects import object_name
from runtime.tables.table import Table
from runtime.tables.write import BESIDE_ROWS, BesideWriter

TASKS = 4
"""Stretches for each core: one that takes long keeps none waiting for long."""


@dataclass(frozen=True)
class Pieces:
    """The columns of one node, computed for one stretch after another."""

    store: Store
    schema: pa.Schema
    pieces: list[Beside]


def compute_whole(store: Store, table: Table, works: list[ColumnWork], executor: Executor, tell: Rows) -> list[Beside]:
    """The columns of each work beside the table, row for row; the same objects in however many stretches."""
    stretches = stretches_of(table.rows, executor)
    alone = len(stretches) == 1
    cores = executor.cores if alone else 1
    computation = Computation(store, table, works, cores)
    if alone:
        return executor.start(compute, computation, stretches[0], Resources(cores), tell).result()
    made = []
    for rows, beside in zip(stretches, executor.run(compute, computation, stretches, Resources(), tell), strict=True):
        made.append(beside)
        tell(rows.last)
    joined = [Pieces(store, made_schema(work), [each[at] for each in made]) for at, work in enumerate(works)]
    # All are under way before the first is waited for.
    started = [executor.start(join_pieces, pieces, None, Resources(), tell) for pieces in joined]
    found = [each.result() for each in started]
    for pieces in joined:
        forget_pieces(pieces)
    return found


def stretches_of(rows: int, executor: Executor) -> list[Stretch]:
    """The whole table where it is computed here or is small, else a few stretches for each core."""
    if not executor.apart:
        return [Stretch(0, rows)]
    batches = -(-rows // BESIDE_ROWS) or 1
    step = BESIDE_ROWS * -(-batches // (TASKS * executor.slots))
    if step >= rows:
        return [Stretch(0, rows)]
    build = uuid.uuid4().hex
    return [Stretch(first, min(rows, first + step), f"{build}-{first}") for first in range(0, rows, step)]


def join_pieces(pieces: Pieces, piece: None, tell: Rows) -> Beside:
    """What one computation of all rows would have made, batch by batch."""
    with BesideWriter(pieces.store, pieces.schema) as writer:
        for each in pieces.pieces:
            writer.copy(each)
        return writer.written()


def forget_pieces(pieces: Pieces) -> None:
    """Remove what is joined: no record names it, and nothing else is called the same."""
    for each in pieces.pieces:
        for reference in filter(None, (each.object, each.text)):
            pieces.store.forget(object_name(reference))
