"""Texts as streams of code points in which nothing but letters, marks and numbers counts, or nothing but white space does not."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from operators.kernels.text import Ints, Texts, points_of, rows_that, string_of, total
from operators.text.fold import Folding

Points = np.ndarray[Any, np.dtype[np.uint32]]

#: In the table: what a code point becomes depends on its neighbours, or is several; such rows are asked of `unicodedata`.
SLOW = 0xFFFFFFFF
#: In the table: nothing is left of it, and what stands on both sides of it is one after another.
GONE = 0xFFFFFFFE
PLAIN = Folding()
#: Letters that fold to themselves, so that the table need not ask for each: CJK and Hangul syllables.
THEMSELVES = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3))
KEPT = ("L", "M", "N")


def folded(text: str, folding: Folding = PLAIN) -> str:
    """NFKC, without case, letters by the rules, and every character that is no letter, mark or number a space.

    Example:
        >>> folded("Ａ-1, 가…나").split()
        ['a', '1', '가', '나']
    """
    made = [char if unicodedata.category(char)[0] in KEPT else " " for char in form_of(text, folding)]
    if not folding.sequences:
        return "".join(made)
    points = points_of("".join(made)).copy()
    exchange(points, np.zeros(1, dtype=np.int64), np.array([len(points)]), folding)
    return string_of(points[points != GONE])


def form_of(text: str, folding: Folding = PLAIN) -> str:
    """NFKC, without case, letters by the rules; sequences of letters are as they were."""
    return unicodedata.normalize("NFKC", text.translate(folding.letters)).casefold().translate(folding.letters)


@lru_cache(maxsize=1)
def kept_table() -> np.ndarray[Any, Any]:
    """For each code point: whether it is a letter, mark or number."""
    table = np.zeros(0x110000, dtype=bool)
    for low, high in THEMSELVES:
        table[low : high + 1] = True
    # No plane above these has letters or marks but for the ideographs of the second and third, and E0100.
    for point in (
        *range(0x3400),
        *range(0x4DC0, 0x4E00),
        *range(0xA000, 0xAC00),
        *range(0xD7A4, 0x40000),
        *range(0xE0000, 0xE0200),
    ):
        table[point] = unicodedata.category(chr(point))[0] in KEPT
    return table


@lru_cache(maxsize=1)
def seconds() -> frozenset[str]:
    """The characters that may become one with what stands before them."""
    found = {chr(point) for low, high in ((0x1161, 0x1175), (0x11A8, 0x11C2)) for point in range(low, high + 1)}
    for point in range(0x20000):
        decomposition = unicodedata.decomposition(chr(point))
        if decomposition and not decomposition.startswith("<") and len(parts := decomposition.split()) == 2:
            found.add(chr(int(parts[1], 16)))
    return frozenset(found)


def starts_anew(char: str) -> bool:
    """Whether what stands before a character cannot change what becomes of it, nor it of that."""
    first = unicodedata.normalize("NFKD", char)[0]
    return unicodedata.combining(first) == 0 and first not in seconds()


@lru_cache(maxsize=1)
def plain_table() -> Points:
    """For each code point: what it is folded to without any rule, 0 where it is left out, or SLOW."""
    table = np.full(0x110000, SLOW, dtype=np.uint32)
    for low, high in THEMSELVES:
        table[low : high + 1] = np.arange(low, high + 1)
    for point in range(0x20000):
        if table[point] == SLOW and not 0xD800 <= point <= 0xDFFF:
            table[point] = folded_point(chr(point))
    return table


def folded_point(char: str) -> int:
    """What one character is folded to without any rule, 0 where it is left out, or SLOW."""
    if unicodedata.category(char) in ("Cc", "Cn", "Co"):
        return 0
    alone = not unicodedata.decomposition(char) and char.casefold() == char
    form = char if alone else form_of(char)
    if not starts_anew(char):
        return SLOW
    if not alone and (unicodedata.normalize("NFKC", form) != form or not all(map(starts_anew, form))):
        return SLOW
    if not folded(char).strip():
        return 0
    return ord(form) if len(form) == 1 else SLOW


@lru_cache(maxsize=8)
def fold_table(folding: Folding = PLAIN) -> Points:
    """For each code point: what it is folded to, 0 where it becomes a space, GONE where nothing is left of it, or SLOW."""
    if not folding.letters:
        return plain_table()
    letters = np.arange(0x110000, dtype=np.uint32)
    for point, to in folding.letters.items():
        letters[point] = ord(to) if to else GONE
    plain = plain_table()
    table = plain[np.where(letters == GONE, 0, letters)]
    some = table < 0x110000
    table[some] = letters[table[some]]
    table[letters == GONE] = GONE
    return table


@lru_cache(maxsize=8)
def alone_table(folding: Folding = PLAIN) -> Points:
    """`fold_table`, with SLOW for the letters of sequences too: what is left is folded alone, whatever is beside it."""
    if not folding.sequences:
        return fold_table(folding)
    table = fold_table(folding).copy()
    parts = {ord(char) for sequence in folding.sequences for char in sequence}
    table[np.isin(table, np.array(sorted(parts), dtype=np.uint32))] = SLOW
    return table


@dataclass(frozen=True)
class Stream:
    """Code points of many rows one after another, without those that do not count."""

    points: Points
    first: Ints
    counts: Ints
    mixed: tuple[int, ...] = ()
    """The rows that have code points which what stands beside them changes."""

    def row(self, number: int) -> Points:
        """The code points of one row."""
        start = self.first[number]
        return self.points[start : start + self.counts[number]]


def normal_stream(texts: Texts, folding: Folding = PLAIN) -> Stream:
    """Of each row: `folded`, without its spaces."""
    points, first, counts = texts.points
    made, mixed = fold_table(folding)[points], alone_table(folding)
    rows = touched = rows_of(made == SLOW, first, counts)
    if folding.sequences:
        touched = rows_of(mixed[points] == SLOW, first, counts)
    if rows:
        made, first, counts = settled(points, made, first, counts, folding)
    if folding.sequences:
        left = total(made != GONE, first, counts)
        made, first, counts = made[made != GONE], np.cumsum(left) - left, left
        exchange(made, first, counts, folding)
    return replace(squeezed(made, (made != 0) & (made != GONE), first, counts), mixed=tuple(touched))


def rows_of(flags: np.ndarray[Any, Any], first: Ints, counts: Ints) -> list[int]:
    """The rows with a flag at one of their code points."""
    found: list[int] = np.flatnonzero(rows_that(np.flatnonzero(flags), first, counts)).tolist()
    return found


def settled(points: Points, made: Points, first: Ints, counts: Ints, folding: Folding) -> tuple[Points, Ints, Ints]:
    """What is folded with those put right, with their neighbours, that the table tells nothing of.

    A code point that begins anew ends what stands before it, so that each stretch without one is folded alone, with the
    point before it; equal ones once.
    """
    slow = made == SLOW
    heads = first[counts > 0]
    # What nothing is left of parts nobody: such points go with what stands on both sides of them.
    inner = slow | (made == GONE)
    begins = inner.copy()
    begins[1:] &= ~inner[:-1]
    begins[heads] = inner[heads]
    start = np.flatnonzero(begins)
    ends = inner.copy()
    ends[:-1] &= ~inner[1:]
    ends[heads[1:] - 1] = inner[heads[1:] - 1]
    end = np.flatnonzero(ends) + 1
    some = np.add.reduceat(slow, start, dtype=np.int64) > 0
    start, end = start[some], end[some]
    whole = start.copy()
    opens = np.zeros(len(made), dtype=bool)
    opens[heads] = True
    whole[~opens[start]] -= 1
    known: dict[bytes, Points] = {}
    pieces = []
    for low, high in zip(whole.tolist(), end.tolist(), strict=True):
        text = points[low:high].tobytes()
        if text not in known:
            form = points_of(form_of(text.decode("utf-32-le"), folding)).copy()
            form[~kept_table()[form]] = 0
            known[text] = form
        pieces.append(known[text])
    sizes = np.array([len(piece) for piece in pieces], dtype=np.int64)
    row = np.searchsorted(first, start, side="right") - 1
    counts = counts + np.bincount(row, sizes - (end - whole), len(counts)).astype(np.int64)
    fresh = np.concatenate(
        [each for low, high, piece in zip(np.r_[0, end[:-1]], whole, pieces, strict=True) for each in (made[low:high], piece)]
    )
    return np.concatenate([fresh, made[end[-1] :]]), np.cumsum(counts) - counts, counts


def exchange(points: Points, first: Ints, counts: Ints, folding: Folding) -> None:
    """Puts each sequence of letters that is compared as another in that one's place, with GONE where it is shorter."""
    for begin in dict.fromkeys(sequence[0] for sequence in folding.sequences):
        at = np.flatnonzero(points == ord(begin))
        row = np.searchsorted(first, at, side="right") - 1
        end = first[row] + counts[row]
        for sequence, to in folding.sequences.items():
            if sequence[0] != begin:
                continue
            found = at[at + len(sequence) <= end]
            for place, char in enumerate(sequence[1:], 1):
                found = found[points[found + place] == ord(char)]
            for place in range(len(sequence)):
                points[found + place] = ord(to[place]) if place < len(to) else GONE


