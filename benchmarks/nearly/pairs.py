"""All pairs of texts, counted one with every other: what MinHash is measured against."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa

from operators.kernels.alike import forms
from operators.kernels.shingles import shingles

Ints = np.ndarray[Any, Any]
ROWS = 1000


def all_pairs(texts: list[str], least: Fraction, gram: int = 5) -> Iterator[tuple[Ints, Ints]]:
    """The places of all pairs whose Jaccard is at least `least`, each both ways."""
    from scipy.sparse import csr_array

    hashes, bounds = shingles(forms(pa.array(texts, pa.large_string())), gram)
    known, columns = np.unique(hashes, return_inverse=True)
    whole = csr_array((np.ones(len(hashes), np.int32), columns, bounds), shape=(len(texts), len(known)))
    turned, sizes = whole.T.tocsr(), np.diff(bounds)
    for start in range(0, len(texts), ROWS):
        shared = (whole[start : start + ROWS] @ turned).tocoo()
        ones, others = shared.coords[0] + start, shared.coords[1]
        union = sizes[ones] + sizes[others] - shared.data
        there = (shared.data * least.denominator >= union * least.numerator) & (ones != others)
        yield ones[there], others[there]


def apart(texts: list[tuple[str, str]], least: Fraction = Fraction(3, 10)) -> list[tuple[str, str]]:
    """The (topic, text) of which none shares so much with one that stands before it."""
    gone = np.zeros(len(texts), bool)
    for ones, others in all_pairs([text for _, text in texts], least):
        gone[ones[others < ones]] = True
    return [each for each, dropped in zip(texts, gone.tolist(), strict=True) if not dropped]
