"""Which language a text is in, by the model that py3langid ships: naive Bayes over byte n-grams, 139 languages."""

from __future__ import annotations

from functools import lru_cache
from math import exp, sqrt
from typing import Any, NamedTuple

import numpy as np

#: The model's weights are halves of small numbers, exact with so many bits behind the point. Sums of whole numbers have no
#: order, so every machine finds the same.
BITS = 12
#: More of one n-gram in a text says no more.
MOST = 1 << 16
#: N-grams whose weights are made at a time.
AT_ONCE = 4096
#: What the model calls text of no language, such as code or numbers.
NO_LANGUAGE = "zxx"


class Model(NamedTuple):
    """The tables of the model, in whole numbers."""

    moves: Any
    """Of the automaton that finds n-grams: row and byte -> state."""
    rows: list[int]
    """State -> its row."""
    features: Any
    """State -> the n-gram that ends there, or -1."""
    weights: Any
    """(n-grams, columns)."""
    priors: Any
    """(columns,)."""
    labels: list[str]
    """The codes of the languages."""
    owner: Any
    """Column -> place of its label: some languages have two."""


@lru_cache(maxsize=1)
def model() -> Model:
    """The model (5 MB on disk, a second to load)."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    held = LanguageIdentifier.from_model_file(MODEL_FILE)
    weights = np.empty(np.shape(held.nb_ptc), np.int32)
    for start in range(0, len(weights), AT_ONCE):  # whole, the numbers on the way take five times as much
        weights[start : start + AT_ONCE] = whole(held.nb_ptc[start : start + AT_ONCE])
    owner = np.array([held.labels.index(each) for each in held.nb_classes])
    rows = [row << 8 for row in held.tk_row]
    return Model(held.tk_nextmove, rows, held.tk_output, weights, whole(held.nb_pc) << BITS, held.labels, owner)


def whole(numbers: Any) -> Any:
    """Weights in whole numbers."""
    return np.rint(np.asarray(numbers, np.float64) * 2**BITS).astype(np.int64)


@lru_cache(maxsize=1)
def logarithms() -> Any:
    """log(1 + n) of the numbers below MOST, in whole numbers."""
    return np.rint(np.log1p(np.arange(MOST, dtype=np.float64)) * 2**BITS).astype(np.int64)


def confidences(text: str) -> Any:
    """(labels,) How sure the model is of each language, together 1; None where a text has nothing that it knows."""
    from py3langid.langid import visit_counts

    held = model()
    # As the library has it: capitals alone are read as small letters.
    data = (text.lower() if text.isupper() else text).encode()
    visits = visit_counts(held.moves, held.rows, held.features, data)
    if not visits:
        return None
    found = np.fromiter(visits.keys(), np.int64, len(visits))
    counts = logarithms()[np.minimum(np.fromiter(visits.values(), np.int64, len(visits)), MOST - 1)]
    sums = counts @ held.weights[found].astype(np.int64) + held.priors
    # As the library has it, the longer a text is the less each of its n-grams says.
    scale = sqrt(len(data)) * 4**BITS
    odds = np.array([exp(int(each) / scale) for each in sums - sums.max()])
    return np.bincount(held.owner, weights=odds, minlength=len(held.labels)) / odds.sum()


def numbered(code: str) -> int:
    """The number that stands for the code of a language among the values of a measure.

    Example:
        >>> numbered("ko"), coded(numbered("ko"))
        (312, 'ko')
    """
    number = 0
    for letter in code:
        number = number * 27 + ord(letter) - ord("a") + 1
    return number


def coded(number: int) -> str:
    """The code of a language that a number stands for."""
    letters = ""
    while number:
        number, letter = divmod(number, 27)
        letters = chr(ord("a") + letter - 1) + letters
    return letters
