"""Where a text falls into segments: the morphemes of a segmenter, words, or characters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from operators.kernels.text import Ints, points_of, space_table


@lru_cache(maxsize=1)
def kiwi(workers: int) -> Any:
    """Kiwi with its default model (about 1 GB of memory, two seconds to load)."""
    from kiwipiepy import Kiwi

    return Kiwi(num_workers=workers)


@lru_cache(maxsize=1)
def mecab() -> Any:
    """MeCab with the Korean dictionary."""
    from mecab import MeCab

    return MeCab()


def cuts_of(library: str, texts: Sequence[str], workers: int) -> list[Ints]:
    """For each text, where its segments begin and the last one ends, counted in characters that are no white space.

    Segments cover every character but white space, and no two of them share one: morphemes that do are taken together.
    So equal segments one after another are one equal string without white space.
    """
    match library:
        case "kiwipiepy":
            found = kiwi(workers).tokenize(list(texts)) if texts else []
            spans = [[(token.start, token.start + token.len) for token in tokens] for tokens in found]
        case "python-mecab-ko":
            spans = [spans_of(text, mecab().morphs(text)) for text in texts]
        case "words":
            spans = [[] for _ in texts]
        case _:
            raise ValueError(f"there is no adapter for the segmenter `{library}`")
    return [cuts(text, each) for text, each in zip(texts, spans, strict=True)]


def spans_of(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Where each of some words, which follow one another in a text, stands."""
    spans, at = [], 0
    for word in words:
        start = text.index(word, at)
        at = start + len(word)
        spans.append((start, at))
    return spans


def cuts(text: str, spans: Sequence[tuple[int, int]]) -> Ints:
    """The cuts of one text by the spans of its segments; what no span covers falls into words.

    Example:
        >>> cuts("가 나다 라", [(0, 1), (2, 3), (2, 4)]).tolist()
        [0, 1, 3, 4]
    """
    inside = np.zeros(len(text) + 1, dtype=bool)
    covered = np.zeros(len(text) + 1, dtype=bool)
    starts = np.zeros(len(text) + 1, dtype=bool)
    for start, end in spans:
        if end > start:
            inside[start + 1 : end] = True
            covered[start:end] = True
            starts[start] = starts[end] = True
    kept = np.append(~space_table()[points_of(text)], False)
    # A word that no span covers, or the part of one, is a segment.
    bare = kept & ~covered
    before = np.concatenate([[False], bare[:-1]])
    starts |= bare & ~before
    starts |= ~bare & before
    number = np.cumsum(kept) - kept
    found: Ints = np.concatenate([[0], number[starts & ~inside], [int(kept.sum())]]).astype(np.int64)
    places: Ints = found[np.append(found[1:] != found[:-1], True)]
    return places
