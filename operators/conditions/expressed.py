"""Operators that are said by an expression in SQL over the cells of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from operators.conditions.expression import Expression


class Expressed:
    """What is common to them: how the expression is checked, read and run."""

    called: ClassVar[str] = "expression"
    """What people call it."""
    cell: ClassVar[str]
    """SQL for a cell of what it makes, of its value `{}`."""

    @property
    def parsed(self) -> Expression:
        """The expression written anew, with the columns that it reads. Raises Refusal."""
        raise NotImplementedError(f"{type(self).__name__} says no expression")

    @property
    def said(self) -> str:
        """The expression as a recipe says it."""
        raise NotImplementedError(f"{type(self).__name__} says no expression")

    @property
    def sql(self) -> str:
        """The expression in SQL: a cast, an overflow or a pattern that fails on one row is null there, and ends no build."""
        return f"TRY({self.parsed.sql})"
