"""The three passes of decontamination written out plainly, for want of speed: what a faster one is checked against."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

#: An n-gram is evidence with this many letters, of this many kinds; all that are shorter than the first are not.
LETTERS, KINDS = 8, 5
Gram = tuple[str, ...]


@lru_cache(maxsize=1)
def kiwi() -> Any:
    """Kiwi with its default model (about 1 GB of memory, two seconds to load)."""
    from kiwipiepy import Kiwi

    return Kiwi()


class Folding(dict[int, str]):
    """Code point -> itself without case, or a space where that is no letter, mark or number."""

    def __missing__(self, point: int) -> str:
        folded = chr(point).casefold()
        self[point] = "".join(char if unicodedata.category(char)[0] in "LMN" else " " for char in folded)
        return self[point]


FOLDING = Folding()


def normalised(text: str) -> str:
    """NFKC, without case, and every character that is no letter, mark or number a space."""
    return unicodedata.normalize("NFKC", text).translate(FOLDING)


def squeezed(text: str) -> str:
    """Normalised text without its spaces."""
    return "".join(normalised(text).split())


def joined_words(text: str) -> str:
    """A text as it is, without white space."""
    return "".join(text.split())


def segments(text: str) -> list[str]:
    """Pieces of the normalised text that cover all of it but the spaces: morphemes, those that share characters as one."""
    form = normalised(text)
    spans: list[tuple[int, int]] = []
    for start, end in sorted((token.start, token.start + token.len) for token in kiwi().tokenize(form) if token.len):
        if spans and start < spans[-1][1]:
            spans[-1] = spans[-1][0], max(spans[-1][1], end)
        else:
            spans.append((start, end))
    pieces, at = [], 0
    for start, end in [*spans, (len(form), len(form))]:
        pieces += form[at:start].split()
        pieces.append("".join(form[start:end].split()))
        at = end
    return [piece for piece in pieces if piece]


@dataclass(frozen=True)
class Pass:
    """What an n-gram is made of, and of how many of them."""

    size: int
    units: Callable[[str], Sequence[str]]
    stream: Callable[[str], str]
    """The units of a text as one string, had without cutting it into units."""


PASSES = {
    "segments": Pass(13, segments, squeezed),
    "raw": Pass(13, str.split, joined_words),
    "squeezed": Pass(24, squeezed, squeezed),
}


def grams(units: Sequence[str], size: int, whole: bool) -> Iterator[Gram]:
    """All n-grams; of fewer units than `size` one of all of them, where `whole` is true."""
    if whole and 0 < len(units) < size:
        yield tuple(units)
    for at in range(len(units) - size + 1):
        yield tuple(units[at : at + size])


def evident(gram: Iterable[str]) -> bool:
    """Whether finding an n-gram says anything: it has letters enough, of kinds enough, and is no part said again and again."""
    text = "".join(gram)
    letters = [char for char in text if unicodedata.category(char)[0] == "L"]
    periodic = any(text[period:] == text[:-period] for period in range(1, len(text) // 2 + 1))
    return len(letters) >= LETTERS and len(set(letters)) >= KINDS and not periodic


class Reference:
    """The n-grams of benchmark items, each by the characters it begins with.

    Of an item's texts the first is the question: if it is shorter than an n-gram, it is looked for as a whole.
    """

    def __init__(self, items: Sequence[Sequence[str]]) -> None:
        self.beginnings: dict[str, dict[str, dict[Gram, str]]] = {name: {} for name in PASSES}
        for name, each in PASSES.items():
            for item in items:
                for place, text in enumerate(item):
                    for gram in grams(each.units(text), each.size, whole=place == 0):
                        if evident(gram):
                            said = "".join(gram)
                            self.beginnings[name].setdefault(said[:LETTERS], {})[gram] = said

    def found(self, row: str) -> dict[str, set[Gram]]:
        """Pass -> its n-grams in a row, for the passes that have any there.

        Units are cut only where the row without spaces has the text of an n-gram: elsewhere no cut could make one.
        """
        streams = {each.stream: each.stream(row) for each in PASSES.values()}
        hits = {}
        for name, each in PASSES.items():
            near = self.near(name, streams[each.stream])
            if near:
                units = each.units(row)
                within = {gram for length in {len(gram) for gram in near} for gram in windows(units, length)}
                if near & within:
                    hits[name] = near & within
        return hits

    def near(self, name: str, stream: str) -> set[Gram]:
        """The n-grams whose text stands in a stream."""
        known = self.beginnings[name]
        return {
            gram
            for at in range(len(stream) - LETTERS + 1)
            if (beginning := stream[at : at + LETTERS]) in known
            for gram, said in known[beginning].items()
            if stream.startswith(said, at)
        }


def windows(units: Sequence[str], length: int) -> Iterator[Gram]:
    """Every run of `length` units."""
    return (tuple(units[at : at + length]) for at in range(len(units) - length + 1))


def flag(rows: list[str], items: list[list[str]]) -> list[set[str]]:
    """The passes that find something of the items in each row."""
    reference = Reference(items)
    return [set(reference.found(row)) for row in rows]
