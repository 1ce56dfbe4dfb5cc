"""The forms that conversations are written in: OpenAI's, ShareGPT's, and harmony's channels, as text or as messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Literal

from operators.conversations.canonical import Turn, Wrong, written
from operators.conversations.checked import check_turns, kind, parsed, quoted

Form = Literal["openai", "sharegpt", "harmony"]

SHAREGPT = {
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(("gpt", "assistant", "chatgpt", "bing", "bard", "model"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("observation", "tool", "function", "function_response", "tool_response"), "tool"),
    **dict.fromkeys(("function_call", "tool_call"), "call"),
}
"""What `from` says in the files of many people -> role; `call` is a part of an assistant's turn."""

#: A message of harmony's text: its header, then what is said. Nothing is tried twice.
MESSAGE = re.compile(
    r"<\|start\|>(?P<header>[^<]*+(?:<\|(?:channel|constrain)\|>[^<]*+)*+)<\|message\|>"
    r"(?P<text>(?:[^<]++|<(?!\|(?:end|return|call|start)\|>))*+)(?P<end><\|(?:end|return|call)\|>)?"
)
BETWEEN = "\n\n"
"""What stands between two analyses of one turn."""
TOOL = "functions."
"""What the names of functions begin with in harmony, where they are whom a message is to."""


def read_conversation(value: Any, form: Form, system: Any = None) -> str:
    """The canonical cell of a conversation; `system` is what the file has apart. Raises Wrong."""
    turns = FORMS[form](value)
    if system is not None and not isinstance(system, str):
        raise Wrong(f"its system turn is {kind(system)}, not text")
    if system:
        turns = [{"role": "system", "content": system}, *turns]
    return written(check_turns(turns))


def from_openai(value: Any) -> list[Any]:
    """The messages of a list, also where it is JSON text."""
    return listed(parsed(value, "it is") if isinstance(value, str) else value)


def from_sharegpt(value: Any) -> list[Any]:
    """ShareGPT's turns; a call that stands behind an assistant's text is a call of that turn."""
    turns: list[Any] = []
    for number, each in enumerate(from_openai(value), 1):
        try:
            turn = sharegpt_turn(each)
        except Wrong as error:
            raise Wrong(f"turn {number} {error}") from None
        joins = "tool_calls" in turn and turns and turns[-1]["role"] == "assistant" and "tool_calls" not in turns[-1]
        if joins:
            turns[-1] |= {"tool_calls": turn["tool_calls"]}
        else:
            turns.append(turn)
    return turns


def sharegpt_turn(each: Any) -> Turn:
    """One turn of ShareGPT. Raises Wrong."""
    if not isinstance(each, dict):
        raise Wrong(f"is {kind(each)}, not an object")
    who, said = each.get("from"), each.get("value")
    role = SHAREGPT.get(who) if isinstance(who, str) else None
    if role is None:
        raise Wrong("has no `from`" if who is None else f"is from {quoted(who)}; known are {', '.join(SHAREGPT)}")
    rest = {key: value for key, value in each.items() if key not in ("from", "value")}
    if role != "call":
        return {"role": role, "content": said, **rest}
    calls = parsed(said, "calls with what is") if isinstance(said, str) else said
    return {"role": "assistant", "tool_calls": calls if isinstance(calls, list) else [calls], **rest}


def from_harmony(value: Any) -> list[Any]:
    """Harmony's messages as turns: what one assistant says until somebody else speaks is one turn, calls at its end."""
    turns: list[Turn] = []
    for message in harmony_text(value) if isinstance(value, str) and "<|start|>" in value else from_openai(value):
        if not isinstance(message, dict) or message.get("role") != "assistant":
            turns.append(spoken(message) if isinstance(message, dict) else message)
            continue
        channel, to, said = message.get("channel"), message.get("recipient"), message.get("content")
        part: Turn = {"content": said}
        if isinstance(to, str) and to.startswith(TOOL):
            part = {"tool_calls": [{"function": {"name": to.removeprefix(TOOL), "arguments": said}}]}
        elif channel == "analysis":
            part = {"thinking": said}
        rest = {key: each for key, each in message.items() if key not in ("channel", "recipient", "content", "content_type")}
        last = turns[-1] if turns and isinstance(turns[-1], dict) and turns[-1].get("role") == "assistant" else None
        if last is not None and "thinking" in part and "thinking" in last and isinstance(said, str) and "content" not in last:
            last["thinking"] += BETWEEN + said
        elif (
            last is not None and not (set(part) - {"tool_calls"} & {*last}) and ("tool_calls" not in last or "tool_calls" in part)
        ):
            calls = [*last.get("tool_calls", ()), *part.get("tool_calls", ())]
            last |= rest | part | ({"tool_calls": calls} if calls else {})
        else:
            turns.append({**rest, **part})
    return turns


def spoken(message: Turn) -> Turn:
    """A message that is not an assistant's, without the channel that a tool answers in; a tool is called by its own name."""
    name = message.get("name")
    bare = {key: each for key, each in message.items() if key not in ("channel", "recipient", "content_type")}
    return bare | ({"name": name.removeprefix(TOOL)} if isinstance(name, str) else {})


def harmony_text(text: str) -> Iterator[Turn]:
    """The messages of harmony's text. Raises Wrong where something stands between them."""
    place = 0
    for number, found in enumerate(MESSAGE.finditer(text), 1):
        if text[place : found.start()].strip():
            raise Wrong(f"turn {number} follows text that is in no message: {quoted(text[place : found.start()])}")
        place = found.end()
        yield harmony_turn(found["header"], found["text"])
    if text[place:].strip():
        raise Wrong(f"it ends with text that is in no message: {quoted(text[place:])}")


def harmony_turn(header: str, said: str) -> Turn:
    """A message by its header: who speaks, to whom, in which channel."""
    before, _, behind = header.partition("<|channel|>")
    words = [*before.split(), *behind.split("<|constrain|>")[0].split()[1:]]
    channel = behind.split()[0].split("<")[0] if behind.strip() else None
    to = next((word.removeprefix("to=") for word in words if word.startswith("to=")), None)
    who = words[0] if words else ""
    if who.startswith(TOOL):
        return {"role": "tool", "name": who.removeprefix(TOOL), "content": said}
    turn: Turn = {"role": who, "content": said}
    return turn | {
        key: each for key, each in (("channel", channel), ("recipient", to)) if each is not None and who == "assistant"
    }


def listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Wrong(f"it is {kind(value)}, not a list of turns")
    return value


FORMS: dict[str, Callable[[Any], list[Any]]] = {"openai": from_openai, "sharegpt": from_sharegpt, "harmony": from_harmony}
