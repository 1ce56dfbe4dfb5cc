"""The columns that go on, under the names they go on with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from operators.base.declare import LABELS, RESERVED
from operators.base.naming import Naming
from operators.base.scope import Columns, Complaint, Scope


class Select(Naming):
    """Go on with these columns only, renamed where a map says so.

    The columns `source`, `category` and `license` always go on: a licence travels with its row.

    Example:
        with: {columns: {question: prompt}}
        in:   [{prompt: 물은 왜 끓나요}]
        out:  [{question: 물은 왜 끓나요}]
    """

    name: ClassVar[str] = "select"
    main: ClassVar[str | None] = "columns"

    columns: tuple[str, ...] | dict[str, str]
    """A list of columns, or a map of new name to old name."""

    def renamed(self, columns: Columns) -> dict[str, str]:
        chosen = self.columns if isinstance(self.columns, dict) else {name: name for name in self.columns}
        return {**chosen, **{name: name for name in LABELS}}

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        listed = not isinstance(self.columns, dict)
        for place, (new, old) in enumerate(
            self.columns.items() if isinstance(self.columns, dict) else ((name, name) for name in self.columns)
        ):
            yield from scope.complain_column(old, ("columns", place if listed else new))
            if new in RESERVED or (new in LABELS and new != old):
                yield Complaint(("columns", place if listed else new), f"`{new}` is a column of the project's own")
