"""Attachments: completions get the columns of the rows that they came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from compiler.graph.stages import AttachStage
from runtime.stages.kind import Foresight, Kind, Lives, Rows, Work
from runtime.store.record import AttachedRecord, CompletionsRecord
from runtime.store.store import taken_as

if TYPE_CHECKING:
    from runtime.stages.expected.counts import Sources
    from runtime.stages.expected.expected import Expected
    from runtime.stages.life import Life


class AttachKind(Kind[AttachStage, AttachedRecord]):
    """A completion has the licence of its row, joined with that of what its model may be used for."""

    bears: ClassVar[bool] = True

    def run(self, work: Work, tell: Rows) -> AttachedRecord:
        from runtime.completions.answers import attach_rows

        completions = taken_as(work.records[self.stage.completions], CompletionsRecord)
        return work.executor.call(attach_rows, work.store, self.stage.node, work.table(self.stage.rows), completions)

    def dropping(self) -> Sequence[str]:
        return [self.stage.node.label]

    def foresee(self, view: Foresight) -> Expected:
        from runtime.stages.expected.completions import attachment_of, completions_of

        completions, base = view.expect(self.stage.completions), view.expect(self.stage.rows)
        if completions.record is not None and base.digest is None:
            # They name rows by their places in a table that is not here: as good as not asked for yet.
            completions = completions_of(self.stage.asked, base)
        return attachment_of(view.store, self.stage, completions, base, view.sources_at(self.stage.index))

    def sources(self, view: Foresight) -> Sources:
        from runtime.stages.expected.completions import sources_with_terms

        return sources_with_terms(view.sources_at(self.stage.rows), self.stage.operator)

    def live(self, lives: Lives, record: AttachedRecord, life: Life, place: int | None) -> None:
        """What a model was asked about a row, or the row that a completion is of, with the life of that row before it."""
        import numpy as np

        from runtime.store.digest import id_bytes
        from runtime.tables.objects import read_table, whole
        from runtime.tables.order import position

        node = self.stage.node
        name = f"{node.table}/{node.label}"
        requests = read_table(lives.store, record.asked)
        ids, parents = (id_bytes(whole(requests.column(column))) for column in ("row_id", "parent"))
        reasons = whole(requests.column("reason"))
        own = position(ids, life.id)
        if own is None:
            for at in np.flatnonzero((parents == life.id).all(axis=1)).tolist():
                life.add(name, "asked", completion=ids[at].tobytes().hex(), reason=reasons[at].as_py())
            return
        parent, reason = parents[own].tobytes().hex(), reasons[own].as_py()
        if parent != life.row_id:
            before = lives.life(parent, until=self.stage.index)
            life.events, life.cells, life.license = before.events, before.cells, before.license
        if place is not None:
            life.cells = lives.cells(record, place)
            life.license = str(life.cells["license"])
        fate = "dropped" if reason is not None else "answered" if parent == life.row_id else "born"
        copy_of = parent if fate == "born" else None
        life.add(name, fate, steps=[], copy_of=copy_of, reason=reason, dropped_by=node.label)
