"""The text of some turns of a conversation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

from operators.base.declare import LABELS, RESERVED, Map, field
from operators.base.scope import Complaint, Scope
from operators.base.values import Column
from operators.conversations.looks import Look


class Turns(Map):
    """Take the text of some turns of a conversation into a column of its own; null where the conversation has none.

    Wherever a step names a column it may name turns too, without this one: `length: {in: user.last}`.

    Example:
        with: {take: assistant.last, as: answer}
        in:   [{messages: '[{"role":"user","content":"2+2?"},{"role":"assistant","content":"4"}]'}]
        out:  [{answer: "4"}]
    """

    name: ClassVar[str] = "turns"

    of: str = field("column", "messages")
    """The column with conversations."""
    take: Look
    """`system`, `user`, `assistant` (without its thinking), `think`, `call` or `tool`: all those turns, one after another; with
    `.first` or `.last` one of them. `messages` is all that was said."""
    as_: str = Field(alias="as", min_length=1)
    """The name of the column that is made."""

    def makes(self) -> tuple[str, ...]:
        return (self.as_,)

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from scope.complain_column(self.of, ("of",), "messages")
        if self.as_ in scope.columns:
            yield Complaint(("as",), f"it makes a column `{self.as_}`, and there is one", "choose another name")
        if self.as_ in (*RESERVED, *LABELS) or "." in self.as_:
            why = "is a column of the project's own" if "." not in self.as_ else "has a dot, which no column's name has"
            yield Complaint(("as",), f"`{self.as_}` {why}", "choose another name")

    def change(self, column: Column, entries: Mapping[str, Any]) -> list[Column]:
        import pyarrow as pa

        from operators.conversations.looks import look_at

        return [pa.array([look_at(cell, self.take) for cell in column.to_pylist()], pa.large_string())]
