"""The number of morphemes of a text, by the language's segmenter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from operators.base.declare import Cost, Count, decided, field, tuning
from operators.base.ranged import Ranged
from operators.base.values import Texts, Values


class Morphemes(Ranged):
    """Keep rows whose text has between `min` and `max` morphemes.

    A dear measure: its values are kept by the content of the cell, so a text is segmented once, whatever
    recipe, source or row it stands in. Needs the extra `ko` (kiwipiepy).
    """

    name: ClassVar[str] = "morphemes"
    cost: ClassVar[Cost] = "dear"
    values: ClassVar[tuple[str, ...]] = ("morphemes",)
    units: ClassVar[tuple[str, str]] = ("morphemes", "morphemes")
    rests_on: ClassVar[tuple[str, ...]] = ("unicode", "kiwipiepy", "kiwipiepy-model")
    may_read: ClassVar[tuple[str, ...]] = ("segmenter",)

    of: str = field("measured", "target")
    """`target`, `anchor`, or the code of a language; its profile names the segmenter."""
    min: Count | None = decided()
    """The fewest morphemes kept."""
    max: Count | None = decided()
    """The most morphemes kept."""
    workers: int = tuning(2, ge=1, le=64)
    """Threads of the segmenter."""

    def entries(self) -> tuple[tuple[str, str], ...]:
        return ((self.of, "segmenter"),)

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> Values:
        from operators.kernels.segments import kiwi

        if entries["segmenter"]["library"] != "kiwipiepy":
            raise ValueError(f"there is no adapter for the segmenter `{entries['segmenter']['library']}`")
        return [texts.counted(kiwi(self.workers).tokenize)]
