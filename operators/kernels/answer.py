"""Forms of an answer in which two that mean the same are equal: as text, or as the label of an option."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

FULL_WIDTH = {0xFF01 + place: 0x21 + place for place in range(94)} | {0x3000: " "}
#: What shows nothing: soft hyphens, spaces without width and marks of direction, which right-to-left text is full of.
#: The joiners of Persian and Hindi are letters' business and stay.
UNSEEN = dict.fromkeys([0xAD, 0x61C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF])

BRACKETS = {"(": ")", "[": "]", "{": "}", "<": ">", "【": "】", "〈": "〉"}
QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "「": "」", "『": "』", "«": "»", "*": "*"}
#: LaTeX around words, with braces in them one deep.
STYLE = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|mathtt|boxed)\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}"
)
FORMULA = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"))
#: The marks peeled off a label or a text, one after another: more of them is a trap.
ROUNDS = 8

#: Labels that go on in one way everywhere, as far as `extract` reads them.
SERIES = ("abcdefghij", [str(place) for place in range(1, 11)], "가나다라마바사아자차")


def seen(text: str) -> str:
    """The text with digits of every script as 0 to 9, full-width characters in ASCII, and without what shows nothing.

    Example:
        >>> seen("۱۲ ๓ ４ ² Ａ")
        '12 3 4 ² A'
    """
    if text.isascii():
        return text
    text = text.translate(FULL_WIDTH).translate(UNSEEN)
    return "".join(char if char.isascii() else str(unicodedata.decimal(char, char)) for char in text)


def peeled(text: str, marks: Mapping[str, str]) -> str:
    """The text without one layer of what stands around all of it: marks in pairs, a formula's marks, LaTeX for words."""
    if len(text) > 2 and marks.get(text[0]) == text[-1] and text[0] not in text[1:-1]:
        return text[1:-1].strip()
    for begin, end in (("**", "**"), *FORMULA):
        inner = text[len(begin) : -len(end)]
        if inner and text.startswith(begin) and text.endswith(end) and begin not in inner:
            return inner.strip()
    styled = STYLE.fullmatch(text)
    return styled[1].strip() if styled else text


def bare(text: str) -> str:
    r"""A label without what is written around labels.

    Example:
        >>> [bare(text) for text in (r"$\text{(B)}$.", "②번", "㉯", "[ｃ]", "D)")]
        ['b', '2', '나', 'c', 'd']
    """
    text = unicodedata.normalize("NFKC", seen(text)).casefold().strip()
    for _ in range(ROUNDS):
        text = text.rstrip(".。:").removesuffix("번").strip()
        text = text[:-1].strip() if text.endswith(")") and "(" not in text else peeled(text, BRACKETS | QUOTES)
    return text


def positions(labels: Iterable[Iterable[str]]) -> dict[str, int]:
    """Label -> the option that it stands for, from 1; what begins a usual series goes on to the tenth option.

    Example:
        >>> positions([["A", "B"], ["ก", "ข"]])["c"], positions([["ก", "ข"]]).get("c")
        (3, None)
    """
    known: dict[str, int] = {}
    for convention in labels:
        row = [bare(label) for label in convention]
        row = next((list(each) for each in SERIES if row and list(each)[: len(row)] == row), row)
        for place, label in enumerate(row, 1):
            known.setdefault(label, place)
    return known


def as_position(text: str, known: Mapping[str, int]) -> int | None:
    """The option that an answer names by a label or by its number from 1, or None."""
    label = bare(text)
    if re.fullmatch(r"[1-9][0-9]{0,3}", label):
        return known.get(label, int(label))
    return known.get(label)


def as_text(text: str) -> str:
    """An answer as text is compared: NFKC, one case, single spaces, no quotes around it and no full stop after it.

    Example:
        >>> [as_text(text) for text in (" “Ｓeoul  City”. ", "-5", "5!", "(1,2)", "...")]
        ['seoul city', '-5', '5!', '(1,2)', '']
    """
    text = " ".join(unicodedata.normalize("NFKC", seen(text)).casefold().split())
    for _ in range(ROUNDS):
        text = peeled(text.rstrip(".。").strip(), QUOTES)
    return unicodedata.normalize("NFKC", text)
