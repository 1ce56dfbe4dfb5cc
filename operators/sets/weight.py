"""How often rows stand in the result, on average."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from operators.base.bounds import Between
from operators.base.declare import SetDecision, as_decimal
from operators.base.scope import Complaint, Scope
from operators.text.rank import rank_sql
from operators.text.sqltext import ident, literal

#: The ranks of all rows, by their first 32 bits.
RANKS = 1 << 32

Times = Annotated[
    Decimal,
    BeforeValidator(as_decimal),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 100}),
    Field(ge=0, le=100),
]


class Weight(SetDecision):
    """Let the rows of each category or source stand in the result as often as its weight says, on average.

    With the weight 2.5 each row stands there twice, and every other one a third time, by its seeded rank; with 0.3 three of
    ten rows stay. So a weight holds wherever the rows go, in a training as in an export. Each row decides for itself: a new
    row changes no other. Amounts to the row say `mixture`. To weigh single rows put them into sources of their own.

    Example:
        with: {weights: {x: 2}}
        in:   [{prompt: 물은 왜}]
        out:  [{prompt: 물은 왜}, {prompt: 물은 왜}]
    """

    name: ClassVar[str] = "weight"
    seeded: ClassVar[bool] = True
    tells_copy: ClassVar[bool] = True

    weights: dict[str, Times] = Field(min_length=1)
    """The weight of each group, from 0 to 100."""
    others: Times = Decimal(1)
    """The weight of every group that is not named."""
    of: Literal["category", "source"] = "category"
    """What a group is."""
    salt: str = ""
    """Another text here is another choice of the same seed."""

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        for group in self.weights:
            yield from scope.complain_name(self.of, group, ("weights", group), f"no source has the {self.of} `{group}`", key=True)

    def reads(self) -> tuple[str, ...]:
        return (self.of,)

    def wording(self, detail: str | None) -> str:
        return "" if detail is None else f"left out by the weight of its {self.of}: rank {detail[:12]}"

    def grouped_by(self) -> str | None:
        return self.of

    def by_group(self, value: Mapping[str, int], other: int) -> str:
        """SQL for the number that belongs to the group of a row."""
        cases = " ".join(f"WHEN {literal(name)} THEN {number}" for name, number in sorted(value.items()))
        return f"CASE {ident(self.of)} {cases} ELSE {other} END"

    def kept(self) -> str:
        """SQL for whether a row, or one that stands there again, is kept."""
        times = self.by_group({name: int(each) for name, each in self.weights.items()}, int(self.others))
        below = self.by_group({name: first_beyond(each) for name, each in self.weights.items()}, first_beyond(self.others))
        first = "('0x' || left(replace(rank::VARCHAR, '-', ''), 8))::BIGINT"
        return f"(copy < {times} OR (copy = {times} AND {first} < {below}))"

    def copies(self, relation: str) -> list[tuple[int, str]]:
        """(number of the copy, SQL for the rows that may have one)."""
        most = max(most_copies(each) for each in (*self.weights.values(), self.others))
        times = self.by_group({name: most_copies(each) for name, each in self.weights.items()}, most_copies(self.others))
        return [(0, relation), *((copy, f"{relation} WHERE {times} > {copy}") for copy in range(1, most))]

    def ranked(self, relation: str, seed: int, more: str = "") -> str:
        """SQL for the rows, and the rows that stand in the result again, with their rank."""
        rank = rank_sql(seed, "weight" + self.salt, "row_id")
        return "\n    UNION ALL ".join(
            f"SELECT row_id, {copy} AS copy, {ident(self.of)}, {rank} AS rank{more} FROM {rows}"
            for copy, rows in self.copies(relation)
        )

    def possible(self, relation: str) -> str:
        return " UNION ALL ".join(f"SELECT row_id, {copy} AS copy FROM {rows}" for copy, rows in self.copies(relation))

    def verdicts(self, relation: str, seed: int, scale: tuple[int, int] | None) -> str:
        return f"SELECT row_id, copy, {self.kept()} AS kept, rank AS detail\n  FROM ({self.ranked(relation, seed)})"

    def bounded(self, relation: str, seed: int, unseen: Mapping[str, int]) -> str:
        ranked, kept = self.ranked(relation, seed, ", sure"), self.kept()
        return f"SELECT row_id, copy, sure AND {kept} AS surely, {kept} AS possibly FROM ({ranked})"

    def displaces(self, relation: str) -> str | None:
        return f"SELECT {max(most_copies(each) for each in (*self.weights.values(), self.others))}"

    def limits(self, group: str, arriving: Between) -> Between:
        weight = self.weights.get(group, self.others)
        return Between(arriving.times(int(weight)).low, arriving.times(most_copies(weight)).high)


def first_beyond(weight: Decimal) -> int:
    """The first rank that is not within what a weight has beyond whole times."""
    return int((Fraction(weight) % 1) * RANKS)


def most_copies(weight: Decimal) -> int:
    """How often a row may stand in the result at most.

    Example:
        >>> most_copies(Decimal("2.5")), most_copies(Decimal(2)), most_copies(Decimal(0))
        (3, 2, 0)
    """
    return ceil(weight)
