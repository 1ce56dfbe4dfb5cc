"""What judged answers come to: for each model, benchmark and trial the items asked and those answered right."""

from __future__ import annotations

from typing import ClassVar

from operators.base.declare import LABELS, Operator
from operators.base.scope import Columns


class Aggregate(Operator):
    """One row for each model, benchmark and trial; means and standard errors are worked out of them when they are told."""

    name: ClassVar[str] = "aggregate"
    version: ClassVar[int] = 2

    judged: tuple[tuple[str, str], ...]
    """(model, benchmark) of each table it reads."""

    def made(self) -> Columns:
        """The columns of its table."""
        counted: Columns = {"trial": "integer", "items": "integer", "correct": "integer", "cut_off": "integer"}
        return {"model": "label", "benchmark": "label", **counted, **LABELS}
