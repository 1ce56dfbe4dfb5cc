"""What of a text is said in no language though letters write it: names in code, letters of formulas, marks of the answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow.compute as pc

from operators.kernels.text import Texts, restore

Flags = np.ndarray[Any, np.dtype[np.bool_]]

#: A word beside one of these is part of a formula.
SIGNS = tuple(map(ord, "=+^≤≥≠≈×÷√∑∏∫∈∉⊂⊆∪∩∧∨¬±"))
SPACE, DOT, UNDERSCORE, QUOTE, COLON = map(ord, ' ._":')


def unspoken(texts: Texts, names: bool, formulas: bool) -> Flags:
    """Whether each code point lies in a Latin word that is an identifier, a letter alone, or a part of a formula."""
    points, _, counts = texts.points
    kind = np.where(points < 0x2000, kinds()[np.minimum(points, 0x1FFF)], 0)
    inside = kind > 0
    rows = np.repeat(np.arange(len(counts)), counts)
    moved = (inside[1:] != inside[:-1]) | (rows[1:] != rows[:-1])
    heads = np.flatnonzero(np.r_[True, moved][: len(points)])
    if not heads.size:
        return np.zeros(0, dtype=bool)
    sizes = np.diff(np.r_[heads, len(points)])
    ends = heads + sizes
    row = rows[heads]

    def at(place: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """What stands at a place of each word's row; 0 beyond its ends."""
        inner = np.clip(place, 0, len(points) - 1)
        return np.where((place == inner) & (rows[inner] == row), points[inner], 0)

    before, after = at(heads - 1), at(ends)
    chosen = np.zeros(len(heads), dtype=bool)
    if names:
        letters, digits = count_set(kind >= LOWER, heads), count_set(kind == DIGIT, heads)
        humps = np.r_[False, (kind[1:] == UPPER) & (kind[:-1] == LOWER)][: len(points)]
        word = (letters > 0) & (count_set(kind == OTHER, heads) == 0)
        dotted = np.zeros(len(heads), dtype=bool)
        dot = np.flatnonzero((sizes == 1) & (points[heads] == DOT))
        dot = dot[(dot > 0) & (dot < len(heads) - 1)]
        joined = dot[(letters[dot - 1] > 0) & (letters[dot + 1] > 0) & (row[dot - 1] == row[dot]) & (row[dot + 1] == row[dot])]
        dotted[joined - 1] = dotted[joined + 1] = True
        keyed = (before == QUOTE) & (after == QUOTE) & (at(ends + 1) == COLON)
        odd = (count_set(points == UNDERSCORE, heads) > 0) | (digits > 0) | (count_set(humps, heads) > 0) | (letters == 1)
        chosen |= word & (odd | dotted | keyed)
    if formulas:
        before, after = np.where(before == SPACE, at(heads - 2), before), np.where(after == SPACE, at(ends + 1), after)
        chosen |= np.isin(before, SIGNS) | np.isin(after, SIGNS)
    return np.repeat(chosen & inside[heads], sizes)


def count_set(flags: Flags, heads: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The number of set flags in each stretch."""
    counted: np.ndarray[Any, Any] = np.add.reduceat(flags, heads, dtype=np.int64)
    return counted


DIGIT, LOWER, UPPER, OTHER = 1, 2, 3, 4


@lru_cache(maxsize=1)
def kinds() -> np.ndarray[Any, Any]:
    """For each code point below 2000: what of a Latin word it is, or 0; OTHER are letters that no identifier has."""
    table = np.zeros(0x2000, dtype=np.uint8)
    table[ord("0") : ord("9") + 1], table[UNDERSCORE] = DIGIT, DIGIT
    table[ord("a") : ord("z") + 1], table[ord("A") : ord("Z") + 1] = LOWER, UPPER
    for low, high in ((0xAA, 0xAA), (0xBA, 0xBA), (0xC0, 0x24F), (0x300, 0x36F), (0x1E00, 0x1EFF)):
        table[low : high + 1] = OTHER
    table[[0xD7, 0xF7]] = 0
    return table


def without_marks(texts: Texts, marks: Sequence[str]) -> Texts:
    """The same texts without marks of the answer: before a colon, with emphasis or without, or alone on their line."""
    if not marks:
        return texts
    listed = "|".join(re.escape(each) for each in sorted(marks, key=len, reverse=True))
    alone = rf"(?im)^[\s#>*_`]*(?:{listed})[\s*_`]*$"
    before = rf"(?i)(\A|[^\p{{L}}\p{{N}}\p{{M}}_]|_)(?:{listed})[ \t*_`]*[:：]"
    column = pc.replace_substring_regex(texts.column, before, r"\1 ")
    return Texts(restore(pc.replace_substring_regex(column, alone, " "), texts.null))
