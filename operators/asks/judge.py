"""A question about each row that a model answers by choosing one of a few words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from operators.asks.asks import Asks, Messages, Refused, Reply
from operators.base.declare import LABELS, RESERVED, field
from operators.base.scope import Columns, Complaint, Scope

PLACE = re.compile(r"\{([^{}]+)\}")


class Judge(Asks):
    """Ask a model a question about each row, and keep which of `choices` it answers, counted from 0; ids are kept.

    `{column}` in the question stands for the cell of that column. The answer is the last of the choices that the reply
    names as a word, outside of its thinking; a reply that names none goes into the ledger. With it a recipe may keep the
    samples that agree with a known answer (agreement sampling, which the paper rejects in section 5.2), or measure a
    behaviour that no lexicon finds.

    Example:
        with: {model: teacher, question: "Is {prompt} even? yes or no", choices: ["no", "yes"], as: even, max_tokens: 8}
        in:   [{prompt: "2"}, {prompt: "3"}]
        out:  [{prompt: "2", even: 1}, {prompt: "3", even: 0}]
    """

    name: ClassVar[str] = "judge"
    rests_on: ClassVar[tuple[str, ...]] = ("unicode",)

    question: str = Field(min_length=1)
    """What is asked, to the letter but for the columns in it."""
    choices: tuple[str, ...] = Field(("no", "yes"), min_length=2)
    """The words it chooses from."""
    as_: str = field("column", "verdict", alias="as", min_length=1)
    """The column that is made: the place of the chosen word."""
    close: str = Field("</think>", min_length=1)
    """What ends the thinking of a model that writes it into its reply."""

    def named(self) -> tuple[str, ...]:
        """The columns in the question, once each."""
        return tuple(dict.fromkeys(PLACE.findall(self.question)))

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        if not self.named():
            yield Complaint(("question",), "the question names no column, so it is the same for every row", "write {prompt}")
        for name in self.named():
            yield from scope.complain_column(name, ("question",), "text", "integer", "number", "label")
        if self.as_ in scope.columns or self.as_ in (*RESERVED, *LABELS):
            yield Complaint(("as",), f"there is a column `{self.as_}` already", "choose another name")
        if len({choice.casefold() for choice in self.choices}) < len(self.choices):
            yield Complaint(("choices",), "two of the choices are the same word")

    def reads(self, columns: Columns) -> tuple[str, ...]:
        return self.named()

    def made(self) -> Columns:
        return {self.as_: "integer"}

    def messages(self, row: Mapping[str, Any], entries: Mapping[str, Any]) -> Messages | None:
        if any(row[name] is None for name in self.named()):
            return None
        # One pass: a cell that holds braces is no place for another cell.
        return (("user", PLACE.sub(lambda found: str(row[found[1]]), self.question)),)

    def cells(self, reply: Reply, row: Mapping[str, Any], entries: Mapping[str, Any], sample: int) -> Sequence[Any]:
        answer = reply.text.rpartition(self.close)[2].casefold()
        words = "|".join(re.escape(choice.casefold()) for choice in sorted(self.choices, key=len, reverse=True))
        found = re.findall(rf"(?<!\w)(?:{words})(?!\w)", answer)
        if not found:
            raise Refused(f"no choice in the reply (finish_reason {reply.finish_reason})")
        return ([choice.casefold() for choice in self.choices].index(found[-1]),)
