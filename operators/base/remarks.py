"""A measure that has something to tell of a whole small column, besides what it decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from operators.base.declare import Measure

if TYPE_CHECKING:
    import pyarrow as pa


class Remarks(Measure):
    """A measure of a column of labels, of which each build tells what a person should know."""

    def remarks(self, column: pa.Array) -> Iterator[str]:
        """A line for each thing that a person should know of the column it reads."""
        yield from ()
