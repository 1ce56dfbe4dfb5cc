"""The known name that was probably meant by one that is not known."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache

#: As many names are compared letter by letter, which is dear; of more, those that begin or end most like the word.
COMPARED = 50
BESIDE = 5


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name nearest to a word, or None where none is near.

    Example:
        >>> nearest("licence", ["license", "columns"])
        'license'
    """
    names = tuple(known)
    if len(word) > 100:  # the comparison is quadratic, and nobody misspells a word that long
        return None
    if len(names) > COMPARED:
        forwards, backwards = in_order(names)
        ahead, behind = bisect(forwards, word), bisect(backwards, word[::-1])
        ends = [name[::-1] for name in backwards[max(0, behind - BESIDE) : behind + BESIDE]]
        names = tuple(dict.fromkeys([*forwards[max(0, ahead - BESIDE) : ahead + BESIDE], *ends]))
    return next(iter(get_close_matches(word, names, n=1)), None)


@lru_cache(maxsize=8)
def in_order(names: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Names by how they begin, and turned around by how they end."""
    return sorted(names), sorted(name[::-1] for name in names)
