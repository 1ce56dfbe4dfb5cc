"""What a set decision leaves: the rows themselves, or those that it may leave and how many at least and at most."""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.graph.nodes import Node
from operators.base.bounds import MANY
from runtime.stages.expected.counts import Sources, around, narrowed, narrowed_by, settled, tally
from runtime.stages.expected.decisions import Bounded, Decided, DecisionInputs
from runtime.stages.expected.expected import Expected
from runtime.stages.expected.frames import Frame, Joined, Mask, Places, Selected
from runtime.store.digest import id_bytes
from runtime.tables.ids import child_ids
from runtime.tables.order import sorted_order
from runtime.tables.write import taken


def kept(given: DecisionInputs, fates: Decided, columns: Frame, sources: Sources) -> Expected:
    """The very rows that stay."""
    places = np.flatnonzero(fates.dropped == 0)
    frame: Frame = Selected(columns, places)
    if len(fates.parents):
        copies = np.concatenate([np.zeros(len(places), np.int64), fates.copies])
        frame, _ = lay_out(columns, given.stage.node, np.concatenate([places, fates.parents]), copies)
    counts = tally(frame, None, {}, sources)
    told: dict[str, Any] = {"decided": fates, "short": fates.short, "wiped": fates.wiped}
    return Expected(frame, given.stage.node.columns, counts, inputs=given, **told)


def kept_between(given: DecisionInputs, base: Expected, fates: Bounded, columns: Frame, sources: Sources) -> Expected:
    """The rows that may stay, how many of each group at least and at most, and how far that may be from the likely way."""
    operator, kind = given.stage.operator, given.stage.operator.grouped_by()
    further = min(base.further + fates.lacking, MANY)
    arriving = around(tally(Selected(base.frame, fates.arriving), None, {}, sources), base.counts, base.missing, further)
    copies = 1 + int(fates.copies.max(initial=0))
    unseen = {source: min(most * copies, MANY) for source, most in base.unseen.items()}
    frame, order = lay_out(columns, given.stage.node, fates.kept, fates.copies)
    sure, likely = fates.sure[order], fates.likely[order]
    counts = narrowed(tally(frame, sure, unseen, sources), None, {"": fates.between})
    missing, further = spread(fates.places, base.missing, further, likely, sum(unseen.values()))
    likely_counts = around(tally(Selected(frame, np.flatnonzero(likely)), None, {}, sources), counts, missing, further)
    counts = narrowed_by(counts, likely_counts)
    counts = narrowed(counts, kind, {name: operator.limits(name, rows) for name, rows in arriving.of(kind).items()})
    counts = settled(counts, sources)
    return Expected(
        frame,
        given.stage.node.columns,
        counts,
        None if sure.all() else sure,
        {source: most for source in unseen if (most := min(unseen[source], counts.group("source", source).high))},
        likely,
        missing,
        further,
        min(base.unknown + fates.lacking, MANY),
        inputs=given,
        short=operator.short_of(arriving.of(kind)) if operator.weighed_by() is None and kind is not None else {},
    )


def spread(places: int | None, missing: int, further: int, likely: Mask, unseen: int) -> tuple[int, int]:
    """How far the result of a set decision may be from the likely one: (of its rows missing, further rows)."""
    rows, others = int(likely.sum()), int((~likely).sum()) + unseen
    if places is None:
        return rows, others
    if places == 0:
        return min(missing, rows), min(further, others)
    moved = (missing + further) * places
    # Where a whole item moves, rows of it that nobody has seen move besides.
    return min(moved, rows), min(moved + (further if places > 1 else 0), others)


def lay_out(columns: Frame, node: Node, places: Places, copies: Places) -> tuple[Frame, Places]:
    """(rows of a frame, some of them again as children with ids of their own, the place of each among those given)."""
    if not copies.any():
        return Selected(columns, places), np.arange(len(places))
    first, again = np.flatnonzero(copies == 0), np.flatnonzero(copies)
    parents = id_bytes(columns.frame("row_id"))[places[again]]
    ids = child_ids(parents, node.operator.name, copies[again])
    order = sorted_order(ids)
    again = again[order]
    repeated = Selected(columns, places[again], taken(ids, order))
    joined = Joined([(Selected(columns, places[first]), node.columns), (repeated, node.columns)], node.columns)
    return joined, np.concatenate([first, again])[joined.order]
