"""What every stage is: one cut of a graph, as those see it who plan, explain, foresee or run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar, cast

from compiler.graph.facts import Facts
from compiler.graph.nodes import Graph, Node, stage_name
from operators.base.declare import Operator

Op = TypeVar("Op", bound=Operator, covariant=True)
Most = Mapping[str, float]
"""Group -> the most rows of it; infinite where nobody knows."""


@dataclass(frozen=True)
class Stage(Generic[Op]):
    """One cut: what is stored, and what others depend on."""

    graph: Graph
    index: int

    lacks: ClassVar[str] = "its files"
    """What is missing where it has no key although everything it reads has a digest."""
    leaf: ClassVar[bool] = False
    """Whether it reads no other node."""
    narrow: ClassVar[bool] = False
    """Whether it depends on the ids of its rows and the columns that it reads, and on no other column."""

    @property
    def node(self) -> Node:
        return self.graph.nodes[self.index]

    @property
    def operator(self) -> Op:
        return cast(Op, self.node.operator)

    @property
    def kind(self) -> str:
        """Under which name the table of kinds has it: that of its class, `source` of a SourceStage."""
        return type(self).__name__.removesuffix("Stage").lower()

    @property
    def name(self) -> str:
        """`table/label`, as people see it."""
        return stage_name(self.graph, self.index)

    @property
    def asked_model(self) -> str | None:
        """The model that wrote what it makes."""
        return None

    def verify(self) -> None:
        """What is legal; a graph that breaks this is a mistake of ours."""
        assert all(self.graph.nodes[each].cut for each in self.node.inputs), f"{self.node.label} reads what is no cut"

    def own(self, facts: Facts, node_parts: dict[str, Any]) -> dict[str, Any]:
        """All that decides it but what it reads; `said` is what its node says."""
        return node_parts

    def ready(self, facts: Facts) -> bool:
        """Whether all is here that decides it besides what it reads."""
        return True

    def said(self, models: Mapping[str, Any]) -> Any:
        """What the recipe says of the leaf that it is made of, where that is not here; `models` are its models by name."""
        return None

    def key_inputs(self, inputs: Sequence[str]) -> Sequence[str]:
        """The addresses of what it reads, as its key has them."""
        return inputs

    def most(self, of: str, rows: Callable[[str], float], below: Callable[[int], Most | None]) -> Most | None:
        """The most rows of each group, of sources with so many; None where nothing bounds any."""
        return None
