"""What two answers in mathematics have in common before a library is asked: decided here, refused here, or small questions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from operators.kernels.maths.latex import form
from operators.kernels.maths.nouns import OPENED, counted
from operators.kernels.maths.numbers import INDIAN, Number, decimal, plain, same
from operators.kernels.maths.shapes import NAMED, RELATION, Shape, outside, shape, sides, within

Term = str | list[str]
"""An expression, or several after the word that joins them: `any` or `all` of the relations, or a `set`."""
Ask = tuple[Term, Term]
Settled = bool | list[Ask]

EMPTY = re.compile(r"\\text\s*\{\s*\}|[{}\s]|\\(?:[,;:!> ]|q?quad)")
#: A numeral in a base: it is its digits, and no other numeral's value.
BASED = re.compile(
    r"\(?(?P<digits>[0-9][0-9A-Za-z.]*|[A-Fa-f][0-9A-Fa-f]*[0-9][0-9A-Fa-f]*|[A-F]{2,})\)?_\{?(?:\\text\s*\{)?(?P<base>[0-9]+|[a-z]+)\}?\}?"
)
IN_BASE = re.compile(r"(?<![A-Za-z0-9_\\}])\(?[0-9][0-9A-F]*\)?_")
BASES = dict(
    zip(
        ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "sixteen"],
        (*range(2, 13), 16),
        strict=True,
    )
)
WORD = re.compile(r"[^\W\d_]+(?:[\s'’.-]+[^\W\d_]+)*\.?")
#: Letters that stand for an order of things: A-C-B, and three capitals or more in a formula.
ORDER = re.compile(r"[A-Z](?:\s?(?:-|\\to|\\rightarrow|>|<)\s?[A-Z]){2,}")
CAPITALS = re.compile(r"(?<![A-Za-z\\{])[A-Z]{3,}(?![A-Za-z])")
LETTERS = re.compile(r"[A-Za-z]")
COMMANDS = re.compile(
    r"\\(?:frac|sqrt|times|cdot|div|pi|log|ln|sin|cos|tan|binom|[lr]floor|[lr]ceil|circ|text\s*\{[^{}]*\})(?![A-Za-z])"
)
MODULO = re.compile(r"\\[bp]?mod(?![A-Za-z])|(?<![A-Za-z\\])mod(?![A-Za-z])")
GARBLED = re.compile(r"[#@?&`\"]|!!|\.\.")
NUMBERS_APART = re.compile(r"[0-9.]\s+[0-9.]")
SETS = re.compile(r"\\(?:cup|cap|setminus|mathbb|emptyset|varnothing|begin|infty)(?![A-Za-z])")

DEEPEST = 5
MOST = 12
"""Things without order that are no numbers, which have to be tried against each other."""


def settled(gold: str, answer: str, deep: int = 0) -> Settled:
    r"""Whether two answers are the same, or what has to be asked of a library, all of which has to be so.

    It is symmetric: it says the same of (answer, gold), and asks the same.

    Example:
        >>> [settled(*pair) for pair in (("5", "5.0"), ("3,1,2", "1,2,3"), ("east", "seat"), ("2,1", r"\{1,2\}"), ("5", "5 m"))]
        [True, False, False, True, True]
        >>> settled(r"(1, \sqrt{4})", "(1,2)")
        [('\\sqrt{4}', '2')]
    """
    gold_form = form(gold)
    if gold_form == form(answer):
        return bool(EMPTY.sub("", gold_form))
    one, other = plain(gold), plain(answer)
    if one is not None and other is not None:
        return same(one, other)
    if deep > DEEPEST or not gold or not answer:
        return False
    gold, answer = (bare_words(each) for each in (gold, answer))
    heads = [(text, "") if number is not None else counted(text) for text, number in ((gold, one), (answer, other))]
    if any(noun and plain(head) is not None for head, noun in heads):
        return nouns(heads, deep)
    for number, text in ((one, answer), (other, gold)):
        if number is not None and INDIAN.fullmatch(text):
            return same(number, Number(decimal(text.lstrip("+-")) * (-1 if text[0] == "-" else 1)))
    unequal = [sides(each) for each in (gold, answer)]
    if (len(unequal[0]) > 1) != (len(unequal[1]) > 1) and not any(map(lists, (gold, answer))):
        equation, value = (unequal[0], answer) if len(unequal[0]) > 1 else (unequal[1], gold)
        return unwrapped(equation, value, deep)
    related = [bool(RELATION.search(outside(each))) for each in (gold, answer)]
    shapes = shape(gold), shape(answer)
    if any(related):
        return relations(gold, answer, related, shapes)
    if shapes[0].kind == shapes[1].kind == "one":
        return single(shapes[0].items[0], shapes[1].items[0], deep)
    return together(*shapes, deep)


def in_one_order(ask: Ask) -> list[Term]:
    """A question that is the same whichever of the two was the gold answer."""
    return sorted(ask, key=str)


def bare_words(text: str) -> str:
    r"""What `\text` holds that is all of an answer."""
    found = OPENED.fullmatch(text)
    return found[1].strip() if found is not None else text


def lists(text: str) -> bool:
    """Whether a text is several things or a set, whose signs of equality belong to one of them."""
    return shape(text).kind != "one"


def unwrapped(equation: Sequence[str], value: str, deep: int) -> Settled:
    """An equation beside what is none: a name stands for what it equals, and a calculation for its result."""
    first, last = equation[0], equation[-1]
    if not all(equation) or any(GARBLED.search(each) for each in equation):
        return False
    if NAMED.fullmatch(f"{first}=0"):
        return settled(last, value, deep + 1)
    if LETTERS.search(COMMANDS.sub("", first)) or not first or not first.isascii():
        return False
    return both(settled(first, last, deep + 1), settled(last, value, deep + 1))


def both(*parts: Settled) -> Settled:
    """What has to be so for all to be so."""
    if any(each is False for each in parts):
        return False
    asks = [ask for each in parts if isinstance(each, list) for ask in each]
    return asks or True


def relations(gold: str, answer: str, related: Sequence[bool], shapes: Sequence[Shape]) -> Settled:
    """Inequalities beside inequalities, or beside the interval that they say."""
    terms: list[Term] = []
    for text, is_relation, listed in zip((gold, answer), related, shapes, strict=True):
        if is_relation and listed.kind in ("any", "all") and len(listed.items) > 1 and not listed.brackets:
            if not all(RELATION.search(item) for item in listed.items) or len(listed.items) > MOST:
                return False
            terms.append([listed.kind, *listed.items])
        elif is_relation or listed.brackets or SETS.search(text):
            terms.append(text)
        else:
            return False
    if ORDER.fullmatch(gold) or ORDER.fullmatch(answer) or not all(text.isascii() for text in (gold, answer)):
        return False
    return [(terms[0], terms[1])]


def together(gold: Shape, answer: Shape, deep: int) -> Settled:
    """Several things beside several: in order, or in any order where one of the two has none."""
    if gold.name and answer.name and form(gold.name) != form(answer.name):
        return False
    for one, other in ((gold, answer), (answer, gold)):
        if one.kind == "any" and len(one.items) == 1 and other.kind == "one":
            return settled(one.items[0], other.items[0], deep + 1)
    for one in (gold, answer):
        if one.kind == "one":
            text = one.items[0]
            if not SETS.search(text) or not text.isascii():
                return False
            return ask_both(gold, answer)
    if gold.kind == answer.kind == "row":
        return in_order(gold, answer, deep)
    rows = [each for each in (gold, answer) if each.kind == "row"]
    named = [all(NAMED.fullmatch(item) for item in each.items) for each in (gold, answer)]
    if any(each.brackets not in ("", "()") for each in rows):
        return False
    if rows and any(named):  # x=1, y=2 beside 1, 2
        return in_order(Shape("row", gold.items), Shape("row", answer.items), deep)
    return False if any(each.brackets for each in rows) else unordered(gold.items, answer.items, deep)


def ask_both(gold: Shape, answer: Shape) -> Settled:
    """A set beside what a library may know to be that set."""
    return [(written(gold), written(answer))]


def written(listed: Shape) -> str:
    """A shape as text."""
    if listed.kind == "one":
        return listed.items[0]
    begin, end = {"{}": ("\\{", "\\}"), "": ("\\{", "\\}")}.get(listed.brackets, (listed.brackets[:1], listed.brackets[1:]))
    return begin + ",".join(listed.items) + end


def in_order(gold: Shape, answer: Shape, deep: int) -> Settled:
    """Things in order; brackets count, but for round ones around a pair or square ones around a longer list."""
    if len(gold.items) != len(answer.items):
        return False
    if gold.brackets != answer.brackets:
        brackets = gold.brackets or answer.brackets
        if (gold.brackets and answer.brackets) or (brackets != "()" and (brackets != "[]" or len(gold.items) == 2)):
            return False
    return both(*(settled(one, other, deep + 1) for one, other in zip(gold.items, answer.items, strict=True)))


def unordered(gold: Sequence[str], answer: Sequence[str], deep: int) -> Settled:
    """Things in any order; what is there twice is there."""
    golds, answers = ({form(item): item for item in items} for items in (gold, answer))
    one, other = ([(plain(item), item) for item in items.values()] for items in (golds, answers))
    if all(number is not None for number, _ in (*one, *other)):
        distinct = [{number.value: number for number, _ in reversed(each) if number} for each in (one, other)]
        ordered = [[each[value] for value in sorted(each)] for each in distinct]
        return len(ordered[0]) == len(ordered[1]) and all(map(same, *ordered))
    left = [golds[key] for key in golds if key not in answers]
    right = [answers[key] for key in answers if key not in golds]
    if len(left) != len(right) or len(left) > MOST:
        return False
    unsure: list[str] = []
    for item in left:
        found = [(settled(item, each, deep + 1), each) for each in right]
        equal = next((each for verdict, each in found if verdict is True), None)
        if equal is not None:
            right.remove(equal)
        elif any(isinstance(verdict, list) for verdict, _ in found):
            unsure.append(item)
        else:
            return False
    if len(unsure) == 1 == len(right):
        return settled(unsure[0], right[0], deep + 1)
    return [(["set", *unsure], ["set", *right])] if unsure else True


def nouns(heads: Sequence[tuple[str, str]], deep: int) -> Settled:
    """Numbers with words behind them: the words count where both have one."""
    (one, noun), (other, another) = heads
    return settled(one, other, deep + 1) if not noun or not another or noun == another else False


def single(gold: str, answer: str, deep: int) -> Settled:
    """One thing beside one, by all that a library would overlook."""
    heads = [counted(each) for each in (gold, answer)]
    if any(noun for _, noun in heads):
        return nouns(heads, deep)
    based = [BASED.fullmatch(each) for each in (gold, answer)]
    if any(based) or any(IN_BASE.search(each) for each in (gold, answer)):
        numerals = [each and (each["digits"].lstrip("0").casefold(), BASES.get(each["base"], each["base"])) for each in based]
        return all(numerals) and tuple(map(str, numerals[0] or ())) == tuple(map(str, numerals[1] or ()))
    words = [is_word(each) for each in (gold, answer)]
    if all(words):
        return word_form(gold) == word_form(answer)
    equations = [NAMED.fullmatch(each) for each in (gold, answer)]
    if equations[0] is not None and equations[1] is not None and form(equations[0]["name"]) == form(equations[1]["name"]):
        return settled(sides(gold)[-1], sides(answer)[-1], deep + 1)
    return [(gold, answer)] if may_ask(gold, answer) else False


def is_word(text: str) -> bool:
    """Whether an answer is a letter, a word or a row of letters, and no formula."""
    return WORD.fullmatch(text) is not None


def word_form(text: str) -> str:
    """A word by which words are compared: without case, and single letters without the spaces between them."""
    tokens = re.split(r"[\s.]+", text.strip().rstrip("."))
    return ("" if all(len(token) == 1 for token in tokens) else " ").join(tokens).casefold()


def may_ask(gold: str, answer: str) -> bool:
    """Whether a library reads both as they are meant."""
    for text in (gold, answer):
        if not text.isascii() or NUMBERS_APART.search(text) or ORDER.fullmatch(text):
            return False
    for pattern in (MODULO, CAPITALS):
        if sorted(pattern.findall(gold)) != sorted(pattern.findall(answer)):
            return False
    return within(gold)[1] == within(answer)[1] or not any("," in within(each)[0] for each in (gold, answer))
