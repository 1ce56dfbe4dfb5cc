"""The table of stage kinds: what each stage of a graph means here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compiler.graph.nodes import Graph
from compiler.graph.stage import Stage
from compiler.graph.stages import (
    AggregateStage,
    AskStage,
    AttachStage,
    CombineStage,
    DecideStage,
    ExpandStage,
    OutputStage,
    SourceStage,
    TrainStage,
    stage_at,
    stages,
)
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

KINDS: dict[type[Stage[Any]], type[Kind[Any]]] = {
    SourceStage: SourceKind,
    CombineStage: CombineKind,
    DecideStage: DecideKind,
    ExpandStage: ExpandKind,
    AskStage: AskKind,
    AttachStage: AttachKind,
    TrainStage: TrainKind,
    AggregateStage: AggregateKind,
    OutputStage: OutputKind,
}


def kind_at(graph: Graph, index: int) -> Kind[Any]:
    """What the stage of a cut means."""
    stage = stage_at(graph, index)
    return KINDS[type(stage)](stage)


def kinds(graph: Graph) -> Iterator[Kind[Any]]:
    """Every stage of a graph, in an order in which each follows what it reads."""
    return (KINDS[type(stage)](stage) for stage in stages(graph))
