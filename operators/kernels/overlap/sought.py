"""Strings that are looked for in streams of code points: all of many at once, by hashes of windows at every few places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from operators.kernels.fold import GONE, SLOW, Points, Stream, alone_table
from operators.kernels.overlap.ngrams import Grams, changes, joined
from operators.kernels.overlap.rolling import Hashes, hashes_at, windows
from operators.kernels.text import Ints
from operators.text.fold import Folding

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
    strings: Ints
    start: Ints
    """Where each of them begins; sorted."""
    hashes: Hashes
    """Of the windows, sorted, each once."""
    first: Ints
    """For each of them, where it stands first in `places`, and after the last one their number."""
    places: Ints
    """Where the strings have the windows."""
    rough: Filter
    fine: Filter

    def among(self, hashes: Hashes) -> tuple[Ints, Ints]:
        """(places of the hashes that are known, which each is)."""
        at = np.flatnonzero(self.rough.passes(hashes))
        at = at[self.fine.passes(hashes[at])]
        maybe = hashes[at]
        place = np.searchsorted(self.hashes, maybe)
        place[place == len(self.hashes)] = 0
        known = self.hashes[place] == maybe
        return at[known], place[known]


@dataclass(frozen=True)
class Strings:
    """Strings to look for in one stream: from `start` to before `end` of `points`, in the order of their starts."""

    points: Points
    start: Ints
    end: Ints
    unit: Ints
    """The pass for which each is looked for."""
    gram: Ints
    """The n-gram for which it is, as the grams of its pass count them."""


class Sought:
    """Strings with the windows by which they are found."""

    def __init__(self, strings: Strings) -> None:
        self.strings = strings
        self.windows: list[Window] = []
        sizes, longer = strings.end - strings.start, np.iinfo(np.int64).max
        for fewest, step in TIERS:
            chosen = np.flatnonzero((sizes >= fewest) & (sizes < longer))
            longer = fewest
            if chosen.size:
                self.windows.append(self.window(fewest - step + 1, step, chosen))

    def window(self, width: int, step: int, chosen: Ints) -> Window:
        """The windows of one width, of the strings at some places."""
        start = self.strings.start[chosen]
        starts = np.zeros(len(self.strings.points), dtype=bool)
        for before in range(step):
            starts[start + before] = True
        places = np.flatnonzero(starts)
        hashed = hashes_at(self.strings.points, places, width)
        order = np.argsort(hashed)
        hashed = hashed[order]
        first = changes(hashed)
        # Of ten hashes that are not among these about one passes the rough table, which stays in the cache, and one of forty of
        # those passes the fine one.
        hashes, size = hashed[first], max(10, len(first).bit_length() + 3)
        rough, fine = filter_of(hashes, 0, min(22, size)), filter_of(hashes, min(22, size), min(24, size + 2))
        return Window(width, step, chosen, start, hashes, np.append(first, len(hashed)), places[order], rough, fine)

    def found(self, stream: Stream) -> Iterator[tuple[int, int, int]]:
        """(string, row, place in its stream) wherever a string stands in a row."""
        for base, hashes in windows(stream.points, [(window.width, window.step) for window in self.windows]):
            for window, hashed in zip(self.windows, hashes, strict=True):
                at, which = window.among(hashed)
                if at.size:
                    yield from self.standing(stream, window, base + at * window.step, which)

    def standing(self, stream: Stream, window: Window, places: Ints, which: Ints) -> Iterator[tuple[int, int, int]]:
        """The strings that stand whole where windows of theirs do."""
        of, at = spread(window.first[which], window.first[which + 1])
        place, own = places[of], window.places[at]
        of, at = spread(*(np.searchsorted(window.start, own - before, side="right") for before in (window.step, 0)))
        string = window.strings[at]
        begin, size = place[of] - own[of] + self.strings.start[string], self.strings.end[string] - self.strings.start[string]
        row = np.searchsorted(stream.first, place[of], side="right") - 1
        within = (stream.first[row] <= begin) & (begin + size <= stream.first[row] + stream.counts[row])
        for number, here, there, length in zip(*(each[within].tolist() for each in (string, row, begin, size)), strict=True):
            if self.stands(number, stream.points, there, length):
                yield number, here, there - int(stream.first[here])

    def gram(self, string: int) -> tuple[int, int]:
        """(the pass, the n-gram) for which a string is looked for."""
        return int(self.strings.unit[string]), int(self.strings.gram[string])

    def stands(self, string: int, points: Points, begin: int, size: int) -> bool:
        """Whether a text has a string's code points at a place."""
        start = self.strings.start[string]
        return points[begin : begin + size].tobytes() == self.strings.points[start : start + size].tobytes()


def spread(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """(which range, number) of every number from each `low` to before its `high`."""
    sizes = high - low
    of = np.repeat(np.arange(len(low)), sizes)
    return of, np.arange(len(of)) + np.repeat(low - np.cumsum(sizes) + sizes, sizes)


def strings_of(number: int, grams: Grams) -> Strings:
    """The whole text of each n-gram of a pass."""
    return Strings(grams.points, grams.start, grams.end, np.full(len(grams), number), np.arange(len(grams)))


def signs_of(number: int, grams: Grams, folding: Folding) -> tuple[Strings, Ints]:
    """(a part of each n-gram of raw text that every folded text has which has the n-gram, the n-grams that have no such part).

    Code points that begin anew are folded each alone, but for the last one before others, which may change it.
    """
    made = alone_table(folding)[grams.points]
    kept = (made != 0) & (made != SLOW) & (made != GONE)
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
    chosen = chosen[np.argsort(start[chosen], kind="stable")]
    return Strings(made[kept], start[chosen], end[chosen], np.full(len(chosen), number), chosen), np.flatnonzero(~enough)


def all_mixed(grams: Grams, folding: Folding) -> bool:
    """Whether each n-gram has code points which what stands beside them changes."""
    before = np.concatenate([[0], np.cumsum(alone_table(folding)[grams.points] == SLOW)])
    return bool((before[grams.end] > before[grams.start]).all())


def together(parts: Sequence[Strings]) -> Strings:
    """The strings of all of these."""
    shift = np.concatenate([[0], np.cumsum([len(part.points) for part in parts])])
    return Strings(
        np.concatenate([np.zeros(0, dtype=np.uint32), *(part.points for part in parts)]),
        joined([part.start + at for part, at in zip(parts, shift, strict=False)]),
        joined([part.end + at for part, at in zip(parts, shift, strict=False)]),
        joined([part.unit for part in parts]),
        joined([part.gram for part in parts]),
    )
