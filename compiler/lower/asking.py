"""Lower a step that asks a model: a node of its completions alone, and one that gives them the columns of their rows."""

from __future__ import annotations

from dataclasses import replace

from compiler.graph.nodes import Made
from compiler.lower.state import Lowering, Rows, at_table
from compiler.recipe.said import Said, TableSaid
from compiler.text.diagnostics import Diagnostic, Note
from operators.asks.asks import Asks
from operators.asks.attach import Attach
from operators.asks.generate import Generate
from operators.base.licence import Licence, join


def asked(state: Lowering, table: TableSaid, rows: Rows, said: Said, operator: Asks) -> Rows:
    """The answers about rows; what is asked depends on the columns that are read, and on no other."""
    model = state.recipe.models[operator.model]
    terms: Licence = model.model.output
    inputs = [rows.base]
    if model.model.from_ is not None:
        if model.model.from_ not in state.checkpoints:
            return rows
        inputs.append(state.checkpoints[model.model.from_])
        terms = join([terms, state.nodes[inputs[1]].license]) if model.model.terms is not None else state.nodes[inputs[1]].license
    if isinstance(operator, Generate) and operator.recorded is not None:
        if complain_recorded(state, said, operator):
            return rows
        inputs.append(state.feeds[operator.recorded])
        terms = join([terms, state.nodes[inputs[1]].license])
    if model.model.output == "C":
        message = f"the output of the model `{operator.model}` has class C: it must not be used"
        note = Note("it is asked here", said.span())
        state.found.append(Diagnostic(message, model.node.find(("terms",)), "ask another model", (note,)))
    reads = {name: Made(None, name, rows.columns[name]) for name in operator.reads(rows.columns)}
    entries = {**state.entries(operator, said), "model": model.model.identity() if model.model.from_ is None else {}}
    made = dict(operator.made())
    more = {"entries": entries, "columns": made, "carried": reads, "license": terms}
    completions = state.put(said, table, operator, "table", inputs, **more)
    columns = {**made, **{name: kind for name, kind in rows.columns.items() if name not in made}}
    attach, license = Attach(terms=terms, model=operator.model), join([rows.license, terms])
    index = state.put(said, table, attach, "table", (rows.base, completions), columns=columns, license=license)
    return replace(at_table(state, index), open=rows.open)


def complain_recorded(state: Lowering, said: Said, operator: Generate) -> bool:
    """Whether a source of recorded completions lacks what it has to have."""
    assert operator.recorded is not None
    if operator.recorded not in state.feeds:
        message = f"there is no source `{operator.recorded}` whose completions can be used here"
        state.found.append(Diagnostic(message, said.span(("recorded",)), "sources are declared under `sources`"))
        return True
    columns = state.nodes[state.feeds[operator.recorded]].columns
    lacks = [] if "prompt" in columns else ["prompt"]
    if "completion" not in columns and not {"think", "solution"} <= set(columns):
        lacks.append("completion` (or `think` and `solution")
    for name in lacks:
        message = f"the source `{operator.recorded}` maps no column `{name}`, so its completions cannot be used"
        state.found.append(Diagnostic(message, said.span(("recorded",)), "map it under the source's `columns`"))
    return bool(lacks)
