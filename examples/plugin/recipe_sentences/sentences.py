"""The number of sentences of a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from operators.base.declare import Count, Declared, Measure, decided, field
from operators.base.values import Texts, Values


class Marks(Declared):
    """What a sentence ends with."""

    ends: str = Field(".?!。？！", min_length=1)
    """The characters that end one; several together end one sentence."""


class Sentences(Measure):
    """Keep rows whose text has at most `max` sentences.

    A sentence ends with a mark, or with the text.

    Example:
        with: {max: 1}
        in:   [{prompt: One.}, {prompt: One. Two}]
        out:  [{prompt: One.}]
    """

    name: ClassVar[str] = "sentences"
    values: ClassVar[tuple[str, ...]] = ("sentences",)

    max: Count = decided(...)
    """The most sentences kept."""
    marks: Marks = field("measured", Marks())
    """What they end with."""

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> Values:
        import numpy as np
        import pyarrow.compute as pc

        listed = "".join(rf"\x{{{ord(mark):x}}}" for mark in self.marks.ends)
        counts = pc.count_substring_regex(texts.column, rf"[^{listed}\s][^{listed}]*(?:[{listed}]+|\z)")
        return [np.where(texts.null, -1, counts.fill_null(0).to_numpy(zero_copy_only=False))]

    def condition(self, value: Mapping[str, str]) -> str:
        return f"{value['sentences']} <= {self.max}"
