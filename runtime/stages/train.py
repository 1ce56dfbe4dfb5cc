"""Trainings: a model is taught the rows of a table, and what it became is a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from compiler.graph.nodes import stage_name
from compiler.graph.stages import TrainStage
from compiler.recipe.sections import Recipe
from operators.learn.train import Train
from runtime.stages.kind import Foresight, Kind, Lives, Rows, Want, Work
from runtime.store.record import CheckpointRecord
from runtime.store.store import Store, StoreError, taken_as

if TYPE_CHECKING:
    from runtime.stages.expected.expected import Expected
    from runtime.stages.life import Life


class TrainKind(Kind[TrainStage, CheckpointRecord]):
    """A worker trains, which goes on where it was stopped."""

    def run(self, work: Work, tell: Rows) -> CheckpointRecord:
        from runtime.completions.engines.configuration import read_configuration
        from runtime.executors.executor import Resources
        from runtime.training.checkpoints import Teaching, start_at_weights, train_apart, train_checkpoint
        from runtime.training.process import Start

        stage, name, model, executor = self.stage, self.stage.name, self.stage.operator.model or "", work.executor
        start: Start | CheckpointRecord
        if stage.start is not None:
            start = taken_as(work.records[stage.start], CheckpointRecord)
        else:
            start = start_at_weights(work.asking.models.get(model), work.facts.weights.get(model))
        key, data, training = work.key(stage.index), work.records[stage.rows], read_configuration().training
        teaching = Teaching(work.store, stage.node, key, name, start, work.asking.resume, data, training)
        if not executor.apart:
            return train_checkpoint(teaching, lambda text: work.say(name, text))
        # A process for each GPU; none where the cluster has no GPU.
        needs = Resources(executor.cores, training.processes if executor.gpus else 0)
        return executor.start(train_apart, teaching, None, needs, tell).result()

    def absent(self) -> StoreError:
        return StoreError(
            f"the weights of the model `{self.stage.operator.model}` are not here, and no checkpoint of it is in the store",
            "say where they lie under `weights:` in your configuration; docs/models.md shows one",
        )

    def forget(self, store: Store, key: str) -> None:
        from runtime.training.stage import forget

        forget(store, key)

    def explain(self) -> list[str]:
        node, operator = self.stage.node, self.stage.operator
        start = f"checkpoint {operator.init}" if operator.init is not None else f"model {operator.model}"
        return [
            f"{start}, trained on {stage_name(self.stage.graph, self.stage.rows)}: {', '.join(node.carried)}",
            *f"system {node.entries['system'] or '(none)'}".split("\n"),
            *(f"{name} {value}" for name, value in {**operator.settings(), **operator.tuned()}.items()),
        ]

    def wants(self, recipe: Recipe) -> Iterator[Want]:
        yield want_of(recipe, self.stage.node.label, self.stage.operator)

    def foresee(self, view: Foresight) -> Expected:
        return view.expect(self.stage.rows)

    def live(self, lives: Lives, record: CheckpointRecord, life: Life, place: int | None) -> None:
        if place is not None:
            life.add(self.stage.name, f"trained on, checkpoint {record.digest[:12]}")


def want_of(recipe: Recipe, label: str, operator: Train) -> Want:
    """What a training wants of its base."""
    base, own = recipe.base_of(label), operator.template is not None
    return Want(base, label, "max_length", operator.max_length, trains=True, own=own)
