"""One part of the rows, such as those for training or those for validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import ClassVar

from pydantic import Field

from operators.base.declare import SetDecision, Share
from operators.base.scope import Complaint, Scope
from operators.text.rank import rank_sql

#: The ranks of all items, by their first 32 bits.
RANKS = 1 << 32


class Split(SetDecision):
    """Keep the rows of one part: each item falls into one of `parts` by a seeded rank, with all rows that were made of it.

    Say the same `parts` in the table of each part: then no item is in two of them, and together they have all. A new
    item moves no other into another part. Samples, translations and variants of an item stay together; whether two
    items are nearly the same is not looked at, so drop near duplicates before.
    """

    name: ClassVar[str] = "split"
    seeded: ClassVar[bool] = True

    take: str
    """The part whose rows go on."""
    parts: dict[str, Share] = Field(min_length=2)
    """The share of the items that each part has, such as `{train: 0.95, validation: 0.05}`; together 1."""
    salt: str = ""
    """Another text here is another split of the same seed."""

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        if self.take not in self.parts:
            yield Complaint(
                ("take",), f"there is no part `{self.take}`", "there is: " + ", ".join(f"`{each}`" for each in self.parts)
            )
        if (total := sum(map(Fraction, self.parts.values()))) != 1:
            yield Complaint(("parts",), f"the shares of the parts are together {float(total):g}, and not 1")

    def bounds(self) -> tuple[int, int]:
        """The first rank of the part and the one after its last; parts lie in the order of their names."""
        before = sum((Fraction(share) for name, share in self.parts.items() if name < self.take), Fraction())
        return int(before * RANKS), int((before + Fraction(self.parts[self.take])) * RANKS)

    def ranked(self, relation: str, seed: int, more: str = "") -> str:
        """SQL for the rows with the rank of their item."""
        return f"SELECT row_id, {rank_sql(seed, 'split' + self.salt, 'item_id')} AS rank{more} FROM {relation}"

    def falls_in(self) -> str:
        """SQL for whether a rank is the part's."""
        low, high = self.bounds()
        first = "('0x' || left(replace(rank::VARCHAR, '-', ''), 8))::BIGINT"
        return f"{first} >= {low} AND {first} < {high}"

    def verdicts(self, relation: str, seed: int, scale: tuple[int, int] | None) -> str:
        return f"SELECT row_id, {self.falls_in()} AS kept, rank AS detail\n  FROM ({self.ranked(relation, seed)})"

    def wording(self, detail: str | None) -> str:
        return "" if detail is None else f"its item is in another part: rank {detail[:12]}"

    def bounded(self, relation: str, seed: int, unseen: Mapping[str, int]) -> str:
        falls = self.falls_in()
        ranked = self.ranked(relation, seed, ", sure")
        return f"SELECT row_id, 0 AS copy, sure AND {falls} AS surely, {falls} AS possibly FROM ({ranked})"

    def displaces(self, relation: str) -> str | None:
        return "SELECT 0"
