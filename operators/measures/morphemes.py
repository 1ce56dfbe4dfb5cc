"""The number of morphemes of a text, by the language's segmenter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from operators.base.declare import Cost, Count, Measure, complain_order, decided, field, tuning
from operators.base.scope import Complaint, Scope

if TYPE_CHECKING:
    import numpy as np

    from operators.kernels.text import Texts


class Morphemes(Measure):
    """Keep rows whose text has between `min` and `max` morphemes.

    A dear measure: its values are kept by the content of the cell, so a text is segmented once, whatever
    recipe, source or row it stands in. Needs the extra `ko` (kiwipiepy).
    """

    name: ClassVar[str] = "morphemes"
    cost: ClassVar[Cost] = "dear"
    values: ClassVar[tuple[str, ...]] = ("morphemes",)

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

    def depends(self) -> tuple[str, ...]:
        return ("unicode", "kiwipiepy", "kiwipiepy-model")

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        yield from complain_order(self.min, self.max)

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> list[np.ndarray[Any, Any]]:
        import numpy as np

        from operators.kernels.segments import kiwi

        if entries["segmenter"]["library"] != "kiwipiepy":
            raise ValueError(f"there is no adapter for the segmenter `{entries['segmenter']['library']}`")
        counts = np.full(texts.rows, -1, dtype=np.int64)
        known = [(row, text) for row, text in enumerate(texts.strings()) if text is not None]
        found = kiwi(self.workers).tokenize([text for _, text in known])
        for (row, _), tokens in zip(known, found, strict=True):
            counts[row] = len(tokens)
        return [counts]

    def condition(self, value: Mapping[str, str]) -> str:
        count = value["morphemes"]
        parts = [f"{count} >= {self.min}"] if self.min is not None else []
        parts += [f"{count} <= {self.max}"] if self.max is not None else []
        return " AND ".join(parts)

    def wording(self, value: Mapping[str, int | None]) -> str:
        return "unknown" if value["morphemes"] is None else f"{value['morphemes']} morphemes"
