"""What a set decision says before it runs, when not all of its rows and values are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from operators.base.bounds import Between


class Foreseen:
    """Rows may be missing (`sure` is false), and rows may come that nobody has seen.

    What an operator does not say itself is always right, and as wide as can be.
    """

    drops: ClassVar[bool] = True
    """Whether it drops rows of its own."""
    counts_sources: ClassVar[bool] = False
    """Whether `wiped` says something."""
    detail: ClassVar[str] = "rank"
    """What its SQL tells of a row besides."""

    def grouped_by(self) -> str | None:
        """The column whose groups `limits` and `short_of` speak of; None where all rows are one group."""
        return None

    def weighed_by(self) -> str | None:
        """The column that amounts are counted in; None where they are rows."""
        return None

    def bounded(self, relation: str, seed: int, unseen: Mapping[str, int]) -> str:
        """SQL over `relation`, which has also `sure`: `row_id`, `copy`, `surely` (stays in the result whatever the unknown
        turns out to be) and `possibly`. `unseen` is the most rows of each group of which nothing is known.

        What an operator does not say itself is always right: nothing surely, everything possibly.
        """
        return f"SELECT row_id, copy, FALSE AS surely, TRUE AS possibly FROM ({self.possible(relation)})"

    def possible(self, relation: str) -> str:
        """SQL for `row_id` and `copy` of every row that could be in the result, whatever its columns hold."""
        return f"SELECT row_id, 0 AS copy FROM {relation}"

    def kept_between(self, relation: str) -> str | None:
        """SQL for the fewest and the most rows kept of `relation`, where that says more than each row for itself."""
        return None

    def displaces(self, relation: str) -> str | None:
        """SQL for how many rows of the result one row more, or less, can change besides itself; None where nothing limits it."""
        return None

    def limits(self, group: str, arriving: Between) -> Between:
        """How many rows of a group are kept, of so many that arrive."""
        return Between(0, arriving.high)

    def takes(self) -> Mapping[str, int]:
        """Group -> how much of it is wanted, in what it counts in; of those that say so."""
        return {}

    def short_of(self, have: Mapping[str, Between]) -> dict[str, tuple[int, Between]]:
        """Group -> (wanted, had) of each group that has, or may have, too little for the build to go on."""
        return {}

    def wiped(self, rows: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
        """The sources of which more rows go than it lets go; `rows` has (how many go, how many came) of each."""
        return {}
