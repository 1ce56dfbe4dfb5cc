"""The sections `models` and `cot`: typed, and the table of traces that follows from them."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.recipe.typed import declared
from compiler.text.diagnostics import Diagnostic
from compiler.text.document import TextNode
from operators.base.declare import Measure, Step
from operators.declared.cot import Cot, Derived
from operators.declared.model import Model


@dataclass(frozen=True)
class CotSaid:
    """The type of a trace, and the place that says it."""

    cot: Cot
    node: TextNode


@dataclass(frozen=True)
class ModelSaid:
    """One model and its place."""

    model: Model
    node: TextNode


def models_of(entries: list[tuple[str, TextNode]], found: list[Diagnostic]) -> dict[str, ModelSaid]:
    """The models of a recipe by name; mistakes go into `found`."""
    models = {}
    for name, entry in entries:
        model = declared(Model, entry, found)
        if model is not None:
            models[name] = ModelSaid(model, entry)
    return models


def cot_of(node: TextNode | None, found: list[Diagnostic]) -> CotSaid | None:
    """The type of a trace; None where the recipe has none, or a wrong one."""
    cot = None if node is None else declared(Cot, node, found)
    if cot is None or node is None:
        return None
    found += [Diagnostic(each.message, node.find(each.path, each.key), each.hint) for each in cot.complain()]
    return CotSaid(cot, node)


def derived_steps(cot: Cot, anchor: str | None) -> list[Derived]:
    """The steps that follow from the type of a trace that is reasoned in a language."""
    return list(cot.steps(anchor))


def translated_name(source: str) -> str:
    """The table of a source's rows in translation; no name that a recipe may give has a dot."""
    return f"{source}.translated"


def in_traces(operator: Step) -> Step:
    """A step of `traces`: a measure that says no column looks at the completion there, not at the prompt."""
    said = isinstance(operator, Measure) and ("in_" in operator.model_fields_set or operator.in_ != "prompt")
    return operator.model_copy(update={"in_": "completion"}) if isinstance(operator, Measure) and not said else operator
