"""Texts as sets of hashed n-grams of characters: made, sketched by MinHash, and compared truly."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.kernels.text import Ints, decode

Hashes = np.ndarray[Any, np.dtype[np.uint64]]
STEP = np.uint64(0x9E3779B97F4A7C15)
SKETCHED = 2048
"""Sets that are sketched at a time: the library gives numbers one by one, which are large while they are held."""


def mixed(hashes: Hashes) -> Hashes:
    """Each hash with its bits spread over all 64 of it (the end of SplitMix64)."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))


def within(counts: Ints) -> Ints:
    """0, 1, 2 ... for each of many runs, one after another, of these lengths."""
    ends = np.cumsum(counts)
    return np.arange(int(counts.sum())) - np.repeat(ends - counts, counts)


def shingles(forms: pa.Array, gram: int) -> tuple[Hashes, Ints]:
    """(hashes, where those of each text begin, and the end) of the distinct n-grams of each text, sorted within a text.

    A text that is shorter than an n-gram is one as a whole; one that is empty or null has none.
    """
    forms = pa.concat_arrays([pc.fill_null(forms.cast(pa.large_string()), "")])
    points, lengths = decode(forms)
    sizes = np.minimum(lengths, gram)
    counts = np.where(lengths > 0, lengths - sizes + 1, 0)
    rows = np.repeat(np.arange(len(counts)), counts)
    first = np.repeat(np.cumsum(lengths) - lengths, counts) + within(counts)
    hashes = np.repeat(sizes, counts).astype(np.uint64)
    for at in range(gram):
        there = np.minimum(first + at, max(len(points) - 1, 0))
        stepped = (hashes ^ points[there].astype(np.uint64)) * STEP if len(points) else hashes
        stepped ^= stepped >> np.uint64(29)
        hashes = stepped if at == 0 else np.where(at < sizes[rows], stepped, hashes)
    return distinct(mixed(hashes), rows, len(counts))


def numbers(texts: pa.Array) -> tuple[Hashes, Ints]:
    """(hashes, where those of each text begin, and the end) of the distinct numbers in each text, sorted within a text."""
    texts = pc.utf8_normalize(pc.fill_null(texts.cast(pa.large_string()), ""), "NFKC")
    apart = pa.concat_arrays([pc.utf8_trim(pc.replace_substring_regex(texts, r"[^\p{Nd}]+", " "), " ")])
    points, lengths = decode(apart)
    if not len(points):
        return np.zeros(0, np.uint64), np.zeros(len(lengths) + 1, np.int64)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    spaces = points == 0x20
    starts = np.ones(len(points), bool)
    starts[1:] = spaces[:-1] | (rows[1:] != rows[:-1])
    begin = np.flatnonzero(starts)
    powers = np.cumprod(np.full(int(np.diff(np.append(begin, len(points))).max()), STEP, np.uint64))
    place = within(np.diff(np.append(begin, len(points))))
    each = np.where(spaces, np.uint64(0), (points.astype(np.uint64) + np.uint64(1)) * powers[place])
    return distinct(mixed(np.add.reduceat(each, begin)), rows[begin], len(lengths))


def distinct(hashes: Hashes, rows: Ints, count: int) -> tuple[Hashes, Ints]:
    """(the distinct hashes of each row, sorted, where those of each begin, and the end)."""
    order = np.lexsort((hashes, rows))
    hashes, rows = hashes[order], rows[order]
    kept = np.ones(len(hashes), bool)
    kept[1:] = (hashes[1:] != hashes[:-1]) | (rows[1:] != rows[:-1])
    return hashes[kept], np.searchsorted(rows[kept], np.arange(count + 1)).astype(np.int64)


def bands(hashes: Hashes, bounds: Ints, permutations: int, rows: int, seed: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """(bands, texts): a hash of each band of `rows` of the `permutations` of a MinHash; 0 where a text has no n-gram."""
    from rensa import RMinHash

    count, many = len(bounds) - 1, permutations // rows
    found = np.zeros((many, count), np.uint32)
    for start in range(0, count, SKETCHED):
        end = min(count, start + SKETCHED)
        first, last = int(bounds[start]), int(bounds[end])
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(
            np.ascontiguousarray(hashes[first:last]), (bounds[start : end + 1] - first).astype(np.uint64), permutations, seed
        )
        sketch = np.array(matrix.to_rows(), np.uint64).reshape(end - start, permutations)[:, : many * rows]
        sketch = sketch.reshape(end - start, many, rows)
        band = np.zeros((end - start, many), np.uint64)
        for at in range(rows):
            band = mixed((band ^ sketch[:, :, at]) * STEP)
        found[:, start:end] = np.where(np.diff(bounds[start : end + 1])[:, None] > 0, band >> np.uint64(32), 0).T
    return found


@lru_cache(maxsize=64)
def rows_of_bands(permutations: int, threshold: Fraction) -> int:
    """The rows of a band by which a pair exactly at the threshold is missed in at most 1 of 100 cases; 1 where none does."""
    for rows in range(permutations, 1, -1):
        if (1 - threshold**rows) ** (permutations // rows) * 100 <= 1:
            return rows
    return 1


def common(ones: Hashes, bounds: Ints, others: Hashes, first: Ints, last: Ints) -> Ints:
    """How many hashes each of the sorted sets `ones` shares with one of `others`: those from `first` to before `last` there."""
    sizes = np.diff(bounds)
    pairs = np.repeat(np.arange(len(sizes)), sizes)
    if not len(pairs) or not len(others):
        return np.zeros(len(sizes), np.int64)
    low, high = first[pairs], last[pairs]
    end = high
    for _ in range(int((last - first).max(initial=0)).bit_length()):  # a binary search of all at once
        middle = (low + high) >> 1
        below = (low < high) & (others[np.minimum(middle, len(others) - 1)] < ones)
        low, high = np.where(below, middle + 1, low), np.where(below, high, middle)
    hit = (low < end) & (others[np.minimum(low, len(others) - 1)] == ones)
    return np.bincount(pairs[hit], minlength=len(sizes)).astype(np.int64)


def reaches(shared: Ints, sizes: Ints, lengths: Ints, threshold: Fraction) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether sets of these sizes that share so many have a Jaccard of at least the threshold, in whole numbers."""
    near = shared * threshold.denominator >= (sizes + lengths - shared) * threshold.numerator
    return np.asarray(near & (sizes > 0) & (lengths > 0))
