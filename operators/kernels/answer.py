"""Forms of an answer in which two that mean the same are equal: as text, or as the label of an option."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from operators.kernels.equal import alike
from operators.text.fold import Folding

FULL_WIDTH = {0xFF01 + place: 0x21 + place for place in range(94)} | {0x3000: " "}
#: What shows nothing: soft hyphens, spaces without width and marks of direction, which right-to-left text is full of.
#: The joiners of Persian and Hindi are letters' business and stay.
UNSEEN = dict.fromkeys([0xAD, 0x61C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF])

QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "「": "」", "『": "』", "«": "»", "*": "*"}
#: LaTeX around words, with braces in them one deep.
STYLE = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|mathtt|boxed)\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}"
)
FORMULA = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"))
#: The marks peeled off a label or a text, one after another: more of them is a trap.
ROUNDS = 8


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


def as_text(text: str, folding: Folding | None = None) -> str:
    """An answer as text is compared: NFKC, one case, letters by the rules, single spaces, nothing around it, no full stop.

    Example:
        >>> [as_text(text) for text in (" “Ｓeoul  City”. ", "-5", "5!", "(1,2)", "...")]
        ['seoul city', '-5', '5!', '(1,2)', '']
    """
    text = " ".join(unicodedata.normalize("NFKC", seen(text)).split())
    for _ in range(ROUNDS):
        text = peeled(text.rstrip(".。").strip(), QUOTES)
    return unicodedata.normalize("NFKC", alike(text, folding or Folding(), True))
