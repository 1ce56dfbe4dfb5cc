"""The share of letters that a language has and others of its script do not."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Literal

from operators.base.declare import Count, Share, decided, field
from operators.base.ranged import Proportion
from operators.base.values import Texts, Values


class OwnLetters(Proportion):
    """Keep rows of whose letters at least `min` are among the `own_letters` of the language.

    A cheap second to `language`, without a model: Vietnamese is told from English by its ă, ơ and ạ, Persian from Arabic by
    its پ and گ. What is typed without them is not found, and `min: 0, max: 0` keeps text without any. Counted after NFC, small
    and capital letters alike. It abstains, and the row stays unless `unknown: drop`, where there are fewer letters than
    `fewest`.

    Example:
        with: {of: vi, fewest: 10}
        in:   [{prompt: Vì sao nước sôi ở trên núi}, {prompt: Why does water boil}, {prompt: Ok}]
        out:  [{prompt: Vì sao nước sôi ở trên núi}, {prompt: Ok}]
    """

    name: ClassVar[str] = "own_letters"
    rests_on: ClassVar[tuple[str, ...]] = ("unicode",)
    units: ClassVar[tuple[str, str]] = ("letter", "letters")
    empty: ClassVar[str] = "no letters"
    may_read: ClassVar[tuple[str, ...]] = ("own_letters",)

    of: str = field("label", "target")
    """`target`, `anchor`, or the code of a language; its profile has the letters."""
    fewest: Count = decided(20)
    """It abstains where there are fewer letters."""
    min: Share | None = decided(Decimal("0.01"))
    """The smallest share kept."""
    max: Share | None = decided()
    """The largest share kept."""
    unknown: Literal["drop", "keep"] = decided("keep")
    """What becomes of a row where the measure abstains."""

    def entries(self) -> tuple[tuple[str, str], ...]:
        return ((self.of, "own_letters"),)

    def narrow(self, entry: str, value: Any) -> Any:
        return "".join(sorted({*value}))

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> Values:
        letters = {*entries["own_letters"]}
        # The other case of a letter may be one that all have: that of the Turkish ı is I.
        letters |= {
            other for char in letters for other in (char.upper(), char.lower()) if len(other) == 1 and not other.isascii()
        }
        return list(texts.share(tuple((point, point) for point in sorted(map(ord, letters))), "letters"))

    def condition(self, value: Mapping[str, str]) -> str:
        return f"CASE WHEN {value['whole']} >= {self.fewest} THEN {super().condition(value)} END"

    def wording(self, value: Mapping[str, int | None]) -> str:
        words, whole = super().wording(value), value["whole"]
        few = whole is not None and whole < self.fewest
        return f"{words[:-1]}, too few to tell: fewer than {self.fewest})" if few else words
