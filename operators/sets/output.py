"""A named output, where people find it; no recipe names it."""

from __future__ import annotations

from typing import ClassVar

from operators.base.declare import Operator, field, tuning


class Output(Operator):
    """A named output: the table with its text, written where people find it."""

    name: ClassVar[str] = "output"

    output: str = field("label")
    """The name it is found under."""
    shard_rows: int = tuning(262_144, ge=1)
    """Rows of one file."""
