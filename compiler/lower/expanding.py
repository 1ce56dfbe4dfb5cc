"""Lower a step by which rows have children: a cut over a settled table and the measures beside it that the step asks for."""

from __future__ import annotations

from compiler.graph.nodes import Made, Node
from compiler.lower.state import Lowering, Rows
from compiler.recipe.said import Said, TableSaid
from operators.base.declare import Measure
from operators.base.scope import ColumnType
from operators.grow.expand import Expand


def expanded(state: Lowering, table: TableSaid, rows: Rows, said: Said, operator: Expand) -> None:
    """Give `rows`, which change in place, their children."""
    carried, made = dict(rows.made), operator.measures()
    for role, measure in made.items():
        (value,) = measure.values
        carried[role] = Made(measured(state, table, rows, said, f"{said.label} {role}", measure), value, "integer")
    rows.base = state.add(
        Node(
            operator,
            "table",
            (rows.base, *(node for role in made if (node := carried[role].node) is not None)),
            said.label,
            table.name,
            said.span(),
            entries=state.entries(operator, said),
            seed=state.recipe.seed if operator.seeded else 0,
            columns=dict(rows.columns),
            carried=carried,
            license=rows.license,
        )
    )
    rows.made = {name: Made(None, name, kind) for name, kind in rows.columns.items()}


def measured(state: Lowering, table: TableSaid, rows: Rows, said: Said, label: str, measure: Measure) -> int:
    """The node of a measure of a settled table."""
    reads = {role: Made(None, name, "text") for role, name in measure.read().items()}
    columns: dict[str, ColumnType] = dict.fromkeys(measure.values, "integer")
    entries = state.entries(measure, said)
    return state.add(
        Node(measure, "columns", (rows.base,), label, table.name, said.span(), entries=entries, columns=columns, carried=reads)
    )
