"""The number of characters of a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from operators.base.declare import Count, decided
from operators.base.ranged import Ranged
from operators.base.values import Texts, Values


class Length(Ranged):
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
    units: ClassVar[tuple[str, str]] = ("characters", "characters")
    rests_on: ClassVar[tuple[str, ...]] = ("unicode",)

    min: Count | None = decided()
    """The fewest characters kept."""
    max: Count | None = decided()
    """The most characters kept."""

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> Values:
        return [texts.lengths()]
