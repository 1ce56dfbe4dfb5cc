"""What ends a run of decisions that no set decision follows; no recipe names it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from operators.base.bounds import Between
from operators.base.declare import SetDecision


class Keep(SetDecision):
    """The rows that a run of decisions keeps."""

    name: ClassVar[str] = "keep"
    drops: ClassVar[bool] = False

    def verdicts(self, relation: str, seed: int, scale: tuple[int, int] | None) -> str:
        return f"SELECT row_id, TRUE AS kept, NULL::UUID AS detail\n  FROM {relation}"

    def bounded(self, relation: str, seed: int, unseen: Mapping[str, int]) -> str:
        return f"SELECT row_id, 0 AS copy, sure AS surely, TRUE AS possibly FROM {relation}"

    def displaces(self, relation: str) -> str | None:
        return "SELECT 0"

    def limits(self, group: str, arriving: Between) -> Between:
        return arriving
