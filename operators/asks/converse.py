"""Answers of a teacher in conversations: each a row of its own, with the conversation as far as the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from operators.asks.asks import Asks, Messages, Refused, Reply
from operators.base.declare import field
from operators.base.scope import Columns, Complaint, Scope
from operators.conversations.canonical import THINKING, canonical_turn, written


class Converse(Asks):
    """Ask a model for the last answer of each conversation; each answer becomes a row, with the turns before it.

    What is asked are all turns up to the last that is not an assistant's, without the thinking in them; an answer that stands
    behind them is not shown, and the new one takes its place. With `openings` before it every answer of a conversation is asked
    for, each from the turns as they are. `tools` are handed to the model; a reply that calls one goes into the ledger.

    Example:
        with: {model: teacher, max_tokens: 8}
        in:   [{messages: '[{"role":"user","content":"2+2?"}]'}]
        out:  [{messages: '[{"role":"user","content":"2+2?"},{"role":"assistant","content":"4"}]', finish_reason: stop}]
    """

    name: ClassVar[str] = "converse"
    born: ClassVar[bool] = True
    told: ClassVar[tuple[str, ...]] = ()

    of: str = field("column", "messages")
    """The column with conversations, which has the answers then."""
    tools: str = field("column", "tools")
    """The column with the tools of conversations, which the model is handed where there is one."""
    samples_: int = Field(1, alias="samples", ge=1, le=64)
    """Answers for each row."""
    salt: str = ""
    """Another text here gives the rows other ids, for tables of two teachers that are to be combined."""

    @property
    def samples(self) -> int:
        return self.samples_

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        yield from scope.complain_column(self.of, ("of",), "messages")
        if "tools" in self.model_fields_set:
            yield from scope.complain_column(self.tools, ("tools",), "tools")
        for name in (name for name in self.made() if name in scope.columns and name != self.of):
            yield Complaint((), f"it makes a column `{name}`, and there is one", "leave it out before with `select`")

    def reads(self, columns: Columns) -> tuple[str, ...]:
        return (self.of, self.tools) if columns.get(self.tools) == "tools" else (self.of,)

    def made(self) -> Columns:
        return {self.of: "messages", "finish_reason": "label", "prompt_tokens": "integer", "completion_tokens": "integer"}

    def asked(self, cell: str) -> list[dict[str, Any]]:
        """The turns that are answered."""
        turns: list[dict[str, Any]] = json.loads(cell)
        while turns and turns[-1]["role"] == "assistant":
            turns.pop()
        return turns

    def messages(self, row: Mapping[str, Any], entries: Mapping[str, Any]) -> Messages | None:
        if row[self.of] is None:
            return None
        tools = row.get(self.tools)
        return (*([("tools", tools)] if tools else []), *map(sent, self.asked(row[self.of])))

    def cells(self, reply: Reply, row: Mapping[str, Any], entries: Mapping[str, Any], sample: int) -> Sequence[Any]:
        if reply.finish_reason == "tool_calls":
            raise Refused("it calls a tool")
        if not reply.text:
            raise Refused("empty")
        said = canonical_turn({"role": "assistant", "content": reply.text, "reasoning_content": reply.reasoning})
        cell = written([*self.asked(row[self.of]), said])
        return cell, reply.finish_reason, reply.prompt_tokens, reply.completion_tokens


def sent(turn: Mapping[str, Any]) -> tuple[str, ...]:
    """A turn as it is sent: role and content, and the JSON text of what it has besides."""
    rest = {key: each for key, each in turn.items() if key not in ("role", "content", *THINKING)}
    plain = (turn["role"], turn.get("content", ""))
    return (*plain, written(rest)) if rest else plain
