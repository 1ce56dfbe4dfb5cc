"""Lower a training to a node whose result is a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.graph.nodes import Made, Node
from compiler.lower.state import Lowering, Rows
from compiler.recipe.placed import PlacedTable
from compiler.recipe.sections import Recipe
from compiler.recipe.training import TRAIN, PlacedTraining
from compiler.text.diagnostics import meant
from compiler.text.spans import Span
from operators.asks.asks import Asks
from operators.asks.generate import Generate
from operators.base.licence import Licence, join
from operators.base.scope import did_you_mean
from operators.declared.trace import shape_of
from operators.learn.train import Train


def lower_training(state: Lowering, name: str, tables: Mapping[str, Rows], waiting: tuple[str, ...] = ()) -> int | None:
    """The node of a training, made when it is first asked for; None where it is wrong."""
    training = state.recipe.trains[name]
    if training.label in state.checkpoints:
        return state.checkpoints[training.label]
    operator = training.operator
    if name in waiting:
        circle = " -> ".join((*waiting[waiting.index(name) :], name))
        state.report(f"these trainings wait for each other: {circle}", training.span(("init",)), "remove one `init`")
        return None
    rows = tables.get(operator.data)
    nowhere = Rows(0, {}, {}, "A", open=True)
    complaints = list(operator.complain(state.scope(rows or nowhere)))
    state.complain(complaints, training, training.node.lacks)
    if rows is None:
        complain_data(state, training, tables)
        return None
    inputs = [rows.base]
    if operator.init is not None and not complaints:
        if operator.init not in state.recipe.trains:
            complain_training(state, operator.init, training.span(("init",)))
            return None
        start = lower_training(state, operator.init, tables, (*waiting, name))
        if start is None:
            return None
        inputs.append(start)
    entries = entries_of(state, training)
    if complaints or entries is None:
        return None
    index = state.add(
        Node(
            operator,
            "checkpoint",
            tuple(inputs),
            training.label,
            training.label,
            training.node.find((), key=True),
            entries=entries,
            carried={each: Made(None, each, rows.columns[each]) for each in operator.reads(rows.columns)},
            license=license_of(state.recipe, operator, state.nodes[inputs[-1]].license, rows.license),
        )
    )
    state.checkpoints[training.label] = index
    return index


def complain_data(state: Lowering, training: PlacedTraining, tables: Mapping[str, Rows]) -> None:
    """A training on a table that is not there, or not there yet."""
    data, recipe = training.operator.data, state.recipe
    known = [each for each in tables if "." not in each]
    message = f"`{training.label}` is trained on `{data}`, and there is no such table"
    hint = meant(data, known, "there is: " + ", ".join(f"`{each}`" for each in known))
    if data in recipe.tables:
        message, hint = f"`{training.label}` is asked for before its table `{data}` is made", None
    if "tables" not in recipe.node.left:
        state.report(message, training.span(("data",)), hint)


def license_of(recipe: Recipe, operator: Train, start: Licence, data: Licence) -> Licence:
    """The class of what a checkpoint writes: that of its rows, and that of what its base writes."""
    if operator.init is not None:
        return join([start, data])
    base = recipe.models.get(operator.model or "")
    return data if base is None or base.model.terms is None else join([data, base.model.output])


def entries_of(state: Lowering, training: PlacedTraining) -> dict[str, Any] | None:
    """What decides the text and the loss mask of its rows, apart from their cells: prompts, template, the shape of a trace."""
    recipe, operator = state.recipe, training.operator
    cot = recipe.cot.cot if recipe.cot is not None else None
    teacher = cot.generate() if cot is not None else None
    if operator.system == "teacher" and teacher is None:
        message = "`system: teacher` is what the teacher was told, and the recipe has no `cot`"
        state.report(message, training.span(("system",)), "say `none`, the name of a prompt, or `{text: ...}`")
        return None
    asks = Generate(model="", system=operator.system) if operator.system != "teacher" or teacher is None else teacher
    asks = asks.model_copy(update={"ask": None if teacher is None else teacher.ask, "of": operator.prompt})
    entries = state.entries(asks, training)
    if any(name not in entries for _, name in asks.entries()):
        return None
    return {
        "system": asks.text_of(asks.system, entries),
        "ask": asks.text_of(asks.ask, entries),
        "template": training.template,
        "shape": shape_of(cot).plain(),
    }


def lower_asked_trainings(state: Lowering, table: PlacedTable, known: Mapping[str, Rows]) -> None:
    """Lower the trainings whose checkpoints a table asks."""
    for step in table.steps:
        if isinstance(step.operator, Asks) and (model := state.recipe.models.get(step.operator.model)) is not None:
            name = (model.model.from_ or "").removeprefix(TRAIN)
            if name in state.recipe.trains:
                lower_training(state, name, known)
            elif name:
                complain_training(state, name, model.node.find(("from",)))


def complain_training(state: Lowering, name: str, span: Span) -> None:
    """A training that the recipe does not have; one that is declared in a wrong way is reported already."""
    recipe = state.recipe
    if name not in recipe.names("train") and not recipe.spoilt("train"):
        state.report(f"there is no training `{name}`", span, did_you_mean(name, frozenset(recipe.trains)))


def has_model(state: Lowering, name: str) -> bool:
    """Whether a judged model is there; what is wrong with it is reported where it is declared."""
    placed = state.recipe.models.get(name)
    return placed is not None and placed.model.from_ in (None, *state.checkpoints)
