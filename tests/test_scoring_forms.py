"""Two hundred numbers are equal to themselves however they are written, and to no neighbour."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import pytest

from operators.kernels.maths.guard import in_one_order, settled
from operators.kernels.maths.numbers import MACHINE, as_math, plain, same
from tests.test_scoring import pytestmark, scored

__all__ = ["pytestmark"]

NATIVE = ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "๐๑๒๓๔๕๖๗๘๙", "০১২৩৪৫৬৭৮৯", "０１２３４５６７８９")


def grouped(digits: str, mark: str) -> str:
    """Digits in groups of three from the right."""
    return f"{int(digits):,}".replace(",", mark)


def decimals(random_: random.Random) -> Iterator[tuple[list[str], list[str]]]:
    """Decimals in six spellings or more, and numbers that are near."""
    for _ in range(50):
        places = random_.randint(1, 9)
        digits = random_.randint(1, 10**places) * 10 + random_.randint(1, 9)
        places += 1
        whole, part = divmod(digits, 10**places)
        text = f"{whole}.{part:0{places}}"
        yield (
            [text, f"{text}0", f"${text}$", rf"\frac{{{digits}}}{{{10**places}}}", f"{digits}e-{places}", f"{digits}E-0{places}"]
            + [rf"{digits}\times10^{{-{places}}}", rf"{digits} \cdot 10^{{-{places}}}", f"{digits}×10⁻{superscript(places)}"],
            [f"{whole}.{part + 1:0{places}}", f"{digits - 1}e-{places}", f"-{text}", f"{text}1", f"{digits}e-{places + 1}"],
        )


def superscript(number: int) -> str:
    """A number in raised digits."""
    return str(number).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def thousands(random_: random.Random) -> Iterator[tuple[list[str], list[str]]]:
    """Whole numbers grouped in all ways."""
    for _ in range(50):
        number = str(random_.randint(1000, 10 ** random_.randint(4, 12)))
        native = number.translate(str.maketrans("0123456789", random_.choice(NATIVE)))
        marks = (",", "{,}", r",\!", r"\,", r"\;", "~", r"\ ", "\u2009", "\u00a0", "\u202f")
        yield [number, native, f"{number}.0", *(grouped(number, mark) for mark in marks)], [str(int(number) + 1), number + "0"]


def fractions(random_: random.Random) -> Iterator[tuple[list[str], list[str]]]:
    """Fractions and mixed numbers."""
    for _ in range(50):
        under = random_.randint(2, 99)
        over, whole = random_.randint(1, under - 1), random_.randint(1, 50)
        top = whole * under + over
        yield (
            [
                f"{top}/{under}",
                rf"\frac{{{top}}}{{{under}}}",
                rf"\dfrac{{{top}}}{{{under}}}",
                rf"{whole}\frac{{{over}}}{{{under}}}",
            ]
            + [f"{whole} {over}/{under}", f"{top * 3}/{under * 3}", f"{top}⁄{under}", rf"$\tfrac{{{top}}}{{{under}}}$"],
            [f"{top + 1}/{under}", f"-{top}/{under}", f"{under}/{top}", rf"{whole + 1}\frac{{{over}}}{{{under}}}"],
        )


def repeating(random_: random.Random) -> Iterator[tuple[list[str], list[str]]]:
    """Repeating decimals."""
    for _ in range(50):
        again = str(random_.randint(1, 9 * 10 ** random_.randint(0, 4)))
        if len(set(again)) == 1:
            again = again[0]
        if set(again) == {"9"}:
            again = "8"
        once, whole = str(random_.randint(0, 99)) if random_.random() < 0.5 else "", str(random_.randint(0, 9))
        value = Fraction(int(whole + once + again) - int(whole + once), 10 ** len(once) * (10 ** len(again) - 1))
        begin = f"{whole}.{once}"
        dotted = rf"\dot{{{again}}}" if len(again) == 1 else rf"\dot{{{again[0]}}}{again[1:-1]}\dot{{{again[-1]}}}"
        yield (
            [rf"{begin}\overline{{{again}}}", rf"{begin}\bar{{{again}}}", f"{begin}({again})", begin + dotted]
            + [begin + "".join(f"{digit}\u0305" for digit in again), rf"{begin}{again}\overline{{{again}}}"]
            + [rf"\frac{{{value.numerator}}}{{{value.denominator}}}", f"{value.numerator}/{value.denominator}"],
            [(begin + again)[:6], rf"{begin}\overline{{{int(again) + 1:0{len(again)}}}}", rf"{begin}0\overline{{{again}}}"],
        )


KINDS = (decimals, thousands, fractions, repeating)
FORMS = [form for kind in KINDS for form in kind(random.Random(14))]


def is_same(one: str, other: str) -> bool:
    told = settled(as_math(one, {}), as_math(other, {}))
    assert isinstance(told, bool), "a number needs no library"
    return told


def test_a_number_is_itself_in_every_spelling_and_no_neighbour() -> None:
    assert len(FORMS) == 200
    for spellings, neighbours in FORMS:
        assert len(spellings) >= 6
        for one in spellings:
            assert [other for other in spellings if not is_same(one, other)] == []
            assert [other for other in neighbours if is_same(one, other) or is_same(other, one)] == []


def test_numbers_of_different_forms_are_equal_where_their_values_are() -> None:
    read = [(spellings[0], plain(as_math(spellings[0], {}))) for spellings, _ in FORMS]
    for one, number in read:
        for other, another in read:
            assert number is not None and another is not None
            if max(number.digits, another.digits) < MACHINE:
                assert is_same(one, other) == same(number, another)


def test_a_decimal_stands_for_what_it_rounds_from_six_digits_on() -> None:
    told = [("0.333333", "1/3", 1), ("0.33333", "1/3", 0), ("0.33", "1/3", 0), ("0.333334", "1/3", 0), ("33.3333", "100/3", 1)]
    told += [
        ("1.414214", r"\sqrt{2}", 1),
        ("1.41422", r"\sqrt{2}", 0),
        ("3.141593", "π", 1),
        ("3.14", "π", 0),
        ("0.125", "1/8", 1),
    ]
    # Two decimals are as different as they are written, but for what a machine writes of one number.
    told += [
        ("0.12345678", "0.12345679", 0),
        ("0.333333", "0.33333333", 0),
        ("0.1250001", "1/8", 0),
        ("0.0000003", "0.0000004", 0),
    ]
    told += [("1.3333333333333335", "1.3333333333333333", 1), ("1.333333333333", "1.333333333334", 0)]
    told += [
        (r"3.33333\times10^{-20}", r"\frac{1}{3}\times10^{-19}", 1),
        (r"\frac{\sqrt{2}}{10^{20}}", r"\frac{\sqrt{3}}{10^{20}}", 0),
    ]
    answers, golds, wanted = zip(*told, strict=True)
    assert scored(list(answers), list(golds), "math") == list(wanted) == scored(list(golds), list(answers), "math")


EUROPEAN = [("3,14", "3.14"), ("1.234,5", "1234.5"), ("1.234.567", "1234567"), ("0,(3)", "1/3"), ("1,5e-5", "0.000015")]
SPACED = [("1 234,5", "1234.5"), ("1\u202f234", "1234"), ("1\\,234", "1234"), ("0,\\overline{3}", "1/3")]
PERSIAN = [("۳٫۱۴", "3.14"), ("۱۲٬۰۰۰", "12000"), ("۰٫(۳)", "1/3"), ("١٬٢٣٤٫٥", "1234.5")]
INDIAN = [("1,00,000", "100000"), ("१,००,०००", "100000"), ("12,34,567.5", "1234567.5"), ("1,234", "1234")]


@pytest.mark.parametrize(
    ("decimal", "group", "told"), [(",", ".", EUROPEAN), (",", " ", SPACED), ("٫", "٬", PERSIAN), (".", ",", INDIAN)]
)
def test_numbers_are_read_by_the_marks_of_a_language(decimal: str, group: str, told: list[tuple[str, str]]) -> None:
    for written, english in told:
        assert settled(as_math(written, {"decimal": decimal, "group": group}), as_math(english, {})) is True


def test_a_list_in_groups_of_two_is_no_number_beside_a_list() -> None:
    assert is_same("12,34,567", "12, 34, 567") and not is_same("12,34,567", "12,345,67") and not is_same("12,34", "1234")


def test_a_tower_of_powers_is_not_worked_out() -> None:
    assert plain("1\\times 10^{99999}") is None and plain(r"10^{10^{10}}") is None
    assert settled(as_math("1e99999", {}), as_math("1e99999", {})) is True


def test_a_question_is_the_same_both_ways() -> None:
    for one, other in pairwise(spelling for spellings, _ in FORMS[::9] for spelling in spellings):
        asked = [settled(as_math(f"{pair[0]}x", {}), as_math(f"{pair[1]}x", {})) for pair in ((one, other), (other, one))]
        told = [sorted(map(in_one_order, each), key=str) if isinstance(each, list) else each for each in asked]
        assert told[0] == told[1]
