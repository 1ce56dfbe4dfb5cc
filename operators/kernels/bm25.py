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
PRUNED = 200_000
"""From so many weights a query on, common words are looked up for the questions alone that they may still bring in."""


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
        self.weights.sort_indices()
        self.most = np.maximum.reduceat(self.weights.data, self.weights.indptr[:-1].astype(np.int64))
        """The greatest weight of each word; every word stands in a question."""
        self.places = self.weights.indices.astype(np.int64)

    @property
    def work(self) -> float:
        """How many weights a query like those of the pool meets."""
        return 0.0 if self.weights is None else float((np.diff(self.weights.indptr).astype(np.float64) ** 2).sum()) / self.rows

    def nearest(self, queries: Sequence[Sequence[str]], count: int) -> Iterator[tuple[Ints, Ints]]:
        """For each query (places of the questions with a score above 0, their scores), best first, ties by place.

        No more than `count`; a word that stands twice in a query counts twice.
        """
        from scipy.sparse import csr_array

        none = np.zeros(0, np.int64)
        if self.work >= PRUNED:
            scores = np.zeros(self.rows, np.int64)
            yield from (self.pruned(query, count, scores) for query in queries)
            return
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

    def pruned(self, query: Sequence[str], count: int, scores: Ints) -> tuple[Ints, Ints]:
        """The same for one query, without all the questions that share its common words alone; `scores` are 0 before and after.

        Words come by what they bring at most, the most first. As soon as `count` questions have more than all words that are
        left bring together, no other question can be among the best, and the words that are left are looked up for those alone
        that can (MaxScore, after Turtle and Flood). What comes out is the same to the last tie.
        """
        assert self.weights is not None
        known = [at for word in query if (at := self.words.get(word)) is not None]
        words, times = np.unique(np.array(known, np.int64), return_counts=True)
        bounds, data = self.weights.indptr, self.weights.data
        order = np.argsort(-self.most[words] * times, kind="stable")
        words, times = words[order], times[order]
        most = self.most[words] * times
        left = most.sum() - np.cumsum(most)
        least, done, met, looked = 0, 0, 0, 0
        for at, (word, many) in enumerate(zip(words.tolist(), times.tolist(), strict=True)):
            mine = slice(bounds[word], bounds[word + 1])
            scores[self.places[mine]] += data[mine] * many
            done, met = at + 1, met + mine.stop - mine.start
            # None has more than the words so far bring together, and looking at all of them is worth it now and then.
            if done < len(words) and left[at] < left[0] + most[0] - left[at] and 2 * met > 3 * looked:
                looked, some = met, scores[scores > 0]
                least = 0 if len(some) < count else int(np.partition(some, len(some) - count)[len(some) - count])
                if left[at] < least:
                    break
        places = (
            np.flatnonzero(scores + (left[done - 1] if least else 0) >= max(least, 1)) if len(words) else np.zeros(0, np.int64)
        )
        found = scores[places]
        scores[:] = 0
        for at in range(done, len(words)):
            may = found + left[at - 1] >= least
            places, found = places[may], found[may]
            among = self.places[bounds[words[at]] : bounds[words[at] + 1]]
            where = np.minimum(np.searchsorted(among, places), len(among) - 1)
            found = found + np.where(among[where] == places, data[bounds[words[at]] + where] * times[at], 0)
        return best(places, found, count)


def best(places: np.ndarray[Any, Any], scores: Ints, count: int) -> tuple[Ints, Ints]:
    """The `count` highest scores with their places; of equal ones those with the lowest place."""
    if len(scores) > count:
        # All that reach the lowest score taken, so that ties are broken by place and by nothing else.
        bound = np.partition(scores, len(scores) - count)[len(scores) - count]
        chosen = np.flatnonzero(scores >= bound)
        places, scores = places[chosen], scores[chosen]
    order = np.lexsort((places, -scores))[:count]
    return places[order].astype(np.int64), scores[order]
