"""How a source's files write conversations and the tools that they could call."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator

from operators.base.declare import Declared
from operators.base.scope import ColumnType
from operators.conversations.forms import Form


class Conversation(Declared):
    """The columns of the files that a conversation is read from, and how it is written there."""

    kind: ClassVar[ColumnType] = "messages"

    field: str
    """The name of the column in the files: a list of turns, or its JSON text."""
    form: Form | None = None
    """`openai` (`role`, `content`, `tool_calls`; unless said), `sharegpt` (`from`, `value`), `harmony` (channels, also text)."""
    system: str | None = None
    """A column with the system turn, where it stands apart."""

    def reads(self) -> dict[str, tuple[str | int, ...]]:
        """Each column of the files that is read, with the path of the field that says so."""
        apart = {} if self.system is None else {self.system: ("messages", "system")}
        return {self.field: ("messages",), **apart}


class ToolList(Declared):
    """The column of the files that the tools of a conversation are read from."""

    kind: ClassVar[ColumnType] = "tools"

    field: str
    """The name of the column in the files: a list of tools, as OpenAI writes them or their functions alone, or its JSON."""
    missing: Literal["error"] | None = "error"
    """`null`: files may lack the column. Else such a file is an error."""

    def reads(self) -> dict[str, tuple[str | int, ...]]:
        """The column of the files that is read, with the path of the field that says so."""
        return {self.field: ("tools",)}


def of_column(value: object) -> object:
    """The name of a column stands for the column in its usual form."""
    return {"field": value} if isinstance(value, str) else value


Messages = Annotated[Conversation, BeforeValidator(of_column, json_schema_input_type=str | Conversation)]
Tools = Annotated[ToolList, BeforeValidator(of_column, json_schema_input_type=str | ToolList)]


def complain_of(messages: Conversation | None, tools: ToolList | None, prompted: bool) -> None:
    """Raises ValueError where columns are those of conversations and of prompts at once."""
    if messages is not None and prompted:
        raise ValueError("a source has `messages`, or `prompt` and `options`: which of them is the item is not clear")
    if tools is not None and messages is None:
        raise ValueError("`tools` are those of a conversation: it needs `messages`")
