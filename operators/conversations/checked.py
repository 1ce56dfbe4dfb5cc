"""What is wrong with the turns of a conversation: roles out of order, results without a call, calls without a result."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from operators.conversations.canonical import SYSTEM, THINKING, Turn, Wrong, canonical_tool, canonical_turn, is_deep, written

ROLES = (*SYSTEM, "user", "assistant", "tool")
SHOWN = 40
"""Characters of a value that a reason quotes."""


def check_turns(messages: Sequence[Any]) -> list[Turn]:
    """The canonical turns of a conversation in OpenAI's form. Raises Wrong, which names the first wrong turn."""
    if not messages:
        raise Wrong("it has no turn")
    turns: list[Turn] = []
    asked: list[tuple[int, str | None, str]] = []
    for number, message in enumerate(messages, 1):
        try:
            turn = check_turn(message)
            check_order(turn, turns, asked)
            asked = take_result(turn, asked) if turn["role"] == "tool" else new_calls(turn, number)
        except Wrong as error:
            raise Wrong(f"turn {number} {error}") from None
        turns.append(turn)
    if not any(turn["role"] == "user" for turn in turns):
        raise Wrong("it has no user turn")
    return turns


def check_turn(message: Any) -> Turn:
    """One turn in its canonical form. Raises Wrong."""
    if not isinstance(message, dict):
        raise Wrong(f"is {kind(message)}, not an object")
    role = message.get("role")
    if role not in ROLES:
        raise Wrong("has no `role`" if role is None else f"has the role {quoted(role)}; roles are {', '.join(ROLES)}")
    if message.get("function_call") is not None:
        raise Wrong("has `function_call`, which is no longer used: say it under `tool_calls`")
    turn = {**message, "content": text_of(message.get("content"), "content")}
    for key in (*THINKING, "name", "tool_call_id"):
        turn[key] = text_of(message.get(key), key)
    calls = message.get("tool_calls")
    if calls:
        if role != "assistant":
            raise Wrong(f"is {role} and calls tools, as an assistant alone does")
        turn["tool_calls"] = [check_call(each) for each in as_list(calls, "tool_calls")]
    else:
        turn["tool_calls"] = None
        if turn["content"] is None and not (role == "assistant" and any(turn[key] is not None for key in THINKING)):
            raise Wrong("says nothing: it has no `content`" + (" and no `tool_calls`" if role == "assistant" else ""))
    return canonical_turn(turn)


def check_order(turn: Turn, before: Sequence[Turn], asked: Sequence[tuple[int, str | None, str]]) -> None:
    """Raises Wrong where a turn may not stand behind those before it."""
    role, last = turn["role"], before[-1]["role"] if before else None
    if role in SYSTEM and last not in (None, *SYSTEM):
        raise Wrong(f"is {role}, and such turns stand before all others")
    if role == "assistant" and last in (None, *SYSTEM):
        raise Wrong("is assistant, and a user speaks first")
    if role == "assistant" and last == "assistant":
        raise Wrong("is assistant, as the turn before it is")
    if role != "tool" and asked:
        number, _, name = asked[0]
        raise Wrong(f"is {role}, and the call of `{name}` in turn {number} has no result")


def new_calls(turn: Turn, number: int) -> list[tuple[int, str | None, str]]:
    """(turn, id, name) of the calls of a turn, which wait for their results. Raises Wrong for an id that stands twice."""
    calls = [(number, each.get("id"), each["function"]["name"]) for each in turn.get("tool_calls", ())]
    named = [each for _, each, _ in calls if each is not None]
    if twice := next((each for each in named if named.count(each) > 1), None):
        raise Wrong(f"has two calls with the id {quoted(twice)}")
    return calls


def take_result(turn: Turn, asked: list[tuple[int, str | None, str]]) -> list[tuple[int, str | None, str]]:
    """The calls that still wait behind a result: by its id where both have one, by its name, else in their order."""
    id_, name = turn.get("tool_call_id"), turn.get("name")
    for place, (_, known, called) in enumerate(asked):
        if id_ == known if id_ is not None and known is not None else name is None or name == called:
            return asked[:place] + asked[place + 1 :]
    what = f"of the call {quoted(id_)}" if id_ is not None else f"of `{name}`" if name is not None else "of a tool"
    raise Wrong(f"is the result {what}, and no such call waits for one")


