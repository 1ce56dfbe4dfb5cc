"""Questions: a model is asked about each row of a table, and its completions are a table of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from compiler.graph.nodes import stage_name
from compiler.graph.plan import known_checkpoint
from compiler.graph.stages import AskStage
from compiler.recipe.sections import Recipe
from operators.base.bounds import exactly
from runtime.stages.kind import Foresight, Kind, Rows, Want, Work
from runtime.store.record import CheckpointRecord, CompletionsRecord, Record
from runtime.store.store import Store, taken_as

if TYPE_CHECKING:
    from runtime.stages.expected.counts import Counts
    from runtime.stages.expected.expected import Expected
    from runtime.stages.expected.frames import Frame


class AskKind(Kind[AskStage, CompletionsRecord]):
    """Completions come from the memo, from an engine, or from a source in which they are recorded."""

    writes: ClassVar[bool] = True

    def run(self, work: Work, tell: Rows) -> CompletionsRecord:
        from runtime.training.checkpoints import open_trained

        stage, name = self.stage, self.stage.name
        node = known_checkpoint(stage.graph, stage.index, work.addresses)
        if stage.checkpoint is not None:
            checkpoint = taken_as(work.records[stage.checkpoint], CheckpointRecord)
            work.asking.checkpoints[checkpoint.digest] = open_trained, (work.store, checkpoint)
        source = None if stage.source is None else work.table(stage.source)
        key, rows = work.key(stage.index), work.table(stage.rows)
        record, filled = work.asking.ask(work.store, node, name, key, rows, source, lambda text: work.say(name, text))
        if filled is not None:
            work.filled[name] = filled
        if (recorded := record.recorded) is not None:
            misses = (
                f"{recorded['missing']:,} of {record.counts['in'] + record.counts['born']:,} rows have no recorded completion"
            )
            work.notes.append(f"{name}: {misses}, {recorded['unasked']:,} recorded completions were not asked for")
        return record

    def explain(self) -> list[str]:
        graph, node, operator = self.stage.graph, self.stage.node, self.stage.operator
        model = node.entries["model"] or {"checkpoint": operator.model}
        lines = ["model " + ", ".join(f"{name} {value}" for name, value in model.items())]
        lines.append("sampling " + ", ".join(f"{name} {value}" for name, value in operator.sampling().items()))
        lines.append(f"{operator.samples} of each row of {stage_name(graph, self.stage.rows)}, made of {', '.join(node.carried)}")
        entries = {name: value for name, value in node.entries.items() if name != "model" and isinstance(value, str)}
        lines += [line for name, value in entries.items() for line in f"profile {name}: {value}".split("\n")]
        if self.stage.looked_up and self.stage.source is not None:
            lines.append(f"looked up in {stage_name(graph, self.stage.source)} by prompt; nothing is sent")
        return [*lines, "completions: " + ", ".join(node.columns)]

    def remarks(self, store: Store, records: Mapping[int, Record]) -> Iterator[str]:
        record = taken_as(records[self.stage.index], CompletionsRecord)
        for remark, count in record.remarks.items():
            yield f"{self.stage.name}: {count:,} completion{'s' * (count != 1)} {remark}"

    def wants(self, recipe: Recipe) -> Iterator[Want]:
        if not self.stage.looked_up:
            operator, base = self.stage.operator, recipe.base_of(self.stage.operator.model)
            yield Want(base, self.stage.name, "max_tokens", operator.max_tokens, made=operator.model != base)

    def foresee(self, view: Foresight) -> Expected:
        from runtime.stages.expected.completions import completions_of

        return completions_of(self.stage, view.expect(self.stage.rows))

    def counts(self, view: Foresight, frame: Frame) -> Counts:
        from runtime.stages.expected.counts import unlabelled_counts

        return unlabelled_counts(exactly(frame.rows))  # completions alone have no labels yet
