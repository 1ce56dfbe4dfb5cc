"""The texts of a conversation one by one: what is said, thought, called with and given back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from operators.conversations.canonical import written

#: Keys whose values say what is what, or which belongs to which.
NAMES = frozenset({"role", "type", "id", "name", "tool_call_id"})
CALLED = "arguments"
"""What a tool is called with: keys there are the tool's own."""


def strings_of(cell: str) -> list[str]:
    """The texts of a cell of canonical JSON, in their order.

    Example:
        >>> strings_of('[{"role":"user","content":"call 010"},{"role":"tool","tool_call_id":"a","content":"done"}]')
        ['call 010', 'done']
    """
    found = list[str]()

    def take(text: str) -> str:
        found.append(text)
        return text

    changed(json.loads(cell), take)
    return found


def with_strings(cell: str, texts: Sequence[str]) -> str:
    """The cell with other texts in the place of its own, in their order."""
    left: Iterator[str] = iter(texts)
    return written(changed(json.loads(cell), lambda text: next(left)))


def changed(value: Any, change: Callable[[str], str], free: bool = False) -> Any:
    """The same value with each text changed; `free` where no key has a meaning of ours."""
    match value:
        case str():
            return change(value)
        case list():
            return [changed(each, change, free) for each in value]
        case dict():
            return {
                key: each if key in NAMES and not free else changed(each, change, free or key == CALLED)
                for key, each in value.items()
            }
    return value
