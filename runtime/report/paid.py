"""What a recipe cost as it was recorded, and what came of it: completions by step, trainings, scores."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow.compute as pc

from compiler.graph.nodes import Graph
from compiler.graph.stages import AskStage, TrainStage, of_kind
from runtime.build.built import Built
from runtime.report.report import Asked, Learnt
from runtime.stages.scores import Score, scores_at, scores_of
from runtime.store.record import CheckpointRecord, CompletionsRecord
from runtime.store.store import Store, taken_as
from runtime.tables.objects import object_name, read_table, whole
from runtime.tables.table import open_table
from runtime.training.metrics import lines

POINTS = 200
"""Points of a curve, at most."""


def asked_in(store: Store, graph: Graph, built: Built) -> Iterator[Asked]:
    """Every step that asked a model, or took completions that are recorded in a source."""
    for stage in of_kind(AskStage, graph):
        record = taken_as(built.records[stage.index], CompletionsRecord)
        asked = read_table(store, record.asked)
        failed = Counter(reason for reason in whole(asked.column("reason")).to_pylist() if reason is not None)
        table, tokens = open_table(store, record.table), dict[str, int | None]()
        for name in ("prompt_tokens", "completion_tokens"):
            there = name in table.columns and table.rows > 0
            tokens[name] = pc.sum(table.frame(name)).as_py() if there else None
        amounts = record.asked_for or {}
        needed = amounts.get("needed", asked.num_rows)
        yield Asked(
            stage.name,
            stage.operator.model,
            needed,
            amounts.get("memoised", needed - sum(failed.values())),
            amounts.get("new", 0),
            amounts.get("refused", 0),
            tuple(sorted(failed.items(), key=lambda each: (-each[1], each[0]))),
            tokens["prompt_tokens"],
            tokens["completion_tokens"],
            float(record.made["seconds"]),
        )


def learnt_in(store: Store, graph: Graph, built: Built) -> Iterator[Learnt]:
    """Every training, with its loss in as many points as can be drawn."""
    for stage in of_kind(TrainStage, graph):
        record = taken_as(built.records[stage.index], CheckpointRecord)
        steps = lines(store.read_path(object_name(record.metrics)))
        each = max(1, -(-len(steps) // POINTS))
        groups = [steps[at : at + each] for at in range(0, len(steps), each)]
        yield Learnt(
            stage.name,
            record.digest,
            record.rows,
            len(steps),
            sum(step["tokens"] for step in steps),
            round(sum(step["seconds"] for step in steps), 3),
            each,
            tuple((group[-1]["step"], round(sum(step["loss"] for step in group) / len(group), 6)) for group in groups),
        )


def scored_at(store: Store, graph: Graph, built: Built, name: str) -> tuple[Score, ...]:
    """The means of a table of scores."""
    return tuple(scores_of(scores_at(store, built.records[graph.outputs[name]].table)))


def mean_of(scores: Sequence[Score], model: str) -> float | None:
    """The mean over benchmarks of what a model comes to."""
    own = [score.mean for score in scores if score.model == model and math.isfinite(score.mean)]
    return sum(own) / len(own) if own else None
