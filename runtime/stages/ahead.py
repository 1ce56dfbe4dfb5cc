"""Dear measures of a decision, measured by several workers before one decides: what they find is in the memo then."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from runtime.executors.executor import Executor, Resources, Rows
from runtime.stages.columns import Stretch, marked
from runtime.stages.dear import DearCells
from runtime.stages.ledger import querying
from runtime.stages.relation import Relation
from runtime.stages.stretches import stretches_of
from runtime.store.running import scratch
from runtime.store.store import Store
from runtime.tables.objects import object_name, read_part
from runtime.tables.write import write_columns


@dataclass(frozen=True)
class Wanted:
    """The cells of a dear measure, and the object that says of which rows they are looked at."""

    store: Store
    cells: DearCells
    alive: str


def measure_ahead(relation: Relation, executor: Executor, tell: Rows) -> None:
    """Measure for one dear measure after another, each looking only at rows that every decision before it keeps."""
    stretches = stretches_of(relation.table.rows, executor)
    if len(stretches) == 1:
        return
    for place in relation.dear_places():
        alive = executor.start(write_alive, relation, place, Resources(executor.cores), tell).result()
        wanted = Wanted(relation.store, relation.dear_cells(place), alive)
        for rows, _ in zip(stretches, executor.run(measure_wanted, wanted, stretches, Resources(), tell), strict=True):
            tell(rows.last)
        relation.store.forget(object_name(alive))


def write_alive(relation: Relation, place: int, tell: Rows) -> str:
    """An object with a batch for each part: which of its rows every decision before a place keeps."""
    schema = marked(pa.schema([("alive", pa.bool_())]), uuid.uuid4().hex)
    with scratch(relation.store.root) as folder, querying(relation):
        relation.prepare(folder, place)
        return write_columns(relation.store, schema, ([pa.array(mask)] for mask in relation.alive(place)))


def measure_wanted(wanted: Wanted, rows: Stretch, tell: Rows) -> int:
    """How many cells of some rows were looked at; their values are in the memo."""
    alive, looked = read_part(wanted.store, wanted.alive, 0).column("alive"), 0
    for part, (start, end) in enumerate(pairwise(wanted.cells.table.bounds)):
        if start < rows.last and rows.first < end:
            mask = np.asarray(alive.slice(start, end - start))
            looked += sum(len(places) for places, _ in wanted.cells.measured(part, mask, rows.first, rows.last))
    return looked
