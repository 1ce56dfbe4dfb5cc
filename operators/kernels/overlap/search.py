"""The search for n-grams of benchmarks in texts: every one that is there is found, and no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from operators.kernels.fold import PLAIN, normal_stream, places_of, raw_stream
from operators.kernels.overlap.ngrams import Grams, Item, Unit, exempt, grams_of, telling, usual
from operators.kernels.overlap.parts import Parts
from operators.kernels.overlap.sought import Sought, all_mixed, signs_of, strings_of, together
from operators.kernels.text import Ints, Texts

SLICE = 1_000_000
"""Code points that are looked through together, in whole rows: a search makes some twenty bytes of each."""


@dataclass(frozen=True)
class Hit:
    """What of a benchmark was found in a row first, and how many places in the row begin an n-gram of one."""

    places: int
    benchmark: int
    item: int
    found_in: int
    """The pass, as the operator counts them."""
    column: int
    first: int
    """The text's first code point of what was found."""
    last: int
    """The code point after its last."""


class Index:
    """What is looked for of benchmark items: n-grams that carry evidence, by windows of their text, and items by their parts."""

    def __init__(
        self,
        units: Sequence[Unit],
        items: Sequence[Item],
        dates: Sequence[str],
        boilerplate: Sequence[str],
        common: int,
        parts: Sequence[Parts] = (),
    ) -> None:
        self.units, self.parts = list(units), list(parts)
        every: list[Grams] = []
        self.silent = 0
        """Items of which nothing counts in any pass."""
        counted = {(item.benchmark, item.number) for each in parts for item in each.items}
        for unit in units:
            grams = grams_of(unit, items)
            counts = telling(grams, dates, unit.folding) & ~usual(grams, common)
            counts[counts] = ~exempt(grams.take(counts), boilerplate, unit)
            every.append(grams.take(counts))
            counted.update(zip(every[-1].benchmark.tolist(), every[-1].item.tolist(), strict=True))
        self.silent = len({(item.benchmark, item.number) for item in items} - counted)
        self.look_for(every)

    def look_for(self, grams: list[Grams]) -> None:
        """Has these n-grams of each unit looked for, and no others."""
        self.grams = grams
        raw = [number for number, unit in enumerate(self.units) if unit.raw]
        foldings = dict.fromkeys(unit.folding for unit in self.units if not unit.raw)
        self.lead = next(iter(foldings), PLAIN)
        """The folding by whose text rows are found that have to be read raw."""
        signs = [signs_of(number, grams[number], self.lead) for number in raw if foldings]
        bare = [grams[number].take(left) for number, (_, left) in zip(raw, signs, strict=False)]
        self.mixed = any(len(each) for each in bare)
        """Whether some raw n-gram leaves no sign in the folded text, and rows that have such code points have to be read raw."""
        self.apart = not foldings or not all(all_mixed(each, self.lead) for each in bare)
        """Whether every row has to be read raw."""
        self.normal = {}
        for folding in foldings:
            strings = [
                strings_of(number, grams[number])
                for number, unit in enumerate(self.units)
                if not unit.raw and unit.folding == folding
            ]
            self.normal[folding] = Sought(together([*strings, *(sign for sign, _ in signs if folding == self.lead)]))
        self.raw = Sought(together([strings_of(number, grams[number]) for number in raw]))

    def search(self, columns: Sequence[Texts], question: int | None = None, options: pa.Array | None = None) -> dict[int, Hit]:
        """Row -> what was found in it, for the rows in which something was.

        `question` is the place of the column with the rows' questions, and `options` has the options of each row.
        """
        found: dict[int, Hit] = {}
        for start, stop in slices(columns):
            some = [texts.part(start, stop) for texts in columns]
            shown = options.slice(start, stop - start) if options is not None else None
            found |= {start + row: hit for row, hit in self.search_few(some, question, shown).items()}
        return found

    def search_few(self, columns: Sequence[Texts], question: int | None, options: pa.Array | None) -> dict[int, Hit]:
        """The same of so many rows that what is made of them is small."""
        found: dict[int, Hit] = {}
        for column, texts in enumerate(columns):
            for number, places in sorted(self.within(texts).items()):
                for row, grams in places.items():
                    hit = found.get(row) or self.hit_of(number, column, row, texts, *min(grams.items()))
                    found[row] = replace(hit, places=hit.places + len(grams))
        for parts in self.parts if question is not None else ():
            assert question is not None
            for row, items in parts.search(columns[question], options).items():
                first = items[0]
                hit = found.get(row) or Hit(
                    0, first.benchmark, first.item, parts.unit.found_in, question, first.first, first.last
                )
                found[row] = replace(hit, places=hit.places + len(items))
        return found

    def hit_of(self, number: int, column: int, row: int, texts: Texts, start: int, gram: int) -> Hit:
        """What was found first, with its place in the text."""
        grams, unit = self.grams[number], self.units[number]
        shown = places_of(texts.string(row), unit.raw, unit.folding)
        last = start + int(grams.end[gram] - grams.start[gram])
        item = int(grams.benchmark[gram]), int(grams.item[gram])
        return Hit(0, *item, unit.found_in, column, int(shown[start]), int(shown[last - 1]) + 1)

    def within(self, texts: Texts) -> dict[int, dict[int, dict[int, int]]]:
        """Unit -> row -> place in its stream -> the first n-gram that begins there."""
        equal: dict[int, dict[int, list[tuple[int, int]]]] = {}
        raw_rows = set(range(texts.rows)) if self.apart else set[int]()
        for folding, sought in self.normal.items():
            lead = folding == self.lead
            if not sought.windows and not (lead and self.mixed):
                continue
            stream = normal_stream(texts, folding)
            raw_rows.update(stream.mixed if lead and self.mixed else ())
            for string, row, place in sought.found(stream):
                number, gram = sought.gram(string)
                if self.units[number].raw:
                    raw_rows.add(row)
                else:
                    equal.setdefault(number, {}).setdefault(row, []).append((place, gram))
        if raw_rows and self.raw.windows:
            rows = sorted(raw_rows)
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
            strings = [texts.string(row) for row in rows]
            cuts = dict(zip(rows, unit.cuts(strings), strict=True))
        found: dict[int, dict[int, int]] = {}
        for row in rows:
            for start, gram in sorted(equal[row]):
                if row not in cuts or cut_alike(cuts[row], start, grams, gram):
                    found.setdefault(row, {}).setdefault(start, gram)
        return found


def slices(columns: Sequence[Texts]) -> Iterator[tuple[int, int]]:
    """(first row, the one after the last) of rows whose columns have about SLICE code points together."""
    ends = np.cumsum(np.sum([texts.points[2] for texts in columns], axis=0))
    start = 0
    while start < len(ends):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + SLICE, side="right")))
        yield start, stop
        start = stop


def cut_alike(own: Ints, place: int, grams: Grams, gram: int) -> bool:
    """Whether a text is cut at a place as an n-gram is: it begins and ends with a segment, and has the same within."""
    at, size = int(grams.cut[gram]), int(grams.size[gram])
    begin = int(np.searchsorted(own, place))
    mine, theirs = own[begin : begin + size + 1] - place, grams.cuts[at : at + size + 1] - grams.cuts[at]
    return len(mine) == len(theirs) and bool((mine == theirs).all())
