"""Strings that are looked for in streams of code points: all of many at once, by hashes of windows at every few places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from operators.kernels.fold import SLOW, Points, Stream, fold_table
from operators.kernels.ngrams import Grams
from operators.kernels.rolling import Hashes, hashes_at, windows
from operators.kernels.text import Ints

#: (fewest code points of a string, places between the windows of a text): a string of so many holds a whole window wherever it
#: stands, if the window is shorter than it by one place less than there are between two.
TIERS = ((24, 4), (13, 4), (7, 2))
SHORTEST = TIERS[-1][0]


@dataclass(frozen=True)
class Filter:
    """A table of some bits of the known hashes: all of those pass it, and few others."""

    above: np.uint64
    """How many bits stand above those that are looked at."""
    below: np.uint64
    table: np.ndarray[Any, Any]

    def passes(self, hashes: Hashes) -> np.ndarray[Any, Any]:
        """Whether each hash may be known."""
        # Seen as signed, so that numpy need not convert what it looks up.
        found: np.ndarray[Any, Any] = self.table.take(self.bits(hashes).view(np.int64))
        return found

    def bits(self, hashes: Hashes) -> Hashes:
        """The bits that are looked at, as a number."""
        return ((hashes << self.above) if self.above else hashes) >> self.below


def filter_of(hashes: Hashes, above: int, bits: int) -> Filter:
    """The table of some bits of these hashes."""
    made = Filter(np.uint64(above), np.uint64(64 - bits), np.zeros(1 << bits, dtype=bool))
    made.table[made.bits(hashes)] = True
    return made


@dataclass(frozen=True)
class Window:
    """The strings that are looked for by windows of one width."""

    width: int
    step: int
    """Places of a text from one window to the next."""
    hashes: Hashes
    """Of the windows, sorted, each once."""
    first: Ints
    """For each of them, where its strings stand in `strings`, and after the last one their number."""
    strings: np.ndarray[Any, np.dtype[np.int32]]
    before: np.ndarray[Any, np.dtype[np.uint8]]
    """For each of `strings`, how many of its code points stand before the window."""
    rough: Filter
    fine: Filter

    def among(self, hashes: Hashes) -> tuple[Ints, Ints]:
        """(places of the hashes that are known, which each is)."""
        at = np.flatnonzero(self.rough.passes(hashes))
        at = at[self.fine.passes(hashes[at])]
        near = hashes[at]
        place = np.searchsorted(self.hashes, near)
        place[place == len(self.hashes)] = 0
        known = self.hashes[place] == near
        return at[known], place[known]


@dataclass(frozen=True)
class Sought:
    """Strings that are looked for in one stream: from `start` to before `end` of `points`, each for an n-gram of a pass."""

    points: Points
    start: Ints
    end: Ints
    unit: Ints
    """The pass."""
    gram: Ints
    """The n-gram, as the grams of its pass count them."""

    @cached_property
    def windows(self) -> list[Window]:
        """The windows by which the strings are found."""
        sizes, longer = self.end - self.start, np.iinfo(np.int64).max
        made = []
        for fewest, step in TIERS:
            chosen = np.flatnonzero((sizes >= fewest) & (sizes < longer))
            longer = fewest
            if chosen.size:
                made.append(self.window(fewest - step + 1, step, chosen))
        return made

    def window(self, width: int, step: int, chosen: Ints) -> Window:
        """The windows of one width, of the strings at some places."""
        before, strings = np.repeat(np.arange(step, dtype=np.uint8), len(chosen)), np.tile(chosen.astype(np.int32), step)
        told = hashes_at(self.points, self.start[strings] + before, width)
        order = np.argsort(told, kind="stable")
        hashes, first = np.unique(told[order], return_index=True)
        # Of ten hashes that are not among these about one passes the rough table, which stays in the cache, and one of forty of
        # those passes the fine one.
        size = max(10, len(hashes).bit_length() + 3)
        rough, fine = filter_of(hashes, 0, min(22, size)), filter_of(hashes, min(22, size), min(24, size + 2))
        return Window(width, step, hashes, np.append(first, len(strings)), strings[order], before[order], rough, fine)

    def found(self, stream: Stream) -> Iterator[tuple[int, int, int]]:
        """(string, row, place in its stream) wherever a string stands in a row."""
        for base, hashes in windows(stream.points, [(window.width, window.step) for window in self.windows]):
            for window, told in zip(self.windows, hashes, strict=True):
                at, which = window.among(told)
                if at.size:
                    yield from self.standing(stream, window, base + at * window.step, which)

    def standing(self, stream: Stream, window: Window, places: Ints, which: Ints) -> Iterator[tuple[int, int, int]]:
        """The strings that stand whole where windows of theirs do."""
        rows = np.searchsorted(stream.first, places, side="right") - 1
        ends = stream.first[rows] + stream.counts[rows]
        for place, row, end, group in zip(places.tolist(), rows.tolist(), ends.tolist(), which.tolist(), strict=True):
            for at in range(window.first[group], window.first[group + 1]):
                string = int(window.strings[at])
                begin, size = place - int(window.before[at]), int(self.end[string] - self.start[string])
                if stream.first[row] <= begin and begin + size <= end and self.stands(string, stream.points, begin, size):
                    yield string, row, begin - int(stream.first[row])

    def stands(self, string: int, points: Points, begin: int, size: int) -> bool:
        """Whether a text has a string's code points at a place."""
        start = self.start[string]
        return points[begin : begin + size].tobytes() == self.points[start : start + size].tobytes()


