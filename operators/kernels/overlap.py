"""The search for n-grams of benchmarks in texts: every one that is there is found, and no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from operators.kernels.fold import Points, Stream, folded, normal_stream, places_of, raw_stream, string_of
from operators.kernels.ngrams import Grams, Item, Unit, exempt, grams_of, telling, usual
from operators.kernels.rolling import Hashes, hashes_at, windows
from operators.kernels.text import Ints, Texts

#: Widths of the windows by which n-grams are looked for: each by the widest that fits its beginning.
TIERS = (24, 13, 8)


@dataclass(frozen=True)
class Hit:
    """What of a benchmark was found in a row first, and how many places in the row begin an n-gram of one."""

    places: int
    benchmark: int
    item: int
    unit: int
    column: int
    first: int
    """The text's first code point of what was found."""
    last: int
    """The code point after its last."""


@dataclass(frozen=True)
class Window:
    """The n-grams that are looked for by their first `width` code points."""

    width: int
    hashes: Hashes
    """Of the windows that n-grams begin with, sorted, each once."""
    first: Ints
    """For each of them, where its n-grams stand in `grams`, and after the last one their number."""
    grams: Ints
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


def windows_of(grams: Grams) -> list[Window]:
    """The windows of all widths that the beginnings of some n-grams need."""
    sizes = grams.end - grams.start
    tier = np.select([sizes >= width for width in TIERS], TIERS)
    return [window_of(width, grams, np.flatnonzero(tier == width)) for width in TIERS if (tier == width).any()]


def window_of(width: int, grams: Grams, chosen: Ints) -> Window:
    """The window of one width, of the n-grams at some places."""
    told = hashes_at(grams.points, grams.start[chosen], width)
    order = np.argsort(told, kind="stable")
    hashes, first = np.unique(told[order], return_index=True)
    # Of ten hashes that are not among these about one passes the rough table, which stays in the cache; of those, of forty one.
    size = max(10, len(hashes).bit_length() + 3)
    rough, fine = filter_of(hashes, 0, min(22, size)), filter_of(hashes, min(22, size), min(24, size + 2))
    return Window(width, hashes, np.append(first, len(chosen)).astype(np.int64), chosen[order], rough, fine)


class Index:
    """The n-grams of benchmark items that carry evidence, by the windows they begin with."""

    def __init__(
        self, units: Sequence[Unit], items: Sequence[Item], dates: Sequence[str], boilerplate: Sequence[str], common: int
    ) -> None:
        self.units = list(units)
        self.grams: list[Grams] = []
        self.windows: list[list[Window]] = []
        self.silent = 0
        """Items of which no n-gram of any pass counts."""
        heard: set[tuple[int, int]] = set()
        for unit in units:
            every = grams_of(unit, items)
            counts = telling(every, dates) & ~usual(every, common)
            counts[counts] = ~exempt(every.take(counts), boilerplate, unit.raw)
            grams = every.take(counts)
            heard.update(zip(grams.benchmark.tolist(), grams.item.tolist(), strict=True))
            self.grams.append(grams)
            self.windows.append(windows_of(grams))
        self.silent = len({(item.benchmark, item.number) for item in items} - heard)

    def search(self, columns: Sequence[Texts]) -> dict[int, Hit]:
        """Row -> what was found in it, for the rows in which something was."""
        found: dict[int, Hit] = {}
        for column, texts in enumerate(columns):
            for number, places in sorted(self.within(texts).items()):
                for row, begun in places.items():
                    told = found.get(row) or self.told(number, column, row, texts, *min(begun.items()))
                    found[row] = replace(told, places=told.places + len(begun))
        return found

    def told(self, number: int, column: int, row: int, texts: Texts, start: int, gram: int) -> Hit:
        """What was found first, with its place in the text."""
        grams, raw = self.grams[number], self.units[number].raw
        shown = places_of(row_string(texts, row), raw)
        last = start + int(grams.end[gram] - grams.start[gram])
        item = int(grams.benchmark[gram]), int(grams.item[gram])
        return Hit(0, *item, number, column, int(shown[start]), int(shown[last - 1]) + 1)

    def within(self, texts: Texts) -> dict[int, dict[int, dict[int, int]]]:
        """Pass -> row -> place in its stream -> the first n-gram that begins there."""
        equal: dict[int, dict[int, list[tuple[int, int]]]] = {}
        for raw in (False, True):
            if any(unit.raw == raw and self.windows[number] for number, unit in enumerate(self.units)):
                stream = raw_stream(texts) if raw else normal_stream(texts)
                for number, row, start, gram in self.equal(raw, stream):
                    equal.setdefault(number, {}).setdefault(row, []).append((start, gram))
        return {number: self.alike(number, texts, rows) for number, rows in equal.items()}

    def alike(self, number: int, texts: Texts, equal: dict[int, list[tuple[int, int]]]) -> dict[int, dict[int, int]]:
        """Row -> place -> n-gram, of the rows that are cut as the n-grams are, of those in which their text stands."""
        grams, unit, rows = self.grams[number], self.units[number], sorted(equal)
        cuts: dict[int, Ints] = {}
        if unit.cut is not None:
            strings = [row_string(texts, row) for row in rows]
            cuts = dict(zip(rows, unit.cut(strings if unit.raw else [folded(text) for text in strings]), strict=True))
        found: dict[int, dict[int, int]] = {}
        for row in rows:
            for start, gram in sorted(equal[row]):
                if row not in cuts or cut_alike(cuts[row], start, grams, gram):
                    found.setdefault(row, {}).setdefault(start, gram)
        return found

    def equal(self, raw: bool, stream: Stream) -> Iterator[tuple[int, int, int, int]]:
        """(pass, row, place in its stream, n-gram) wherever the text of an n-gram stands in a row."""
        looked = [
            (number, window) for number, unit in enumerate(self.units) for window in self.windows[number] if unit.raw == raw
        ]
        widths = sorted({window.width for _, window in looked})
        for base, hashes in windows(stream.points, widths):
            for number, window in looked:
                at, which = window.among(hashes[widths.index(window.width)])
                if not at.size:
                    continue
                grams, places = self.grams[number], base + at
                rows = np.searchsorted(stream.first, places, side="right") - 1
                ends = stream.first[rows] + stream.counts[rows]
                for place, row, end, group in zip(places.tolist(), rows.tolist(), ends.tolist(), which.tolist(), strict=True):
                    for gram in window.grams[window.first[group] : window.first[group + 1]].tolist():
                        start, stop = grams.start[gram], grams.end[gram]
                        if place + stop - start <= end and same(stream.points, place, grams.points, start, stop):
                            yield number, row, place - int(stream.first[row]), gram


def same(flat: Points, place: int, points: Points, start: int, stop: int) -> bool:
    """Whether a text has an n-gram's code points at a place."""
    return flat[place : place + stop - start].tobytes() == points[start:stop].tobytes()


def cut_alike(own: Ints, place: int, grams: Grams, gram: int) -> bool:
    """Whether a text is cut at a place as an n-gram is: it begins and ends with a segment, and has the same within."""
    at, size = int(grams.cut[gram]), int(grams.size[gram])
    begin = int(np.searchsorted(own, place))
    mine, theirs = own[begin : begin + size + 1] - place, grams.cuts[at : at + size + 1] - grams.cuts[at]
    return len(mine) == len(theirs) and bool((mine == theirs).all())


def row_string(texts: Texts, row: int) -> str:
    """The text of one row."""
    points, first, counts = texts.points
    return string_of(points[first[row] : first[row] + counts[row]])
