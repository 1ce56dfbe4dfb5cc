"""Set decisions by pairs of rows: a row goes if a row of lower rank is like it."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from operators.base.declare import SetDecision
from operators.base.scope import Columns
from operators.base.values import Texts

NEAR, CROWD = "near", "crowd"


class Sets(NamedTuple):
    """Of each of n texts a sorted set of 64-bit hashes."""

    hashes: Any
    """One set after another."""
    bounds: Any
    """(n + 1) where each begins, and the end."""


class Sketches(NamedTuple):
    """Some texts as they are compared: what is exchanged of them in the place of text."""

    grams: Sets
    """Their n-grams."""
    traits: Sets
    """What the one of two texts must have of the other besides, such as its numbers: all of the fewer."""
    bands: Any
    """(bands, n) 32-bit hashes; two texts are compared where they share one."""


class Pairwise(SetDecision):
    """A set decision that compares rows with rows; which ones is found of all of them at once, so its table is settled before.

    Beside the table it makes `near` (the row of lowest rank that is like a row and ranks before it, or null) and `crowd` (with
    how many rows of lower rank it shares its most crowded band). Only rows of input count, whether they stay or go.
    """

    seeded: ClassVar[bool] = True
    detail: ClassVar[str] = NEAR

    def beside(self) -> Columns:
        """The columns that it makes beside its table."""
        return {NEAR: "label", CROWD: "integer"}

    def compared(self) -> str:
        """The text column whose cells are compared."""
        raise NotImplementedError(f"`{self.name}` compares nothing")

    def most(self) -> int:
        """With how many rows of each of its bands a row is compared, from the lowest rank on."""
        raise NotImplementedError(f"`{self.name}` compares nothing")

    def sketch(self, texts: Texts, entries: Any, seed: int) -> Sketches:
        """Texts as they are compared."""
        raise NotImplementedError(f"`{self.name}` compares nothing")

    def alike(self, shared: Any, sizes: Any, lengths: Any) -> Any:
        """Whether pairs are alike that share so many n-grams of so many each."""
        raise NotImplementedError(f"`{self.name}` compares nothing")

    def likeness(self, one: str, other: str, entries: Any) -> tuple[int, int]:
        """(n-grams that are in both of two texts, in either)."""
        raise NotImplementedError(f"`{self.name}` compares nothing")
