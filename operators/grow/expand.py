"""Expand: the family of operators by which rows give birth to others that stand beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from operators.base.bounds import Between
from operators.base.declare import LABELS, Measure, Only, Step
from operators.base.scope import Complaint, Scope

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Places = np.ndarray[Any, np.dtype[np.int64]]
    Ids = np.ndarray[Any, np.dtype[np.uint8]]
    Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Parents:
    """The rows that an operator looks at, in row_id order."""

    row_id: Ids
    """(n, 16)"""
    item_id: Ids
    """(n, 16)"""
    columns: Mapping[str, pa.Array]
    """What it reads, the labels of every row, and by its role each measure that it asks for; n cells each."""


@dataclass(frozen=True)
class Born:
    """The children that an operator makes, and why other rows have none; places are those of the rows it was given."""

    parents: Places
    """(m,) the row that each child is born of."""
    cells: Mapping[str, pa.Array]
    """Each changed column, m cells."""
    donors: Places
    """The rows that gave text besides, those of the first child first."""
    donated: Places
    """(m,) how many of `donors` are each child's."""
    copies: Places
    """(m,) numbers that tell children of one row with equal changed cells apart."""
    refused: Sequence[tuple[int, str]] = ()
    """(row, reason) of each row that was to have children and has none."""
    figures: Mapping[str, int] = field(default_factory=dict)
    """What else is told of it, in whole numbers."""


class Expand(Step):
    """Rows stay, and children are born beside them.

    A child has its parent's `item_id`, source, category and other columns, a `row_id` of its own, and the join of its
    parent's licence and those of all rows that gave it text. It is a cut: it reads a table and makes one.
    """

    seeded: ClassVar[bool] = True
    mixes: ClassVar[bool] = False
    """True where children take text of other rows than their parent, and so their licence: it is given all rows at once.

    Another is given some at a time, so that a child may depend on its parent alone; figures of all calls are added up.
    """

    only: Only | None = None
    """The rows that may have children; all rows stay."""
    salt: str = ""
    """Another text here gives other children of the same seed, with other ids."""

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        if self.only:
            yield from self.only.complain(scope)

    def reads(self) -> tuple[str, ...]:
        """The columns it reads besides the labels."""
        raise NotImplementedError

    def changes(self) -> tuple[str, ...]:
        """The columns in which a child differs from its parent."""
        raise NotImplementedError

    def measures(self) -> Mapping[str, Measure]:
        """Measures of rows that it is given: role -> measure with one value; dear ones are kept in the memo."""
        return {}

    def looks_at(self, labels: Mapping[str, pa.Array]) -> Mask:
        """The rows that it is given, by their labels; of others no text is read."""
        return holds(self.only, labels)

    def expand(self, rows: Parents, entries: Mapping[str, Any], seed: int) -> Born:
        """The children of rows, by whole columns."""
        raise NotImplementedError(f"`{self.name}` makes no children")

    def children(self, entries: Mapping[str, Any]) -> Between:
        """How many children a row has at least and at most; one that lacks a column of `reads` has none."""
        raise NotImplementedError

    def tell(self, figures: Mapping[str, int]) -> str:
        """Its figures in a line for a person; empty where there is nothing to tell."""
        return ""


def holds(only: Only | None, labels: Mapping[str, pa.Array]) -> Mask:
    """Which rows an `only` means, by their labels: what `Only.sql` says, where no SQL runs."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    mask = np.ones(len(labels["source"]), dtype=bool)
    for column in LABELS:
        names = None if only is None else getattr(only, column)
        if names is not None:
            listed = pa.array([names] if isinstance(names, str) else list(names), pa.string())
            mask &= pc.is_in(labels[column].cast(pa.string()), value_set=listed).to_numpy(zero_copy_only=False)
    return mask
