r"""What an expression would cost a library to work out, told by its text alone: what it would hardly end with is not asked.

The bounds are generous and hold on every machine; what is refused by them is not proven, and takes no time at all.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

#: Digits of all numbers together, and of one that has a root or divisor looked for.
DIGITS: Final = 7000.0
DIVIDED: Final = 1000.0
#: Terms of sums and products, intervals that are joined, cells of a matrix, those of a determinant, bars.
TERMS: Final = 100.0
JOINED, CELLS, DETERMINED, BARS = 8, 100, 25, 16

#: What is a problem and no answer: libraries look for its solution for as long as they are let.
PROBLEM = re.compile(r"\\(?:i{1,4}nt|oint|lim|limsup|liminf)(?![A-Za-z])")
SETS = re.compile(r"\\(?:cup|cap)(?![A-Za-z])")
DETERMINANT = re.compile(r"\\begin\{vmatrix\}|\\det(?![A-Za-z])|matrix\}\s*\^")
#: What is worked out when it is read.
WORKED_OUT = re.compile(r"\\(?:gcd|lcm)(?![A-Za-z])")
TOKEN = re.compile(r"[0-9]+(?:\.[0-9]+)?|\\[A-Za-z]+|\\?.", re.DOTALL)
#: An expression of which none of the others can be: no number in it becomes large.
PLAIN = re.compile(
    r"(?:[^\\^!0-9]|[0-9]{1,300}(?![0-9])|\\(?:frac|dfrac|tfrac|left|right|pi|cdot|times|text|sqrt|pm)(?![A-Za-z]))*"
)

OPEN, CLOSE = {"{", "(", "[", "\\{"}, {"}", ")", "]", "\\}"}
TERM = {"+", "-", ",", ";", "=", "<", ">", "&", "\\\\"}
PAIRED = {"\\frac", "\\dfrac", "\\tfrac", "\\cfrac"}
CHOSEN = {"\\binom", "\\dbinom", "\\tbinom"}
DIVIDES = {"\\sqrt", "\\gcd", "\\lcm"}
REPEATED = {"\\sum", "\\prod"}
#: Powers of ten that a letter may be, and e.
LETTER, E = 0.6, 0.44


class TooMuch(Exception):
    """More than is worked out."""


@dataclass(slots=True)
class Size:
    """Bounds of a part: the power of ten that its value may be, and the digits that it takes to write its numbers down."""

    value: float = 0.0
    digits: float = 0.0


def too_much(text: str) -> bool:
    r"""Whether an expression is left alone, for what it would take to work it out.

    Example:
        >>> [too_much(text) for text in (r"\frac{1}{2004!}", "2^{100}x^{-3}", r"90^\circ", r"\sum_{n=1}^{9} n", "x^{n^{2}}")]
        [False, False, False, False, False]
        >>> [too_much(text) for text in ("9^{9^{9}}", "(9!)!", r"\binom{10^9}{3}", r"\int x", "7^{9/10^{-9}}")]
        [True, True, True, True, True]
    """
    if hard_to_read(text) or PROBLEM.search(text) or len(SETS.findall(text)) > JOINED:
        return True
    if PLAIN.fullmatch(text):
        return False
    return beyond(text)


def hard_to_read(text: str) -> bool:
    r"""Whether a library takes long for an expression as soon as it reads it, before anything is worked out.

    Example:
        >>> [hard_to_read(text) for text in ("9^{9^{9}}", "|x|", "|" * 40 + "x" + "|" * 40, r"\gcd(2^{9999}-1,3)")]
        [False, False, True, True]
    """
    cells = text.count("&") + text.count("\\\\")
    if text.count("|") > BARS or cells > (DETERMINED if DETERMINANT.search(text) else CELLS):
        return True
    return WORKED_OUT.search(text) is not None and beyond(text)


def beyond(text: str) -> bool:
    """Whether its numbers are beyond what is worked out."""
    try:
        return Reading(TOKEN.findall(text)).group("").digits > DIGITS
    except (TooMuch, RecursionError):
        return True


def power(base: Size, exponent: Size) -> Size:
    """Bounds of a power, whose exponent may be negative."""
    times = 10 ** min(exponent.value, 9)
    return Size(max(base.value, 0.0) * times, max(base.digits, base.value) * times + exponent.digits)


def factorial(of: Size) -> Size:
    """Bounds of the factorial of a number, and of what is like it."""
    return power(Size(max(of.value, 0.31), of.value), of)


class Reading:
    """An expression's parts from left to right, each with its bounds; brackets that do not match end where the text does."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = [each for each in tokens if not each.isspace() and each not in ("\\left", "\\right")]
        self.at = 0
        self.terms = 1.0

    def next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1] if self.at <= len(self.tokens) else ""

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def group(self, opened: str) -> Size:
        """Everything up to the bracket that closes, or to the end."""
        best, digits, term, count = 0.0, 0.0, 0.0, 1
        last, counted, under = Size(), 0.0, -1
        while token := self.next():
            if token in CLOSE and opened:
                break
            if token in TERM:
                best, term, count = max(best, term), 0.0, count + 1
                last, counted, under = Size(), 0.0, -1
                continue
            if token == "/":
                last, counted, under = Size(), 0.0, self.at
                continue
            if token in ("^", "!"):
                term, digits = term - counted, digits - last.digits
                last = power(last, self.exponent()) if token == "^" else factorial(last)
            elif token == "_":
                digits += self.unit().digits  # a base or an index, which counts as what it is written with
                continue
            else:
                under = under if under == self.at - 1 else -1
                last = self.part(token)
            # What is below one makes the whole larger by so much as it takes to write it.
            counted = last.value if under < 0 else last.digits if self.small(under) else 0.0
            term, digits = term + counted, digits + last.digits
            if digits > DIGITS or term > 10 * DIGITS:
                raise TooMuch
        return Size(max(best, term) + math.log10(count), digits)

    def small(self, begin: int) -> bool:
        """Whether what was read since may be below one."""
        return any(token in PAIRED or token in ("-", "/") or "." in token for token in self.tokens[begin : self.at])

    def unit(self) -> Size:
        """What an exponent, a numerator or a root has: a group, a command with what belongs to it, or one character."""
        token = self.next()
        if token[:1].isdigit() and len(token) > 1:
            # `x^23` is x squared and then a three.
            self.at -= 1
            self.tokens[self.at] = token[1:]
            token = token[0]
        return self.part(token)

    def exponent(self) -> Size:
        """An exponent, with those that stand above it."""
        exponent = self.unit()
        if self.peek() != "^":
            return exponent
        self.next()
        return power(exponent, self.exponent())

    def part(self, token: str) -> Size:
        """A part that begins with a token."""
        if token in OPEN:
            return self.group(token)
        if token[:1].isdigit():
            whole, _, fraction = token.partition(".")
            return Size(
                float(len(whole.lstrip("0"))) if len(whole) > 15 else math.log10(max(float(token), 1)), len(whole + fraction)
            )
        if token in PAIRED:
            above, begin = self.unit(), self.at
            below = self.unit()
            return Size(above.value + (below.digits if self.small(begin) else 0.0), above.digits + below.digits)
        if token in CHOSEN:
            above, below = self.unit(), self.unit()
            return power(Size(0.31, 0.31), max((above, below), key=lambda each: each.value))
        if token in DIVIDES:
            return self.divided(token)
        if token in REPEATED:
            return self.repeated()
        if token in ("\\exp", "e"):
            return power(Size(E, E), self.unit()) if token == "\\exp" else Size(E, E)
        if token == "\\Gamma" and self.peek() in OPEN:
            return factorial(self.unit())
        letter = token.isalpha() or (token.startswith("\\") and token[1:].isalpha())
        return Size(LETTER, LETTER) if letter else Size()

    def divided(self, token: str) -> Size:
        """A root, or a common divisor: factors are looked for."""
        index = self.unit() if token == "\\sqrt" and self.peek() == "[" else Size()
        inside = self.unit()
        if inside.digits > DIVIDED:
            raise TooMuch
        return Size(inside.value, inside.digits + index.digits)

    def repeated(self) -> Size:
        """The bounds of a sum or product, of which there are so many terms as the upper one says."""
        ends: list[Size] = []
        while self.peek() in ("_", "^"):
            self.next()
            begin = self.at
            ends.append(self.unit())
            if "\\infty" in self.tokens[begin : self.at]:
                raise TooMuch
        self.terms *= 10 ** min(max((each.value for each in ends), default=0.0), 9)
        if self.terms > TERMS:
            raise TooMuch
        return Size(2.0, sum(each.digits for each in ends))
