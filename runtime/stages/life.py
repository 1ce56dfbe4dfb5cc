"""The life of one row: what became of it at each stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from runtime.store.digest import Bytes, id_bytes
from runtime.tables.ids import lower_bound
from runtime.tables.table import Table


@dataclass
class Life:
    """What became of one row."""

    row_id: str
    events: list[dict[str, Any]] = field(default_factory=list)
    cells: dict[str, Any] = field(default_factory=dict)
    license: str = "unknown"

    @property
    def id(self) -> Bytes:
        """(16,) the bytes of its id."""
        return np.frombuffer(bytes.fromhex(self.row_id), dtype=np.uint8)

    def add(self, stage: str, fate: str, **more: Any) -> None:
        self.events.append({"stage": stage, "fate": fate, **more})


def place_of(table: Table, prefix: str) -> int | None:
    """The place of the first row whose id begins with hexadecimal digits, or None."""
    ids = id_bytes(table.frame("row_id"))
    place = lower_bound(ids, np.frombuffer(bytes.fromhex(prefix.ljust(32, "0")), np.uint8))
    return place if place < len(ids) and ids[place].tobytes().hex().startswith(prefix) else None


def row_of(table: Table, place: int) -> dict[str, Any]:
    """The cells of one row."""
    for start, batch in table.batches(list(table.columns)):
        count = len(next(iter(batch.values())))
        if start <= place < start + count:
            return {name: column[place - start].as_py() for name, column in batch.items()}
    raise AssertionError(f"row {place} is beyond the table")
