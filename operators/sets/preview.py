"""The few items that a build with `--sample` looks at; no recipe names it."""

from __future__ import annotations

from typing import ClassVar

from operators.base.declare import SetDecision
from operators.text.rank import rank_sql


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
