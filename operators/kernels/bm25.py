"""BM25 over a pool of questions: scores in whole numbers, so that no order of additions, batch or thread shows in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

Ints = np.ndarray[Any, np.dtype[np.int64]]

#: Okapi's usual parameters; the idf is Lucene's, log(1 + (N - df + 0.5) / (df + 0.5)), which is never negative.
K1, B = 1.5, 0.75
#: Each weight of a word in a question is a multiple of 2**-32: finer than anybody asks, and its sums are exact.
SCALE = 1 << 32
#: Queries whose scores are in memory at a time.
QUERIES = 64


class Pool:
    """Questions as lists of words, indexed by bm25s."""

    def __init__(self, questions: Sequence[Sequence[str]]) -> None:
        import bm25s
        from scipy.sparse import csr_array

        self.words: dict[str, int] = {}
        ids = [[self.words.setdefault(word, len(self.words)) for word in words] for words in questions]
        self.rows = len(ids)
        self.weights = None
        if not self.words:
            return
        index = bm25s.BM25(k1=K1, b=B, method="lucene", dtype="float64", int_dtype="int64", csc_backend="scipy")
        index.index((ids, self.words), create_empty_token=False, show_progress=False)
        data = np.rint(index.scores["data"] * SCALE).astype(np.int64)
        # Words by questions: bm25s keeps it by columns, which is this by rows.
        shape = (len(self.words), self.rows)
        self.weights = csr_array((data, index.scores["indices"], index.scores["indptr"]), shape=shape)

    def nearest(self, queries: Sequence[Sequence[str]], count: int) -> Iterator[tuple[Ints, Ints]]:
        """For each query (places of the questions with a score above 0, their scores), best first, ties by place.

        No more than `count`; a word that stands twice in a query counts twice.
        """
        from scipy.sparse import csr_array

        none = np.zeros(0, np.int64)
        for start in range(0, len(queries), QUERIES):
            batch = queries[start : start + QUERIES]
            known = [[at for word in words if (at := self.words.get(word)) is not None] for words in batch]
            if self.weights is None:
                yield from ((none, none) for _ in batch)
                continue
            bounds = np.concatenate([[0], np.cumsum([len(each) for each in known])])
            flat = np.array([at for each in known for at in each], dtype=np.int64)
            queried = csr_array((np.ones(len(flat), np.int64), flat, bounds), shape=(len(batch), len(self.words)))
            scores = queried @ self.weights
            for row in range(len(batch)):
                low, high = scores.indptr[row], scores.indptr[row + 1]
                yield best(scores.indices[low:high], scores.data[low:high], count)


def best(places: np.ndarray[Any, Any], scores: Ints, count: int) -> tuple[Ints, Ints]:
    """The `count` highest scores with their places; of equal ones those with the lowest place."""
    if len(scores) > count:
        # All that reach the lowest score taken, so that ties are broken by place and by nothing else.
        bound = np.partition(scores, len(scores) - count)[len(scores) - count]
        chosen = np.flatnonzero(scores >= bound)
        places, scores = places[chosen], scores[chosen]
    order = np.lexsort((places, -scores))[:count]
    return places[order].astype(np.int64), scores[order]
