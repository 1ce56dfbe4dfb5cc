"""The answers of a judged model to the items of a benchmark: completions with the number of their trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from operators.asks.asks import Reply
from operators.asks.generate import Generate
from operators.base.declare import field
from operators.base.scope import Columns
from operators.kernels.labels import NUMBERED, extended


class Answers(Generate):
    """Ask a model every item of a benchmark, once for each trial; trials differ by the sample's number alone.

    The options of a choice are shown with the first labels that the language's profile lists, or as they are where all
    carry labels in order by which the answer is read.
    """

    name: ClassVar[str] = "answers"
    purpose: ClassVar[str] = "answer"
    judges: ClassVar[bool] = True
    may_read: ClassVar[tuple[str, ...]] = ("prompts", "answer_labels")
    may_lack: ClassVar[tuple[str, ...]] = ("answer_labels",)

    gold: str | None = field("column", None)
    """The column with the right option, which the answer's row tells as a number that counts from 1."""

    def entries(self) -> tuple[tuple[str, str], ...]:
        return (*super().entries(), *([(self.language, "answer_labels")] if self.gold is not None else []))

    def listed(self, entries: Mapping[str, Any]) -> Sequence[str]:
        known = entries.get("answer_labels")
        return extended(known[0]) if known and self.gold is not None else super().listed(entries)

    def conventions(self, entries: Mapping[str, Any]) -> Sequence[Sequence[str]]:
        known = entries.get("answer_labels")
        return super().conventions(entries) if known is None or self.gold is None else [*map(extended, known), *NUMBERED]

    def reads(self, columns: Columns) -> tuple[str, ...]:
        return (*super().reads(columns), *([self.gold] if self.gold is not None else []))

    def made(self) -> Columns:
        gold: Columns = {} if self.gold is None else {"gold_answer": "text"}
        return {**super().made(), "trial": "integer", **gold}

    def cells(self, reply: Reply, row: Mapping[str, Any], entries: Mapping[str, Any], sample: int) -> Sequence[Any]:
        cells = super().cells(reply, row, entries, sample)
        if self.gold is None:
            return *cells, sample + 1
        right = row[self.gold]
        return *cells, sample + 1, None if right is None else str(right + 1)
