"""The share of a text that repeats itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from operators.base.declare import Share, decided, field
from operators.base.ranged import Proportion
from operators.base.values import Texts, Values


class Repetition(Proportion):
    """Keep rows in which at most `max` of the characters lie in a phrase that comes again and again.

    A phrase is `phrase` characters that occur `times` times or more in the text without overlapping. White space of any
    kind and length is one space. Layout is no text and counts neither way: indentation, marks of lists, rules of tables,
    separators, leaders, lines without a word of up to 200 characters, such as the rows of a grid. Endless repetition
    of identical phrases is the first of the three causes of loss spikes that the paper filters (section 5.3); it gives no
    rule, so phrase, times and share are a reconstruction.

    Example:
        with: {phrase: 4, times: 3, max: 0.2}
        in:   [{prompt: 물은 왜 끓나요}, {prompt: 그런데 그런데 그런데 그런데 그런데}]
        out:  [{prompt: 물은 왜 끓나요}]
    """

    name: ClassVar[str] = "repetition"
    version: ClassVar[int] = 3
    units: ClassVar[tuple[str, str]] = ("characters repeat", "characters repeat")
    rests_on: ClassVar[tuple[str, ...]] = ("unicode",)

    phrase: int = field("measured", 32, ge=2, le=1000)
    """The characters of a phrase."""
    times: int = field("measured", 10, ge=2)
    """How often it has to occur."""
    max: Share = decided(...)
    """The largest share kept."""

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> Values:
        from operators.kernels.repetition import repeated

        return list(repeated(texts, self.phrase, self.times))
