"""Lower a training to a node whose result is a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.graph.nodes import Made, Node
from compiler.lower.state import Lowering, Rows
from compiler.recipe.said import TableSaid
from compiler.recipe.sections import Recipe
from compiler.recipe.training import TRAIN, TrainSaid
from compiler.text.diagnostics import Diagnostic, suggest
from compiler.text.spans import Span
from operators.asks.asks import Asks
from operators.asks.generate import Generate
from operators.base.licence import Licence, join
from operators.base.scope import did_you_mean
from operators.declared.trace import shape_of
from operators.learn.train import Train


def lower_training(state: Lowering, name: str, tables: Mapping[str, Rows], asked_by: tuple[str, ...] = ()) -> int | None:
    """The node of a training, made when it is first asked for; None where it is wrong."""
    said = state.recipe.trains[name]
    if said.label in state.checkpoints:
        return state.checkpoints[said.label]
    operator = said.operator
    if name in asked_by:
        circle = " -> ".join((*asked_by[asked_by.index(name) :], name))
        state.found.append(
            Diagnostic(f"these trainings wait for each other: {circle}", said.span(("init",)), "remove one `init`")
        )
        return None
    rows = tables.get(operator.data)
    nowhere = Rows(0, {}, {}, "A", open=True)
    complaints = list(operator.complain(state.scope(rows or nowhere)))
    state.complain(complaints, said, said.node.lacks)
    if rows is None:
        complain_data(state, said, tables)
        return None
    inputs = [rows.base]
    if operator.init is not None and not complaints:
        if operator.init not in state.recipe.trains:
            complain_training(state, operator.init, said.span(("init",)))
            return None
        start = lower_training(state, operator.init, tables, (*asked_by, name))
        if start is None:
            return None
        inputs.append(start)
    entries = entries_of(state, said)
    if complaints or entries is None:
        return None
    index = state.add(
        Node(
            operator,
            "checkpoint",
            tuple(inputs),
            said.label,
            said.label,
            said.node.find((), key=True),
            entries=entries,
            carried={each: Made(None, each, rows.columns[each]) for each in operator.reads(rows.columns)},
            license=learnt(state.recipe, operator, state.nodes[inputs[-1]].license, rows.license),
        )
    )
    state.checkpoints[said.label] = index
    return index


def complain_data(state: Lowering, said: TrainSaid, tables: Mapping[str, Rows]) -> None:
    """A training on a table that is not there, or not there yet."""
    data, recipe = said.operator.data, state.recipe
    known = [each for each in tables if "." not in each]
    message = f"`{said.label}` is trained on `{data}`, and there is no such table"
    near = suggest(data, known)
    hint = f"did you mean `{near}`?" if near else "there is: " + ", ".join(f"`{each}`" for each in known)
    if data in recipe.tables:
        message, hint = f"`{said.label}` is asked for before its table `{data}` is made", ""
    if "tables" not in recipe.node.left:
        state.found.append(Diagnostic(message, said.span(("data",)), hint or None))


def learnt(recipe: Recipe, operator: Train, start: Licence, data: Licence) -> Licence:
    """The class of what a checkpoint writes: that of its rows, and that of what its base writes."""
    if operator.init is not None:
        return join([start, data])
    said = recipe.models.get(operator.model or "")
    return data if said is None or said.model.terms is None else join([data, said.model.output])


def entries_of(state: Lowering, said: TrainSaid) -> dict[str, Any] | None:
    """What decides the text and the mask of its rows besides their cells: prompts, template, the shape of a trace."""
    recipe, operator = state.recipe, said.operator
    cot = recipe.cot.cot if recipe.cot is not None else None
    teacher = cot.generate() if cot is not None else None
    if operator.system == "teacher" and teacher is None:
        message = "`system: teacher` is what the teacher was told, and the recipe has no `cot`"
        state.found.append(Diagnostic(message, said.span(("system",)), "say `none`, the name of a prompt, or `{text: ...}`"))
        return None
    asked = teacher if operator.system == "teacher" and teacher is not None else Generate(model="", system=operator.system)
    ask = None if teacher is None else teacher.ask
    written = asked.model_copy(update={"ask": ask, "of": operator.prompt})
    read = state.entries(written, said)
    missing = [name for _, name in written.entries() if name not in read]
    if missing:
        return None
    return {
        "system": written.text_of(written.system, read),
        "ask": written.text_of(written.ask, read),
        "template": said.template,
        "shape": shape_of(cot).plain(),
    }


def lower_asked(state: Lowering, table: TableSaid, known: Mapping[str, Rows]) -> None:
    """Lower the trainings whose checkpoints a table asks."""
    for said in table.steps:
        if isinstance(said.operator, Asks) and (model := state.recipe.models.get(said.operator.model)) is not None:
            name = (model.model.from_ or "").removeprefix(TRAIN)
            if name in state.recipe.trains:
                lower_training(state, name, known)
            elif name:
                complain_training(state, name, model.node.find(("from",)))


def complain_training(state: Lowering, name: str, span: Span) -> None:
    """A training that the recipe does not have; one that it says in a wrong way is told already."""
    recipe = state.recipe
    if name not in recipe.names("train") and not recipe.spoilt("train"):
        hint = did_you_mean(name, frozenset(recipe.trains))
        state.found.append(Diagnostic(f"there is no training `{name}`", span, hint))


def knows(state: Lowering, model: str) -> bool:
    """Whether a judged model is there: what is wrong with it is said where it is declared."""
    said = state.recipe.models.get(model)
    return said is not None and (said.model.from_ is None or said.model.from_ in state.checkpoints)
