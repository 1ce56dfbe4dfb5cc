"""The sections `models` and `cot`: typed, and the table of traces that follows from them."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.recipe.typed import declared
from compiler.text.diagnostics import Diagnostic
from compiler.text.document import TextNode
from operators.base.declare import Measure, Step
from operators.declared.cot import Cot
from operators.declared.model import Model


@dataclass(frozen=True)
class PlacedCot:
    """The type of a trace, and the place that says it."""

    cot: Cot
    node: TextNode


@dataclass(frozen=True)
class PlacedModel:
    """One model and its place."""

    model: Model
    node: TextNode


def models_of(entries: list[tuple[str, TextNode]], problems: list[Diagnostic]) -> dict[str, PlacedModel]:
    """The models of a recipe by name; mistakes go into `problems`."""
    models = ((name, declared(Model, entry, problems), entry) for name, entry in entries)
    return {name: PlacedModel(model, entry) for name, model, entry in models if model is not None}


def cot_of(node: TextNode | None, problems: list[Diagnostic]) -> PlacedCot | None:
    """The type of a trace; None where the recipe has none, or a wrong one."""
    cot = None if node is None else declared(Cot, node, problems)
    if cot is None or node is None:
        return None
    problems += [Diagnostic(each.message, node.find(each.path, each.key), each.hint) for each in cot.complain()]
    return PlacedCot(cot, node)


def translated_name(source: str) -> str:
    """The table of a source's rows in translation; no name that a recipe may give has a dot."""
    return f"{source}.translated"


def in_traces(operator: Step) -> Step:
    """A step of `traces`: a measure that says no column looks at the completion there, not at the prompt."""
    says_column = isinstance(operator, Measure) and ("in_" in operator.model_fields_set or operator.in_ != "prompt")
    return operator.model_copy(update={"in_": "completion"}) if isinstance(operator, Measure) and not says_column else operator