def sought_of(number: int, grams: Grams) -> Sought:
    """The whole text of each n-gram of a pass."""
    return Sought(grams.points, grams.start, grams.end, np.full(len(grams), number), np.arange(len(grams)))


def signs_of(number: int, grams: Grams) -> tuple[Sought, Ints]:
    """(a part of each n-gram of raw text that every folded text has which has the n-gram, the n-grams that have no such part).

    Code points that begin anew are folded each alone, but for the last one before others, which may change it.
    """
    made = fold_table()[grams.points]
    kept = (made != 0) & (made != SLOW)
    stops, before = np.append(np.flatnonzero(made == SLOW), len(made)), np.concatenate([[0], np.cumsum(kept)])
    start, end = np.zeros(len(grams), dtype=np.int64), np.zeros(len(grams), dtype=np.int64)
    left, begin = np.arange(len(grams)), grams.start
    while left.size:
        stop = np.minimum(stops[np.searchsorted(stops, begin)], grams.end[left])
        low, high = before[begin], before[np.maximum(begin, stop - 1)]
        longer = high - low > end[left] - start[left]
        start[left[longer]], end[left[longer]] = low[longer], high[longer]
        more = stop + 1 < grams.end[left]
        left, begin = left[more], stop[more] + 1
    enough = end - start >= SHORTEST
    chosen = np.flatnonzero(enough)
    return Sought(made[kept], start[chosen], end[chosen], np.full(len(chosen), number), chosen), np.flatnonzero(~enough)


def all_mixed(grams: Grams) -> bool:
    """Whether each n-gram has code points which what stands beside them changes."""
    before = np.concatenate([[0], np.cumsum(fold_table()[grams.points] == SLOW)])
    return bool((before[grams.end] > before[grams.start]).all())


def together(parts: Sequence[Sought]) -> Sought:
    """The strings of all of these."""
    shift = np.concatenate([[0], np.cumsum([len(part.points) for part in parts])])
    return Sought(
        np.concatenate([np.zeros(0, dtype=np.uint32), *(part.points for part in parts)]),
        joined([part.start + at for part, at in zip(parts, shift, strict=False)]),
        joined([part.end + at for part, at in zip(parts, shift, strict=False)]),
        joined([part.unit for part in parts]),
        joined([part.gram for part in parts]),
    )


def joined(parts: Sequence[Ints]) -> Ints:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts])
