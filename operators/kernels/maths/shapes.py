"""The shape of an answer: one thing, a row in order, things in any order, a pair or interval in its brackets."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from operators.kernels.maths.nouns import counted
from operators.kernels.maths.numbers import plain

OPEN, CLOSE = "([{", ")]}"
JOINED = re.compile(
    r"\s*(?:\\text\s*\{\s*)?(?<![A-Za-z])(?P<word>or|and|또는|혹은|그리고|или|и|або|та|หรือ|และ|hoặc|và|veya|ve|یا|या|或|和)(?![A-Za-z가-힣])\s*\}?\s*"
)
OR = frozenset(["or", "또는", "혹은", "или", "або", "หรือ", "hoặc", "veya", "یا", "या", "或"])
#: A name on the left of an equation, or what stands for one.
NAME = (
    r"(?:\\(?:angle|triangle|overline|vec|hat|bar|m|mathbf|operatorname)\s*)*(?:\\text\s*\{[^{}]*\}|[A-Za-z]{1,3}'?|\\[A-Za-z]+|[^\W\d_\x00-\x7f]+)"
    r"(?:_(?:\{[^{}]*\}|[A-Za-z0-9]))?'*(?:\s*\((?:[A-Za-z0-9,\s-]|\\[a-z]+)*\))?"
)
NAMED = re.compile(rf"\s*(?P<name>{NAME})\s*=\s*(?P<value>[^=].*)", re.DOTALL)
INSIDE = re.compile(r"\s*(?P<name>[A-Za-z]|\\[a-z]+)\s*\\in(?![A-Za-z])\s*(?P<value>.+)", re.DOTALL)
EQUALS = re.compile(r"(?<![<>!:=\\])=(?!=)")
RELATION = re.compile(r"<|>|\\(?:le|ge|leq|geq|lt|gt|leqslant|geqslant|ne|neq)(?![A-Za-z])")
EITHER_SIGN = re.compile(r"\\pm(?![A-Za-z])|\\mp(?![A-Za-z])")
LETTER_ROW = re.compile(r"[A-Za-z]|\\text\{[^{}]*\}")

Kind = Literal["one", "row", "any", "all"]


@dataclass(frozen=True, slots=True)
class Shape:
    """What an answer consists of: one item, a `row` in order, `any` of them in any order (`all` where they hold together)."""

    kind: Kind
    items: tuple[str, ...]
    brackets: str = ""
    name: str = ""
    """What the items are values of, where one name is told: `x=1,2`."""


def shape(text: str) -> Shape:
    r"""How an answer is put together.

    Example:
        >>> [shape(text).kind for text in ("3,1,2", r"\{1,2\}", "x=1,2", "1 or 2", "7 3 9", "(1,2)", r"\pm 2", "5")]
        ['row', 'any', 'any', 'any', 'row', 'row', 'any', 'one']
        >>> shape("[0,1)").brackets, shape("x=1,2").items
        ('[)', ('1', '2'))
    """
    if plain(text) is not None:
        return Shape("one", (text,))
    inner, brackets = within(text)
    if brackets == "{}":
        return Shape("any", tuple(parts(inner)), brackets)
    if brackets:
        items = parts(inner)
        if len(items) > 1:
            return Shape("row", tuple(items), brackets)
        if brackets == "()" and items:
            return shape(items[0])
        return Shape("one", (text,))
    inside = INSIDE.fullmatch(text)
    if inside is not None:
        return replace(shape(inside["value"]), name=inside["name"])
    split = split_words(text)
    if split is not None:
        return split
    items = parts(text)
    if len(items) > 1:
        return listed(items)
    signs = EITHER_SIGN.findall(text)
    if signs and not RELATION.search(text):
        upper = EITHER_SIGN.sub(lambda found: "+-"[found[0] == "\\mp"], text)
        lower = EITHER_SIGN.sub(lambda found: "+-"[found[0] == "\\pm"], text)
        return listed([upper, lower], kind="any")
    tokens = text.split()
    numbers = [plain(token) for token in tokens]
    if (
        len(tokens) > 1
        and any(numbers)
        and all(number or LETTER_ROW.fullmatch(token) for number, token in zip(numbers, tokens, strict=True))
    ):
        return Shape("row", tuple(tokens))
    return Shape("one", (text,))


def split_words(text: str) -> Shape | None:
    """What words such as `or` join."""
    words = [found["word"] for found in JOINED.finditer(text)]
    if not words:
        return None
    items = [item for part in JOINED.split(text)[::2] for item in parts(part.strip().rstrip(","))]
    if len(items) < 2 or not all(items) or any(item.count("{") != item.count("}") for item in items):
        return None
    either = any(word in OR for word in words)
    if any(RELATION.search(item) for item in items):
        return Shape("any" if either else "all", tuple(items))
    return listed(items, kind="any" if either else "row")


def listed(items: list[str], kind: Kind = "row") -> Shape:
    """A list: in order, unless a name says what its items are."""
    equations = [NAMED.fullmatch(item) for item in items]
    names = {found["name"].strip() for found in equations if found is not None}
    if equations[0] is not None and len(names) == 1:
        values = (item if found is None else found["value"].strip() for item, found in zip(items, equations, strict=True))
        return Shape("any", tuple(values), name=names.pop())
    if names and all(equations):
        return Shape("any", tuple(items))
    if all(RELATION.search(item) for item in items):
        return Shape("any", tuple(items))
    return Shape(kind, tuple(items))


def within(text: str) -> tuple[str, str]:
    r"""What one pair of brackets holds that is all of the text, and the brackets; `{}` for those of a set.

    Example:
        >>> within("(1,2)"), within(r"\{1\}"), within("(1)(2)"), within("[0,1)")
        (('1,2', '()'), ('1', '{}'), ('(1)(2)', ''), ('0,1', '[)'))
    """
    if text.startswith("\\{") and text.endswith("\\}"):
        begin, end, brackets = 2, len(text) - 2, "{}"
    elif text[:1] in ("(", "[") and text[-1:] in (")", "]") and len(text) > 2:
        begin, end, brackets = 1, len(text) - 1, text[0] + text[-1]
    elif text.startswith("\\langle") and text.endswith("\\rangle"):
        begin, end, brackets = 7, len(text) - 7, "()"
    else:
        return text, ""
    depth = 0
    for char in text[begin:end]:
        depth += (char in OPEN) - (char in CLOSE)
        if depth < 0:
            return text, ""
    return (text[begin:end].strip(), brackets) if depth == 0 else (text, "")


def parts(text: str, marks: str = ",;") -> list[str]:
    """What commas or semicolons part outside all brackets; a thousands separator parts nothing."""
    if plain(text) is not None:
        return [text]
    grouped = re.split(r",\s+|;", text)
    if (
        len(grouped) > 1
        and "," in "".join(grouped)
        and all("," not in each or plain(counted(each)[0]) is not None for each in grouped)
    ):
        return [each.strip() for each in grouped]
    found, depth, begin = [], 0, 0
    semicolons = marks if ";" not in outside(text) else ";"
    for at, char in enumerate(text):
        depth += (char in OPEN) - (char in CLOSE)
        if char in semicolons and depth == 0 and text[at - 1 : at] != "\\":
            found.append(text[begin:at].strip())
            begin = at + 1
    return [*found, text[begin:].strip()]


def outside(text: str) -> str:
    """The characters outside all brackets."""
    depth, kept = 0, []
    for char in text:
        depth += (char in OPEN) - (char in CLOSE)
        if depth == 0:
            kept.append(char)
    return "".join(kept)


def sides(text: str) -> list[str]:
    """What signs of equality part outside all brackets."""
    if "=" not in text:
        return [text]
    found, depth, begin = [], 0, 0
    for at, char in enumerate(text):
        depth += (char in OPEN) - (char in CLOSE)
        if char == "=" and depth == 0 and EQUALS.match(text, at) and EQUALS.search(text, max(at - 1, 0), at + 2):
            found.append(text[begin:at].strip())
            begin = at + 1
    return [*found, text[begin:].strip()]
