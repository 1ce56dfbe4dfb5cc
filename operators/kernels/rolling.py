"""Hashes of all windows of a stream of code points, and of any of its substrings: equal text has equal hashes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from operators.kernels.text import Ints

Hashes = np.ndarray[Any, np.dtype[np.uint64]]

#: Odd, so that it has an inverse modulo 2**64.
BASE = 0x9E3779B97F4A7C15
CHUNK = 1 << 15
"""Windows that are hashed at a time: what is in between stays in the processor's cache."""


def power(exponent: int) -> np.uint64:
    return np.uint64(pow(BASE, exponent, 1 << 64))


def windows(points: np.ndarray[Any, Any], widths: Sequence[int]) -> Iterator[tuple[int, list[Hashes]]]:
    """(first place, the hashes of the windows of each width from there on), chunk by chunk.

    A window's hash is the sum of point * BASE ** (places after it), modulo 2**64. A chunk of a width that no longer fits
    before the end is shorter.
    """
    widest = max(widths)
    for start in range(0, len(points), CHUNK):
        piece = points[start : start + CHUNK + widest - 1].astype(np.uint64)
        doubled = {1: piece}
        size = 1
        while size * 2 <= min(widest, len(piece)):
            last = doubled[size]
            doubled[size * 2] = last[:-size] * power(size) + last[size:]
            size *= 2
        yield start, [hashed(doubled, len(piece), width)[:CHUNK] for width in widths]


def hashed(doubled: dict[int, Hashes], count: int, width: int) -> Hashes:
    """The hashes of the windows of one width, put together from those whose width is a power of two."""
    left = count - width + 1
    if left <= 0:
        return np.zeros(0, dtype=np.uint64)
    made, done = None, 0
    for size in sorted(doubled, reverse=True):
        if width - done >= size:
            part = doubled[size][done : done + left]
            made = part if made is None else made * power(size) + part
            done += size
    assert made is not None and done == width
    return made


class Substrings:
    """Hashes of any substring of a stream, each at the cost of a multiplication."""

    def __init__(self, points: np.ndarray[Any, Any]) -> None:
        inverse = pow(BASE, -1, 1 << 64)
        steps = np.full(len(points), inverse, dtype=np.uint64)
        self.up = np.ones(len(points) + 1, dtype=np.uint64)
        self.up[1:] = np.cumprod(np.full(len(points), BASE, dtype=np.uint64))
        down = np.cumprod(steps)
        self.sums = np.zeros(len(points) + 1, dtype=np.uint64)
        # The length enters, so that a text and the same text with code points 0 behind it differ.
        self.sums[1:] = np.cumsum((points.astype(np.uint64) + np.uint64(1)) * down)

    def hashes(self, start: Ints, end: Ints) -> Hashes:
        """The hash of the substring from each start to its end."""
        return (self.sums[end] - self.sums[start]) * self.up[start]
