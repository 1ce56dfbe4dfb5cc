"""Texts as they are compared for being nearly the same: their forms, and the character 5-grams these share."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.kernels.equal import compared
from operators.kernels.text import SPACES, Ints, decode
from operators.text.fold import Folding

GRAM = 5
"""Characters of a gram; a text with fewer is like another only where it equals it."""


def forms(texts: pa.Array, folding: Folding | None = None) -> pa.Array:
    """Each text in NFKC, one case, without white space, punctuation and symbols; with these where there is nothing else."""
    texts = texts.cast(pa.large_string())
    short = pc.replace_substring_regex(compared(texts, ("nfkc", "case", "punctuation"), folding), SPACES, "")
    bare = pc.equal(pc.utf8_length(short), 0)
    if not pc.any(bare).as_py():
        return short
    long = pc.replace_substring_regex(compared(texts.filter(bare), ("nfkc", "case"), folding), SPACES, "")
    return pc.replace_with_mask(short, bare, long)


def grams(text: str) -> frozenset[str]:
    """The character 5-grams of a form."""
    return frozenset(text[at : at + GRAM] for at in range(len(text) - GRAM + 1))


def near(one: frozenset[str], others: Iterable[frozenset[str]], least: Fraction) -> bool:
    """Whether a set of grams has a Jaccard of at least `least` with one of others; a text without grams is near none."""
    part, whole, size = least.numerator, least.denominator, len(one)
    for other in others:
        count = len(other)
        # Sizes alone tell most pairs apart.
        if size and count and count * part <= size * whole and size * part <= count * whole:
            common = len(one & other)
            if common * whole >= (size + count - common) * part:
                return True
    return False


class Alike:
    """Many forms, of which pairs are compared at once."""

    def __init__(self, texts: pa.Array) -> None:
        from scipy.sparse import csr_array

        texts = pa.concat_arrays([texts.cast(pa.large_string())])
        self.code = texts.dictionary_encode().indices.to_numpy()
        points, counts = decode(texts)
        many = np.maximum(counts - GRAM + 1, 0)
        first = np.repeat(np.cumsum(counts) - counts - (np.cumsum(many) - many), many) + np.arange(int(many.sum()))
        hashed = np.zeros(len(first), np.uint64)
        for at in range(GRAM):  # 62 bits of a hash: two grams of one text share one in a billion billion cases
            hashed = (hashed ^ points[first + at].astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
            hashed ^= hashed >> np.uint64(29)
        columns = (hashed >> np.uint64(2)).astype(np.int64)
        bounds = np.concatenate([[0], np.cumsum(many)]).astype(np.int64)
        self.grams = csr_array((np.ones(len(columns), np.int32), columns, bounds), shape=(len(texts), 1 << 62))
        self.grams.sum_duplicates()
        self.grams.data[:] = 1
        self.sizes: Ints = np.diff(self.grams.indptr).astype(np.int64)

    def pairs(self, ones: Ints, others: Ints, least: Fraction) -> np.ndarray[Any, Any]:
        """Whether each of `ones` is nearly the same text as that of `others` beside it."""
        same = self.code[ones] == self.code[others]
        low, high = np.minimum(self.sizes[ones], self.sizes[others]), np.maximum(self.sizes[ones], self.sizes[others])
        maybe = np.flatnonzero(~same & (low > 0) & (low * least.denominator >= high * least.numerator))
        for start in range(0, len(maybe), 1 << 16):
            at = maybe[start : start + (1 << 16)]
            common = np.asarray(self.grams[ones[at]].multiply(self.grams[others[at]]).sum(axis=1)).ravel().astype(np.int64)
            same[at] = common * least.denominator >= (low[at] + high[at] - common) * least.numerator
        return np.asarray(same)
