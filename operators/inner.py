"""The operators that lowering puts into the graph: no recipe names them, and each is a cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from operators.bounds import Between
from operators.declare import Operator, SetDecision, Step, field, tuning
from operators.licence import Licence
from operators.obligation import Obligation
from operators.rank import rank_sql


class LeftOut(Step):
    """A step whose mistake is told: what it would make of the rows is not known, and nothing is built of them."""

    name: ClassVar[str] = "left_out"

    rows: bool = True
    """Whether it may make more rows of one, or only columns."""


class Combine(Operator):
    """All rows of several tables; their ids are distinct because a source's name is in them."""

    name: ClassVar[str] = "combine"


class Keep(SetDecision):
    """The rows that a run of decisions keeps."""

    name: ClassVar[str] = "keep"

    def verdicts(self, relation: str, seed: int, scale: tuple[int, int] | None) -> str:
        return f"SELECT row_id, TRUE AS kept, NULL::UUID AS detail\n  FROM {relation}"

    def bounded(self, relation: str, seed: int, unseen: Mapping[str, int]) -> str:
        return f"SELECT row_id, 0 AS copy, sure AS surely, TRUE AS possibly FROM {relation}"

    def displaces(self, relation: str) -> str | None:
        return "SELECT 0"

    def limits(self, group: str, arriving: Between) -> Between:
        return arriving


class Preview(SetDecision):
    """The rows of one source whose items are among the lowest-ranked of all sources."""

    name: ClassVar[str] = "preview"
    seeded: ClassVar[bool] = True

    items: int
    """How many items are kept over all sources."""

    def verdicts(self, relation: str, seed: int, scale: tuple[int, int] | None) -> str:
        rank = rank_sql(seed, "preview", "item_id")
        lowest = f'SELECT DISTINCT {rank} AS rank FROM ".items" ORDER BY rank LIMIT {self.items}'
        return (
            f"SELECT row_id, rank IN ({lowest}) AS kept, rank AS detail\n  FROM (SELECT row_id, {rank} AS rank FROM {relation})"
        )


class Attach(Operator):
    """The rows that a model was asked about, or that were born of them, with the columns of the rows they came from."""

    name: ClassVar[str] = "attach"

    terms: Licence
    """The class of the model's output: a row's licence is the join of it and of its origin's."""
    model: str = field("label")
    """The model's name, for what people are told."""

    def obligations(self, label: str) -> Iterator[Obligation]:
        if self.terms == "unknown":
            message = f"the terms of what `{self.model}` writes are not stated: it is for local use, and no export has it"
            yield Obligation("terms", message)
        elif self.terms == "B":
            message = f"what `{self.model}` writes may be trained on and not redistributed: an export leaves it out"
            yield Obligation("terms", message)


class Output(Operator):
    """A named output: the table with its text, written where people find it."""

    name: ClassVar[str] = "output"

    output: str = field("label")
    """The name it is found under."""
    shard_rows: int = tuning(262_144, ge=1)
    """Rows of one file."""
