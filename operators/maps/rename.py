"""Columns under other names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from operators.base.declare import LABELS, RESERVED
from operators.base.naming import Naming
from operators.base.scope import Columns, Complaint, Scope


class Rename(Naming):
    """Go on with some columns under other names, and with all others as they are.

    Example:
        with: {columns: {question: prompt}}
        in:   [{prompt: 물은 왜 끓나요}]
        out:  [{question: 물은 왜 끓나요}]
    """

    name: ClassVar[str] = "rename"

    columns: dict[str, str] = Field(min_length=1)
    """A map of new name to old name."""

    def renamed(self, columns: Columns) -> dict[str, str]:
        new = {old: new for new, old in self.columns.items()}
        return {new.get(name, name): name for name in columns}

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        olds = [*self.columns.values()]
        for new, old in self.columns.items():
            yield from scope.complain_column(old, ("columns", new))
            if new in (*RESERVED, *LABELS) or old in LABELS:
                label = new if new in (*RESERVED, *LABELS) else old
                yield Complaint(("columns", new), f"`{label}` is a column of the project's own", key=label == new)
            elif new in scope.columns and new not in olds:
                yield Complaint(("columns", new), f"there is a column `{new}` already", "rename that one too", key=True)
            if olds.count(old) > 1:
                yield Complaint(("columns", new), f"`{old}` gets two names", "copy it with `select`")
