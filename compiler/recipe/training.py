"""The section `train`: typed, with the place of each training and the text of its chat template."""

from __future__ import annotations

from dataclasses import dataclass, replace

from compiler.recipe.placed import Placed
from compiler.recipe.typed import typed
from compiler.text.diagnostics import Diagnostic, RecipeError
from compiler.text.document import TextNode
from compiler.text.project import Place
from operators.catalog import OBJECTIVES
from operators.learn.train import Train

TRAIN = "train."
"""What a checkpoint is called by, before its training's name."""


@dataclass(frozen=True)
class PlacedTraining(Placed):
    """One training and its place."""

    name: str
    operator: Train
    node: TextNode
    template: str | None = None
    """The text of its chat template, where that stands in a file; filled in when the files are read."""

    @property
    def label(self) -> str:
        return TRAIN + self.name


def read_template(training: PlacedTraining, place: Place, problems: list[Diagnostic]) -> PlacedTraining:
    """The training with the text of its chat template; a file that cannot be read is a mistake of the recipe."""
    if training.operator.template is None:
        return training
    try:
        return replace(training, template=place.read(training.operator.template, training.node.find(("template",))).content)
    except RecipeError as error:
        problems += error.diagnostics
        return training


def trains_of(members: list[tuple[str, TextNode]], problems: list[Diagnostic]) -> dict[str, PlacedTraining]:
    """The trainings of a recipe by name; mistakes go into `problems`."""
    trains: dict[str, PlacedTraining] = {}
    for name, entry in members:
        objective = entry.get("objective")
        kind: type[Train] | None = OBJECTIVES.get(str(objective.value)) if objective is not None else None
        if kind is None:
            continue  # the schema has said so
        operator = typed(kind, entry, problems, ("objective",))
        if operator is not None:
            trains[name] = PlacedTraining(name, operator, entry)
    return trains
