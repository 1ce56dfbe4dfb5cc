"""Turns of conversations in the place of columns: a step that names some is given their text, beside its table alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from compiler.graph.nodes import Graph, Made, Node
from compiler.lower.state import Lowering, Rows
from compiler.recipe.placed import PlacedStep
from operators.base.declare import Map, Measure, Operator, SetDecision, role_of
from operators.base.mapped import mapped
from operators.conversations.looks import LOOKS, WHOLE
from operators.maps.turns import Turns
from operators.measures.decontaminate import BY_TURN, Decontaminate


def named(operator: Operator) -> Iterator[str]:
    """The columns that the fields of an operator name."""
    for field in type(operator).model_fields:
        value = getattr(operator, field)
        if role_of(type(operator), field) == "column" and value is not None:
            yield from (value,) if isinstance(value, str) else value


def with_turns(state: Lowering, rows: Rows, step: PlacedStep) -> Rows:
    """The rows as one step sees them: with the turns that it names, and conversations as text."""
    operator = step.operator
    talks = [name for name, kind in rows.columns.items() if kind == "messages"]
    if not talks or isinstance(operator, Turns) or not isinstance(operator, Measure | Map | SetDecision):
        return rows
    if isinstance(operator, Map) and operator.of in operator.makes():
        return rows  # what it would change is no text: the conversation would be gone, or go on unchanged beside it
    seen = list(dict.fromkeys(named(operator)))
    if isinstance(operator, Decontaminate) and operator.in_ is None:
        seen += [name for name, kind in rows.columns.items() if kind in ("messages", "tools")]
    if isinstance(operator, Decontaminate) and len(talks) == 1:
        rows = rows.having(talks[0] + BY_TURN, rows.made[talks[0]])
    for name in seen:
        kind = rows.columns.get(name)
        if kind == "tools":
            rows = rows.having(name, replace(rows.made[name], kind="text"))
        elif kind == "messages" or (kind is None and name in LOOKS and len(talks) == 1):
            of, take = (name, WHOLE) if kind == "messages" else (talks[0], name)
            rows = rows.having(name, Made(add_turns(state, rows, step, of, take), mapped(0), "text"))
    return rows


def add_turns(state: Lowering, rows: Rows, step: PlacedStep, of: str, take: str) -> int:
    """The node of some turns' text."""
    operator, made = Turns.model_validate({"take": take, "as": take, "of": of}), rows.made[of]
    inputs = dict.fromkeys([rows.base, *([] if made.node is None else [made.node])])
    more = {"columns": {mapped(0): "text"}, "carried": {"of": made}}
    return state.add_step(step, rows, operator, inputs, "columns", **more)


def without_turns(after: Rows, seen: Rows, before: Rows) -> Rows:
    """The rows behind a step, with the columns that they had before it and those that it made."""
    kept = [name for name in after.columns if name in before.columns or name not in seen.columns]
    own = {name: before.made[name] if after.made[name] == seen.made.get(name) else after.made[name] for name in kept}
    return replace(after, columns={name: made.kind for name, made in own.items()}, made=own)


def looked_through(graph: Graph, made: Made) -> Made:
    """The column whose whole text is looked through: of all that was said in a conversation, the conversation."""
    node: Node | None = None if made.node is None else graph.nodes[made.node]
    whole = node is not None and isinstance(node.operator, Turns) and node.operator.take == WHOLE
    return node.carried["of"] if node is not None and whole else made
