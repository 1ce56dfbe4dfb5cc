"""Lower a step that asks a model: a node of its completions alone, and one that gives them the columns of their rows."""

from __future__ import annotations

from typing import Any

from compiler.graph.nodes import Made
from compiler.lower.state import Lowering, Rows
from compiler.recipe.placed import PlacedStep
from compiler.text.diagnostics import Note
from operators.asks.asks import Asks
from operators.asks.attach import Attach
from operators.asks.generate import Generate
from operators.base.licence import Licence, join
from operators.declared.by_row import LicenceByRow


def lower_asks(state: Lowering, rows: Rows, step: PlacedStep, operator: Asks) -> Rows:
    """The answers about rows; what is asked depends on the columns that are read, and on no other."""
    placed = state.recipe.models[operator.model]
    model = placed.model
    terms: Licence = model.output
    inputs = [rows.base]
    if model.from_ is not None:
        if model.from_ not in state.checkpoints:
            return rows
        inputs.append(state.checkpoints[model.from_])
        license = state.nodes[inputs[1]].license
        terms = license if model.terms is None else join([terms, license])
    if isinstance(operator, Generate) and operator.recorded is not None:
        if complain_recorded(state, step, operator):
            return rows
        inputs.append(state.feeds[operator.recorded])
        terms = join([terms, state.nodes[inputs[1]].license])
    if model.output == "C":
        message = f"the output of the model `{operator.model}` has class C: it must not be used"
        note = Note("it is asked here", step.span())
        state.report(message, placed.node.find(("terms",)), "ask another model", (note,))
    reads = {name: Made(None, name, rows.columns[name]) for name in operator.reads(rows.columns)}
    entries = {**state.entries(operator, step), "model": model.identity() if model.from_ is None else {}}
    made = dict(operator.made())
    more: dict[str, Any] = {"entries": entries, "columns": made, "carried": reads, "license": terms}
    completions = state.add_step(step, rows, operator, inputs, **more)
    columns = {**made, **{name: kind for name, kind in rows.columns.items() if name not in made}}
    attach, license = Attach(terms=terms, model=operator.model), join([rows.license, terms])
    return state.rows_of(state.add_step(step, rows, attach, (rows.base, completions), columns=columns, license=license), rows)


def complain_recorded(state: Lowering, step: PlacedStep, operator: Generate) -> bool:
    """Whether a source of recorded completions lacks what it has to have."""
    assert operator.recorded is not None
    if operator.recorded not in state.feeds:
        message = f"there is no source `{operator.recorded}` whose completions can be used here"
        state.report(message, step.span(("recorded",)), "sources are declared under `sources`")
        return True
    license = state.recipe.sources[operator.recorded].operator.license
    if isinstance(license, LicenceByRow) and license.drop:
        message = f"the source `{operator.recorded}` leaves out rows by their licence, and completions are looked up in all of it"
        state.report(message, step.span(("recorded",)), "leave such rows out of its files")
        return True
    columns = state.nodes[state.feeds[operator.recorded]].columns
    lacks = [] if "prompt" in columns else ["prompt"]
    if "completion" not in columns and not {"think", "solution"} <= set(columns):
        lacks.append("completion` (or `think` and `solution")
    for name in lacks:
        message = f"the source `{operator.recorded}` maps no column `{name}`, so its completions cannot be used"
        state.report(message, step.span(("recorded",)), "map it under the source's `columns`")
    return bool(lacks)
