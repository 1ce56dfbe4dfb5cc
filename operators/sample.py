"""A seeded sample of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from operators.declare import Complaint, Count, Scope, SetDecision, Share
from operators.rank import rank_sql


class Sample(SetDecision):
    """Keep `rows` of the rows, or about the `share` of them, chosen by a seeded rank.

    The rank is a hash of the seed and the row's id, so a new row displaces at most one. With `unit: item`
    the rows of one item stay together and `rows` counts items.
    """

    name: ClassVar[str] = "sample"
    seeded: ClassVar[bool] = True

    rows: Count | None = None
    """How many are kept."""
    share: Share | None = None
    """The share that is kept; each row decides for itself."""
    unit: Literal["row", "item"] = "row"
    """What is ranked: rows, or items with all their rows."""
    salt: str = ""
    """Another text here is another sample of the same seed."""

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        if (self.rows is None) == (self.share is None):
            yield Complaint((), "a sample has either `rows` or `share`", "give one of the two")

    def verdicts(self, relation: str, seed: int, scale: tuple[int, int] | None) -> str:
        column = "row_id" if self.unit == "row" else "item_id"
        ranked = f"SELECT row_id, {column} AS unit, {rank_sql(seed, 'sample' + self.salt, column)} AS rank FROM {relation}"
        if self.share is not None:
            # The first 32 bits of the rank against the share, in whole numbers.
            bound = int(self.share * 2**32)
            kept = f"('0x' || left(replace(rank::VARCHAR, '-', ''), 8))::BIGINT < {bound}"
        else:
            rows = self.rows or 0
            wanted = rows if scale is None else -(-rows * scale[0] // max(scale[1], 1))
            kept = f"dense_rank() OVER (ORDER BY rank, unit) <= {wanted}"
        return f"SELECT row_id, {kept} AS kept, rank AS detail\n  FROM ({ranked})"
