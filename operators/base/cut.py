"""A step that makes a table of its own of the rows before it."""

from __future__ import annotations

from operators.base.declare import Step
from operators.base.scope import Columns


class Cut(Step):
    """A step whose result is neither some of its rows, nor rows beside them: a kind of stage of its own.

    How it runs, is told and foreseen stands in one file of `runtime/stages`, under the operator's name in their table.
    """

    def reads(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return ()

    def makes(self, columns: Columns) -> Columns:
        """The columns of its table, of rows with these."""
        raise NotImplementedError(f"`{self.name}` makes no table")
