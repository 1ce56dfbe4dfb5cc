"""How the measured values of an output's rows are distributed, before and after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.graph.keys import value_key
from operators.base.declare import Measure
from runtime.forecast.predictor import Predictor
from runtime.store.digest import id_bytes
from runtime.tables.order import halves

POINTS = (10, 50, 90)
"""The percentiles that are shown."""
MOST = 500_000
"""More rows than these are not laid beside each other: a diff is read while one waits."""


@dataclass(frozen=True)
class Shift:
    """One measure over the rows that are kept."""

    measure: str
    before: tuple[float, ...]
    """Its value at each of POINTS."""
    after: tuple[float, ...]


def shifts(output: str, before: Predictor, after: Predictor) -> Iterator[Shift]:
    """The measures that both graphs decide by, where their values at some percentile differ."""
    old, new = distributions(output, before), distributions(output, after)
    for key, (label, values) in new.items():
        if key in old and old[key][1] != values:
            yield Shift(label, old[key][1], values)


def distributions(output: str, side: Predictor) -> dict[str, tuple[str, tuple[float, ...]]]:
    """Measure -> (its label, its percentiles over the rows of an output), where all values are known."""
    rows = side.expect(side.graph.outputs[output]).frame
    percentiles: dict[str, tuple[str, tuple[float, ...]]] = {}
    if rows.rows > MOST:
        return percentiles
    ids = halves(id_bytes(rows.frame("row_id")))[0]
    for _, node in side.graph:
        if node.aspect != "decision" or not isinstance(node.operator, Measure) or node.operator.name == "where":
            continue
        column = node.measure
        base = side.expect(side.graph.base(node.rows))
        if base.frame.rows > MOST or not base.exact:
            continue
        values = side.known.values(column, base)
        inside = np.isin(halves(id_bytes(base.frame.frame("row_id")))[0], ids)
        numbers = as_numbers(node.operator, values.columns)[inside]
        if numbers.size and (values.known is None or values.known[inside].all()):
            key = value_key(side.graph, column, side.facts)
            cuts = np.percentile(numbers, POINTS, method="lower")
            percentiles[key] = (node.label, tuple(round(float(cut), 3) for cut in cuts))
    return percentiles


def as_numbers(operator: Measure, columns: Any) -> np.ndarray[Any, Any]:
    """The value of each row as one number; a share is a share."""
    numbers = [columns[name].fill_null(-1).to_numpy().astype(np.float64) for name in operator.values]
    values: np.ndarray[Any, Any] = numbers[0] / np.maximum(numbers[1], 1) if len(numbers) == 2 else numbers[0]
    return values
