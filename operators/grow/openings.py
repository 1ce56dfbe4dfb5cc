"""Openings: children of a conversation that end where its assistant answered before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

from operators.base.bounds import Between
from operators.base.declare import field
from operators.base.scope import Complaint, Scope
from operators.conversations.canonical import written
from operators.grow.expand import Born, Expand, Parents


class Openings(Expand):
    """Give each conversation children that hold its turns as far as an earlier answer, without it.

    The conversation itself stays, so that behind it `converse` asks for every answer: from each child one before, from the
    conversation the last. A child is of the same item: its turns before the first answer are the same.

    Example:
        with: {}
        in:   [{messages: '[{"role":"user","content":"1"},{"role":"assistant","content":"a"},{"role":"user","content":"2"}]'}]
        out:
          - {messages: '[{"role":"user","content":"1"},{"role":"assistant","content":"a"},{"role":"user","content":"2"}]'}
          - {messages: '[{"role":"user","content":"1"}]'}
    """

    name: ClassVar[str] = "openings"
    seeded: ClassVar[bool] = False

    of: str = field("column", "messages")
    """The column with conversations."""
    most: int = Field(16, ge=1, le=1000)
    """Children of one row at most; of more answers the first ones have some."""

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        yield from scope.complain_column(self.of, ("of",), "messages")

    def reads(self) -> tuple[str, ...]:
        return (self.of,)

    def changes(self) -> tuple[str, ...]:
        return (self.of,)

    def children(self, entries: Mapping[str, Any]) -> Between:
        return Between(0, self.most)

    def expand(self, rows: Parents, entries: Mapping[str, Any], seed: int) -> Born:
        import numpy as np
        import pyarrow as pa

        parents: list[int] = []
        cells: list[str] = []
        refused: list[tuple[int, str]] = []
        for row, cell in enumerate(rows.columns[self.of].to_pylist()):
            found = [] if cell is None else earlier(json.loads(cell))[: self.most]
            parents += [row] * len(found)
            cells += found
            if not found:
                refused.append((row, "no earlier answer" if cell is not None else f"no conversation in `{self.of}`"))
        none = np.zeros(len(parents), np.int64)
        return Born(np.array(parents, np.int64), {self.of: pa.array(cells, pa.large_string())}, none[:0], none, none, refused)


def earlier(turns: list[dict[str, Any]]) -> list[str]:
    """The turns before each answer but one that is the last turn; that one is answered where the conversation stands."""
    answers = [place for place, turn in enumerate(turns) if turn["role"] == "assistant" and place < len(turns) - 1]
    return [written(turns[:place]) for place in answers]
