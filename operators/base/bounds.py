"""How many rows there are where not all of them are known: at least and at most."""

from __future__ import annotations

from typing import NamedTuple

#: More rows than any table has: no bound is known.
MANY = 1 << 50


class Between(NamedTuple):
    """A number that is not known exactly, with both ends included."""

    low: int
    high: int

    @property
    def exact(self) -> bool:
        """Whether only one number is left."""
        return self.low == self.high

    def plus(self, other: Between) -> Between:
        """The sum."""
        return Between(self.low + other.low, min(self.high + other.high, MANY))

    def times(self, count: int) -> Between:
        """The multiple."""
        return Between(self.low * count, min(self.high * count, MANY))

    def within(self, other: Between) -> Between:
        """What both say; they speak of one number, so they overlap."""
        both = Between(max(self.low, other.low), min(self.high, other.high))
        assert both.low <= both.high, f"{self} and {other} cannot be the same number"
        return both

    def at_most(self, most: int) -> Between:
        """The smaller of the number and `most`."""
        return Between(min(self.low, most), min(self.high, most))


def exactly(number: int) -> Between:
    """A known number."""
    return Between(number, number)
