"""The search for n-grams of benchmarks in texts: every one that is there is found, and no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from operators.kernels.fold import folded, normal_stream, places_of, raw_stream, string_of
from operators.kernels.ngrams import Grams, Item, Unit, exempt, grams_of, telling, usual
from operators.kernels.sought import Sought, all_mixed, signs_of, strings_of, together
from operators.kernels.text import Ints, Texts


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


class Index:
    """The n-grams of benchmark items that carry evidence, by windows of their text."""

    def __init__(
        self, units: Sequence[Unit], items: Sequence[Item], dates: Sequence[str], boilerplate: Sequence[str], common: int
    ) -> None:
        self.units = list(units)
        every: list[Grams] = []
        self.silent = 0
        """Items of which no n-gram of any pass counts."""
        heard: set[tuple[int, int]] = set()
        for unit in units:
            grams = grams_of(unit, items)
            counts = telling(grams, dates) & ~usual(grams, common)
            counts[counts] = ~exempt(grams.take(counts), boilerplate, unit.raw)
            every.append(grams.take(counts))
            heard.update(zip(every[-1].benchmark.tolist(), every[-1].item.tolist(), strict=True))
        self.silent = len({(item.benchmark, item.number) for item in items} - heard)
        self.look_for(every)

    def look_for(self, grams: list[Grams]) -> None:
        """Has these n-grams of each pass looked for, and no others."""
        self.grams = grams
        normal, raw = ([number for number, unit in enumerate(self.units) if unit.raw == asked] for asked in (False, True))
        signs = [signs_of(number, grams[number]) for number in raw if normal]
        bare = [grams[number].take(left) for number, (_, left) in zip(raw, signs, strict=False)]
        self.mixed = any(len(each) for each in bare)
        """Whether some raw n-gram leaves no sign in the folded text, and rows that have such code points have to be read raw."""
        self.apart = not normal or not all(map(all_mixed, bare))
        """Whether every row has to be read raw."""
        self.normal = Sought(together([*(strings_of(number, grams[number]) for number in normal), *(sign for sign, _ in signs)]))
        self.raw = Sought(together([strings_of(number, grams[number]) for number in raw]))

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
        near = set(range(texts.rows)) if self.apart else set[int]()
        if self.normal.windows or self.mixed:
            stream = normal_stream(texts)
            near.update(stream.mixed if self.mixed else ())
            for string, row, place in self.normal.found(stream):
                number, gram = self.normal.gram(string)
                if self.units[number].raw:
                    near.add(row)
                else:
                    equal.setdefault(number, {}).setdefault(row, []).append((place, gram))
        if near and self.raw.windows:
            rows = sorted(near)
            stream = raw_stream(texts if self.apart else Texts(texts.column.take(pa.array(rows))))
            for string, at, place in self.raw.found(stream):
                number, gram = self.raw.gram(string)
                equal.setdefault(number, {}).setdefault(rows[at], []).append((place, gram))
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
