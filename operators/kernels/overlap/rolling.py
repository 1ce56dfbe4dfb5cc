"""Hashes of all windows of a stream of code points, and of any of its substrings: equal text has equal hashes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from operators.kernels.text import Ints

Hashes = np.ndarray[Any, np.dtype[np.uint64]]

#: Odd, so that it has an inverse modulo 2**64.
BASE = 0x9E3779B97F4A7C15
INVERSE = pow(BASE, -1, 1 << 64)
CHUNK = 1 << 15
"""Windows that are hashed at a time: what is in between stays in the processor's cache."""


def powers(base: int, count: int) -> Hashes:
    """The first powers of a number modulo 2**64."""
    made = np.full(count, base % (1 << 64), dtype=np.uint64)
    made[:1] = 1
    return np.cumprod(made)


def windows(points: np.ndarray[Any, Any], grids: Sequence[tuple[int, int]]) -> Iterator[tuple[int, list[Hashes]]]:
    """(first place, for each width and step the hashes of the windows at every step-th place from there on), chunk by chunk.

    A window's hash is the sum of point * INVERSE ** (places before it), modulo 2**64. A chunk of a width that no longer fits
    before the end is shorter. Steps divide CHUNK.
    """
    whole = CHUNK + max((width for width, _ in grids), default=1) - 1
    up, down = powers(BASE, whole), powers(INVERSE, whole)
    sums = np.zeros(whole + 1, dtype=np.uint64)
    for start in range(0, len(points), CHUNK):
        piece = points[start : start + whole]
        filled = sums[1 : len(piece) + 1]
        np.multiply(piece, down[: len(piece)], out=filled)
        np.cumsum(filled, out=filled)
        yield start, [hashed(sums[: len(piece) + 1], up, *grid) for grid in grids]


def hashed(sums: Hashes, up: Hashes, width: int, step: int) -> Hashes:
    """The hashes of the windows of one width, from what stands before each place and the powers that take its place out."""
    count = min(CHUNK, max(0, len(sums) - width))
    made: Hashes = sums[width : width + count : step] - sums[:count:step]
    made *= up[:count:step]
    return made


def hashes_at(points: np.ndarray[Any, Any], start: Ints, width: int) -> Hashes:
    """The hashes of the windows of one width at some places, as `windows` has them."""
    hashes = np.zeros(len(start), dtype=np.uint64)
    for at, factor in enumerate(powers(INVERSE, width)):
        hashes += points[start + at].astype(np.uint64) * factor
    return hashes


class Substrings:
    """Hashes of any substring of a stream, each at the cost of a multiplication."""

    def __init__(self, points: np.ndarray[Any, Any]) -> None:
        self.up = powers(BASE, len(points) + 1)
        self.sums = np.zeros(len(points) + 1, dtype=np.uint64)
        # The length enters, so that a text and the same text with code points 0 behind it differ.
        self.sums[1:] = np.cumsum((points.astype(np.uint64) + np.uint64(1)) * powers(INVERSE, len(points)))

    def hashes(self, start: Ints, end: Ints) -> Hashes:
        """The hash of the substring from each start to its end."""
        return (self.sums[end] - self.sums[start]) * self.up[start]