def raw_stream(texts: Texts) -> Stream:
    """Of each row: its text as it is, without white space."""
    points, first, counts = texts.points
    return squeezed(points, texts.shown(), first, counts)


def squeezed(points: Points, kept: np.ndarray[Any, Any], first: Ints, counts: Ints) -> Stream:
    """The points that are kept."""
    left = total(kept, first, counts)
    return Stream(points[kept], np.cumsum(left) - left, left)


def places_of(text: str, raw: bool, folding: Folding = PLAIN) -> Ints:
    """Where in a text each code point of its stream comes from, and after the last one the text's end."""
    if raw:
        return np.array([at for at, char in enumerate(text) if not char.isspace()] + [len(text)], dtype=np.int64)
    kept = [(at, to) for at, char in enumerate(text) if (to := folding.letters.get(ord(char), char))]
    whole = "".join(to for _, to in kept)
    made: list[str] = []
    places: list[int] = []
    start = 0
    for end in range(1, len(whole) + 1):
        if end == len(whole) or starts_anew(whole[end]):
            form = form_of(whole[start:end], folding)
            made += [char if unicodedata.category(char)[0] in KEPT else " " for char in form]
            places += [kept[start][0]] * len(form)
            start = end
    points = points_of("".join(made)).copy()
    exchange(points, np.zeros(1, dtype=np.int64), np.array([len(points)]), folding)
    origins = np.array(places, dtype=np.int64)
    return np.append(origins[(points != ord(" ")) & (points != GONE)], len(text))
