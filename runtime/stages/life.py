"""The life of one row: what became of it at each stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from runtime.store.digest import Bytes
from runtime.tables.finding import find_row, rows_starting
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
    first = next(rows_starting(table, prefix), None)
    return None if first is None else find_row(table, np.frombuffer(bytes.fromhex(first), np.uint8))


def row_of(table: Table, place: int) -> dict[str, Any]:
    """The cells of one row."""
    ((_, cells),) = table.batches(list(table.columns), 1, place, place + 1)
    return {name: column[0].as_py() for name, column in cells.items()}
