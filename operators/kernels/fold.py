"""Texts as streams of code points in which nothing but letters, marks and numbers counts, or nothing but white space does not."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from operators.kernels.text import Ints, Texts, flags_of, rows_that, space_table, splice, total

Points = np.ndarray[Any, np.dtype[np.uint32]]

#: In the table: what a code point becomes depends on its neighbours, or is several; such rows are asked of `unicodedata`.
SLOW = 0xFFFFFFFF
#: Letters that fold to themselves, so that the table need not ask for each: CJK and Hangul syllables.
THEMSELVES = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3))
KEPT = ("L", "M", "N")


def folded(text: str) -> str:
    """NFKC, without case, and every character that is no letter, mark or number a space.

    Example:
        >>> folded("Ａ-1, 가…나").split()
        ['a', '1', '가', '나']
    """
    return "".join(char if unicodedata.category(char)[0] in KEPT else " " for char in form_of(text))


def form_of(text: str) -> str:
    """NFKC, without case."""
    return unicodedata.normalize("NFKC", text).casefold()


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
        said = unicodedata.decomposition(chr(point))
        if said and not said.startswith("<") and len(parts := said.split()) == 2:
            found.add(chr(int(parts[1], 16)))
    return frozenset(found)


def starts_anew(char: str) -> bool:
    """Whether what stands before a character cannot change what becomes of it, nor it of that."""
    first = unicodedata.normalize("NFKD", char)[0]
    return unicodedata.combining(first) == 0 and first not in seconds()


@lru_cache(maxsize=1)
def fold_table() -> Points:
    """For each code point: what it is folded to, 0 where it is left out, or SLOW."""
    table = np.full(0x110000, SLOW, dtype=np.uint32)
    for low, high in THEMSELVES:
        table[low : high + 1] = np.arange(low, high + 1)
    for point in range(0x20000):
        if table[point] != SLOW or 0xD800 <= point <= 0xDFFF:
            continue
        char = chr(point)
        if unicodedata.category(char) in ("Cc", "Cn", "Co"):
            table[point] = 0
            continue
        alone = not unicodedata.decomposition(char) and char.casefold() == char
        form = char if alone else form_of(char)
        if not starts_anew(char):
            continue
        if not alone and (unicodedata.normalize("NFKC", form) != form or not all(map(starts_anew, form))):
            continue
        if not folded(char).strip():
            table[point] = 0
        elif len(form) == 1:
            table[point] = ord(form)
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


def normal_stream(texts: Texts) -> Stream:
    """Of each row: `folded`, without its spaces."""
    points, first, counts = texts.points
    made = fold_table()[points]
    rows = np.flatnonzero(rows_that(made == SLOW, first, counts)).tolist()
    if rows:
        forms = {row: form_of(string_of(points[first[row] : first[row] + counts[row]])) for row in rows}
        made, first, counts = splice((made, first, counts), forms)
        for row in rows:
            part = made[first[row] : first[row] + counts[row]]
            part[~kept_table()[part]] = 0
    return replace(squeezed(made, made != 0, first, counts), mixed=tuple(rows))


def raw_stream(texts: Texts) -> Stream:
    """Of each row: its text as it is, without white space."""
    points, first, counts = texts.points
    return squeezed(points, ~flags_of(points, space_table(), False), first, counts)


def squeezed(points: Points, kept: np.ndarray[Any, Any], first: Ints, counts: Ints) -> Stream:
    """The points that are kept."""
    left = total(kept, first, counts)
    return Stream(points[kept], np.cumsum(left) - left, left)


def string_of(points: Points) -> str:
    """Code points as a string."""
    return points.astype("<u4").tobytes().decode("utf-32-le")


def places_of(text: str, raw: bool) -> Ints:
    """Where in a text each code point of its stream comes from, and after the last one the text's end."""
    if raw:
        return np.array([at for at, char in enumerate(text) if not char.isspace()] + [len(text)], dtype=np.int64)
    places: list[int] = []
    start = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or starts_anew(text[end]):
            places += [start] * len(folded(text[start:end]).replace(" ", ""))
            start = end
    return np.array([*places, len(text)], dtype=np.int64)
