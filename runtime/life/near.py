"""The rows near a decision: those whose measured value is nearest to its bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from compiler.graph.nodes import Graph, Made
from compiler.graph.plan import Addresses
from operators.base.declare import Map, Measure
from runtime.build.session import Session
from runtime.stages.life import row_of
from runtime.store.digest import id_bytes
from runtime.store.record import DecisionRecord
from runtime.store.store import Store, StoreError
from runtime.tables.objects import read_table, whole
from runtime.tables.table import Table, open_table


@dataclass(frozen=True)
class Levels:
    """What a decision measured of the rows of its table, and which of them it drops."""

    operator: Measure
    table: Table
    values: tuple[pa.Array, ...]
    level: np.ndarray[Any, np.dtype[np.float64]]
    """The value of each row as one number; a share is a share."""
    reached: np.ndarray[Any, np.dtype[np.bool_]]
    """Whether a row came to the decision and has a value."""
    dropped: np.ndarray[Any, np.dtype[np.bool_]]
    """Whether it is the decision that drops it."""

    @property
    def bounds(self) -> list[tuple[str, float]]:
        """`min` and `max`, of those that it has."""
        named = ((name, getattr(self.operator, name, None)) for name in ("min", "max"))
        return [(name, float(bound)) for name, bound in named if bound is not None]

    def nearest(self, kept: bool, limit: int) -> list[int]:
        """The places of the rows of one side that are nearest to its bounds; of a verdict, those between yes and no."""
        bounds = [bound for _, bound in self.bounds] or [0.5]
        distance = np.min([np.abs(self.level - bound) for bound in bounds], axis=0)
        side = np.flatnonzero(self.reached & (self.dropped != kept))
        places: list[int] = side[np.lexsort((side, distance[side]))][:limit].tolist()
        return places


def read_levels(store: Store, graph: Graph, addresses: Addresses, decision: int) -> Levels:
    """The levels of a decision that has been run. Raises StoreError where it has not."""
    node = graph.nodes[decision]
    operator = node.operator
    assert isinstance(operator, Measure)
    index = next(at for at, each in graph if each.cut and each.inputs and decision in graph.run(each.rows))
    base = graph.base(node.rows)
    record, below = (store.find(addresses.key(at)) for at in (index, base))
    if not isinstance(record, DecisionRecord) or below is None:
        raise StoreError("the decision has not been run yet", "build the recipe first")
    ledger = read_table(store, record.ledger)
    place = graph.run(graph.nodes[index].rows).index(decision) + 1
    apart = record.measured[place - 1]
    measured = ledger if apart is None else read_table(store, apart)
    values = tuple(whole(measured.column(f"{place}.{name}" if apart is None else name)) for name in operator.values)
    has_value = np.logical_and.reduce([np.asarray(value.is_valid()) & (value.fill_null(-1).to_numpy() >= 0) for value in values])
    numbers = [value.fill_null(0).to_numpy().astype(np.float64) for value in values]
    level = numbers[0] / np.maximum(numbers[1], 1) if len(numbers) == 2 else numbers[0]
    dropped_by = whole(ledger.column("dropped_by")).to_numpy()
    reached = has_value & ((dropped_by == 0) | (dropped_by >= place))
    return Levels(operator, open_table(store, below.table), values, level, reached, dropped_by == place)


def near_rows(session: Session, decision: int, limit: int) -> list[dict[str, Any]]:
    """Up to `limit` rows on each side of a decision, nearest to its bounds first."""
    store, graph = session.open_store(), session.graph
    return rows_near(graph, decision, read_levels(store, graph, session.addresses(store), decision), limit)


def rows_near(graph: Graph, decision: int, levels: Levels, limit: int) -> list[dict[str, Any]]:
    """The same of a decision whose levels are read."""
    operator, table = levels.operator, levels.table
    ids = id_bytes(table.frame("row_id"))
    licenses = table.frame("license").cast(pa.string())
    column = graph.nodes[graph.nodes[decision].measure].carried.get("in")
    rows = []
    for kept in (True, False):
        for at in levels.nearest(kept, limit):
            measured = {name: int(value[at].as_py()) for name, value in zip(operator.values, levels.values, strict=True)}
            rows.append(
                {
                    "row_id": ids[at].tobytes().hex(),
                    "kept": kept,
                    "license": licenses[at].as_py(),
                    "measured": operator.wording(measured),
                    "text": seen_text(graph, row_of(table, at), column),
                }
            )
    return rows


def seen_text(graph: Graph, cells: Mapping[str, Any], column: Made | None) -> Any:
    """The cell that was measured, also where a map made it."""
    if column is None or column.node is None:
        return cells.get("prompt" if column is None else column.name)
    node = graph.nodes[column.node]
    if not isinstance(node.operator, Map):
        return None
    before = seen_text(graph, cells, node.carried["of"])
    made = node.operator.change(pa.array([before], pa.large_string()), node.entries)
    return made[list(node.columns).index(column.name)][0].as_py()