def check_call(call: Any) -> dict[str, Any]:
    """A call with its arguments as an object, also where a file has name and arguments alone. Raises Wrong."""
    if not isinstance(call, dict):
        raise Wrong(f"has a call that is {kind(call)}, not an object")
    if "function" not in call:
        call = {"function": {key: call[key] for key in ("name", "arguments") if key in call}} | {
            key: each for key, each in call.items() if key not in ("name", "arguments")
        }
    function = call["function"]
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(name, str) or not name:
        raise Wrong("has a call without the name of a function")
    if call.get("id") is not None and not isinstance(call["id"], str):
        raise Wrong(f"has a call whose id is {kind(call['id'])}, not text")
    return {**call, "function": {**function, "arguments": arguments_of(function.get("arguments"), name)}}


def arguments_of(value: Any, name: str) -> dict[str, Any]:
    """What a call is called with, also as JSON text. Raises Wrong."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return {}
    found = parsed(value, f"calls `{name}` with arguments that are") if isinstance(value, str) else value
    if not isinstance(found, dict):
        raise Wrong(f"calls `{name}` with {kind(found)}, not an object of arguments")
    return found


def check_tools(value: Any) -> list[dict[str, Any]] | None:
    """The tools of a conversation in their canonical form; None where there are none. Raises Wrong."""
    if isinstance(value, str) and value.strip():
        value = parsed(value, "they are")
    if value is None or value == [] or isinstance(value, str):
        return None
    tools = []
    for number, tool in enumerate(as_list(value, "it"), 1):
        tool = parsed(tool, f"tool {number} is") if isinstance(tool, str) else tool
        made = canonical_tool(tool) if isinstance(tool, dict) else {}
        function = made.get("function")
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise Wrong(f"tool {number} is {kind(tool) if not isinstance(tool, dict) else 'without the name of a function'}")
        tools.append(made)
    names = [each["function"]["name"] for each in tools]
    if twice := next((each for each in names if names.count(each) > 1), None):
        raise Wrong(f"two tools are called {quoted(twice)}")
    return tools


def parsed(text: str, what: str) -> Any:
    """The value of JSON text, in which no object has a key twice, no number is NaN and nothing is too deep. Raises Wrong."""

    def refuse(word: str) -> None:
        raise Wrong(f"{what} no JSON: {word}")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            raise Wrong(f"{what} JSON with a key twice: {quoted(text)}")
        return made

    try:
        value = json.loads(text, parse_constant=refuse, object_pairs_hook=once)
    except Wrong:
        raise
    except RecursionError:
        raise Wrong(f"{what} nested too deeply") from None
    except ValueError:
        raise Wrong(f"{what} no JSON: {quoted(text)}") from None
    if is_deep(text, value):
        raise Wrong(f"{what} nested too deeply")
    return value


def text_of(value: Any, key: str) -> str | None:
    """What a key says; the parts of a content that comes in parts, one after another. Raises Wrong."""
    if value is None or isinstance(value, str):
        return value
    if key != "content" or not isinstance(value, list):
        raise Wrong(f"has a `{key}` that is {kind(value)}, not text")
    parts = []
    for part in value:
        text = part.get("text") if isinstance(part, Mapping) and part.get("type", "text") == "text" else None
        if not isinstance(text, str):
            what = part.get("type") if isinstance(part, Mapping) else None
            raise Wrong(f"has a content with a part that is no text, but {quoted(what) if what else kind(part)}")
        parts.append(text)
    return "".join(parts)


def as_list(value: Any, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise Wrong(f"has `{key}` that are {kind(value)}, not a list" if key != "it" else f"it is {kind(value)}, not a list")
    return value


def quoted(value: Any) -> str:
    """A value as a reason shows it, cut short."""
    text = value if isinstance(value, str) else written(value)
    text = text.encode("utf-8", "replace").decode()
    return f"`{text if len(text) <= SHOWN else text[: SHOWN - 1] + '…'}`"


def kind(value: Any) -> str:
    """What a value is, in plain words."""
    match value:
        case None:
            return "null"
        case str():
            return "text"
        case bool():
            return "true or false"
        case dict():
            return "an object"
        case list():
            return "a list"
    return "a number" if isinstance(value, int | float) else f"a {type(value).__name__}"
