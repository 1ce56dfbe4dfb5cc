"""Texts as streams of code points in which white space is one space, with what of them is layout and no text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from operators.kernels.text import Ints, category_table, common, space_table

Flags = np.ndarray[Any, np.dtype[np.bool_]]

SPACE, BREAK, BAR = 0x20, 0x0A, 0x7C
SHORT = 200
"""Layout is drawn in lines; a line or run of signs that is longer than this is one that does not end."""
RUN = 8
"""So many signs and spaces in a row, inside a line, are layout: columns of a table without words, a leader of dots."""
CELL = 2
"""The characters other than space that a cell of a grid has at most."""
BULLETS = tuple(map(ord, "-*+•·▪◦‣>#"))
#: What may stand beside the one letter of a grid's cell.
BESIDE = tuple(map(ord, " \n|.#_*@-+,·"))


class Prose(NamedTuple):
    """The texts of some rows, one after another, without layout that has no letter or digit."""

    points: np.ndarray[Any, Any]
    counts: Ints
    """Code points of each row."""
    text: Flags
    """Whether each code point is text: not of a grid of single signs."""


def prose_of(points: np.ndarray[Any, Any], counts: Ints) -> Prose:
    """White space collapsed, and layout left out: rules, leaders, marks of lists, lines of signs. Grids are told apart."""
    rows = np.repeat(np.arange(len(counts)), counts)
    points, rows = collapsed(points, rows)
    words = category_table("LMN")[points]
    breaks = edges(points == BREAK, rows)
    kept = ~bare(points, words, breaks)
    grid = in_grid_line(points, words, breaks) | in_grid_cell(points, breaks)
    points, rows, grid = points[kept], rows[kept], grid[kept]
    points = np.where(points == BREAK, np.uint32(SPACE), points)
    single = ~((points == SPACE) & np.r_[True, (points[:-1] == SPACE) & (rows[1:] == rows[:-1])][: len(points)])
    points, rows, grid = points[single], rows[single], grid[single]
    return Prose(points, np.bincount(rows, minlength=len(counts)).astype(np.int64), ~grid)


def collapsed(points: np.ndarray[Any, Any], rows: Ints) -> tuple[np.ndarray[Any, Any], Ints]:
    """Every run of white space as one: the end of a line where it has one, else a space."""
    space = ~common(points)
    space[space] = space_table()[points[space]]
    begins = space & ~np.r_[False, space[:-1] & (rows[1:] == rows[:-1])][: len(points)]
    heads = np.flatnonzero(begins)
    kept = ~space | begins
    if heads.size:
        broken = np.add.reduceat(line_table()[points] & space, heads, dtype=np.int64) > 0
        points = points.copy()
        points[heads] = np.where(broken, np.uint32(BREAK), np.uint32(SPACE))
    return points[kept], rows[kept]


def edges(breaks: Flags, rows: Ints) -> Ints:
    """For each code point: the number of its line; the end of a line is a line of its own, and lines end with their row."""
    moved = np.zeros(len(breaks), dtype=np.int64)
    if len(breaks):
        moved[1:] = breaks[1:] | breaks[:-1] | (rows[1:] != rows[:-1])
    return np.cumsum(moved)


def runs(number: Ints) -> tuple[Ints, Ints]:
    """(where each run of equal numbers begins, how long it is)."""
    heads = np.flatnonzero(np.r_[True, number[1:] != number[:-1]][: len(number)])
    return heads, np.diff(np.r_[heads, len(number)])


def bare(points: np.ndarray[Any, Any], words: Flags, lines: Ints) -> Flags:
    """Whether each code point is of layout without letter or digit: a short line, a long run in one, the mark of a list."""
    number = np.cumsum(np.r_[0, (words[1:] != words[:-1]) | (lines[1:] != lines[:-1])][: len(words)])
    heads, sizes = runs(number)
    if not heads.size:
        return np.zeros(0, dtype=bool)
    ends = heads + sizes
    opens = np.r_[True, lines[heads[1:]] != lines[heads[:-1]]]
    closes = np.r_[opens[1:], True]
    mark = opens & np.isin(points[heads], BULLETS)
    # What stands between two words keeps its first space, so that they stay two.
    layout = ~words[heads] & (sizes <= SHORT) & ((sizes >= RUN) | (opens & closes) | (mark & (sizes <= 4)))
    layout &= points[heads] != BREAK
    flags = np.repeat(layout, sizes)
    inner = layout & ~opens & ~closes
    flags[ends[inner] - 1] = False
    points[ends[inner] - 1] = SPACE
    return flags


def in_grid_line(points: np.ndarray[Any, Any], words: Flags, lines: Ints) -> Flags:
    """Whether each code point is in a short line in which no letter stands beside another, or beside a sign of a sentence."""
    heads, sizes = runs(lines)
    if not heads.size:
        return np.zeros(0, dtype=bool)
    letter = category_table("LM")[points]  # a mark may be part of a letter
    alone = np.isin(points, BESIDE)
    first, last = np.zeros(len(points), dtype=bool), np.zeros(len(points), dtype=bool)
    first[heads], last[heads + sizes - 1] = True, True
    before, after = np.r_[True, alone[:-1]][: len(points)] | first, np.r_[alone[1:], True][: len(points)] | last
    wordy = np.add.reduceat(letter & ~(before & after), heads, dtype=np.int64) > 0
    return np.repeat(~wordy & (sizes <= SHORT), sizes)


def in_grid_cell(points: np.ndarray[Any, Any], lines: Ints) -> Flags:
    """Whether each code point is in a cell between two bars that holds a sign or two."""
    bars = np.flatnonzero(points == BAR)
    steps = np.zeros(len(points) + 1, dtype=np.int32)
    if bars.size > 1:
        filled = np.cumsum(np.r_[0, points != SPACE])
        signs = filled[bars[1:]] - filled[bars[:-1] + 1]
        cell = (signs <= CELL) & (lines[bars[1:]] == lines[bars[:-1]])
        np.add.at(steps, bars[:-1][cell], 1)
        np.add.at(steps, bars[1:][cell] + 1, -1)
    return np.asarray(np.cumsum(steps)[:-1] > 0)


@lru_cache(maxsize=1)
def line_table() -> Flags:
    """For each code point: whether it ends a line."""
    table = np.zeros(0x110000, dtype=bool)
    table[[0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029]] = True
    return table
