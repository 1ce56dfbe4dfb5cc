"""Lists of texts and numbers as Python prints them, read without running anything."""

from __future__ import annotations

import ast
import re

#: A text in quotes, or a number.
ITEM = re.compile(
    r"""u?'(?:[^'\\\n]|\\.)*'|u?"(?:[^"\\\n]|\\.)*"|[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})|None""", re.DOTALL
)
COMMA = re.compile(r"\s*,\s*")


def python_list(text: str) -> list[str | int | float | None] | None:
    r"""The items of a list or a tuple; None where the text is none of texts and numbers.

    Example:
        >>> python_list("['a', \"it's\", 3, 'b\\\\n']"), python_list("['a' 'b']"), python_list("('B',)"), python_list("[f()]")
        (['a', "it's", 3, 'b\\n'], None, ['B'], None)
    """
    text = text.strip()
    if (text[:1], text[-1:]) not in (("[", "]"), ("(", ")")) or len(text) < 2:
        return None
    inner, place = text[1:-1].strip(), 0
    items: list[str | int | float | None] = []
    while place < len(inner):
        found = ITEM.match(inner, place)
        if found is None:
            return None
        try:
            items.append(ast.literal_eval(found[0].lstrip("+")))  # one literal of text or a short number
        except (ValueError, SyntaxError):
            return None
        comma = COMMA.match(inner, found.end())
        if comma is None:
            return items if found.end() == len(inner) else None
        place = comma.end()
    return items
