"""How the numbers that belong to one person are written in a language's countries: telephones and identity numbers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from operators.base.declare import Declared
from operators.text.phrases import phrase

Pattern = Annotated[str, AfterValidator(phrase)]
Scheme = Literal["luhn", "verhoeff"]


class CheckDigit(Declared):
    """A character of a number that follows from the digits before it."""

    weights: tuple[int, ...] = Field(min_length=1, max_length=40)
    """What the first digits are multiplied with; the character behind as many digits is checked."""
    digits: str = Field(min_length=2, max_length=97)
    """What the character is, by the remainder of the sum: `10X98765432` for remainders from 0 to 10."""


class Number(Declared):
    """One form of number."""

    pattern: Pattern
    """How it is written; no digit or Latin letter stands beside it."""
    name: str | None = None
    """What it is called."""
    checks: tuple[CheckDigit | Scheme, ...] = ()
    """What proves that it is one: its check digits."""
    cues: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = ()
    """Words of which one has to stand shortly before it, in any case, where the number alone proves too little."""


class PersonalNumbers(Declared):
    """The numbers that belong to one person; a text is a pattern that needs no proof."""

    phones: tuple[Number | Pattern, ...] = ()
    """Telephone numbers; those with `+` and a country's code are known in all languages."""
    ids: tuple[Number | Pattern, ...] = ()
    """Numbers of identity papers and registers."""
