"""Combinations: all rows of several tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.graph.stages import CombineStage
from runtime.stages.kind import Foresight, Kind, Lives, Rows, Work
from runtime.store.record import Counts, Record

if TYPE_CHECKING:
    from runtime.stages.expected.counts import Sources
    from runtime.stages.expected.expected import Expected
    from runtime.stages.life import Life


class CombineKind(Kind[CombineStage, Record]):
    """The frame of all rows is written; text stays where it is."""

    def run(self, work: Work, tell: Rows) -> Record:
        from runtime.tables.combine import combine_trees

        records = sorted((work.records[each] for each in self.stage.tables), key=lambda each: each.digest)
        trees = [each.table for each in records]
        tree, described = work.executor.call(combine_trees, work.store, trees, self.stage.node.columns)
        counts: Counts = {"in": tree["rows"], "born": 0, "out": tree["rows"], "dropped": []}
        return Record(kind="combine", **described.body(), rows=tree["rows"], table=tree, counts=counts)

    def foresee(self, view: Foresight) -> Expected:
        from runtime.stages.expected.expected import joined

        parts = [view.expect(each) for each in self.stage.tables]
        return joined(parts, self.stage.node.columns, view.sources_at(self.stage.index))

    def sources(self, view: Foresight) -> Sources:
        from runtime.stages.expected.counts import united

        return united([view.sources_at(each) for each in self.stage.tables])

    def live(self, lives: Lives, record: Record, life: Life, place: int | None) -> None:
        if place is not None:
            life.add(self.stage.name, "combined")
