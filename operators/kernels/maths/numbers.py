"""Numbers as answers write them, read exactly: marks and groups by language, fractions, powers of ten, repeating decimals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from operators.kernels.maths.latex import form, plainly, spaced

#: What groups digits and is no mark: spaces of LaTeX and those of typography that do not break a line, or are thin.
GROUPING = r"(?:\\[,;:! ]|~|[\u00a0\u2007\u2008\u2009\u200a\u202f])"
GROUPED = re.compile(rf"(?<![0-9.])[0-9]{{1,3}}(?:{GROUPING}[0-9]{{3}})+(?![0-9])")
PARTS = re.compile(rf"(?<=[0-9])[.][0-9]{{3}}(?:{GROUPING}[0-9]{{3}})*{GROUPING}[0-9]{{1,3}}(?![0-9])")
SEPARATOR = re.compile(GROUPING)
#: Where the profile groups numbers by space, it is one of these.
SPACES = r"(?: |\u00a0|\u2009|\u202f|\\,|\\ )"
#: The same in groups of two after the first three from the right, as Hindi writes lakhs; elsewhere it is a list.
INDIAN = re.compile(r"[+-]?[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]+)?")

ONCE = r"(?P<whole>[0-9]*)[{marks}](?P<once>[0-9]*)"
LINE, DOT = "\u0305", "\u0307"
AGAIN = (
    r"\\(?:overline|bar)\s*(?:\{\s*(?P<line>[0-9]+)\s*\}|(?P<one>[0-9]))"
    r"|(?P<dots>\\dot\s*(?:\{[0-9]\}|[0-9])(?:(?:[0-9]|\\dot\s*(?:\{[0-9]\}|[0-9]))*\\dot\s*(?:\{[0-9]\}|[0-9]))?)"
    rf"|(?P<lined>(?:[0-9]{LINE})+)|(?P<dotted>[0-9]{DOT}(?:[0-9]*[0-9]{DOT})?)"
    r"|\((?P<round>[0-9]+)\)"
)
REPEATING = {marks: re.compile(rf"(?<![0-9.,]){ONCE.format(marks=marks)}(?:{AGAIN})(?![0-9])") for marks in (".", ".,", ".٫")}

E_NOTATION = re.compile(
    r"(?<![A-Za-z0-9_.\\])(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE]\{?(?P<power>[+-]?[0-9]{1,6})\}?(?![A-Za-z0-9.])"
)
PERCENT = (
    r"(?:per\s?cent|percentage|pct|prozent|pour\s?cent|por\s?(?:ciento|cento)|percento|procent[a-z]?|퍼센트|프로|процент(?:а|ов)?"
    r"|відсот(?:ок|ка|ки|ків)|пайыз|phần\s?trăm|persen|درصد|بالمئة|في المئة|เปอร์เซ็นต์|प्रतिशत|パーセント)\.?"
)
PERCENT_WORD = re.compile(rf"(?<=[0-9}}])\s*(?:\\text\s*\{{\s*)?(?:{PERCENT}|\\?%(?=\s*\}}))\s*\}}?\s*\Z", re.IGNORECASE)
#: Turkish, Basque and Chinese say it before the number.
PERCENT_BEFORE = re.compile(r"\A([+-]?)(?:\\?%|yüzde|百分之)\s?(?=[0-9.])([^%]*)\Z")

#: What is read the same whatever else there is to be read.
UNMARKED = re.compile(r"-?[0-9]{1,300}(?:\.[0-9]{1,300})?")
N = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+"
POWER = r"10\s?\^\s?\{?(?P<power>[+-]?[0-9]{1,5})\}?"
PLAIN = re.compile(
    r"(?P<sign>[+-]?)\s?(?:"
    rf"(?:(?P<mixed>[0-9]+)(?:\s|(?=\\frac)))?(?:\\frac\{{(?P<minus>-?)(?P<over>{N})\}}\{{(?P<under>{N})\}}|(?P<over2>{N})/(?P<under2>{N}))"
    rf"|(?P<number>{N})(?:\s?(?:\\times|\\cdot|\*)\s?{POWER})?"
    rf"|{POWER.replace('power', 'bare')}"
    r")(?P<percent>\s?\\?%)?"
)
#: A larger power is no plain number, and is left to what compares formulas.
HIGHEST = 3000
#: So many digits a decimal shows, not counting zeros before them, to stand for a number that it is a rounding of.
DIGITS = 6
#: So many digits a double keeps of any number.
MACHINE = 15


@dataclass(frozen=True, slots=True)
class Number:
    """A number: its value, and for a decimal half of its last place and the digits that it shows."""

    value: Fraction
    half: Fraction | None = None
    digits: int = 0
    percent: bool = False


def as_math(text: str, marks: Mapping[str, str], units: tuple[str, ...] | list[str] = ()) -> str:
    r"""An answer as LaTeX in which numbers are written as a parser of English mathematics reads them.

    Example:
        >>> as_math("1.234,5; ３", {"decimal": ",", "group": "."})
        '1234.5, 3'
        >>> as_math("12 개", {}, ["개"]), as_math(r"1\,000", {}), as_math("2E-5", {}), as_math(r"0.1\overline{6}", {})
        ('12', '1000', '2\\times 10^{-5}', '\\frac{1}{6}')
    """
    if not units and UNMARKED.fullmatch(text) and marks.get("decimal", ".") == "." and marks.get("group", ",") == ",":
        return text
    text = plainly(without_unit(text.strip(), units)).replace("{,}", ",")
    if "\\" in text or "~" in text or not text.isascii():
        text = GROUPED.sub(lambda found: SEPARATOR.sub("", found[0]), text)
        text = PARTS.sub(lambda found: SEPARATOR.sub("", found[0]), text)
    decimal, group = marks.get("decimal") or ".", marks.get("group", ",")
    if decimal == "٫" or group == "٬":  # these mean nothing else, and are read in every language
        decimal, group = ".", ","
    if any(sign in text for sign in ("\\overline", "\\bar", "\\dot", "(", LINE, DOT)):
        text = REPEATING[".," if decimal == "," else "."].sub(as_fraction, text)
    if (decimal, group) != (".", ","):
        text = numbers(text, decimal, group)
    if decimal == ",":
        text = text.replace(";", ",")
    if "e" in text or "E" in text:
        text = E_NOTATION.sub(lambda found: as_power(found, text), text)
    text = PERCENT_BEFORE.sub(r"\1\2\\%", PERCENT_WORD.sub(r"\\%", text))
    return spaced(text)


def as_fraction(found: re.Match[str]) -> str:
    """A repeating decimal as its fraction."""
    again = next(found[name] for name in ("line", "one", "dots", "lined", "dotted", "round") if found[name])
    again, once = re.sub("[^0-9]", "", again), found["once"]
    if found["round"] and not (found["whole"] or once):
        return found[0]
    under = 10 ** len(once) * (10 ** len(again) - 1)
    value = Fraction(int(found["whole"] + once + again) - int("0" + found["whole"] + once), under)
    return f"\\frac{{{value.numerator}}}{{{value.denominator}}}" if value.denominator > 1 else str(value.numerator)


def as_power(found: re.Match[str], text: str) -> str:
    """A number in e-notation with its power of ten, in brackets beside anything else."""
    written = rf"{found['number']}\times 10^{{{found['power']}}}"
    alone = not text[: found.start()].strip("+- ") and not text[found.end() :].strip()
    return written if alone else f"({written})"


def without_unit(text: str, units: tuple[str, ...] | list[str]) -> str:
    """The text without a unit after its number, where the units are told."""
    for unit in sorted(units, key=len, reverse=True):
        if text.endswith(unit):
            rest = re.sub(r"(?:\s|\\[,;: ]|~)+\Z", "", text.removesuffix(unit))
            return rest if rest[-1:].isdigit() or rest[-1:] in set("})") else text
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


@lru_cache(maxsize=1 << 14)
def plain(text: str) -> Number | None:
    r"""The number that all of an answer is, or None.

    Example:
        >>> plain(r"-1\frac{1}{2}").value, plain("6.02 \\times 10^{3}").value, plain("x"), plain("1,2"), plain("12,000").value
        (Fraction(-3, 2), Fraction(6020, 1), None, None, Fraction(12000, 1))
    """
    if not text or text[-1] not in "0123456789}%)":
        return None
    if text.isascii() and text.isdigit():
        return Number(Fraction(int(text)))
    found = PLAIN.fullmatch(form(text))
    if found is None:
        return None
    sign, half, digits = (-1 if found["sign"] == "-" else 1), None, 0
    over, under = found["over"] or found["over2"], found["under"] or found["under2"]
    if over:
        below = decimal(under)
        if not below:
            return None
        value = decimal(over) / below * (-1 if found["minus"] else 1) + int(found["mixed"] or 0)
    else:
        power = int(found["power"] or found["bare"] or 0)
        if abs(power) > HIGHEST:
            return None
        scale = Fraction(10) ** power
        value = decimal(found["number"] or "1") * scale
        if "." in (found["number"] or ""):
            part = found["number"].partition(".")[2]
            half, digits = scale / 10 ** len(part) / 2, len(found["number"].replace(",", "").replace(".", "").lstrip("0"))
    return Number(sign * value, half, digits, found["percent"] is not None)


def decimal(text: str) -> Fraction:
    """A decimal as it is written."""
    whole, _, part = text.replace(",", "").partition(".")
    return Fraction(int((whole or "0") + part), 10 ** len(part))


def same(one: Number, other: Number) -> bool:
    """Whether two numbers are one: exactly, or as a decimal of six digits that rounds a number which has no finite decimal.

    A decimal of 15 digits or more is what a machine writes of a number, and is compared to its 15 digits.

    `50 %` is 0.5, and the sign may be left out after a whole number, so that it is 50 too.

    Example:
        >>> [same(plain("0.333333"), plain(other)) for other in ("1/3", "0.3333333", "0.333334")]
        [True, False, False]
    """
    if one.percent != other.percent:
        share, bare = (one, other) if one.percent else (other, one)
        if share.value == bare.value and share.value.denominator == 1:
            return True
        half = None if share.half is None else share.half / 100
        return same(Number(share.value / 100, half, share.digits), bare)
    if one.value == other.value:
        return True
    if min(one.digits, other.digits) >= MACHINE and abs(one.value - other.value) <= abs(one.value) / 10**MACHINE:
        return True
    return any(
        rounds(each, exact.value)
        for each, exact in ((one, other), (other, one))
        if exact.digits >= MACHINE or not ends(exact.value)
    )


def rounds(number: Number, value: Fraction) -> bool:
    """Whether a decimal of enough digits is this value rounded to its last place."""
    return number.half is not None and number.digits >= DIGITS and abs(number.value - value) <= number.half


def ends(value: Fraction) -> bool:
    """Whether a number has a finite decimal."""
    # A power of ten that is large enough is a multiple of every denominator that has no other prime factors.
    return pow(10, value.denominator.bit_length(), value.denominator) == 0
