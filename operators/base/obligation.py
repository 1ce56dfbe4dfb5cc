"""What a recipe's people owe: declared by operators, told first in every diff."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Obligation:
    """One duty that a part of a recipe brings with it."""

    kind: str
    """What it is about, such as `licence`."""
    message: str
    """What holds and what follows from it, in one sentence."""
    path: tuple[str | int, ...] = ()
    """The field that brings it."""
