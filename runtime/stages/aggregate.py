"""Aggregates: answers of judged models are counted for each model, benchmark and trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.graph.stages import AggregateStage
from operators.base.bounds import Between
from runtime.stages.kind import Foresight, Kind, Rows, Work
from runtime.store.record import ScoresRecord

if TYPE_CHECKING:
    from runtime.stages.expected.expected import Expected


class AggregateKind(Kind[AggregateStage, ScoresRecord]):
    """Its rows are no one's children: they are counts of answers."""

    def run(self, work: Work, tell: Rows) -> ScoresRecord:
        from runtime.stages.scores import aggregate_answers

        answers = [work.table(each) for each in self.stage.answers]
        return work.executor.call(aggregate_answers, work.store, self.stage.node, answers)

    def foresee(self, view: Foresight) -> Expected:
        from runtime.stages.expected.counts import SourceLabels, source_counts
        from runtime.stages.expected.expected import Expected
        from runtime.stages.expected.frames import Joined

        node, most = self.stage.node, 64 * len(self.stage.operator.judged)
        counts = source_counts(node.label, SourceLabels(("evaluation",), (node.license,)), Between(0, most))
        frame = Joined([], node.columns)
        return Expected(frame, node.columns, counts, unseen={node.label: most}, further=most, unknown=most)
