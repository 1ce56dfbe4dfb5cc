"""The canonical form of conversations and tools: one text for what is the same, strings to the letter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Turn = dict[str, Any]
"""One message: `role`, and what was said, called or given back."""

SYSTEM = ("system", "developer")
THINKING = ("reasoning_content", "reasoning", "thinking")
"""The keys that chat templates know thinking by."""
TURN_KEYS = ("role", "name", "content", *THINKING, "tool_calls", "tool_call_id")
CALL_KEYS = ("id", "type", "function")
CALLED_KEYS = ("name", "arguments")
TOOL_KEYS = ("type", "function")


DEEPEST = 400
"""Objects and lists within one another: the same on every machine, and fewer than Python's own recursion takes."""


class Wrong(ValueError):
    """What is wrong with a conversation; the message names the turn, counted from 1."""


def written(value: Any) -> str:
    """Plain data as JSON: keys as they stand, no space, nothing escaped that need not be. Raises Wrong."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except TypeError:
        raise Wrong("it holds a value that JSON cannot hold") from None
    except ValueError:
        raise Wrong("it holds a number that is not finite, or too large") from None
    except RecursionError:
        raise Wrong("it is nested too deeply") from None


def is_deep(text: str, value: Any) -> bool:
    """Whether the value of JSON text is nested more deeply than any data is."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def ordered(value: Mapping[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
    """Known keys in their order, then the others in that of the file; what is null is absent."""
    first = {key: value[key] for key in known if value.get(key) is not None}
    return first | {key: each for key, each in value.items() if key not in first and each is not None}


def canonical_turn(turn: Mapping[str, Any]) -> Turn:
    """A turn with its keys, and those of its calls, in their order."""
    made = ordered(turn, TURN_KEYS)
    if "tool_calls" in made:
        made["tool_calls"] = [canonical_call(each) for each in made["tool_calls"]]
    return made


def canonical_call(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call with its keys in their order; what it is called with is left as it stands."""
    return ordered(
        {**call, "type": call.get("type") or "function", "function": ordered(call["function"], CALLED_KEYS)}, CALL_KEYS
    )


def canonical_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A tool as `{type, function}`, also where a file has the function alone; its schema keeps its own order."""
    if "function" not in tool:
        tool = {"type": "function", "function": {key: each for key, each in tool.items() if key != "type"}}
    return ordered({**tool, "type": tool.get("type") or "function"}, TOOL_KEYS)


def without_padding(value: Any) -> Any:
    """Nested data without the keys whose value is null, which a Parquet struct has for every key that another row has."""
    match value:
        case dict():
            return {key: without_padding(each) for key, each in value.items() if each is not None}
        case list():
            return [without_padding(each) for each in value]
    return value


def opening_of(cell: str | None) -> str | None:
    """The canonical text of the turns before the first assistant turn, of which an item's id is made.

    Example:
        >>> opening_of('[{"role":"user","content":"2+2?"},{"role":"assistant","content":"4"}]')
        '[{"role":"user","content":"2+2?"}]'
    """
    if cell is None:
        return None
    turns = json.loads(cell)
    first = next((place for place, turn in enumerate(turns) if turn["role"] == "assistant"), len(turns))
    return written(turns[:first])
