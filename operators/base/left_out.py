"""A step that is left out because it is wrong."""

from __future__ import annotations

from typing import ClassVar

from operators.base.declare import Step


class LeftOut(Step):
    """A step that is wrong, which is reported: what it would make of the rows is not known, and nothing is built of them."""

    name: ClassVar[str] = "left_out"

    rows: bool = True
    """Whether it may make more rows of one, or only columns."""
