"""The share of a text that is written in a language's scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from operators.declare import Measure, Share, complain_order, decided, field, share_condition
from operators.scope import Complaint, Scope

if TYPE_CHECKING:
    import numpy as np

    from operators.kernels.text import Texts

Ignored = Literal["code_fences", "inline_code", "latex", "urls", "markdown"]


class LanguageShare(Measure):
    """Keep rows in which `min` to `max` of the characters are in the scripts of a language.

    Counted after NFC, by the script ranges of the language's profile. The paper drops prompts under 30 %
    Korean (section 5.1); numerator, denominator and what is ignored are parameters, for the paper is silent.

    Example:
        with: {of: target, min: 0.3}
        in:   [{prompt: 물은 왜 끓나요}, {prompt: why does water boil 물}]
        out:  [{prompt: 물은 왜 끓나요}]
    """

    name: ClassVar[str] = "language_share"
    values: ClassVar[tuple[str, ...]] = ("part", "whole")

    of: str = field("measured")
    """`target`, `anchor`, or the code of a language."""
    count: Literal["letters", "non_space", "all"] = field("measured", "non_space")
    """The characters that are the whole."""
    ignoring: tuple[Ignored, ...] = field("measured", ())
    """Parts of the text that count neither way."""
    min: Share | None = decided()
    """The smallest share kept."""
    max: Share | None = decided()
    """The largest share kept."""

    def entries(self) -> tuple[tuple[str, str], ...]:
        return ((self.of, "scripts"),)

    def depends(self) -> tuple[str, ...]:
        # What is ignored is found by Arrow's regular expressions.
        return ("unicode", "pyarrow") if self.ignoring else ("unicode",)

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        yield from complain_order(self.min, self.max)

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> list[np.ndarray[Any, Any]]:
        from operators.kernels.text import ranges_of

        return list(texts.without(self.ignoring).share(ranges_of(entries["scripts"]), self.count))

    def condition(self, value: Mapping[str, str]) -> str:
        return share_condition(value, self.min, self.max)

    def wording(self, value: Mapping[str, int | None]) -> str:
        part, whole = value["part"], value["whole"]
        if part is None or whole is None:
            return "unknown (no characters to count)"
        return f"{part / whole:.3f} ({part} of {whole} characters)"
