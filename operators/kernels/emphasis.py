"""Which marks of emphasis around an answer, or opened before it on its line, are not part of it."""

from __future__ import annotations

import re
import unicodedata

#: What is read at once: an escaped character, a formula between dollar signs, a name of Python's own, a run of one mark.
READ = re.compile(r"\\.|\$[^\s$](?:[^$\n]*[^\s$])?\$(?![0-9])|__[a-z]+(?:_[a-z]+)*__|\*+|_+|`+", re.DOTALL)
MARKS = frozenset(mark * times for mark in "*_`" for times in (1, 2, 3))
#: What a formula goes on with after `*` besides letters and digits, and what it may end with before one.
AFTER, BEFORE = frozenset("([{\\+-√"), frozenset(")]}!'")
#: Letters from here on are those of no formula: in `**정답: 5**입니다` the emphasis ends.
NO_FORMULA = "\u0400"


def unemphasised(before: str, answer: str) -> str:
    r"""The answer without the marks that end what was emphasised before it, and without those around all of it.

    `before` is what stands on the line before the answer. Marks are paired as Markdown pairs them. Those inside a
    formula or a word, such as in `2**3` and `x_1`, are no emphasis, nor are those of a name such as `__init__`.

    Example:
        >>> [unemphasised("**Answer:", answer) for answer in (" 5**", "** 5", " 2**3**", " 2**3", " _x_1_**")]
        ['5', '5', '2**3', '2**3', 'x_1']
        >>> [unemphasised("Answer:", answer) for answer in (" **5**.", " 5**", " **5** and **6**", " `__init__`")]
        ['5.', '5**', '**5** and **6**', '__init__']
    """
    line, first = before + answer, len(before)
    left, opened = list(answer), dict[str, int]()
    pairs: list[tuple[int, int, str]] = []
    for found in READ.finditer(line):
        mark, at = found[0], found.start()
        sides = line[max(at - 1, 0) : at], line[found.end() : found.end() + 1]
        if mark not in MARKS or within(*sides, mark):
            continue
        opening = opened.pop(mark, None) if sides[0].strip() else None
        if opening is None:
            if sides[1].strip():
                opened[mark] = at
        elif opening >= first:
            pairs.append((opening - first, at - first, mark))
        elif at >= first:
            left[at - first : found.end() - first] = [""] * len(mark)
    begin, end = 0, len(answer)
    for opens, closes, mark in sorted(pairs):
        size = len(mark)
        if "".join(left[begin:opens]).strip() or "".join(left[closes + size : end]).strip().strip(".。"):
            break
        left[opens : opens + size] = left[closes : closes + size] = [""] * size
        if mark[0] == "`":
            break
        begin, end = opens + size, closes
    return "".join(left).strip()


def within(before: str, after: str, mark: str) -> bool:
    """Whether a mark between these characters, if there are any, is one of a formula or a word."""
    if before == "^":
        return True
    if not before or not after or not (is_word(before) or before in BEFORE):
        return False
    return after in AFTER or (is_word(after) and (mark[0] == "_" or after < NO_FORMULA))


def is_word(char: str) -> bool:
    """Whether a character is a letter, a digit or a mark that belongs to one, in any script."""
    return unicodedata.category(char)[0] in "LNM"
