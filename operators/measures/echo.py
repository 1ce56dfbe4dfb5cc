"""The share of a text that repeats another text of its row, such as the prompt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from operators.base.declare import Share, decided, field
from operators.base.ranged import Proportion
from operators.base.scope import Complaint, Scope
from operators.base.values import Texts, Values


class Echo(Proportion):
    """Keep rows in which at most `max` of the characters lie in a phrase that also stands in the column `to`.

    A phrase is `phrase` characters. A teacher that gives back its prompt instead of thinking has a share near 1.

    Example:
        with: {in: prompt, to: other, phrase: 4, max: 0.5}
        in:   [{prompt: 물은 왜 끓나, other: 물은 왜 끓나요}, {prompt: 열을 받기 때문이다, other: 물은 왜 끓나요}]
        out:  [{prompt: 열을 받기 때문이다}]
    """

    name: ClassVar[str] = "echo"
    others: ClassVar[tuple[str, ...]] = ("to",)
    rests_on: ClassVar[tuple[str, ...]] = ("unicode",)

    in_: str = field("column", "completion", alias="in")
    """The column that is measured."""
    to: str = field("column", "prompt")
    """The column whose phrases are looked for."""
    phrase: int = field("measured", 24, ge=2, le=1000)
    """The characters of a phrase."""
    max: Share = decided(...)
    """The largest share kept."""

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        yield from scope.complain_column(self.to, ("to",), "text")

    def compare(self, texts: Texts, others: Sequence[Texts], entries: Mapping[str, Any]) -> Values:
        from operators.kernels.repetition import echoed

        return list(echoed(texts, others[0], self.phrase))
