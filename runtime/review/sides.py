"""One of two recipes that are compared: opened, and looked at against the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from compiler.graph.nodes import Graph
from compiler.prove.release import below
from runtime.build.session import Session
from runtime.forecast.predictor import Predictor
from runtime.stages.expected.expected import Expected


@dataclass(frozen=True)
class Side:
    """One recipe and what is expected of it."""

    session: Session
    predictor: Predictor

    @property
    def name(self) -> str:
        return self.session.read.place.shown

    @property
    def graph(self) -> Graph:
        return self.predictor.graph

    def output(self, name: str) -> Expected | None:
        """What is expected of a named output."""
        index = self.graph.outputs.get(name)
        return None if index is None else self.predictor.expect(index)

    def upstream(self, name: str) -> Iterator[int]:
        """The cuts below an output, in order."""
        return (index for index in sorted(below(self.graph, self.graph.outputs[name])) if self.graph.nodes[index].cut)


def open_side(session: Session, other: Side | None = None) -> Side:
    """A recipe against its store; `other` is what it is compared with. Raises RecipeError for one that is wrong."""
    if other is not None:  # a file that both read is hashed once
        session.found.digests.update(other.session.found.digests)
    return Side(session, Predictor(session, None if other is None else other.predictor))
