"""The table of stage kinds: what each stage of a graph means here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compiler.graph.nodes import Graph
from compiler.graph.stages import stage_at, stages
from runtime.stages.aggregate import AggregateKind
from runtime.stages.ask import AskKind
from runtime.stages.attach import AttachKind
from runtime.stages.combine import CombineKind
from runtime.stages.decide import DecideKind
from runtime.stages.expand import ExpandKind
from runtime.stages.kind import Kind
from runtime.stages.output import OutputKind
from runtime.stages.source import SourceKind
from runtime.stages.train import TrainKind

#: The kind of a stage -> what that means; a `Cut` is a kind of its own, by the name of its operator. Rows that hold a text are
#: listed in this order.
KINDS: dict[str, type[Kind[Any, Any]]] = {
    "source": SourceKind,
    "combine": CombineKind,
    "decide": DecideKind,
    "ask": AskKind,
    "attach": AttachKind,
    "expand": ExpandKind,
    "train": TrainKind,
    "aggregate": AggregateKind,
    "output": OutputKind,
}


def kind_at(graph: Graph, index: int) -> Kind[Any, Any]:
    """What the stage of a cut means."""
    stage = stage_at(graph, index)
    return KINDS[stage.kind](stage)


def kinds(graph: Graph) -> Iterator[Kind[Any, Any]]:
    """Every stage of a graph, in an order in which each follows what it reads."""
    return (KINDS[stage.kind](stage) for stage in stages(graph))
