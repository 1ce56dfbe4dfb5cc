"""The section `train`: typed, with the place of each training and the text of its chat template."""

from __future__ import annotations

from dataclasses import dataclass, replace

from compiler.recipe.said import Placed
from compiler.recipe.typed import typed
from compiler.text.diagnostics import Diagnostic, RecipeError
from compiler.text.document import TextNode
from compiler.text.project import Place
from operators.catalog import OBJECTIVES
from operators.learn.train import Train

TRAIN = "train."
"""What a checkpoint is called by, before its training's name."""


@dataclass(frozen=True)
class TrainSaid(Placed):
    """One training and its place."""

    name: str
    operator: Train
    node: TextNode
    template: str | None = None
    """The text of its chat template, where that stands in a file; filled in when the files are read."""

    @property
    def label(self) -> str:
        return TRAIN + self.name


def read_template(said: TrainSaid, place: Place, found: list[Diagnostic]) -> TrainSaid:
    """The training with the text of its chat template; a file that cannot be read is a mistake of the recipe."""
    if said.operator.template is None:
        return said
    try:
        return replace(said, template=place.read(said.operator.template, said.node.find(("template",))).content)
    except RecipeError as error:
        found += error.diagnostics
        return said


def trains_of(members: list[tuple[str, TextNode]], found: list[Diagnostic]) -> dict[str, TrainSaid]:
    """The trainings of a recipe by name; mistakes go into `found`."""
    trains: dict[str, TrainSaid] = {}
    for name, entry in members:
        objective = entry.get("objective")
        kind: type[Train] | None = OBJECTIVES.get(str(objective.value)) if objective is not None else None
        if kind is None:
            continue  # the schema has said so
        operator = typed(kind, entry, found, ("objective",))
        if operator is not None:
            trains[name] = TrainSaid(name, operator, entry)
    return trains
