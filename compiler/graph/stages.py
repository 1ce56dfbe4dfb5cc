"""The stages of a graph: each cut as a typed value with named inputs, which plan, explain, diff, build and verify read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from compiler.graph.facts import Facts
from compiler.graph.nodes import Graph, Node
from compiler.graph.stage import Most, Op, Stage
from operators.asks.asks import Asks
from operators.asks.attach import Attach
from operators.asks.generate import Generate
from operators.base.cut import Cut
from operators.base.declare import Operator, SetDecision
from operators.declared.aggregate import Aggregate
from operators.declared.by_row import categories_of
from operators.declared.source import Source
from operators.grow.expand import Expand
from operators.learn.train import Train
from operators.sets.combine import Combine
from operators.sets.output import Output
from operators.sets.preview import Preview


class FromRows(Stage[Op]):
    """A stage that is made of the rows of one table, with what it reads besides."""

    @property
    def rows(self) -> int:
        """The table whose rows these are."""
        return self.node.rows


class SourceStage(Stage[Source]):
    """Files, as a table."""

    leaf: ClassVar[bool] = True

    def own(self, facts: Facts, node_parts: dict[str, Any]) -> dict[str, Any]:
        leaf = facts.leaves[self.node.label]
        # The same bytes under a name that ends otherwise are other rows.
        formats = sorted([digest, *self.operator.written(name)] for name, digest, _ in leaf.files)
        operator_parts = {name: node_parts[name] for name in ("operator", "version", "depends")} | {"entries": {}}
        parameters = self.operator.parameters("result")
        own = {**operator_parts, "parameters": parameters, "source": self.node.label, "leaf": leaf.digest, "written": formats}
        return {**own, "forgotten": list(leaf.forgotten)} if leaf.forgotten else own

    def ready(self, facts: Facts) -> bool:
        return facts.leaves[self.node.label].digest is not None

    def said(self, models: Mapping[str, Any]) -> Any:
        return self.operator.pattern

    def most(self, of: str, rows: Callable[[str], float], below: Callable[[int], Most | None]) -> Most | None:
        most = rows(self.node.label)
        if of != "category":
            return {self.node.label: most}
        known = categories_of(self.operator.category)
        return None if known is None else dict.fromkeys(known, most)


class CombineStage(Stage[Combine]):
    """All rows of several tables."""

    @property
    def tables(self) -> tuple[int, ...]:
        return self.node.inputs

    def key_inputs(self, inputs: Sequence[str]) -> Sequence[str]:
        return sorted(inputs)  # a union has no order; every other operator tells its inputs apart

    def most(self, of: str, rows: Callable[[str], float], below: Callable[[int], Most | None]) -> Most | None:
        parts = [known for each in self.tables if (known := below(each)) is not None]
        groups = {group for each in parts for group in each}
        whole = bool(parts) and len(parts) == len(self.tables)
        return {group: sum(each.get(group, 0) for each in parts) for group in groups} if whole else None


class DecideStage(Stage[SetDecision]):
    """A run of decisions and the set decision that ends it."""

    @property
    def base(self) -> int:
        """The table whose rows are decided on."""
        return self.graph.base(self.node.rows)

    @property
    def run(self) -> tuple[Node, ...]:
        """The decisions, in evaluation order."""
        return tuple(self.graph.nodes[at] for at in self.graph.run(self.node.rows))

    @property
    def labels(self) -> list[str]:
        """The names of all that may drop a row, the first one first."""
        return [*(each.label for each in self.run), self.node.label]

    @property
    def beside(self) -> tuple[int, ...]:
        """The columns that it carries, compares or counts by."""
        return self.graph.beside(self.index)

    @property
    def forms(self) -> tuple[tuple[int, str], ...]:
        """(columns node, a column that it makes) of what the set decision compares."""
        nodes = self.graph.nodes
        return tuple((each, name) for each in self.beside if nodes[each].form is not None for name in nodes[each].columns)

    @property
    def ranked(self) -> tuple[int, ...]:
        """The tables whose items a preview ranks."""
        return self.node.inputs if isinstance(self.operator, Preview) else ()

    @property
    def previewed(self) -> tuple[int, ...]:
        """The previews that it reads besides, by which its numbers are scaled."""
        nodes = self.graph.nodes
        return tuple(each for each in self.node.inputs[1:] if isinstance(nodes[each].operator, Preview))

    def verify(self) -> None:
        assert all(each.aspect == "decision" for each in self.run)

    def most(self, of: str, rows: Callable[[str], float], below: Callable[[int], Most | None]) -> Most | None:
        return None if self.operator.tells_copy else below(self.base)


class ExpandStage(FromRows[Expand]):
    """Rows, with children beside them."""

    @property
    def columns(self) -> tuple[int, ...]:
        """The measures that it asks for, beside its rows."""
        return self.node.inputs[1:]

    def verify(self) -> None:
        assert self.graph.nodes[self.rows].cut, f"{self.node.label} reads what is no cut"


class CutStage(FromRows[Cut]):
    """A table that a step makes of the rows before it: a kind of its own, by the name of the operator."""

    @property
    def kind(self) -> str:
        return self.operator.name


class AskStage(FromRows[Asks]):
    """The completions of a model, without the columns of their rows."""

    narrow: ClassVar[bool] = True

    @property
    def asked_model(self) -> str | None:
        return self.operator.model

    @property
    def checkpoint(self) -> int | None:
        """The training whose checkpoint is asked."""
        return next((each for each in self.node.inputs if self.graph.nodes[each].aspect == "checkpoint"), None)

    @property
    def source(self) -> int | None:
        """The table in which recorded completions are looked up."""
        return next((each for each in self.node.inputs[1:] if each != self.checkpoint), None)

    @property
    def looked_up(self) -> bool:
        """Whether nothing is sent: its completions are recorded in a source."""
        return isinstance(self.operator, Generate) and self.operator.recorded is not None


class AttachStage(FromRows[Attach]):
    """Completions with the columns of their rows."""

    @property
    def asked_model(self) -> str | None:
        return self.operator.model

    @property
    def completions(self) -> int:
        return self.node.inputs[1]

    @property
    def asked(self) -> AskStage:
        return AskStage(self.graph, self.completions)

    def most(self, of: str, rows: Callable[[str], float], below: Callable[[int], Most | None]) -> Most | None:
        known, asks = below(self.rows), self.asked.operator
        times = asks.samples if asks.born else 1
        return None if known is None else {group: times * count for group, count in known.items()}


class TrainStage(FromRows[Train]):
    """A checkpoint: a model that was taught the rows of a table."""

    lacks: ClassVar[str] = "the weights of its model"
    narrow: ClassVar[bool] = True

    @property
    def start(self) -> int | None:
        """The training that it goes on from."""
        return next(iter(self.node.inputs[1:]), None)

    def own(self, facts: Facts, node_parts: dict[str, Any]) -> dict[str, Any]:
        model = self.operator.model
        return node_parts if model is None else {**node_parts, "weights": facts.weights.get(model)}

    def ready(self, facts: Facts) -> bool:
        return self.operator.model is None or facts.weights.get(self.operator.model) is not None

    def said(self, models: Mapping[str, Any]) -> Any:
        return models.get(self.operator.model or "")


class AggregateStage(Stage[Aggregate]):
    """What judged answers come to."""

    @property
    def answers(self) -> tuple[int, ...]:
        return self.node.inputs


class OutputStage(Stage[Output]):
    """A named output: a table with its text, where people find it."""

    @property
    def table(self) -> int:
        return self.node.rows


#: A family of operators that lowering puts into a graph as cuts -> what a stage of it is.
KINDS: tuple[tuple[type[Operator], type[Stage[Any]]], ...] = (
    (Source, SourceStage),
    (Combine, CombineStage),
    (SetDecision, DecideStage),
    (Expand, ExpandStage),
    (Cut, CutStage),
    (Asks, AskStage),
    (Attach, AttachStage),
    (Train, TrainStage),
    (Aggregate, AggregateStage),
    (Output, OutputStage),
)
S = TypeVar("S", bound=Stage[Any])


def stage_at(graph: Graph, index: int) -> Stage[Any]:
    """The stage of a cut; that of a step which is left out because it is wrong says nothing."""
    operator = graph.nodes[index].operator
    return next((kind for family, kind in KINDS if isinstance(operator, family)), Stage)(graph, index)


def stages(graph: Graph) -> Iterator[Stage[Any]]:
    """Every stage, in an order in which each follows what it reads."""
    return (stage_at(graph, index) for index, node in graph if node.cut)


def of_kind(kind: type[S], graph: Graph, among: Iterable[int] | None = None) -> Iterator[S]:
    """The stages of one kind, of all nodes or of some."""
    for index in range(len(graph.nodes)) if among is None else among:
        if graph.nodes[index].cut and isinstance(stage := stage_at(graph, index), kind):
            yield stage


def verify(graph: Graph) -> None:
    """What is legal; a graph that breaks this is a mistake of ours."""
    for index, node in graph:
        assert all(source < index for source in node.inputs), f"{node.label} reads a node that comes later"
        if node.cut:
            stage_at(graph, index).verify()
        elif node.aspect == "columns":
            assert graph.nodes[node.rows].aspect == "table", f"{node.label} measures no table"
        else:
            assert graph.nodes[node.measure].aspect == "columns", f"{node.label} decides on no measure"
    assert all(graph.nodes[index].cut for index in graph.outputs.values())
