"""A text column in another language, written by a model and checked against its original."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Literal

from pydantic import Field

from operators.asks.asks import Amount, Asks, Messages, Refused, Reply
from operators.base.declare import Declared, Share, field
from operators.base.scope import Columns, Complaint, Scope
from operators.measures.finished import ended

Check = Literal["share", "length", "numbers", "formulas", "code", "labels"]
CHECKS: tuple[Check, ...] = ("share", "length", "numbers", "formulas", "code", "labels")

NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$|\\\(.+?\\\)|\\\[.+?\\\]", re.DOTALL)
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
LABELS = re.compile(r"(?m)^\s*[\(\[]?([A-J]|[1-9]|[①-⑩])[\)\].:]\s")


class LengthRatio(Declared):
    """How long a translation may be beside its original, in characters."""

    min: Amount = Decimal("0.2")
    """At least this many times as long."""
    max: Amount = Decimal("4")
    """At most this many times as long."""


class Translate(Asks):
    """Rewrite a text column in another language by a model; ids are kept.

    The paper adds its OpenThought prompts by translation (section 5.1). Every translation is checked: the share of the
    language, its length beside the original's, and that numbers, formulas, code and option labels are still there. One
    that fails, or was cut off, is dropped with the reason; its completion is kept.

    Example:
        with: {model: translator, max_tokens: 8}
        in:   [{prompt: "What is 2+2?"}]
        out:  [{prompt: "2+2는 얼마인가요?"}]
    """

    name: ClassVar[str] = "translate"
    version: ClassVar[int] = 2
    rests_on: ClassVar[tuple[str, ...]] = ("unicode",)
    may_read: ClassVar[tuple[str, ...]] = ("prompts", "scripts")

    of: str = field("column", "prompt")
    """The text column that is translated."""
    into: str = field("label", "target")
    """`target`, `anchor` or a code: the language it is written in; its profile says how it is asked for."""
    share: Share = Decimal("0.3")
    """The smallest share of that language among the letters outside code, formulas and addresses."""
    length: LengthRatio = LengthRatio()
    """How long it may be beside its original."""
    checks: tuple[Check, ...] = Field(CHECKS)
    """What is checked."""

    def entries(self) -> tuple[tuple[str, str], ...]:
        return ((self.into, "prompts.translate"), (self.into, "scripts"))

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        yield from scope.complain_column(self.of, ("of",), "text")

    def reads(self, columns: Columns) -> tuple[str, ...]:
        return (self.of,)

    def made(self) -> Columns:
        return {self.of: "text"}

    def messages(self, row: Mapping[str, Any], entries: Mapping[str, Any]) -> Messages | None:
        if not row[self.of]:
            return None
        return (("system", str(entries["prompts.translate"])), ("user", row[self.of]))

    def cells(self, reply: Reply, row: Mapping[str, Any], entries: Mapping[str, Any], sample: int) -> Sequence[Any]:
        if not ended(reply.finish_reason):
            raise Refused(f"finish_reason {reply.finish_reason}")
        original, text = row[self.of], reply.text.strip()
        if not text:
            raise Refused("empty")
        for check in self.checks:
            self.check(check, original, text, entries)
        return (text,)

    def check(self, check: Check, original: str, text: str, entries: Mapping[str, Any]) -> None:
        """Raises Refused where a translation does not pass."""
        match check:
            case "share":
                part, whole = letters_in(text, entries["scripts"])
                if whole and part * self.share.as_integer_ratio()[1] < self.share.as_integer_ratio()[0] * whole:
                    raise Refused(f"share {part / whole:.3f} ({part} of {whole} letters), wanted at least {self.share}")
            case "length":
                if not self.length.min * len(original) <= len(text) <= self.length.max * len(original):
                    raise Refused(f"length {len(text)} of {len(original)}, wanted {self.length.min} to {self.length.max} times")
            case "numbers":
                complain_lost("number", numbers(original), numbers(text))
            case "formulas":
                complain_lost(
                    "formula", *(Counter("".join(each.split()) for each in FORMULA.findall(t)) for t in (original, text))
                )
            case "code":
                complain_lost("code", *(Counter(CODE.findall(each)) for each in (original, text)))
            case "labels":
                complain_lost("label", *(Counter(LABELS.findall(each)) for each in (original, text)))


def complain_lost(what: str, before: Counter[str], after: Counter[str]) -> None:
    """Raises Refused for the first thing of the original that is missing."""
    lost = before - after
    if lost:
        # The reason goes into ledgers that travel without text, so it quotes none.
        raise Refused(f"{sum(lost.values())} of {sum(before.values())} {what}{'s' * (sum(before.values()) != 1)} lost")


def numbers(text: str) -> Counter[str]:
    """The numbers of a text outside code, without the marks that group their digits."""
    return Counter(re.sub(r",(?=\d{3})", "", each).rstrip(".,") for each in NUMBER.findall(CODE.sub(" ", text)))


def letters_in(text: str, scripts: Mapping[str, Sequence[str]]) -> tuple[int, int]:
    """(letters in the scripts, all letters) outside code, formulas and addresses."""
    from operators.kernels.text import ranges_of

    plain = re.sub(r"https?://\S+", " ", FORMULA.sub(" ", CODE.sub(" ", text)))
    ranges = ranges_of({name: tuple(each) for name, each in scripts.items()})
    letters = [ord(char) for char in plain if char.isalpha()]
    return sum(any(low <= point <= high for low, high in ranges) for point in letters), len(letters)
