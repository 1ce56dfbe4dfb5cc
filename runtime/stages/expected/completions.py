"""What a step that asks a model will make: the ids of its rows are known before it runs, their cells are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from compiler.graph.stages import AskStage, AttachStage
from operators.asks.attach import Attach
from operators.base.bounds import MANY, Between
from operators.base.licence import join
from operators.base.scope import Columns
from runtime.completions.origins import join_licences, origins
from runtime.stages.expected.counts import Sources, classes, narrowed, tally, unlabelled_counts
from runtime.stages.expected.expected import Expected
from runtime.stages.expected.frames import Frame, Mask, Places, Reread, Selected, Unknown
from runtime.store.digest import id_bytes
from runtime.store.record import CompletionsRecord
from runtime.store.store import Store
from runtime.tables.ids import child_ids
from runtime.tables.order import sorted_order
from runtime.tables.table import DIGEST
from runtime.tables.write import taken


class Samples(Reread):
    """Completions of rows, `samples` of each: ids and inherited columns are known, what a model writes is not."""

    def __init__(self, parent: Frame, purpose: str | None, samples: int, unknown: Columns) -> None:
        places, copies = np.repeat(np.arange(parent.rows), samples), np.tile(np.arange(samples), parent.rows)
        ids = taken(id_bytes(parent.frame("row_id")), places) if parent.rows else np.zeros((0, 16), np.uint8)
        if purpose is not None and len(ids):
            ids = child_ids(ids, purpose, copies)
        order = sorted_order(ids)
        super().__init__(parent, places[order], ids[order])
        self.unknown = unknown

    def frame(self, name: str) -> pa.Array:
        if name.removesuffix(DIGEST) in self.unknown:
            raise Unknown(name.removesuffix(DIGEST))
        return super().frame(name)

    def spread(self, mask: Mask | None) -> Mask | None:
        """A mask over the parents as one over their completions."""
        return None if mask is None else mask[self.places]


class Licensed(Selected):
    """A frame whose rows' licences are joined with the terms of a model's output."""

    def __init__(self, parent: Frame, attach: Attach) -> None:
        super().__init__(parent)
        self.attach = attach

    def frame(self, name: str) -> pa.Array:
        return self.joined(name, super().frame(name))

    def window(self, name: str, first: int, last: int) -> pa.Array:
        return self.joined(name, self.parent.window(name, first, last))

    def joined(self, name: str, column: pa.Array) -> pa.Array:
        return join_licences(column, self.attach.terms) if name == "license" else column


class Rejoined(Reread):
    """Recorded completions, with the columns of rows that are known: nothing of them is asked again."""

    def __init__(self, completions: Frame, own: Columns, rows: Frame, places: Places) -> None:
        super().__init__(rows, places)
        self.completions, self.own = completions, own

    def frame(self, name: str) -> pa.Array:
        return self.completions.frame(name) if self.owned(name) else super().frame(name)

    def window(self, name: str, first: int, last: int) -> pa.Array:
        return self.completions.window(name, first, last) if self.owned(name) else super().window(name, first, last)

    def owned(self, name: str) -> bool:
        return name in ("row_id", "item_id") or name.removesuffix(DIGEST) in self.own


def completions_of(stage: AskStage, base: Expected) -> Expected:
    """The completions of a table's rows. A request that may fail, or is looked up in a source, may leave no row."""
    node, operator = stage.node, stage.operator
    purpose = operator.purpose + getattr(operator, "salt", "") if operator.born else None
    frame = Samples(base.frame, purpose, operator.samples, operator.made())
    certain = not stage.looked_up and operator.born and not operator.max_failures
    sure = frame.spread(base.sure) if certain else np.zeros(frame.rows, dtype=bool)
    unseen = {source: min(most * operator.samples, MANY) for source, most in base.unseen.items()}
    possible = frame.rows + sum(unseen.values())
    missing, further = (min(number * operator.samples, MANY) for number in (base.missing, base.further))
    if not certain:  # whichever of its rows there is, there may be none
        missing = frame.rows
    least = frame.rows if sure is None else int(sure.sum())
    wanted = base.counts.rows.times(operator.samples)
    counts = unlabelled_counts(Between(max(least, wanted.low) if certain else least, min(possible, wanted.high, MANY)))
    # Nobody knows what a model will write, so all of its rows are unknown.
    return Expected(frame, node.columns, counts, sure, unseen, frame.spread(base.likely), missing, further, possible)


def attachment_of(store: Store, stage: AttachStage, completions: Expected, base: Expected, sources: Sources) -> Expected:
    """Completions with the columns of their rows: these are the same rows."""
    rejoined: Frame = completions.frame
    if isinstance(completions.record, CompletionsRecord):
        places, kept = origins(store, completions.record)
        rejoined = Rejoined(completions.frame, completions.columns, base.frame, places[kept])
    frame = Licensed(rejoined, stage.operator)
    counts = narrowed(tally(frame, completions.sure, completions.unseen, sources), None, {"": completions.counts.rows})
    return replace(completions, frame=frame, columns=stage.node.columns, counts=counts, digest=None, record=None)


def sources_with_terms(sources: Sources, attach: Attach) -> Sources:
    """The sources of what a model writes about rows."""
    return {
        name: labels._replace(licences=classes(*(join([each, attach.terms]) for each in labels.licences)))
        for name, labels in sources.items()
    }
