"""The mixture: how many rows of each category or source go into the dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from operators.base.bounds import Between
from operators.base.declare import Count, SetDecision, as_decimal
from operators.base.scope import Complaint, Scope
from operators.text.rank import rank_sql
from operators.text.sqltext import ident, literal

Weight = Annotated[
    Decimal,
    BeforeValidator(as_decimal),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0}),
    Field(gt=0),
]


class Mixture(SetDecision):
    """Take a number of rows of each category (`take`), or shares of a total (`ratio` and `total`).

    Rows are taken by seeded rank, lowest first. Amounts are counted in rows or in any whole-number column
    (characters, tokens): then a group takes rows while the sum stays within its amount. A group that is
    not named takes nothing. The paper states counts per category and no rule for choosing them (section
    5.3); the seeded rank is our reconstruction.
    """

    name: ClassVar[str] = "mixture"
    seeded: ClassVar[bool] = True
    tells_copy: ClassVar[bool] = True

    take: dict[str, Count] | None = None
    """Amount of each group."""
    ratio: dict[str, Weight] | None = None
    """Weight of each group in `total`."""
    total: Count | None = None
    """The amount that `ratio` divides, by largest remainder."""
    of: Literal["category", "source"] = "category"
    """What a group is."""
    by: str = "rows"
    """What amounts are counted in: `rows`, or a whole-number column."""
    shortage: Literal["error", "up_to"] = "error"
    """A group with too little stops the build, or gives what it has."""
    repeat: dict[str, Annotated[int, Field(ge=1, le=100)]] | None = None
    """How often the rows of a group may stand in the dataset; once, unless said here."""
    salt: str = ""
    """Another text here is another choice of the same seed."""

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        if (self.take is None) == (self.ratio is None):
            yield Complaint((), "a mixture has either `take` or `ratio`", "give one of the two")
        if (self.ratio is None) != (self.total is None):
            yield Complaint((), "`ratio` and `total` go together", "give both, or `take`")
        if self.by != "rows":
            yield from scope.complain_column(self.by, ("by",), "integer")
        for field, groups in (("take", self.take), ("ratio", self.ratio), ("repeat", self.repeat)):
            for group in groups or ():
                message = f"no source has the {self.of} `{group}`"
                strange = list(scope.complain_name(self.of, group, (field, group), message, key=True))
                yield from strange
                if not strange and field == "repeat" and group not in self.amounts(None):
                    yield Complaint((field, group), f"`{group}` is repeated, but nothing is taken of it")

    def reads(self) -> tuple[str, ...]:
        return (self.of,) if self.by == "rows" else (self.of, self.by)

    def amounts(self, scale: tuple[int, int] | None) -> dict[str, int]:
        """Group -> amount; under a preview amounts shrink like the items, rounded up."""
        if self.take is not None:
            whole = dict(self.take)
        else:
            whole = apportion(self.total or 0, {group: Fraction(w) for group, w in (self.ratio or {}).items()})
        if scale is None:
            return whole
        return {group: -(-amount * scale[0] // max(scale[1], 1)) for group, amount in whole.items()}

    def by_group(self, amounts: Mapping[str, int]) -> str:
        """SQL for the amount that belongs to the group of a row; 0 for a group that is not named."""
        cases = " ".join(f"WHEN {literal(name)} THEN {amount}" for name, amount in sorted(amounts.items()))
        return f"CASE {ident(self.of)} {cases} ELSE 0 END" if cases else "0"

    def ranked(self, relation: str, seed: int, more: str = "") -> str:
        """SQL for the rows, and the rows that stand in the dataset again, with weight and rank."""
        group = ident(self.of)
        weight = "1" if self.by == "rows" else ident(self.by)
        rank = rank_sql(seed, "mixture" + self.salt, "row_id")
        return "\n    UNION ALL ".join(
            f"SELECT row_id, {copy} AS copy, {group}, {weight} AS weight, {rank} AS rank{more} FROM {rows}"
            for copy, rows in self.copies(relation)
        )

    def copies(self, relation: str) -> list[tuple[int, str]]:
        """(number of the copy, SQL for the rows that have one)."""
        copies, repeat = [(0, relation)], self.repeat or {}
        for copy in range(1, max(repeat.values(), default=1)):
            named = ", ".join(literal(name) for name in sorted(repeat) if repeat[name] > copy)
            copies.append((copy, f"{relation} WHERE {ident(self.of)} IN ({named})"))
        return copies

    def possible(self, relation: str) -> str:
        return " UNION ALL ".join(f"SELECT row_id, {copy} AS copy FROM {rows}" for copy, rows in self.copies(relation))

    def verdicts(self, relation: str, seed: int, scale: tuple[int, int] | None) -> str:
        running = f"sum(weight) OVER (PARTITION BY {ident(self.of)} ORDER BY copy, rank, row_id ROWS UNBOUNDED PRECEDING)"
        kept = f"coalesce({running} <= {self.by_group(self.amounts(scale))}, FALSE) AND weight IS NOT NULL"
        return f"SELECT row_id, copy, {kept} AS kept, rank AS detail\n  FROM ({self.ranked(relation, seed)})"

    def grouped_by(self) -> str | None:
        return self.of

    def weighed_by(self) -> str | None:
        return None if self.by == "rows" else self.by

    def takes(self) -> Mapping[str, int]:
        return self.amounts(None)

    def bounded(self, relation: str, seed: int, unseen: Mapping[str, int]) -> str:
        before = (
            f"OVER (PARTITION BY {ident(self.of)} ORDER BY copy, rank, row_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
        )
        # The least and the most that the rows before may weigh; a column may hold numbers below zero.
        least = f"coalesce(sum(CASE WHEN sure THEN weight ELSE least(weight, 0) END) {before}, 0) + weight"
        most = f"coalesce(sum(CASE WHEN sure THEN weight ELSE greatest(weight, 0) END) {before}, 0) + weight"
        wanted, strangers = self.by_group(self.amounts(None)), self.by_group(unseen)
        if self.by == "rows":
            surely, possibly = f"most + {strangers} * (copy + 1) <= {wanted}", f"least <= {wanted}"
        else:  # a row that nobody has seen may weigh anything
            surely, possibly = f"most <= {wanted} AND {strangers} = 0", f"(least <= {wanted} OR {strangers} > 0)"
        summed = f"SELECT *, {least} AS least, {most} AS most FROM ({self.ranked(relation, seed, ', sure')})"
        known = "weight IS NOT NULL"
        return f"SELECT row_id, copy, sure AND {known} AND {surely} AS surely, {known} AND {possibly} AS possibly FROM ({summed})"

    def displaces(self, relation: str) -> str | None:
        return f"SELECT {max((self.repeat or {}).values(), default=1)}" if self.by == "rows" else None

    def limits(self, group: str, arriving: Between) -> Between:
        wanted = self.amounts(None).get(group, 0)
        copies = arriving.times((self.repeat or {}).get(group, 1))
        if self.by == "rows":
            return copies.at_most(wanted)
        return Between(0, copies.high)  # numbers below zero fit into any amount

    def short_of(self, have: Mapping[str, Between]) -> dict[str, tuple[int, Between]]:
        if self.shortage == "up_to":
            return {}
        none = Between(0, 0)
        return {
            group: (amount, have.get(group, none))
            for group, amount in self.amounts(None).items()
            if have.get(group, none).low < amount
        }


def apportion(total: int, weights: dict[str, Fraction]) -> dict[str, int]:
    """Divide `total` by largest remainder, ties by name: whole numbers that sum to it.

    Example:
        >>> apportion(10, {"a": Fraction(1), "b": Fraction(1), "c": Fraction(1)})
        {'a': 4, 'b': 3, 'c': 3}
    """
    whole = sum(weights.values(), Fraction(0))
    shares = {name: total * weight / whole for name, weight in weights.items()}
    counts = {name: int(share) for name, share in shares.items()}
    by_remainder = sorted(shares, key=lambda name: (counts[name] - shares[name], name))
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return counts
