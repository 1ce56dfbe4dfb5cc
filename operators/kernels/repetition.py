"""Which code points lie in a phrase that comes again and again, over whole batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from operators.kernels.overlap.prose import Flags, prose_of
from operators.kernels.text import Ints, Texts, total

SLICE = 250_000
"""Code points that are looked at together, in whole rows: what is made of them stays in the caches."""

BITS = 18

BASE, ROW = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


def repeated(texts: Texts, phrase: int, times: int) -> tuple[Ints, Ints]:
    """(code points of text in a phrase that occurs `times` times or more in its row, all of text); -1 where there are none.

    White space counts as one space, and layout that has no words as nothing: see `prose_of`.
    """
    points, _, counts = texts.points
    parts, wholes = np.zeros(len(counts), dtype=np.int64), np.zeros(len(counts), dtype=np.int64)
    for rows in slices(texts):
        prose = prose_of(points[stretch(texts, rows)], counts[rows])
        flags = covered(prose.points, prose.counts, phrase, times, prose.text)
        begins = np.cumsum(prose.counts) - prose.counts
        parts[rows] = total(flags & prose.text, begins, prose.counts)
        wholes[rows] = total(prose.text, begins, prose.counts)
    # In layout alone nothing repeats: there it does not abstain.
    wholes = np.where(wholes == 0, counts, wholes)
    unknown = texts.null | (wholes == 0)
    return np.where(unknown, -1, parts), np.where(unknown, -1, wholes)


def slices(texts: Texts) -> Iterator[slice]:
    """Whole rows, so many at a time as have about SLICE code points."""
    _, first, counts = texts.points
    row = 0
    while row < len(counts):
        last = max(row + 1, int(np.searchsorted(first, first[row] + SLICE)))
        yield slice(row, last)
        row = last


def stretch(texts: Texts, rows: slice) -> slice:
    """The code points of some rows."""
    _, first, counts = texts.points
    return slice(int(first[rows.start]), int(first[rows.stop - 1] + counts[rows.stop - 1]))


def covered(points: np.ndarray[Any, Any], counts: Ints, phrase: int, times: int, text: Flags) -> Flags:
    """Whether each code point of some rows lies in such a phrase; occurrences that overlap count as one.

    A phrase is at least a quarter text: what it has besides are cells of a grid.
    """
    starts, hashes = hashed(points, counts, phrase)
    words = np.cumsum(np.r_[0, text])
    worded = words[starts + phrase] - words[starts] >= -(-phrase // 4)
    starts, hashes = starts[worded], hashes[worded]
    # Few phrases come often: counting their hashes' first bits leaves out nearly all before anything is sorted.
    bits = (hashes >> np.uint64(64 - BITS)).astype(np.int64)
    likely = np.bincount(bits, minlength=1 << BITS)[bits] >= times
    starts, hashes = starts[likely], hashes[likely]
    if len(starts) < times:
        return np.zeros(len(points), dtype=bool)
    _, back, number = np.unique(hashes, return_inverse=True, return_counts=True)
    often = np.flatnonzero(number[back] >= times)
    order = often[np.lexsort((starts[often], back[often]))]
    # Group and place in one number, so that one search finds the next occurrence of every phrase at once.
    width = np.int64(len(points) + phrase + 1)
    keys = back[order].astype(np.int64) * width + starts[order]
    groups, first = np.unique(back[order], return_index=True)
    at, alive = first.copy(), np.ones(len(groups), dtype=bool)
    for _ in range(times - 1):
        at = np.searchsorted(keys, keys[np.minimum(at, len(keys) - 1)] + phrase)
        alive &= (at < len(keys)) & (keys[np.minimum(at, len(keys) - 1)] // width == groups)
    again = order[np.isin(back[order], groups[alive])]
    return spread(starts[again], phrase, len(points))


def echoed(texts: Texts, others: Texts, phrase: int) -> tuple[Ints, Ints]:
    """(code points in a phrase that also stands in the other text of the row, all code points); -1 where there are none."""
    points, first, counts = texts.points
    theirs, _, sizes = others.points
    flags = np.zeros(len(points), dtype=bool)
    for rows in slices(texts):
        here = stretch(texts, rows)
        starts, hashes = hashed(points[here], counts[rows], phrase)
        _, known = hashed(theirs[stretch(others, rows)], sizes[rows], phrase)
        flags[here] = spread(starts[np.isin(hashes, known)], phrase, here.stop - here.start)
    unknown = texts.null | (counts == 0)
    return np.where(unknown, -1, total(flags, first, counts)), np.where(unknown, -1, counts)


def hashed(points: np.ndarray[Any, Any], counts: Ints, phrase: int) -> tuple[Ints, np.ndarray[Any, Any]]:
    """(where each phrase of some rows begins, its hash, which the row's number is part of)."""
    windows = len(points) - phrase + 1
    if windows < 1:
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    ends = np.cumsum(counts)
    rows = np.repeat(np.arange(len(counts)), counts)[:windows]
    starts = np.flatnonzero(np.arange(windows) + phrase <= ends[rows])
    # Windows of 1, 2, 4 and so on code points are put together from halves, so that a long phrase costs few passes;
    # the row's own number tells them from those of other rows.
    hashes = (rows.astype(np.uint64) + np.uint64(1)) * ROW
    single, size, done = points.astype(np.uint64) * BASE, 1, 0
    with np.errstate(over="ignore"):
        while True:
            if phrase & size:
                hashes = mixed(hashes, size) + single[done : done + windows]
                done += size
            if done == phrase:
                break
            single, size = mixed(single[:-size], size) + single[size:], 2 * size
    return starts, hashes[starts]


def mixed(hashes: np.ndarray[Any, Any], size: int) -> np.ndarray[Any, Any]:
    """Hashes of what stands before, so that exchanged halves differ; the shift keeps chosen texts from meeting."""
    made: np.ndarray[Any, Any] = (hashes ^ (hashes >> np.uint64(31))) * (BASE + np.uint64(2 * size))
    return made


def spread(starts: Ints, phrase: int, size: int) -> np.ndarray[Any, Any]:
    """Whether each of `size` code points lies in a phrase that begins at one of `starts`."""
    steps = np.zeros(size + 1, dtype=np.int32)
    np.add.at(steps, starts, 1)
    np.add.at(steps, starts + phrase, -1)
    return np.asarray(np.cumsum(steps)[:-1] > 0)
