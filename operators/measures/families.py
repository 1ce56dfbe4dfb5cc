"""Measures that are more than a kernel over one text: SQL over cells, remarks on a whole column, a search in other tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from operators.base.declare import Measure
from operators.base.ranged import Verdict
from operators.base.values import Column, Texts, Values
from operators.conditions.expressed import Expressed

if TYPE_CHECKING:
    from operators.kernels.overlap.ngrams import Item
    from operators.kernels.overlap.search import Index


class Condition(Expressed, Verdict):
    """A measure that is an expression in SQL over the cells of a row; its one value is 1, 0, or -1 for null."""

    called: ClassVar[str] = "condition"
    cell: ClassVar[str] = "coalesce(({})::TINYINT, -1)::BIGINT"

    @property
    def said(self) -> str:
        return self.wanted()

    def reads(self) -> dict[str, str]:
        return {name: name for name in self.parsed.columns}


class Remarks(Verdict):
    """A verdict on a column of labels, of which each build tells what a person should know."""

    def remarks(self, column: Column) -> Iterator[str]:
        """A line for each thing that a person should know of the column it reads."""
        raise NotImplementedError(f"`{self.name}` remarks on nothing")


class Search(Measure):
    """A measure that looks in a row for what the rows of other tables hold."""

    if TYPE_CHECKING:  # fields of whoever is one, and none of this class
        options: str | None
        talk: str | None
        workers: int

    def index(self, items: Sequence[Sequence[Item]], entries: Mapping[str, Any], cut: Callable[..., Any]) -> Index:
        """What is looked for of the items of each table; `cut(library, texts)` tells where segments of texts begin and end."""
        raise NotImplementedError(f"`{self.name}` looks for nothing")

    def overlaps(self, columns: Sequence[Texts], options: Column | None, index: Index, talk: Column | None = None) -> Values:
        """The values of each row, from the columns that are looked through; `talk` has the conversations they are turns of."""
        raise NotImplementedError(f"`{self.name}` finds nothing")
