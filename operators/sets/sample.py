"""A seeded sample of the rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from operators.base.bounds import Between
from operators.base.declare import Count, SetDecision, Share
from operators.base.scope import Complaint, Scope
from operators.text.rank import rank_sql


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

    def ranked(self, relation: str, seed: int, more: str = "") -> str:
        """SQL for the rows with the unit that is ranked, and its rank."""
        column = "row_id" if self.unit == "row" else "item_id"
        return f"SELECT row_id, {column} AS unit, {rank_sql(seed, 'sample' + self.salt, column)} AS rank{more} FROM {relation}"

    def falls_in(self) -> str:
        """SQL for whether a rank is within the share: its first 32 bits, in whole numbers."""
        return f"('0x' || left(replace(rank::VARCHAR, '-', ''), 8))::BIGINT < {int((self.share or 0) * 2**32)}"

    def verdicts(self, relation: str, seed: int, scale: tuple[int, int] | None) -> str:
        ranked = self.ranked(relation, seed)
        if self.share is not None:
            kept = self.falls_in()
        else:
            rows = self.rows or 0
            wanted = rows if scale is None else -(-rows * scale[0] // max(scale[1], 1))
            kept = f"dense_rank() OVER (ORDER BY rank, unit) <= {wanted}"
        return f"SELECT row_id, {kept} AS kept, rank AS detail\n  FROM ({ranked})"

    def bounded(self, relation: str, seed: int, unseen: Mapping[str, int]) -> str:
        ranked = self.ranked(relation, seed, ", sure")
        if self.share is not None:
            return (
                f"SELECT row_id, 0 AS copy, sure AND {self.falls_in()} AS surely, {self.falls_in()} AS possibly FROM ({ranked})"
            )
        before = "OVER (ORDER BY rank, unit ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
        units = (
            f"SELECT unit, count(*) FILTER (WHERE sure) {before} AS fewest, count(*) {before} AS most"
            f" FROM (SELECT rank, unit, bool_or(sure) AS sure FROM ({ranked}) GROUP BY rank, unit)"
        )
        return (
            f"SELECT row_id, 0 AS copy, sure AND most + {unseen.get('', 0)} < {self.rows} AS surely,"
            f" fewest < {self.rows} AS possibly FROM ({ranked}) JOIN ({units}) USING (unit)"
        )

    def displaces(self, relation: str) -> str | None:
        if self.share is not None:
            return "SELECT 0"
        if self.unit == "row":
            return "SELECT 1"
        return f"SELECT coalesce(max(rows), 1) FROM (SELECT count(*) AS rows FROM {relation} GROUP BY item_id)"

    def limits(self, group: str, arriving: Between) -> Between:
        return arriving.at_most(self.rows) if self.rows is not None and self.unit == "row" else super().limits(group, arriving)
