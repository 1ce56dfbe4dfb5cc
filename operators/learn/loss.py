"""Which turns of conversations a training learns."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from operators.base.declare import Declared


class Loss(Declared):
    """The turns of a conversation that loss falls on; what a tool or the system says is never learnt."""

    roles: Annotated[tuple[Literal["assistant", "user"], ...], Field(min_length=1)] = ("assistant",)
    """Whose turns are learnt."""
    turns: Literal["all", "last"] = "all"
    """All of them, or the last one alone."""
