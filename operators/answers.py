"""The answers of a judged model to the items of a benchmark: completions with the number of their trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from operators.asks import Reply
from operators.declare import field
from operators.generate import Generate
from operators.scope import Columns


class Answers(Generate):
    """Ask a model every item of a benchmark, once for each trial; trials differ by the sample's number alone."""

    name: ClassVar[str] = "answers"
    purpose: ClassVar[str] = "answer"

    gold: str | None = field("column", None)
    """The column with the right option, which the answer's row tells as a number that counts from 1."""

    def reads(self, columns: Columns) -> tuple[str, ...]:
        return (*super().reads(columns), *([self.gold] if self.gold is not None else []))

    def made(self) -> Columns:
        told: Columns = {} if self.gold is None else {"gold_answer": "text"}
        return {**super().made(), "trial": "integer", **told}

    def cells(self, reply: Reply, row: Mapping[str, Any], entries: Mapping[str, Any], sample: int) -> Sequence[Any]:
        told = super().cells(reply, row, entries, sample)
        if self.gold is None:
            return *told, sample + 1
        right = row[self.gold]
        return *told, sample + 1, None if right is None else str(right + 1)
