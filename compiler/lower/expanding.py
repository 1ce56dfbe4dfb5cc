"""Lower a step by which rows have children: a cut over a settled table and the measures beside it that the step asks for."""

from __future__ import annotations

from dataclasses import replace

from compiler.graph.nodes import Made, Node
from compiler.lower.state import Lowering, Rows, at_table
from compiler.recipe.said import Said, TableSaid
from operators.base.declare import Measure
from operators.base.scope import ColumnType
from operators.grow.expand import Expand


def expanded(state: Lowering, table: TableSaid, rows: Rows, said: Said, operator: Expand) -> Rows:
    """Rows with their children beside them."""
    carried, made = dict(rows.made), operator.measures()
    for role, measure in made.items():
        (value,) = measure.values
        carried[role] = Made(measured(state, table, rows, said, f"{said.label} {role}", measure), value, "integer")
    inputs = (rows.base, *(node for role in made if (node := carried[role].node) is not None))
    seed = state.recipe.seed if operator.seeded else 0
    entries, columns = state.entries(operator, said), dict(rows.columns)
    more = {"entries": entries, "seed": seed, "columns": columns, "carried": carried, "license": rows.license}
    return replace(at_table(state, state.put(said, table, operator, "table", inputs, **more)), open=rows.open)


def measured(state: Lowering, table: TableSaid, rows: Rows, said: Said, label: str, measure: Measure) -> int:
    """The node of a measure of a settled table."""
    reads = {role: Made(None, name, "text") for role, name in measure.read().items()}
    columns: dict[str, ColumnType] = dict.fromkeys(measure.values, "integer")
    entries = state.entries(measure, said)
    return state.add(
        Node(measure, "columns", (rows.base,), label, table.name, said.span(), entries=entries, columns=columns, carried=reads)
    )
