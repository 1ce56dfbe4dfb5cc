"""What math-verify makes of an answer and says of two, and why it is not believed: for the process that answers are scored in."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

Term = str | list[str]
Question = str | list[Term]
"""An answer, or a gold answer and one that is compared with it; several in one after the word that joins them."""

#: Digits to which numbers are worked out, and the share of a number by which two that are equal may differ then.
PRECISION, CLOSE = 50, 1e-30
#: A decimal alone, which may be the rounding of an irrational number.
DECIMAL = re.compile(r"([+-]?)([0-9]+\.[0-9]+)(?:\s*\\times\s*10\^\{?([+-]?[0-9]{1,4})\}?)?")
DIGITS = 6
#: Where symbols are tried: no two of them, and none of their sums and products with small numbers, are equal.
PLACES = ("0.7310585786300049", "1.3247179572447460", "2.2360679774997896", "3.3590141213867911", "0.5671432904097838")


def parser() -> Callable[[Question], bool]:
    """Whether math-verify makes an expression of an answer, or the same of two."""
    from latex2sympy2_extended.latex2sympy2 import ConversionConfig, _Latex2Sympy
    from latex2sympy2_extended.math_normalization import NormalizationConfig, normalize_latex
    from math_verify.grader import should_treat_as_complex, verify
    from sympy import Eq, FiniteSet, Intersection, Rational, Union

    # Units are read before; the letters of a formula keep their case, and an equation is read whole or not at all.
    normal = NormalizationConfig(basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none")
    letters = ConversionConfig(lowercase_symbols=False)

    class Exactly(_Latex2Sympy):  # type: ignore[misc]
        """The reader, by which a decimal is the fraction that it says, and no text is run to know a number."""

        def parse_number(self, text: str) -> Any:
            value = Fraction(text.replace(",", ""))
            return Rational(value.numerator, value.denominator)

    def made(text: str, real: bool) -> Any:
        return Exactly(is_real=real, convert_degrees=False, config=letters).parse(normalize_latex(text, normal))

    def joined(term: Term, real: bool) -> Any:
        if isinstance(term, str):
            return made(term, real)
        how, *rest = term
        items = [made(each, real) for each in rest]
        return (
            FiniteSet(*items) if how == "set" else (Union if how == "any" else Intersection)(*(each.as_set() for each in items))
        )

    def same(one: Any, other: Any) -> bool:
        if differ(one, other):
            return False
        if isinstance(one, Eq) and isinstance(other, Eq) and proportional(one, other):
            return True
        return bool(verify(one, other, timeout_seconds=None, allow_set_relation_comp=True)) and believed(one, other)

    def equal(question: Question) -> bool:
        if isinstance(question, str):
            return made(question, not should_treat_as_complex(question)) is not None
        one, other = question
        real = not any(should_treat_as_complex(" ".join(term) if isinstance(term, list) else term) for term in question)
        if isinstance(one, list) and isinstance(other, list) and one[0] == other[0] == "set":
            return matched([made(each, real) for each in one[1:]], [made(each, real) for each in other[1:]], same)
        expressions = joined(one, real), joined(other, real)
        for text, value in ((one, expressions[1]), (other, expressions[0])):
            if isinstance(text, str) and (found := DECIMAL.fullmatch(text.strip())):
                return rounds(found, value)
        return same(*expressions)

    def quiet(question: Question) -> bool:
        try:
            return equal(question)
        except Exception:  # noqa: BLE001 - the libraries raise whatever they like at what they cannot read
            return False

    return quiet


def matched(golds: list[Any], answers: list[Any], same: Callable[[Any, Any], bool]) -> bool:
    """Whether each of some things is one of the others, which are as many."""
    for gold in golds:
        found = next((at for at, answer in enumerate(answers) if same(gold, answer)), None)
        if found is None:
            return False
        del answers[found]
    return not answers


def rounds(found: re.Match[str], value: Any) -> bool:
    """Whether a decimal is a number, or rounds one that has no finite decimal, by the digits that it shows."""
    from sympy import Rational

    sign, text, power = found.groups()
    scale = Rational(10) ** int(power or 0)
    number = Rational(text) * scale * (-1 if sign == "-" else 1)
    worked = valued(value)
    if worked is None or not worked.is_real:
        return False
    half = scale / 10 ** len(text.partition(".")[2]) / 2
    exactly = bool(abs(worked - number) <= CLOSE * abs(number))
    shown = len(text.replace(".", "").lstrip("0"))
    if exactly or shown < DIGITS:
        return exactly
    exact = value.doit() if hasattr(value, "doit") else value
    # A power of ten that is large enough is a multiple of every denominator of a finite decimal.
    finite = exact.is_Rational and pow(10, int(exact.q).bit_length(), int(exact.q)) == 0
    return not finite and bool(abs(worked - number) <= half)


def valued(expression: Any) -> Any:
    """A number to many digits, or None where it is none."""
    worked = expression.doit() if hasattr(expression, "doit") else expression
    worked = worked.evalf(PRECISION)
    return worked if worked.is_number and worked.is_finite else None


def near(one: Any, other: Any) -> bool | None:
    """Whether two numbers are one, as far as their own size tells; None where one of them is no number."""
    values = valued(one), valued(other)
    if values[0] is None or values[1] is None:
        return None
    return bool(abs(values[0] - values[1]) <= CLOSE * max(abs(values[0]), abs(values[1])) + 10**-1000)


def believed(one: Any, other: Any) -> bool:
    """Whether two expressions that math-verify calls equal are so by the size of their numbers.

    It drops what is below 10^-15 whatever the numbers are, and takes two equations without a solution for one.
    """
    from latex2sympy2_extended.logic import And
    from sympy import Basic, Eq, Interval, MatrixBase, Tuple, UnevaluatedExpr, solve
    from sympy import FiniteSet as Finite
    from sympy.core.relational import Relational
    from sympy.core.symbol import Symbol

    if one == other:
        return True
    if isinstance(one, MatrixBase) and isinstance(other, MatrixBase):
        return all(believed(*pair) for pair in zip(one.flat(), other.flat(), strict=True))
    if isinstance(one, Interval) and isinstance(other, Interval):
        return believed(one.start, other.start) and believed(one.end, other.end)
    if isinstance(one, And) or isinstance(other, And) or not isinstance(one, Basic) or not isinstance(other, Basic):
        return True
    if isinstance(one, (Finite, Tuple)) and isinstance(other, (Finite, Tuple)):
        return len(one) == len(other) and matched(list(one.args), list(other.args), believed)
    if isinstance(one, Eq) and isinstance(other, Eq):
        return all(each.free_symbols and bool(solve(each, each.free_symbols)) for each in (one, other))
    if isinstance(one, Relational) or isinstance(other, Relational):
        return True
    shares = [each for each in (one, other) if each.has(UnevaluatedExpr)]
    if len(shares) == 1:
        return True  # 50 % and 50, as the reference says
    if one.free_symbols or other.free_symbols:
        symbols = sorted(one.free_symbols | other.free_symbols, key=str)
        return all(near(*(each.subs(places(symbols, turn)) for each in (one, other))) is not False for turn in range(3))
    if isinstance(one, Symbol) or isinstance(other, Symbol):
        return True
    try:
        return near(one, other) is not False
    except (TypeError, ValueError, AttributeError):
        return True


def places(symbols: list[Any], turn: int) -> dict[Any, Any]:
    """A number for each symbol, by the turn."""
    from sympy import Rational

    return {each: Rational(PLACES[(at + turn) % len(PLACES)]) + Rational(at, 7) for at, each in enumerate(symbols)}


def proportional(one: Any, other: Any) -> bool:
    """Whether one equation is the other times a number, by what their sides differ by at a few places."""
    differences = [each.lhs - each.rhs for each in (one, other)]
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    try:
        values = [[valued(each.subs(places(symbols, turn))) for each in differences] for turn in range(4)]
    except (TypeError, ValueError, AttributeError):
        return False
    if not symbols or any(value is None or abs(value) < CLOSE for pair in values for value in pair):
        return False
    ratios = [pair[0] / pair[1] for pair in values]
    apart = any(abs(pair[0] - values[0][0]) > CLOSE for pair in values)
    return apart and all(abs(ratio - ratios[0]) <= CLOSE * abs(ratios[0]) for ratio in ratios)


def differ(one: Any, other: Any) -> bool:
    """Whether two expressions come to different numbers somewhere, which is quickly told and leaves nothing to simplify."""
    from sympy import Expr, UnevaluatedExpr

    if not isinstance(one, Expr) or not isinstance(other, Expr) or one.has(UnevaluatedExpr) or other.has(UnevaluatedExpr):
        return False
    if one.is_Symbol or other.is_Symbol:
        return False
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    try:
        return near(*(each.subs(places(symbols, 0)) for each in (one, other))) is False
    except (TypeError, ValueError, AttributeError):
        return False


#: A parser learns each form once, and a fork inherits what is learnt: these are the forms that answers often have.
FORMS = (
    *("7", "-3.5", "12,000", "1,2,3", "3:4", r"50\%", "x=3", "x<5", r"a \le b", "(1,2)", "[0,1)", r"\{1,2\}", "C_2", r"\text{B}"),
    *(r"\frac{9}{7}", r"3\sqrt{2}+x^2", "(x+1)(x-1)", "2^{10}", r"\frac{\pi}{2}", r"\sin x", r"\log_2 3", "10!", r"\infty"),
    *(r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "|x|", r"\pi r^2", "90^\\circ", r"\frac{\sqrt{3}}{2}", "2x+3y=5", r"x \in [1,2]"),
)
#: The same of comparing, for where answers are compared.
PAIRS: tuple[tuple[Term, Term], ...] = (
    *(("7", "8"), ("1/2", r"\frac{\sqrt{4}}{4}"), ("x=3", "y=4"), ("x<5", "x<6"), ("x<5", r"(-\infty,5)"), ("x^2+1", "1+x^2")),
    *(
        ("(1,2)", "(1,x)"),
        (r"[0,1)\cup(2,3)", r"[0,2)"),
        (r"3\sqrt{2}", r"\sqrt{18}"),
        (r"\text{a}", "b"),
        ("2x+3y=5", "3y=5-2x"),
    ),
    *(
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&2\\3&5\end{pmatrix}"),
        ("1.414214", r"\sqrt{2}"),
        ("10!", "2^{10}"),
    ),
    *(
        (["any", "x<1", "x>3"], r"(-\infty,1)\cup(3,\infty)"),
        (["set", "x", "y+1"], ["set", "1+y", "x"]),
        (r"\frac{1}{2004!}", "0.5"),
    ),
    *((r"\pi r^2", r"r^2\pi"), (r"\sin x", r"\cos x"), (r"(x+1)(x-1)", "x^2-1"), (r"3+4i", "4i+3"), (r"\frac{1}{x}", "x^{-1}")),
)
