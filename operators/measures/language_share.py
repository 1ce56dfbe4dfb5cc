"""The share of a text that is written in a language's scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from operators.base.declare import Count, Share, decided, field
from operators.base.ranged import Proportion
from operators.base.values import Texts, Values
from operators.maps.extract import known_marks

Ignored = Literal["code_fences", "inline_code", "latex", "urls", "boxes", "formulas", "tags", "identifiers", "markdown"]


class LanguageShare(Proportion):
    """Keep rows in which `min` to `max` of the characters are in the scripts of a language.

    Counted after NFC, by the script ranges of the language's profile. The paper drops prompts under 30 %
    Korean (section 5.1); numerator, denominator and what is ignored are parameters, for the paper is silent.

    Example:
        with: {of: target, min: 0.3}
        in:   [{prompt: 물은 왜 끓나요}, {prompt: why does water boil 물}]
        out:  [{prompt: 물은 왜 끓나요}]
    """

    name: ClassVar[str] = "language_share"
    may_read: ClassVar[tuple[str, ...]] = ("scripts", "answer_marks")
    may_lack: ClassVar[tuple[str, ...]] = ("answer_marks",)

    of: str = field("measured")
    """`target`, `anchor`, or the code of a language."""
    count: Literal["letters", "non_space", "all"] = field("measured", "non_space")
    """The characters that are the whole."""
    ignoring: tuple[Ignored, ...] = field("measured", ())
    """Parts of the text that count neither way. `boxes` are those of `\\boxed{}`, `formulas` bare ones beside `latex`,
    `identifiers` names such as `key_1`, `camelCase`, `a.b`, and Latin letters that stand alone, `tags` such as `<b>`."""
    marks: tuple[Annotated[str, Field(min_length=1)], ...] | Literal["language"] = field("measured", ())
    """Marks of the answer that count neither way, before a colon or alone on a line, such as `Answer`; by `language` the
    `answer_marks` of the language, and `Answer`."""
    fewest: Count = decided(0)
    """It abstains where fewer characters than these count."""
    min: Share | None = decided()
    """The smallest share kept."""
    max: Share | None = decided()
    """The largest share kept."""

    def entries(self) -> tuple[tuple[str, str], ...]:
        return ((self.of, "scripts"), *([(self.of, "answer_marks")] if self.marks == "language" else []))

    def depends(self) -> tuple[str, ...]:
        # What is ignored is found by Arrow's regular expressions.
        return ("unicode", "pyarrow") if self.ignoring or self.marks else ("unicode",)

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> Values:
        from operators.kernels.names import unspoken, without_marks
        from operators.kernels.text import ranges_of

        marks = known_marks(entries) if self.marks == "language" else self.marks
        left = without_marks(texts, marks).without(self.ignoring)
        names, formulas = "identifiers" in self.ignoring, "formulas" in self.ignoring
        out = unspoken(left, names, formulas) if names or formulas else None
        return list(left.share(ranges_of(entries["scripts"]), self.count, out))

    def condition(self, value: Mapping[str, str]) -> str:
        decided = super().condition(value)
        return f"CASE WHEN {value['whole']} >= {self.fewest} THEN {decided} END" if self.fewest else decided

    def wording(self, value: Mapping[str, int | None]) -> str:
        words, whole = super().wording(value), value["whole"]
        few = whole is not None and whole < self.fewest
        return f"{words[:-1]}, too few to tell: fewer than {self.fewest})" if few else words
