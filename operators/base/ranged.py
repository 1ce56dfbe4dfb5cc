"""Measures by what their values mean: how many there are, the share of a whole, or whether something is so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from operators.base.declare import Measure
from operators.base.scope import Complaint, DecidesNothing, Scope

Bound = Decimal | int | None


class Ranged(Measure):
    """A measure of how many there are; the field `min`, `max` or both of a subclass say what is kept."""

    units: ClassVar[tuple[str, str]]
    """What is counted, as a person reads it: of one, of any other number."""

    @property
    def bounds(self) -> tuple[Bound, Bound]:
        """(the least that is kept, the most), both included."""
        return getattr(self, "min", None), getattr(self, "max", None)

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        low, high = self.bounds
        if low is None and high is None:
            yield DecidesNothing((), "it decides nothing: neither `min` nor `max` is given", "give `min`, `max` or both")
        elif low is not None and high is not None and low > high:
            yield Complaint(("min",), f"`min` {low} is above `max` {high}, so no row can pass")

    def condition(self, value: Mapping[str, str]) -> str:
        signs = zip((">=", "<="), self.bounds, strict=True)
        return " AND ".join(self.compared(value, sign, bound) for sign, bound in signs if bound is not None)

    def compared(self, value: Mapping[str, str], sign: str, bound: Decimal | int) -> str:
        """The SQL predicate of one bound."""
        return f"{value[self.values[0]]} {sign} {bound}"

    def wording(self, value: Mapping[str, int | None]) -> str:
        number = value[self.values[0]]
        return "unknown" if number is None else f"{number} {self.units[number != 1]}"


class Verdict(Measure):
    """A measure of whether something is so: its one value is 1 or 0, and -1 where it abstains."""

    wants: ClassVar[str] = "that it is so"
    """What the decision asks for, as a person reads it."""
    words: ClassVar[tuple[str, str, str]]
    """How it is said that it is not so, that it is, and that nobody knows."""

    def condition(self, value: Mapping[str, str]) -> str:
        return f"{value[self.values[0]]} = 1"

    def wanted(self) -> str:
        return self.wants

    def wording(self, value: Mapping[str, int | None]) -> str:
        verdict = value[self.values[0]]
        return self.words[2 if verdict is None else verdict]


class Proportion(Ranged):
    """A measure of how large a `part` of a `whole` is; its bounds are shares from 0 to 1."""

    values: ClassVar[tuple[str, ...]] = ("part", "whole")
    units: ClassVar[tuple[str, str]] = ("characters", "characters")
    empty: ClassVar[str] = "no characters to count"
    """Why it abstains."""

    def compared(self, value: Mapping[str, str], sign: str, bound: Decimal | int) -> str:
        # In whole numbers: a division would round, and 0.30 not be 30 %.
        share = Fraction(bound)
        return f"{value['part']} * {share.denominator} {sign} {share.numerator} * {value['whole']}"

    def wording(self, value: Mapping[str, int | None]) -> str:
        part, whole = value["part"], value["whole"]
        if part is None or whole is None:
            return f"unknown ({self.empty})"
        return f"{part / whole:.3f} ({part} of {whole} {self.units[1]})"
