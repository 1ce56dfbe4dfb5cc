"""All rows of several tables; no recipe names it."""

from __future__ import annotations

from typing import ClassVar

from operators.base.declare import Operator


class Combine(Operator):
    """All rows of several tables; their ids are distinct because a source's name is in them."""

    name: ClassVar[str] = "combine"
