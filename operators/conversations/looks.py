"""The turns that a step looks at: their names, and the text of them in one conversation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Literal, get_args

from operators.conversations.canonical import SYSTEM, THINKING, Turn, written

Look = Literal[
    "messages",
    "system",
    "user",
    "user.first",
    "user.last",
    "assistant",
    "assistant.first",
    "assistant.last",
    "think",
    "think.first",
    "think.last",
    "call",
    "call.first",
    "call.last",
    "tool",
    "tool.first",
    "tool.last",
]
WHOLE = "messages"
"""All that was said, thought and called."""
LOOKS: tuple[str, ...] = tuple(each for each in get_args(Look) if each != WHOLE)
"""What a step may say in the place of a column: all turns of a kind, the first or the last."""
BETWEEN = "\n\n"

#: Thinking in tags at the head of what an assistant says.
TAGGED = re.compile(r"\s*<think>(?P<think>.*?)</think>\s*", re.DOTALL)


def look_at(cell: str | None, look: str) -> str | None:
    """The text of the turns of a look; None where the conversation has none.

    Example:
        >>> cell = '[{"role":"user","content":"2+2?"},{"role":"assistant","content":"<think>two</think>4"}]'
        >>> [look_at(cell, look) for look in ("user", "think", "assistant.last", "tool")]
        ['2+2?', 'two', '4', None]
    """
    if cell is None:
        return None
    found = said(json.loads(cell), look)
    return BETWEEN.join(found) if found else None


def said(turns: Sequence[Turn], look: str) -> Sequence[str]:
    """The texts of the turns of a look, in their order."""
    wanted, _, one = look.partition(".")
    found = [text for turn in turns for kind, text in parts_of(turn) if wanted in (kind, WHOLE)]
    return found[:1] if one == "first" else found[-1:] if one == "last" else found


def parts_of(turn: Turn) -> Iterator[tuple[str, str]]:
    """(kind, text) of what one turn says, in the order in which it was said."""
    role, content = turn["role"], turn.get("content")
    if role != "assistant":
        yield "system" if role in SYSTEM else role, content or ""
        return
    for key in THINKING:
        if key in turn:
            yield "think", turn[key]
    tagged = None if content is None else TAGGED.match(content)
    if tagged is not None and content is not None:
        yield "think", tagged["think"].strip()
        content = content[tagged.end() :]
    if content is not None and (content or tagged is None):
        yield "assistant", content
    for call in turn.get("tool_calls", ()):
        yield "call", f"{call['function']['name']} {written(call['function']['arguments'])}"
