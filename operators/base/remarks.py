"""A measure that has something to tell of a whole small column, besides what it decides."""

from __future__ import annotations

from collections.abc import Iterator

from operators.base.declare import Measure
from operators.base.values import Column


class Remarks(Measure):
    """A measure of a column of labels, of which each build tells what a person should know."""

    def remarks(self, column: Column) -> Iterator[str]:
        """A line for each thing that a person should know of the column it reads."""
        yield from ()
