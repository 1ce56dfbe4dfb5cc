"""Completions of a teacher: each a row of its own, born of its prompt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from operators.asks.asks import Asks, Messages, Reply
from operators.base.declare import Declared, field
from operators.base.obligation import Obligation
from operators.base.scope import Columns, Complaint, Scope
from operators.kernels.labels import LATIN, SERIES, labelled
from operators.maps.spans import TEMPLATE_ENDS, Ends, cut_ends, end_of
from operators.measures.finished import ended


class Said(Declared):
    """A text that stands in the recipe itself."""

    text: str = Field(min_length=1)
    """The text, to the letter."""


class Generate(Asks):
    """Ask a model for `samples` completions of each prompt; each becomes a row, with the columns of its prompt's row.

    The prompt is sent to the letter, with its options as lettered lines where it has some; options that all carry labels
    in order are sent as they are. Sample k of a row has the id H(row, `cot`, k). A completion is asked for once, whatever
    recipe, store user or run wants it: its address is the model, the messages, the sampling fields and the sample's
    number. With `recorded` the completions are those of a source, matched by prompt, and nothing is sent.

    Example:
        with: {model: teacher, max_tokens: 8}
        in:   [{prompt: "2+2는?"}]
        out:  [{prompt: "2+2는?", completion: "<think>2+2</think>4", finish_reason: stop}]
    """

    name: ClassVar[str] = "generate"
    version: ClassVar[int] = 3
    born: ClassVar[bool] = True
    may_read: ClassVar[tuple[str, ...]] = ("prompts",)

    of: str = field("column", "prompt")
    """The column that is asked."""
    system: str | Said | None = None
    """The system prompt: the name of one of the profile's `prompts`, `{text: ...}`, or `none`."""
    ask: str | Said | None = None
    """What follows the prompt on a line of its own, said in the same ways."""
    language: str = field("label", "target")
    """`target`, `anchor` or a code: the language whose profile holds the prompts."""
    hint: str | None = field("column", None)
    """A column with a known answer that the model is shown (hint-based refinement); the paper rejects it (section 5.2)."""
    samples_: int = Field(1, alias="samples", ge=1, le=64)
    """Completions of each row."""
    salt: str = ""
    """Another text here gives the rows other ids, for tables of two teachers that are to be combined."""
    recorded: str | None = field("label", None)
    """A source with completions that somebody has already, by their prompts."""
    open: str = Field("<think>", min_length=1)
    """What is put before the reasoning that an API gives apart."""
    close: str = Field("</think>", min_length=1)
    """What is put behind it."""
    ends: Ends = ()
    """End tokens of a chat template that are cut off where a completion ends with them."""

    @property
    def samples(self) -> int:
        return self.samples_

    def entries(self) -> tuple[tuple[str, str], ...]:
        named = [each for each in (self.system, self.ask) if isinstance(each, str) and each != "none"]
        return tuple((self.language, f"prompts.{name}") for name in dict.fromkeys(named))

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        yield from scope.complain_column(self.of, ("of",), "text")
        if self.hint is not None:
            yield from scope.complain_column(self.hint, ("hint",), "text", "integer")
        for name in self.made():
            if name in scope.columns:
                yield Complaint((), f"it makes a column `{name}`, and there is one", "leave it out before with `select`")
        if self.recorded is not None:
            yield from scope.complain_name("source", self.recorded, ("recorded",), f"there is no source `{self.recorded}`")

    def obligations(self, label: str) -> Iterator[Obligation]:
        if self.hint is not None:
            message = f"`{label}` shows the model the column `{self.hint}`: the answer leaks into what is trained on"
            yield Obligation("leakage", message, ("hint",))

    def reads(self, columns: Columns) -> tuple[str, ...]:
        listed = ("options",) if columns.get("options") == "list of text" else ()
        return (self.of, *listed, *([self.hint] if self.hint is not None else []))

    def made(self) -> Columns:
        return {"completion": "text", "finish_reason": "label", "prompt_tokens": "integer", "completion_tokens": "integer"}

    def text_of(self, prompt: str | Said | None, entries: Mapping[str, Any]) -> str | None:
        """A text that is said in the recipe or stands in the profile."""
        return (
            prompt.text if isinstance(prompt, Said) else None if prompt in (None, "none") else str(entries[f"prompts.{prompt}"])
        )

    def listed(self, entries: Mapping[str, Any]) -> Sequence[str]:
        """The labels of options as the model is shown them."""
        return LATIN

    def conventions(self, entries: Mapping[str, Any]) -> Sequence[Sequence[str]]:
        """The labels that options may carry already."""
        return SERIES

    def shown(self, options: Sequence[str], entries: Mapping[str, Any]) -> list[str]:
        """Options as the model is shown them: each with a label, and as they are where all have their own in order."""
        if all(options) and labelled(options, [tuple(each) for each in self.conventions(entries)]) is not None:
            return list(options)
        listed = self.listed(entries)
        # Beyond the labels they are numbered on: none is left out.
        labels = [*listed, *map(str, range(len(listed) + 1, len(options) + 1))]
        return [f"{label}. {option}" for label, option in zip(labels, options, strict=False)]

    def messages(self, row: Mapping[str, Any], entries: Mapping[str, Any]) -> Messages | None:
        if row[self.of] is None:
            return None
        parts = [row[self.of]]
        options = row.get("options")
        if options:
            parts.append("\n".join(self.shown(options, entries)))
        if self.hint is not None and row[self.hint] is not None:
            parts.insert(0, str(row[self.hint]))
        if (ask := self.text_of(self.ask, entries)) is not None:
            parts.append(ask)
        system = self.text_of(self.system, entries)
        return (*([("system", system)] if system else []), ("user", "\n\n".join(parts)))

    def written(self, reasoning: str | None, text: str, finish_reason: str | None) -> str:
        """A completion whose thinking is given apart, as one text; thinking that was cut off is not closed.

        Tags that the thinking brings along are its own tags, and no block more; where the text has the block again it is
        the completion.
        """
        text = cut_ends(text, self.ends)
        if reasoning is None:
            return text
        bare = reasoning.strip().removeprefix(self.open).removesuffix(self.close)
        bare = reasoning if bare == reasoning.strip() else bare.strip()
        again, closes, _ = text.strip().removeprefix(self.open).partition(self.close)
        if closes and again.strip() == bare.strip():
            return text
        closed = f"\n{self.close}\n\n{text}" if text or ended(finish_reason) else ""
        return f"{self.open}\n{bare}{closed}"

    def remark(self, cells: Sequence[Any]) -> str | None:
        end = None if cells[0] is None else end_of(cells[0], TEMPLATE_ENDS)
        if end is None or ("<|channel|>" in cells[0] and end in ("<|return|>", "<|end|>")):
            return None
        return f"with `{end}` at the end, a token of a chat template, which stays: `ends` under the cot's `tags` cuts it off"

    def cells(self, reply: Reply, row: Mapping[str, Any], entries: Mapping[str, Any], sample: int) -> Sequence[Any]:
        text = self.written(reply.reasoning, reply.text, reply.finish_reason)
        return text, reply.finish_reason, reply.prompt_tokens, reply.completion_tokens
