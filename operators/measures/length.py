"""The number of characters of a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from operators.base.declare import Count, Measure, complain_order, decided
from operators.base.scope import Complaint, Scope

if TYPE_CHECKING:
    import numpy as np

    from operators.kernels.text import Texts


class Length(Measure):
    """Keep rows whose text has between `min` and `max` characters.

    A character is a code point after NFC, so composed and decomposed Hangul count alike (paper section
    5.1: prompts under 50 or over 8,192 characters are dropped). The text itself is not altered.

    Example:
        with: {min: 3, max: 5}
        in:   [{prompt: 물}, {prompt: 물은 왜}, {prompt: 물은 왜 끓나요}]
        out:  [{prompt: 물은 왜}]
    """

    name: ClassVar[str] = "length"
    values: ClassVar[tuple[str, ...]] = ("characters",)

    min: Count | None = decided()
    """The fewest characters kept."""
    max: Count | None = decided()
    """The most characters kept."""

    def depends(self) -> tuple[str, ...]:
        return ("unicode",)

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        yield from complain_order(self.min, self.max)

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> list[np.ndarray[Any, Any]]:
        return [texts.lengths()]

    def condition(self, value: Mapping[str, str]) -> str:
        characters = value["characters"]
        parts = [f"{characters} >= {self.min}"] if self.min is not None else []
        parts += [f"{characters} <= {self.max}"] if self.max is not None else []
        return " AND ".join(parts)

    def wording(self, value: Mapping[str, int | None]) -> str:
        return "unknown" if value["characters"] is None else f"{value['characters']} characters"
