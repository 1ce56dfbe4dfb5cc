"""Items of benchmarks found by their parts: the question as a whole in a row's question, with the item's options or with none."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa

from operators.kernels.fold import folded, form_of, places_of
from operators.kernels.labels import SERIES, extended, labelled
from operators.kernels.listed import listed, unlabelled
from operators.kernels.overlap.ngrams import LETTERS, Grams, Item, Unit, exempt, telling
from operators.kernels.overlap.rolling import hashes_at
from operators.kernels.overlap.sought import SHORTEST, Sought, strings_of
from operators.kernels.text import Texts, points_of, string_of
from operators.text.fold import Folding

#: What ends a sentence, or stands around one.
EDGE = re.compile(r"[\n\r.?!。？！:：;；।॥؟۔…|<>()\[\]{}\u2460-\u24FF\u2776-\u2793]")
#: Of the letters and digits of the sentences in which a question stands, so many parts of this many are its own.
OWN, WHOLE = 2, 3
#: Characters behind a question in which options are looked for.
BEHIND = 4000


@dataclass(frozen=True)
class Question:
    """One question as it is compared, with the items that ask it."""

    text: str
    """Its letters, marks and numbers."""
    telling: bool
    """Whether it is evidence by itself."""
    items: tuple[int, ...]
    common: frozenset[int]
    """The benchmarks that ask it in too many items."""


@dataclass(frozen=True)
class Found:
    """A question that stands in a row: its item, and where."""

    benchmark: int
    item: int
    first: int
    last: int


class Parts:
    """The questions of items, each with the options that have to stand beside it."""

    def __init__(
        self,
        unit: Unit,
        items: Sequence[Item],
        conventions: Sequence[tuple[str, ...]],
        dates: Sequence[str],
        boilerplate: Sequence[str],
        common: int,
    ) -> None:
        self.unit, self.folding = unit, unit.folding
        self.conventions = tuple(dict.fromkeys([*map(extended, conventions), *SERIES]))
        self.items = [item for item in items if item.question and (unit.benchmarks is None or item.benchmark in unit.benchmarks)]
        self.options = [tuple(dict.fromkeys(self.forms(item.options))) for item in self.items]
        batch = Texts(pa.array([item.question for item in self.items], pa.large_string()))
        stream = unit.stream(batch)
        none = np.zeros_like(stream.first)
        of = np.array([item.benchmark for item in self.items], np.int64)
        end, order = stream.first + stream.counts, np.arange(len(self.items))
        wholes = Grams(stream.points, stream.first, end, cut=none, size=none, cuts=none[:0], benchmark=of, item=order)
        tells = telling(wholes, dates, self.folding) if len(wholes) else np.zeros(0, dtype=bool)
        free = ~exempt(wholes, boilerplate, unit)
        texts = [folded(item.question, self.folding).replace(" ", "") for item in self.items]
        first: dict[str, int] = {}
        askers: dict[str, list[int]] = {}
        for at, text in enumerate(texts):
            if text and free[at]:
                first.setdefault(text, at)
                askers.setdefault(text, []).append(at)
        self.questions = [
            Question(text, bool(tells[first[text]]), tuple(own), frozenset(self.common(own, common)))
            for text, own in askers.items()
        ]
        sizes = np.array([len(each.text) for each in self.questions], dtype=np.int64)
        places = np.array([first[each.text] for each in self.questions], dtype=np.int64)
        self.long, self.short = np.flatnonzero(sizes >= SHORTEST), np.flatnonzero(sizes < SHORTEST)
        self.long = self.long[np.argsort(stream.first[places[self.long]], kind="stable")]
        self.sought = Sought(strings_of(0, wholes.take(places[self.long])))
        self.brief = {self.questions[at].text: at for at in self.short.tolist()}

    def common(self, items: Sequence[int], most: int) -> Iterator[int]:
        """The benchmarks in which more than so many of some items stand."""
        return (of for of, count in Counter(self.items[at].benchmark for at in items).items() if count > most)

    def search(self, texts: Texts, options: pa.Array | None) -> dict[int, list[Found]]:
        """Row -> the items whose parts stand in its question and its options."""
        found: dict[int, list[Found]] = {}
        shown = options.to_pylist() if options is not None else None
        for row, question, place in sorted(self.standing(texts)):
            own = [each for each in (shown[row] if shown is not None else None) or () if each and each.strip()]
            for hit in self.evidence(self.questions[question], texts, row, place, own):
                if all(hit.item != other.item for other in found.get(row, ())):
                    found.setdefault(row, []).append(hit)
        return found

    def standing(self, texts: Texts) -> Iterator[tuple[int, int, int]]:
        """(row, question, place in its stream) of every question that stands in a text; a brief one at its beginning alone."""
        stream = self.unit.stream(texts)
        if self.sought.windows:
            for string, row, place in self.sought.found(stream):
                yield row, int(self.long[string]), place
        for size in {len(text) for text in self.brief}:
            rows = np.flatnonzero(stream.counts >= size)
            begins = hashes_at(stream.points, stream.first[rows], size)
            known = {text: at for text, at in self.brief.items() if len(text) == size}
            hashes = hashes_at(points_of("".join(known)), np.arange(len(known)) * size, size)
            for row in rows[np.isin(begins, hashes)].tolist():
                text = string_of(stream.row(row)[:size])
                if text in known:
                    yield row, known[text], 0

    def evidence(self, question: Question, texts: Texts, row: int, place: int, own: list[str]) -> Iterator[Found]:
        """The items that a question, which stands in a row, is evidence of."""
        mine = set(self.forms(own))
        # Most rows with a common question have other options: no more is asked of them.
        if len(mine) > 1 and not any(len(self.options[at]) < 2 or self.alike(at, mine) for at in question.items):
            return
        text = texts.string(row)
        places = places_of(text, False, self.folding)
        first, last = int(places[place]), int(places[place + len(question.text) - 1]) + 1
        alone = self.whole(text, first, last, len(question.text))
        if not (alone or (not question.telling and len(places) - 1 == len(question.text))):
            return
        for at in question.items:
            item = self.items[at]
            if self.evident(question, at, text, first, last, mine):
                yield Found(item.benchmark, item.number, first, last)

    def evident(self, question: Question, at: int, text: str, first: int, last: int, mine: set[str]) -> bool:
        """Whether a row in whose text a question stands from `first` to before `last` has the item, its options being `mine`."""
        item, options = self.items[at], self.options[at]
        common = item.benchmark in question.common
        behind, before = text[last : last + BEHIND], text[max(0, first - BEHIND) : first]
        copied = not common and len(item.texts) < 2 and self.exact(text) == self.exact(item.question)
        if len(options) < 2:
            return copied
        shown = mine if len(mine) > 1 else set(self.forms(listed(behind, self.conventions) or listed(before, self.conventions)))
        if len(shown) < 2:
            pieces = unlabelled(behind)
            if self.alike(at, set(self.forms(pieces))) or self.covered(at, behind):
                shown = set(options)
            elif len(pieces) > 2 or len(options) == sum(bool(line.strip()) for line in behind.strip("?.!:。？！ \n").split("\n")):
                return False
        if len(shown) < 2:
            return (question.telling and not common) or copied
        matched = self.alike(at, shown)
        letters = sum(map(letters_in, matched))
        return bool(matched) and ((question.telling and not common) or letters >= LETTERS or (not common and len(item.texts) < 2))

    def alike(self, at: int, shown: set[str]) -> tuple[str, ...]:
        """The options of an item that are shown, where these are more than half of them, and two at least."""
        matched = tuple(each for each in self.options[at] if each in shown)
        return matched if len(matched) > 1 and 2 * len(matched) > len(self.options[at]) else ()

    def covered(self, at: int, text: str) -> bool:
        """Whether a text consists of an item's options, one after another without anything that tells them apart."""
        bare = folded(text.split("\n\n")[0], self.folding).replace(" ", "")
        matched = [each for each in self.options[at] if letters_in(each) > 1 and each in bare]
        return 2 * len(matched) > len(self.options[at]) and len(matched) > 1 and WHOLE * sum(map(len, matched)) >= OWN * len(bare)

    def whole(self, text: str, first: int, last: int, size: int) -> bool:
        """Whether the sentences in which a question stands are for the most part its own."""
        begin = max((found.end() for found in EDGE.finditer(text, 0, first)), default=0)
        edge = EDGE.search(text, last)
        around = text[begin:first] + text[last : edge.start() if edge else len(text)]
        more = len(folded(around, self.folding).replace(" ", ""))
        return WHOLE * size >= OWN * (size + more)

    def forms(self, options: Sequence[str]) -> list[str]:
        """Options as they are compared, without the labels that all of them have."""
        known = labelled(options, self.conventions) if len(options) > 1 else None
        return [form for each in (options if known is None else known[1]) if (form := option_form(each, self.folding))]

    def exact(self, text: str) -> str:
        """A question with its signs, without space and the marks around it."""
        return "".join(form_of(text, self.folding).split()).strip(".?!。？！:：,;")


@lru_cache(maxsize=1 << 16)
def option_form(text: str, folding: Folding) -> str:
    """An option as it is compared: its letters, marks and numbers where two letters are among them, else its signs too."""
    bare = folded(text, folding).replace(" ", "")
    return bare if letters_in(bare) > 1 else "".join(form_of(text, folding).split()).rstrip(".,;。")


def letters_in(text: str) -> int:
    """The number of letters."""
    return sum(unicodedata.category(char)[0] == "L" for char in text)
