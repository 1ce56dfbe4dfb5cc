"""Lists and dictionaries as Python prints them, turned into JSON token by token: nothing is run."""

from __future__ import annotations

import ast
import json
import re

#: A text in quotes, a number, a word, or a mark; between them white space.
TOKEN = re.compile(
    r"""\s*(?:(?P<text>u?'(?:[^'\\\n]|\\.)*'|u?"(?:[^"\\\n]|\\.)*")"""
    r"""|(?P<plain>-?[0-9]{1,18}(?:\.[0-9]{1,18})?(?![0-9.])|None\b|True\b|False\b)|(?P<mark>[\[\](){},:]))\s*""",
    re.DOTALL,
)
WORDS = {"None": "null", "True": "true", "False": "false"}
MARKS = {"(": "[", ")": "]"}


def json_of(text: str) -> str | None:
    r"""A Python literal as JSON; None where it is more than lists, dictionaries, texts and numbers.

    Example:
        >>> json_of("['a', \"it's\", 3]"), json_of("('B',)"), json_of("{'x': [None]}"), json_of("[f()]")
        ('["a","it\'s",3]', '["B"]', '{"x":[null]}', None)
    """
    parts: list[str] = []
    place = 0
    while place < len(text):
        found = TOKEN.match(text, place)
        if found is None:
            return None
        place = found.end()
        if found["text"] is not None:
            try:
                parts.append(json.dumps(ast.literal_eval(found["text"])))  # one literal of text
            except (ValueError, SyntaxError):
                return None
        elif found["plain"] is not None:
            parts.append(WORDS.get(found["plain"], found["plain"]))
        else:
            mark = MARKS.get(found["mark"], found["mark"])
            if mark in "]}" and parts and parts[-1] == ",":
                parts.pop()
            parts.append(mark)
    return "".join(parts)
