"""Forms of an answer in which two that mean the same are equal, or are read the same by a parser of mathematics."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from operators.kernels.boxes import first_box

#: Marks of one script alone, which can mean nothing else.
OWN_MARKS = str.maketrans({"٫": ".", "٬": ",", "٪": "%"})
FULL_WIDTH = {0xFF01 + place: 0x21 + place for place in range(94)} | {0x3000: " "}
#: What shows nothing: soft hyphens, spaces without width and marks of direction, which right-to-left text is full of.
#: The joiners of Persian and Hindi are letters' business and stay.
UNSEEN = dict.fromkeys([0xAD, 0x61C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF])
#: Where numbers are grouped by space, it is one of these.
SPACES = r"(?: |\u00a0|\u2009|\u202f|\\,|\\ )"
SPACE_AFTER = re.compile(r"(?:\s|\\[,;: ]|~)+\Z")

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


def as_math(text: str, marks: Mapping[str, str], units: Sequence[str] = ()) -> str:
    """An answer in ASCII digits, with numbers as a parser of English mathematics reads them.

    Example:
        >>> as_math("1.234,5; ３", {"decimal": ",", "group": "."})
        '1234.5, 3'
        >>> as_math("12 개", {}, ["개"])
        '12'
    """
    text = without_unit(unboxed(seen(text).strip()), units).replace("{,}", ",")
    decimal, group = marks.get("decimal") or ".", marks.get("group", ",")
    if (decimal, group) != (".", ","):
        text = numbers(text, decimal, group)
    if decimal == ",":
        text = text.replace(";", ",")
    return text.translate(OWN_MARKS)


def unboxed(text: str) -> str:
    r"""What a box holds that is all of the answer, such as a line's `$\boxed{7}$`.

    Example:
        >>> [unboxed(text) for text in (r"$\boxed{\frac{1}{2}}$", r"5 \boxed{3}")]
        ['\\frac{1}{2}', '5 \\boxed{3}']
    """
    inner = text
    for begin, end in FORMULA:
        if len(inner) > len(begin + end) and inner.startswith(begin) and inner.endswith(end):
            inner = inner[len(begin) : -len(end)].strip()
    box = first_box(inner) if inner.startswith("\\boxed{") else None
    return box.strip() if box is not None and inner == f"\\boxed{{{box}}}" else text


def without_unit(text: str, units: Sequence[str]) -> str:
    """The text without a unit after its number, where the units are told."""
    for unit in sorted(units, key=len, reverse=True):
        if text.endswith(unit):
            rest = SPACE_AFTER.sub("", text.removesuffix(unit))
            return rest if rest[-1:] in set("0123456789})") else text
    return text


def numbers(text: str, decimal: str, group: str) -> str:
    """The text with its numbers written with a decimal point and no groups; what could be a list of numbers is left."""
    mark, between = re.escape(decimal), SPACES if group == " " else re.escape(group)
    grouped = rf"[0-9]{{1,3}}(?:{between}[0-9]{{3}})+" if group else r"(?!)"
    edge = rf"(?:[0-9]|{mark}|{between})" if group.strip() else rf"(?:[0-9]|{mark})"
    number = rf"(?<![0-9])(?<![0-9]{mark})(?:(?P<whole>{grouped})|(?P<plain>[0-9]+))(?:{mark}(?P<part>[0-9]+))?(?!{edge}*[0-9])"

    def rewritten(found: re.Match[str]) -> str:
        whole = re.sub(r"[^0-9]", "", found["whole"]) if found["whole"] else found["plain"]
        return whole if found["part"] is None else f"{whole}.{found['part']}"

    return re.sub(number, rewritten, text)


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
