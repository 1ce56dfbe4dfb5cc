"""What all operators share that ask a model: sampling, failures, budgets, and the way from rows to requests and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BeforeValidator, Field, WithJsonSchema

from operators.base.declare import Count, Declared, Repeats, Share, Step, as_decimal, field, tuning
from operators.base.scope import Columns, Complaint, Scope

Messages = tuple[tuple[str, ...], ...]
"""(role, content) of each turn, and the JSON text of what it has besides; of the role `tools` are those of all turns."""


def request_of(messages: Messages) -> dict[str, Any]:
    """`messages` as chat templates and servers take them, and `tools` where there are some."""
    turns = []
    for role, content, *rest in messages:
        more = json.loads(rest[0]) if rest else {}
        turns.append({"role": role, "content": None if not content and more.get("tool_calls") else content, **more})
    if turns and turns[0]["role"] == "tools":
        return {"messages": turns[1:], "tools": json.loads(turns[0]["content"])}
    return {"messages": turns}


NUMBER = {"type": "number", "minimum": 0}
Amount = Annotated[Decimal, BeforeValidator(as_decimal), WithJsonSchema(NUMBER), Field(ge=0)]
Temperature = Annotated[Decimal, BeforeValidator(as_decimal), WithJsonSchema(NUMBER | {"maximum": 2}), Field(ge=0, le=2)]


def as_portion(value: Any) -> Any:
    """`2%` or 0.02."""
    if isinstance(value, str) and value.endswith("%"):
        return Decimal(value[:-1]) / 100
    return as_decimal(value)


Tolerance = Annotated[
    Decimal,
    BeforeValidator(as_portion),
    WithJsonSchema({"anyOf": [NUMBER | {"maximum": 1}, {"type": "string", "pattern": r"^[0-9.]+%$"}]}),
    Field(ge=0, le=1),
]


class Reply(NamedTuple):
    """What a model answered to one request."""

    text: str
    reasoning: str | None
    """What it thought, where the API gives that apart."""
    finish_reason: str
    """`stop`, `length` (cut off), `refusal`, or whatever else the server says."""
    prompt_tokens: int | None
    completion_tokens: int | None


class Refused(Exception):
    """A reply that is no result: its row goes into the ledger with the reason."""


class Budget(Declared):
    """What a build may spend on new completions at most, in a step or in all of a recipe.

    No request is sent that might pass it: what is under way is awaited and kept, and the build ends with exit code 1 and what was
    spent. The next one goes on where it stopped. It is of one build: what other builds or machines spend is not counted.
    """

    completions: Count | None = None
    """New completions; how many are needed is known, so that a build that needs more asks for none."""
    tokens: Count | None = None
    """Tokens of new completions; each may take `max_tokens` until it is there."""
    money: Amount | None = None
    """Money, in the currency of the endpoint's `prices`, which stand in your own configuration."""
    hours: Amount | None = None
    """Hours that pass while it is asked, of each GPU that the model takes here."""


class Asks(Step):
    """A step that asks a model about each row; every completion is kept, and asked for once."""

    repeats: ClassVar[Repeats] = "recorded"
    born: ClassVar[bool] = False
    """True where each completion is a row of its own; else each row keeps its id and gets columns."""
    judges: ClassVar[bool] = False
    """True where its completions are answers to the items of a benchmark."""
    told: ClassVar[tuple[str, ...]] = ("system",)
    """The roles of its messages that the recipe says, and no row."""
    purpose: ClassVar[str] = "cot"
    """What ids of born rows are made with, besides their parent's and the number of the sample."""

    model: str = field("label")
    """The model that is asked, by its name under `models`."""
    temperature: Temperature | None = None
    """0 always takes the likeliest token; the model's own default unless said."""
    top_p: Share | None = None
    """Sample among the likeliest tokens that have this share."""
    top_k: Count | None = None
    """Sample among this many of the likeliest tokens."""
    min_p: Share | None = None
    """Leave out tokens below this share of the likeliest one's."""
    max_tokens: int = Field(4096, ge=1)
    """Where a completion is cut off; it is kept, and its finish_reason is `length`."""
    stop: tuple[str, ...] = ()
    """Texts that end a completion."""
    reasoning: bool | None = None
    """Reasoning on or off, for models whose chat template can choose."""
    seed: Count = 0
    """What sampling starts from; the recipe's own `seed` has no part in it, so that changing that asks for nothing."""
    max_failures: Tolerance = tuning(Decimal(0))
    """The share of requests that may fail for good, such as 2%; with more the build stops, and resumes when run again."""
    budget: Budget | None = tuning(None)
    """What it may spend at most."""

    @property
    def samples(self) -> int:
        """Completions of each row."""
        return 1

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        message = f"there is no model `{self.model}` under `models`"
        yield from scope.complain_name("model", self.model, ("model",), message)

    def reads(self, columns: Columns) -> tuple[str, ...]:
        """The columns that its requests are made of."""
        raise NotImplementedError

    def made(self) -> Columns:
        """The columns it makes."""
        raise NotImplementedError

    def messages(self, row: Mapping[str, Any], entries: Mapping[str, Any]) -> Messages | None:
        """The turns that are sent for a row; None where there is nothing to ask, so that its cells are null."""
        raise NotImplementedError

    def cells(self, reply: Reply, row: Mapping[str, Any], entries: Mapping[str, Any], sample: int) -> Sequence[Any]:
        """One cell for each column it makes, of a sample that counts from 0; raises Refused where the reply is no result."""
        raise NotImplementedError

    def remark(self, cells: Sequence[Any]) -> str | None:
        """What a person should know of one completion, as words after their number; equal remarks are counted."""
        return None

    def sampling(self) -> dict[str, Any]:
        """What decides a completion besides model, messages and sample number; nothing that is at the model's default."""
        names = ("temperature", "top_p", "top_k", "min_p", "max_tokens", "reasoning", "seed")
        fields = {name: getattr(self, name) for name in names}
        chosen = {name: value for name, value in fields.items() if value is not None}
        return chosen | ({"stop": list(self.stop)} if self.stop else {})
