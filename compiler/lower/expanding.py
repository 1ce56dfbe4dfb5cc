"""Lower a step by which rows have children: a cut over a settled table and the measures beside it that the step asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from compiler.graph.nodes import Made
from compiler.lower.state import Lowering, Rows
from compiler.recipe.placed import PlacedStep
from operators.base.declare import Measure
from operators.base.scope import ColumnType
from operators.grow.expand import Expand


def lower_expand(state: Lowering, rows: Rows, step: PlacedStep, operator: Expand) -> Rows:
    """Rows with their children beside them."""
    carried, made = dict(rows.made), operator.measures()
    for role, measure in made.items():
        (value,) = measure.values
        carried[role] = Made(add_measure(state, rows, replace(step, label=f"{step.label} {role}"), measure), value, "integer")
    inputs = (rows.base, *(node for role in made if (node := carried[role].node) is not None))
    entries, columns = state.entries(operator, step), dict(rows.columns)
    more: dict[str, Any] = {
        "entries": entries,
        "seed": state.seed_of(operator),
        "columns": columns,
        "carried": carried,
        "license": rows.license,
    }
    return state.rows_of(state.add_step(step, rows, operator, inputs, **more), rows)


def add_measure(state: Lowering, rows: Rows, step: PlacedStep, measure: Measure) -> int:
    """Add the node of a measure of a settled table."""
    reads = {role: Made(None, name, "text") for role, name in measure.reads().items()}
    columns: dict[str, ColumnType] = dict.fromkeys(measure.values, "integer")
    more: dict[str, Any] = {"entries": state.entries(measure, step), "columns": columns, "carried": reads}
    return state.add_step(step, rows, measure, (rows.base,), "columns", **more)
