"""The operator graph: frozen nodes in an order in which every node follows what it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from compiler.text.spans import Span
from operators.base.declare import Operator
from operators.base.licence import Licence
from operators.base.scope import Columns, ColumnType

#: What a node makes: a `table` (a cut: stored, addressed by digest), `columns` beside a table (the values of
#: a measure or the text of a map), or a `decision` (a predicate; its result is in the ledger of the next cut).
#: A `checkpoint` is a cut whose result is a folder of weights.
Aspect = Literal["table", "columns", "decision", "checkpoint"]


@dataclass(frozen=True)
class Made:
    """A column as it stands at one point of the graph: who made it, and its name there."""

    node: int | None
    """The columns node that made it, or None where the base table has it."""
    name: str
    """Its name in what made it."""
    kind: ColumnType

    def moved(self, name: str) -> bool:
        """Whether it is anything but the base table's column of this name."""
        return self.node is not None or self.name != name


@dataclass(frozen=True)
class Node:
    """One operator in the graph.

    `inputs` of a table: the rows it reads (a table or the last decision of a run), then the columns nodes
    it carries. Of columns: the base table, then the columns nodes it reads. Of a decision: the rows
    before it, then the columns node of its measure.
    """

    operator: Operator
    aspect: Aspect
    inputs: tuple[int, ...]
    label: str
    table: str
    """The table of the recipe it belongs to."""
    span: Span
    entries: Mapping[str, Any] = field(default_factory=dict)
    """The profile entries it reads, by name."""
    seed: int = 0
    columns: Columns = field(default_factory=dict)
    """The columns of the table it makes, or of the columns beside it."""
    carried: Mapping[str, Made] = field(default_factory=dict)
    """For a table: where each of its columns comes from, seen from its base table. For columns: what is read."""
    license: Licence = "A"
    form: str | None = None
    """For columns that a set decision compares: the form's name."""

    @property
    def rows(self) -> int:
        """The rows that it reads: a table, or the last decision of a run."""
        return self.inputs[0]

    @property
    def measure(self) -> int:
        """Of a decision: the columns node that it decides on."""
        return self.inputs[-1]

    @property
    def cut(self) -> bool:
        """Whether its result is stored and its digest is what others depend on."""
        return self.aspect in ("table", "checkpoint")


@dataclass(frozen=True)
class Graph:
    """Nodes, and the node of each named output."""

    nodes: tuple[Node, ...]
    outputs: Mapping[str, int]

    def __iter__(self) -> Iterator[tuple[int, Node]]:
        return enumerate(self.nodes).__iter__()

    def base(self, index: int) -> int:
        """The table whose rows a node reads, through a run of decisions."""
        while not self.nodes[index].cut:
            index = self.nodes[index].inputs[0]
        return index

    def beside(self, index: int) -> tuple[int, ...]:
        """The columns nodes that a node reads; what else it reads are tables."""
        return tuple(each for each in self.nodes[index].inputs[1:] if self.nodes[each].aspect == "columns")

    def against(self, index: int) -> tuple[int, ...]:
        """The tables that a columns node compares its base table with."""
        return tuple(each for each in self.nodes[index].inputs[1:] if self.nodes[each].aspect == "table")

    def with_below(self, wanted: Iterable[int]) -> list[int]:
        """Columns nodes with the columns nodes they read, in order."""
        found, queue = set(), [*wanted]
        while queue:
            found.add(queue[-1])
            queue += self.beside(queue.pop())
        return sorted(found)

    def run(self, index: int) -> tuple[int, ...]:
        """The decisions between a table and the rows at `index`, in evaluation order."""
        found = []
        while self.nodes[index].aspect == "decision":
            found.append(index)
            index = self.nodes[index].inputs[0]
        return tuple(reversed(found))


def stage_name(graph: Graph, index: int) -> str:
    """`prompts/unique`, or the table's name alone where the two are equal; no two cuts of a graph have one name."""
    node, name = graph.nodes[index], plain_name(graph.nodes[index])
    before = (each for at, each in graph if at < index and each.cut)
    return f"{name}/{node.operator.name}" if any(plain_name(each) == name for each in before) else name


def plain_name(node: Node) -> str:
    """A stage's name, whatever others are called."""
    name = node.table if node.label == node.table else f"{node.table}/{node.label}"
    return f"output {name}" if node.operator.name == "output" else name
