"""One row of each set of equal ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from operators.declare import Complaint, Scope, SetDecision, field
from operators.sqltext import ident

Rule = Literal["nfc", "nfkc", "case", "space", "punctuation"]


class Unique(SetDecision):
    """Keep one row of all that are equal in `by`: the one with the lowest row_id.

    Equal means equal after the declared normalisation; nothing is normalised that is not declared. A row
    without any value is equal to none.

    Example:
        with: {by: prompt, normalise: [nfc, space]}
        in:   [{prompt: 물은 왜}, {prompt: "물은  왜 "}, {prompt: 불은 왜}]
        out:  [{prompt: 물은 왜}, {prompt: 불은 왜}]
    """

    name: ClassVar[str] = "unique"

    by: str | Annotated[tuple[str, ...], Field(min_length=1)] = field("column", "prompt")
    """The text column, or columns, that are compared."""
    normalise: tuple[Rule, ...] = ("nfc", "space")
    """`nfc`/`nfkc` Unicode form, `case` folding, `space` runs to one, `punctuation` left out."""

    def columns(self) -> tuple[str, ...]:
        """The compared columns."""
        return (self.by,) if isinstance(self.by, str) else self.by

    def depends(self) -> tuple[str, ...]:
        # Arrow's own tables say what white space and punctuation are.
        return ("unicode", "pyarrow") if self.normalise else ()

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        for place, column in enumerate(self.columns()):
            path: tuple[str | int, ...] = ("by",) if isinstance(self.by, str) else ("by", place)
            yield from scope.complain_column(column, path, "text", "list of text")
        if {"nfc", "nfkc"} <= set(self.normalise):
            yield Complaint(("normalise",), "`nfc` and `nfkc` exclude each other", "nfkc contains nfc")

    def forms(self) -> Mapping[str, str]:
        return {f"{column} as compared": column for column in self.columns()}

    def verdicts(self, relation: str, seed: int, scale: tuple[int, int] | None) -> str:
        forms = [ident(form) for form in self.forms()]
        known = " OR ".join(f"{form} IS NOT NULL" for form in forms)
        first = f"CASE WHEN {known} THEN min(row_id) OVER (PARTITION BY {', '.join(forms)}) ELSE row_id END"
        return (
            f"SELECT row_id, lowest = row_id AS kept, lowest AS detail\n  FROM (SELECT row_id, {first} AS lowest FROM {relation})"
        )
