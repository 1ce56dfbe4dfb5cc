"""The decisions of a graph as a report tells them: how values are distributed, what lies near a bound, what another would do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from compiler.graph.nodes import Graph
from compiler.graph.plan import Addresses
from compiler.graph.stages import DecideStage, of_kind
from operators.base.licence import RESTRICTED
from operators.kernels.text import Texts
from runtime.life.near import Levels, read_levels, rows_near
from runtime.report.report import Measured, Moved, NearRow
from runtime.store.store import Store

Ranges = tuple[tuple[int, int], ...]

BINS = 32
SAMPLES = 3
"""Rows on each side of a decision."""
TEXT = 300
"""Characters of a sample; what comes behind is not told."""
TAIL = 99
"""The percentile at which the bins end: what is above stands in the last."""


def measured_in(
    store: Store, graph: Graph, addresses: Addresses, scripts: Mapping[str, Ranges], open_text: bool
) -> Iterator[Measured]:
    """Every decision on one row that the graph has, in order; `scripts` has those of each language, the target first."""
    for stage in of_kind(DecideStage, graph):
        for index in graph.run(stage.node.rows):
            levels = read_levels(store, graph, addresses, index)
            near = tuple(near_row(row, scripts, open_text) for row in rows_near(graph, index, levels, SAMPLES))
            wanted = levels.operator.wanted()
            yield measured(stage.name, graph.nodes[index].label, wanted, levels, near)


def measured(stage: str, step: str, wanted: str, levels: Levels, near: tuple[NearRow, ...]) -> Measured:
    """A decision with its histogram."""
    values, dropped = levels.level[levels.reached], levels.dropped[levels.reached]
    edges = edges_of(values, [bound for _, bound in levels.bounds])
    shown = np.clip(values, edges[0], edges[-1])
    kept_in, dropped_in = (np.histogram(shown[dropped == side], edges)[0] for side in (False, True))
    return Measured(
        stage,
        step,
        wanted,
        len(values),
        int(levels.dropped.sum()),
        tuple(round(float(edge), 6) for edge in edges),
        tuple(kept_in.tolist()),
        tuple(dropped_in.tolist()),
        int((values > edges[-1]).sum()),
        tuple(moved(levels, name, bound) for name, bound in levels.bounds),
        near,
    )


def edges_of(values: np.ndarray[Any, Any], bounds: list[float]) -> np.ndarray[Any, Any]:
    """The edges of bins of the values, and of the bounds that are not far from them; whole numbers that are few have one each."""
    if not len(values):
        return np.array([0.0, 1.0])
    low, high = float(values.min()), float(np.percentile(values, TAIL, method="lower"))
    span = high - low or abs(high) or 1.0
    close = [bound for bound in bounds if low - span <= bound <= high + span]
    low, high = min(low, *close, high), max(high, *close, low)
    if np.array_equal(values, np.round(values)) and all(bound == round(bound) for bound in close):
        width = max(1, -(-int(high - low + 1) // BINS))
        edges: np.ndarray[Any, Any] = low - 0.5 + width * np.arange(int(high - low) // width + 2, dtype=np.float64)
        return edges
    return np.linspace(low, high if high > low else low + 1.0, BINS + 1)


def moved(levels: Levels, name: str, bound: float) -> Moved:
    """What comes in and goes out where a bound is moved by a tenth, all else as it is."""
    values, dropped = levels.level[levels.reached], levels.dropped[levels.reached]
    down, up = bound - abs(bound) / 10, bound + abs(bound) / 10
    looser, tighter = (down, up) if name == "min" else (up, down)
    low, high = sorted((looser, bound))
    enter = dropped & (values >= low) & (values <= high)
    leave = ~dropped & ((values < tighter) if name == "min" else (values > tighter))
    everywhere = levels.operator.only is None
    near = int((np.abs(values - bound) <= abs(bound) / 10).sum())
    return Moved(
        name, bound, near, round(looser, 6), int(enter.sum()), round(tighter, 6), int(leave.sum()) if everywhere else None
    )


def near_row(row: Mapping[str, Any], scripts: Mapping[str, Ranges], open_text: bool) -> NearRow:
    """A row as it may be shown."""
    hidden = row["text"] is None or (row["license"] in RESTRICTED and not open_text)
    text = None if hidden else " ".join(str(row["text"]).split())
    shown = text if text is None or len(text) <= TEXT else text[:TEXT] + "…"
    return NearRow(
        row["row_id"], row["kept"], str(row["license"]), row["measured"], shown, None if shown is None else spoken(shown, scripts)
    )


def spoken(text: str, scripts: Mapping[str, Ranges]) -> str | None:
    """The language in whose scripts most letters of a text are; None where that is none of them."""
    texts = Texts(pa.array([text], pa.large_string()))
    for code, ranges in scripts.items():
        part, whole = texts.share(ranges, "letters")
        if part[0] * 2 > whole[0] > 0:
            return code
    return None
