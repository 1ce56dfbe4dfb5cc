"""What a step that asks a model will make: its rows' ids are known before it runs, its cells are not."""

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
from runtime.stages.expected.counts import Feeds, classes, narrowed, tally, unlabelled_counts
from runtime.stages.expected.expected import Expected
from runtime.stages.expected.frames import Frame, Held, Mask, Places, Unknown
from runtime.store.digest import id_array, id_bytes
from runtime.store.record import CompletionsRecord
from runtime.store.store import Store
from runtime.tables.ids import child_ids, sorted_order
from runtime.tables.table import DIGEST
from runtime.tables.write import taken


class Born(Held):
    """Rows that are born of others, `samples` of each: ids and inherited columns are known, what a model writes is not."""

    def __init__(self, parent: Frame, purpose: str | None, samples: int, unknown: Columns) -> None:
        super().__init__(parent)
        self.unknown = unknown
        places, copies = np.repeat(np.arange(parent.rows), samples), np.tile(np.arange(samples), parent.rows)
        ids = taken(id_bytes(parent.frame("row_id")), places) if parent.rows else np.zeros((0, 16), np.uint8)
        if purpose is not None and len(ids):
            ids = child_ids(ids, purpose, copies)
        order = sorted_order(ids)
        self.places, self.rows = places[order], len(order)
        self.columns["row_id"] = id_array(ids[order])

    def frame(self, name: str) -> pa.Array:
        if name.removesuffix(DIGEST) in self.unknown:
            raise Unknown(name.removesuffix(DIGEST))
        if name not in self.columns:
            self.columns[name] = self.parent.frame(name).take(pa.array(self.places))
        return self.columns[name]

    def spread(self, mask: Mask | None) -> Mask | None:
        """What holds of the parents, of each of their rows."""
        return None if mask is None else mask[self.places]


class Licensed(Held):
    """A frame whose rows' licences are joined with the terms of a model's output."""

    def __init__(self, parent: Frame, attach: Attach) -> None:
        super().__init__(parent)
        self.attach = attach

    def frame(self, name: str) -> pa.Array:
        column = super().frame(name)
        return join_licences(column, self.attach.terms) if name == "license" else column


class Rejoined(Held):
    """Completions that are made, with the columns of rows that are known: nothing of them is asked again."""

    def __init__(self, made: Frame, columns: Columns, rows: Frame, places: Places) -> None:
        super().__init__(rows)
        self.made, self.own, self.places, self.rows = made, columns, places, made.rows

    def frame(self, name: str) -> pa.Array:
        if name in ("row_id", "item_id") or name.removesuffix(DIGEST) in self.own:
            return self.made.frame(name)
        if name not in self.columns:
            self.columns[name] = self.parent.frame(name).take(pa.array(self.places))
        return self.columns[name]


def asked_about(stage: AskStage, base: Expected) -> Expected:
    """The completions of a table's rows. A request that may fail, or is looked up in a source, may leave no row."""
    node, operator = stage.node, stage.operator
    purpose = operator.purpose + getattr(operator, "salt", "") if operator.born else None
    frame = Born(base.frame, purpose, operator.samples, operator.made())
    certain = not stage.looked_up and operator.born and not operator.max_failures
    sure = frame.spread(base.sure) if certain else np.zeros(frame.rows, dtype=bool)
    unseen = {source: min(most * operator.samples, MANY) for source, most in base.unseen.items()}
    strangers = sum(unseen.values())
    missing, further = (min(number * operator.samples, MANY) for number in (base.missing, base.further))
    unknown = frame.rows + strangers  # nobody knows what a model will write
    if not certain:  # whichever of its rows there is, there may be none
        missing = frame.rows
    known = frame.rows if sure is None else int(sure.sum())
    most = base.counts.rows.times(operator.samples)
    least = max(known, most.low) if certain else known
    counts = unlabelled_counts(Between(least, min(frame.rows + strangers, most.high, MANY)))
    return Expected(frame, node.columns, counts, sure, unseen, frame.spread(base.likely), missing, further, unknown)


def attached_to(store: Store, stage: AttachStage, completions: Expected, base: Expected, feeds: Feeds) -> Expected:
    """Completions with the columns of their rows: these are the same rows."""
    joined: Frame = completions.frame
    if isinstance(completions.record, CompletionsRecord):
        places, kept = origins(store, completions.record)
        joined = Rejoined(completions.frame, completions.columns, base.frame, places[kept])
    frame = Licensed(joined, stage.operator)
    counts = narrowed(tally(frame, completions.sure, completions.unseen, feeds), None, {"": completions.counts.rows})
    return replace(completions, frame=frame, columns=stage.node.columns, counts=counts, digest=None, record=None)


def licensed(feeds: Feeds, attach: Attach) -> Feeds:
    """The feeds of what a model writes about rows."""
    return {
        name: feed._replace(licences=classes(*(join([each, attach.terms]) for each in feed.licences)))
        for name, feed in feeds.items()
    }
