"""Outputs: a table with its text, as files that people find."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from compiler.graph.stages import OutputStage
from runtime.stages.kind import Foresight, Kind, Lives, Rows, Work
from runtime.store.record import OutputRecord
from runtime.store.store import Damaged, Store

if TYPE_CHECKING:
    from runtime.stages.expected.expected import Expected
    from runtime.stages.extents import Extent, Needs
    from runtime.stages.life import Life


class OutputKind(Kind[OutputStage, OutputRecord]):
    """Text is read back through the tree of its table, and written as Parquet shards."""

    def run(self, work: Work, tell: Rows) -> OutputRecord:
        from runtime.stages.shards import write_output

        below = work.records[self.stage.table]
        described = {"digest": below.digest, "ids": below.ids, "columns": below.columns}
        return write_output(work.store, self.stage.node, work.table(self.stage.table), described, work.executor, tell)

    def whole(self, store: Store, record: OutputRecord) -> bool:
        with suppress(Damaged):
            # Nothing of ours reads the shards again before a person does, so they are checked here.
            for shard in record.shards:
                store.read_path(shard.removeprefix("object:"))
            return all(store.has(each) for each in record.objects())
        return False

    def needs(self, below: Mapping[int, Extent], source: Callable[[str], Extent]) -> Needs:
        from runtime.stages.extents import Needs, frame_bytes

        extent = below[self.stage.table]
        return Needs(extent, extent.text + frame_bytes(extent.rows, self.stage.node.columns))  # packed it is less

    def foresee(self, view: Foresight) -> Expected:
        return view.expect(self.stage.table)

    def live(self, lives: Lives, record: OutputRecord, life: Life, place: int | None) -> None:
        if place is not None:
            life.add(self.stage.name, "in the output", digest=record.digest)
