"""What the tables of the leak benchmark are counted with: an exact bound, Markdown, the text that a row shares with items."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

from leaking.naive import squeezed

SEED = 8


def upper_bound(hits: int, trials: int, confidence: float = 0.95) -> float:
    """The Clopper-Pearson upper bound, one-sided: the rate at which so few hits come by chance at 1 - confidence.

    Example:
        >>> round(upper_bound(0, 60_000) * 60_000, 3)
        2.996
    """
    if hits == trials:
        return 1.0
    low, high = hits / trials, 1.0
    for _ in range(100):
        rate = (low + high) / 2
        low, high = (rate, high) if at_most(hits, trials, rate) > 1 - confidence else (low, rate)
    return high


def at_most(hits: int, trials: int, rate: float) -> float:
    """The chance of at most so many hits."""
    whole = math.lgamma(trials + 1)
    return math.fsum(
        math.exp(
            whole
            - math.lgamma(count + 1)
            - math.lgamma(trials - count + 1)
            + count * math.log(rate)
            + (trials - count) * math.log1p(-rate)
        )
        for count in range(hits + 1)
    )


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows])


class Shared:
    """The longest text that a row shares with an item, spaces and punctuation aside."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = [squeezed(text) for text in texts]
        self.places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, text in enumerate(self.texts):
            for at in range(len(text) - SEED + 1):
                self.places[text[at : at + SEED]].append((number, at))

    def longest(self, row: str) -> tuple[int, str]:
        """(number of the item, the text); of 8 characters at least, else (-1, '')."""
        return max(self.every(squeezed(row)), key=lambda found: len(found[1]), default=(-1, ""))

    def every(self, row: str) -> Iterator[tuple[int, str]]:
        for start in range(len(row) - SEED + 1):
            for number, at in self.places.get(row[start : start + SEED], ()):
                text, length = self.texts[number], SEED
                if start and at and row[start - 1] == text[at - 1]:
                    continue
                while row[start + length : start + length + 1] == text[at + length : at + length + 1] != "":
                    length += 1
                yield number, row[start : start + length]
