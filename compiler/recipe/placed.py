"""The parts of a recipe, each beside the place where it is written: a source, a step, a table."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.text.document import TextNode
from compiler.text.spans import Span
from operators.base.changes import render_value
from operators.base.declare import Step
from operators.base.licence import Licence
from operators.declared.source import Source

#: The part of a recipe whose fields are those of the operator that follows from it.
TEACHER = ("cot", "teacher")
SCHEMA = ("cot", "schema")


@dataclass(frozen=True)
class Part:
    """The part of a recipe from which an operator follows: mistakes of the operator are shown there."""

    node: TextNode
    """The whole recipe."""
    path: tuple[str, ...]

    def find(self, path: tuple[str | int, ...] = (), key: bool = False) -> Span:
        """Where a field stands: a field of the teacher in its place, anything else at the part, or the key above it."""
        whole = (*self.path, *path) if self.path == TEACHER else self.path
        if self.path == TEACHER and path and self.node.at(whole) is None:
            whole = SCHEMA  # from which the teacher has what is not said of it
        return self.node.find(whole, key=key or not path or self.node.at(whole) is None)

    def has(self, path: tuple[str | int, ...]) -> bool:
        """Whether a field is written, of the teacher; of anything else, whether the part is."""
        return self.node.has((*self.path, *path))

    @property
    def lacks(self) -> bool:
        """Whether anything in its section was left out."""
        section = self.node.get(self.path[0])
        return section is None or section.lacks


class Placed:
    """A part of a recipe, beside the place where it is written."""

    node: TextNode | Part

    def span(self, path: tuple[str | int, ...] = (), key: bool = False) -> Span:
        """Where a field of it stands."""
        return self.node.find(path, key)

    def has(self, path: tuple[str | int, ...]) -> bool:
        """Whether a field of it is written."""
        return self.node.has(path)


@dataclass(frozen=True)
class PlacedStep(Placed):
    """One operator of a recipe: its label, the operator, and the place of its parameters."""

    label: str
    operator: Step
    node: TextNode | Part
    column: str | None = None
    """The name of the column it makes, for a measure that stands under `measure`."""


@dataclass(frozen=True)
class PlacedSource(Placed):
    """One source of a recipe and its place."""

    operator: Source
    node: TextNode


@dataclass(frozen=True)
class PlacedTable:
    """One table of a recipe: where its rows come from and the steps they go through."""

    name: str
    origins: tuple[tuple[str, Span], ...]
    steps: tuple[PlacedStep, ...]
    span: Span
    license: Licence | None = None
    """The most closed class of its rows, where its steps leave out more closed ones."""


def name_step(step: PlacedStep) -> str:
    return step.label if step.column is None else f"{step.label} {step.column}"


def render_step(step: PlacedStep) -> str:
    """A step as a recipe would write it, without what is at its default."""
    parameters = step.operator.parameters("result", "measured", "column", "decided")
    shown = ", ".join(f"{name}: {render_value(value)}" for name, value in parameters.items())
    named = f"{name_step(step)} ({step.operator.name})" if step.label != step.operator.name else name_step(step)
    return f"{named} {{{shown}}}" if shown else named
