"""Which code points lie in a phrase that comes again and again, over whole batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from operators.kernels.text import Ints, Texts, total

SLICE = 2_000_000
"""Code points that are looked at together, in whole rows."""

BASE, ROW = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


def repeated(texts: Texts, phrase: int, times: int) -> tuple[Ints, Ints]:
    """(code points in a phrase that occurs `times` times or more in its row, all code points); -1 where there are none."""
    points, first, counts = texts.points
    flags = np.zeros(len(points), dtype=bool)
    row = 0
    while row < len(counts):
        last = max(row + 1, int(np.searchsorted(first, first[row] + SLICE)))
        start, end = int(first[row]), int(first[last - 1] + counts[last - 1])
        flags[start:end] = covered(points[start:end], counts[row:last], phrase, times)
        row = last
    unknown = texts.null | (counts == 0)
    return np.where(unknown, -1, total(flags, first, counts)), np.where(unknown, -1, counts)


def covered(points: np.ndarray[Any, Any], counts: Ints, phrase: int, times: int) -> np.ndarray[Any, Any]:
    """Whether each code point of some rows lies in such a phrase."""
    windows = len(points) - phrase + 1
    flags = np.zeros(len(points), dtype=bool)
    if windows < times:
        return flags
    ends = np.cumsum(counts)
    rows = np.repeat(np.arange(len(counts)), counts)[:windows]
    inside = np.arange(windows) + phrase <= ends[rows]
    # A sum of products modulo 2**64 tells windows apart, and the row's own number those of other rows.
    hashes = (rows.astype(np.uint64) + np.uint64(1)) * ROW
    factor = np.uint64(1)
    with np.errstate(over="ignore"):
        for place in range(phrase):
            factor = factor * BASE + np.uint64(2 * place + 1)
            hashes += points[place : place + windows].astype(np.uint64) * factor
    starts = np.flatnonzero(inside)
    _, back, number = np.unique(hashes[starts], return_inverse=True, return_counts=True)
    again = starts[number[back] >= times]
    steps = np.zeros(len(points) + 1, dtype=np.int32)
    np.add.at(steps, again, 1)
    np.add.at(steps, again + phrase, -1)
    return np.asarray(np.cumsum(steps)[:-1] > 0)
