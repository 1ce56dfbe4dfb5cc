"""Scores of two variants on the same items: their difference, and how far it is from chance, by a paired bootstrap."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from blake3 import blake3

from operators.measures.finished import ended
from runtime.tables.table import Table

RESAMPLES = 10_000
CELLS = 1 << 22
"""Draws that are held at once."""


Answered = Mapping[tuple[bytes, int], tuple[int, int, int]]
"""(item, trial) -> (right answers, answers, answers that were cut off); an item without a gold answer is judged by nobody."""


def answered(table: Table) -> Answered:
    """The answers of one model to one benchmark."""
    names = ("trial", "correct")
    trials, correct = (table.frame(name).to_numpy(zero_copy_only=False) for name in names)
    items, finish = table.frame("item_id").to_pylist(), table.frame("finish_reason").cast(pa.string()).to_pylist()
    found: dict[tuple[bytes, int], tuple[int, int, int]] = {}
    for item, trial, right, end in zip(items, trials.tolist(), correct.tolist(), finish, strict=True):
        if right is not None and right == right:
            before = found.get((item, trial), (0, 0, 0))
            found[item, trial] = (before[0] + int(right), before[1] + 1, before[2] + (ended(end) is False))
    return found


def items_of(given: Answered) -> set[bytes]:
    return {item for item, _ in given}


def counts_of(given: Answered, items: set[bytes]) -> list[dict[str, int]]:
    """Of each trial: answers to some items, those that are right, and those that were cut off."""
    rows: dict[int, dict[str, int]] = {}
    for (item, trial), (right, asked, cut_off) in sorted(given.items()):
        if item in items:
            row = rows.setdefault(trial, {"trial": trial, "items": 0, "correct": 0, "cut_off": 0})
            for name, count in (("items", asked), ("correct", right), ("cut_off", cut_off)):
                row[name] += count
    return [rows[trial] for trial in sorted(rows)]


@dataclass(frozen=True)
class Paired:
    """One variant less another, in percent of right answers."""

    difference: float
    low: float
    high: float
    """95 % of the resamples lie between."""
    chance: float
    """Twice the share of resamples on the other side of nothing: the p value."""

    def text(self) -> str:
        """`-2.1 [-4.0, -0.3] p 0.024`."""
        return f"{self.difference:+.1f} [{self.low:+.1f}, {self.high:+.1f}] p {self.chance:.3f}"


def compare_pairs(one: Answered, other: Answered, items: set[bytes], *seed: Any) -> Paired:
    """The first less the second on these items, which both answered; equal seeds draw equal resamples on any machine."""
    order = sorted(items)
    right, asked = np.zeros((2, len(order)), np.int64), [0, 0]
    places = {item: place for place, item in enumerate(order)}
    for side, given in enumerate((one, other)):
        for (item, _), (correct, answers, _) in given.items():
            if item in places:
                right[side, places[item]] += correct
                asked[side] += answers
    # Whole numbers, so that no order of adding decides: each item's right answers, weighed by what the other was asked.
    deltas = right[0] * asked[1] - right[1] * asked[0]
    sums = np.sort(np.concatenate([deltas[drawn].sum(axis=1) for drawn in draws(len(order), *seed)]))
    scale, edge = 100 / (asked[0] * asked[1]), RESAMPLES // 40
    beyond = min(int((sums <= 0).sum()), int((sums >= 0).sum()))
    chance = min(1.0, 2 * (beyond + 1) / (RESAMPLES + 1))
    return Paired(int(deltas.sum()) * scale, int(sums[edge]) * scale, int(sums[-1 - edge]) * scale, chance)


def draws(count: int, *seed: Any) -> Iterator[np.ndarray[Any, Any]]:
    """RESAMPLES times as many items as there are, drawn with replacement, in blocks: they follow from a hash alone."""
    stream, block = blake3(json.dumps(["bootstrap", *seed]).encode()), max(1, CELLS // count)
    for first in range(0, RESAMPLES, block):
        rows = min(block, RESAMPLES - first)
        data = stream.digest(8 * rows * count, seek=8 * first * count)
        yield (np.frombuffer(data, "<u8") % np.uint64(count)).astype(np.int64).reshape(rows, count)
