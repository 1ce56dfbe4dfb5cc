"""The n-grams of benchmark items, and which of them count as evidence of overlap."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from operators.kernels.fold import PLAIN, Points, Stream, folded, normal_stream, raw_stream
from operators.kernels.overlap.rolling import Hashes, Substrings
from operators.kernels.text import Ints, Texts, string_of
from operators.text.fold import Folding

#: An n-gram counts only with this many letters, of this many kinds, and where it is not one part said again and again.
LETTERS, KINDS = 8, 5
Cut = Callable[[list[str]], list[Ints]]
"""Texts, folded -> where the segments of each begin and end."""


@dataclass(frozen=True)
class Unit:
    """What an n-gram of one pass is made of."""

    raw: bool
    """Whether it is of the text as it is, and not of the folded one."""
    length: int
    """How many segments it has, or characters where it has no segments."""
    cut: Cut | None = None
    """What cuts texts into segments; None where characters are counted."""
    folding: Folding = PLAIN
    """What counts as one letter, where it is not of the text as it is."""
    found_in: int = 0
    """The pass that it belongs to, as the operator counts them."""
    benchmarks: frozenset[int] | None = None
    """The benchmarks that it is for; None for all."""

    def stream(self, texts: Texts) -> Stream:
        """The code points that are compared."""
        return raw_stream(texts) if self.raw else normal_stream(texts, self.folding)

    def cuts(self, texts: list[str]) -> list[Ints]:
        """Where the segments of each text begin and the last one ends."""
        assert self.cut is not None
        return self.cut(texts if self.raw else [folded(text, self.folding) for text in texts])


@dataclass(frozen=True)
class Item:
    """One item of a benchmark: texts whose n-grams count, of which the first is the question with its options, and its parts."""

    benchmark: int
    number: int
    texts: tuple[str, ...]
    question: str = ""
    options: tuple[str, ...] = ()


@dataclass
class Grams:
    """N-grams of one pass: from `start` to before `end` of `points`, in the order of their items."""

    points: Points
    start: Ints
    end: Ints
    cut: Ints
    """Where its first cut stands in `cuts`."""
    size: Ints
    """How many segments it has; 0 for characters."""
    cuts: Ints
    benchmark: Ints
    item: Ints

    def __len__(self) -> int:
        return len(self.start)

    def take(self, chosen: np.ndarray[Any, Any]) -> Grams:
        """Those at some places, or under a mask."""
        own = {name: getattr(self, name)[chosen] for name in ("start", "end", "cut", "size", "benchmark", "item")}
        return Grams(points=self.points, cuts=self.cuts, **own)


def grams_of(unit: Unit, items: Sequence[Item]) -> Grams:
    """All n-grams of the items; a question that has fewer segments, or characters, than an n-gram is one as a whole."""
    chosen = [item for item in items if unit.benchmarks is None or item.benchmark in unit.benchmarks]
    texts = [(item, place, text) for item in chosen for place, text in enumerate(item.texts)]
    batch = Texts(pa.array([text for *_, text in texts], pa.large_string()))
    stream = unit.stream(batch)
    cuts = unit.cuts([text for text in batch.strings() if text is not None]) if unit.cut is not None else []
    found: dict[str, list[Ints]] = {name: [] for name in ("start", "end", "cut", "size", "cuts", "benchmark", "item")}
    done = 0
    for row, (item, place, _) in enumerate(texts):
        # Without segments, each character is one.
        own = cuts[row] if unit.cut is not None else np.arange(int(stream.counts[row]) + 1)
        parts = len(own) - 1
        number = max(parts - unit.length + 1, 1 if place == 0 and parts else 0)
        last = np.minimum(np.arange(number) + unit.length, parts)
        found["start"].append(stream.first[row] + own[:number])
        found["end"].append(stream.first[row] + own[last])
        found["cut"].append(done + np.arange(number))
        found["size"].append(last - np.arange(number) if unit.cut is not None else np.zeros(number, dtype=np.int64))
        found["benchmark"].append(np.full(number, item.benchmark))
        found["item"].append(np.full(number, item.number))
        if unit.cut is not None:
            found["cuts"].append(own)
            done += len(own)
    return Grams(points=stream.points, **{name: joined(parts) for name, parts in found.items()})


def joined(parts: Sequence[np.ndarray[Any, Any]]) -> Ints:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts]).astype(np.int64)


def telling(grams: Grams, dates: Sequence[str], folding: Folding = PLAIN) -> np.ndarray[Any, Any]:
    """Which n-grams carry evidence: enough letters, of enough kinds, and no part said again and again.

    A word for a part of a date, behind a digit, is no letter.
    """
    letters, (digit, after) = letter_flags(grams.points), dated(grams.points, dates, folding)
    word = np.full(len(grams.points), -1)
    for number, (start, end) in enumerate(zip(digit.tolist(), after.tolist(), strict=True)):
        word[start + 1 : end] = number
    # The words that stand in an n-gram whole, with their digit.
    low, high = np.searchsorted(digit, grams.start), np.searchsorted(after, grams.end, side="right")
    before, sizes = (np.concatenate([[0], np.cumsum(each)]) for each in (letters, after - digit - 1))
    enough: np.ndarray[Any, Any] = before[grams.end] - before[grams.start] - np.maximum(sizes[high] - sizes[low], 0) >= LETTERS
    lengths = grams.end - grams.start
    for length in np.unique(lengths[enough]).tolist():
        chosen = np.flatnonzero(enough & (lengths == length))
        for part in np.array_split(chosen, max(1, len(chosen) * length // (1 << 22))):
            at = grams.start[part][:, None] + np.arange(length)
            counted, some = letters[at], np.flatnonzero(high[part] > low[part])
            date = word[at[some]]
            counted[some] &= (date < low[part[some]][:, None]) | (date >= high[part[some]][:, None])
            enough[part] = various(grams.points[at], counted)
    return enough


def various(points: Points, letters: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Whether each row of code points has enough kinds of letters and no period of at most half its length."""
    left = np.where(letters, points, 0)
    for _ in range(KINDS - 1):
        left[left == left.max(axis=1, keepdims=True)] = 0
    found: np.ndarray[Any, Any] = np.any(left, axis=1)
    for period in range(1, points.shape[1] // 2 + 1):
        # Where the first or last code point tells already, nothing else is compared.
        periodic = np.flatnonzero(found & (points[:, 0] == points[:, period]) & (points[:, -1] == points[:, -1 - period]))
        found[periodic] = ~(points[periodic, period:] == points[periodic, :-period]).all(axis=1)
    return found


def letter_flags(points: Points) -> np.ndarray[Any, Any]:
    """Whether each code point is a letter."""
    kinds, inverse = np.unique(points, return_inverse=True)
    flags = np.array([unicodedata.category(chr(point))[0] == "L" for point in kinds.tolist()], dtype=bool)
    found: np.ndarray[Any, Any] = flags[inverse]
    return found


def dated(points: Points, words: Sequence[str], folding: Folding) -> tuple[Ints, Ints]:
    """(the digit before each word for a part of a date, the place after the word)."""
    expressions = [re.escape(folded(word, folding).replace(" ", "")) for word in sorted(words, key=len, reverse=True)]
    found = list(re.finditer(rf"\d(?:{'|'.join(expressions)})", string_of(points))) if expressions else []
    return tuple(np.array([at(each) for each in found], dtype=np.int64) for at in (re.Match.start, re.Match.end))  # type: ignore[return-value]


def identities(grams: Grams) -> Hashes:
    """A hash of each n-gram's text and cuts."""
    made = Substrings(grams.points).hashes(grams.start, grams.end)
    for place in range(int(grams.size.max(initial=0)) + 1):
        chosen = np.flatnonzero(grams.size > place)
        at = grams.cut[chosen]
        length = (grams.cuts[at + place + 1] - grams.cuts[at]).astype(np.uint64)
        made[chosen] = made[chosen] * np.uint64(0x100000001B3) + length
    return made


def usual(grams: Grams, common: int) -> np.ndarray[Any, Any]:
    """Which n-grams stand in more than `common` items of one benchmark."""
    if not len(grams):
        return np.zeros(0, dtype=bool)
    _, identity = np.unique(identities(grams), return_inverse=True)
    numbers, item = np.unique(grams.item, return_inverse=True)
    benchmarks, items = int(grams.benchmark.max()) + 1, len(numbers)
    # One number for each n-gram, benchmark and item: one column is sorted many times faster than three.
    once = np.sort((identity * benchmarks + grams.benchmark) * items + item)
    pairs = once[changes(once)] // items
    first = changes(pairs)
    counts = np.diff(np.append(first, len(pairs)))
    found: np.ndarray[Any, Any] = np.isin(identity, pairs[first[counts > common]] // benchmarks)
    return found


def changes(values: np.ndarray[Any, Any]) -> Ints:
    """Where each value stands first in an array that is sorted."""
    new = np.ones(len(values), dtype=bool)
    new[1:] = values[1:] != values[:-1]
    return np.flatnonzero(new)


def exempt(grams: Grams, texts: Sequence[str], unit: Unit) -> np.ndarray[Any, Any]:
    """Which n-grams stand in one of some texts."""
    found = np.zeros(len(grams), dtype=bool)
    if not texts or not len(grams):
        return found
    batch = Texts(pa.array(list(texts), pa.large_string()))
    stream = unit.stream(batch)
    mine, lengths = Substrings(grams.points).hashes(grams.start, grams.end), grams.end - grams.start
    for row in range(len(texts)):
        points = stream.row(row)
        theirs = Substrings(points)
        for length in np.unique(lengths[lengths <= len(points)]).tolist():
            begin = np.arange(len(points) - length + 1)
            chosen = lengths == length
            found[chosen] |= np.isin(mine[chosen], theirs.hashes(begin, begin + length))
    return found
