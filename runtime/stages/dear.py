"""Dear measures of some rows of a table: they are measured where somebody asks, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from operators.base.declare import Measure
from operators.measures.parsable import TooSlow
from runtime.stages.columns import measure_once, with_rows
from runtime.store.digest import id_bytes
from runtime.tables.cursors import Mask
from runtime.tables.ids import digest_name
from runtime.tables.memo import Memo
from runtime.tables.table import BATCH, Table

Ints = np.ndarray[Any, Any]


@dataclass(frozen=True)
class DearCells:
    """The cells that a dear measure looks at, one of a row, and the memo that knows their values or comes to know them."""

    table: Table
    column: str
    memo: Memo
    operator: Measure
    entries: Mapping[str, Any]

    def values(self, part: int, mask: Mask) -> list[pa.Array]:
        """The values of the rows of a part in `mask`; null for others, at which nobody looks. Raises StoreError."""
        values = np.full((len(mask), len(self.operator.values)), -1, dtype=np.int64)
        for places, made in self.measured(part, mask):
            values[places] = made
        return [pa.array(values[:, at], mask=~mask) for at in range(values.shape[1])]

    def measured(self, part: int, mask: Mask, first: int = 0, last: int | None = None) -> Iterator[tuple[Ints, Ints]]:
        """(places of rows in a part, their values) of its rows in `mask`, or of some of them. Raises StoreError."""
        table, above = self.table, self.table.bounds[part]
        first, last = max(above, first), min(table.bounds[part + 1], table.rows if last is None else last)
        wanted = np.flatnonzero(mask[first - above : last - above]) + first - above
        if not wanted.size:
            return
        digests = table.column(digest_name(self.column), part)
        cells = digests.take(pa.array(wanted))
        known, values = self.memo.look_up(id_bytes(cells.storage.fill_null(bytes(16)) if cells.null_count else cells))
        if known.all():  # no text is read
            yield wanted, values
            return
        for start, batch in table.batches([self.column], BATCH // 16, first, last):
            text, at = batch[self.column], start - above
            chosen = np.flatnonzero(mask[at : at + len(text)])
            if chosen.size:
                places = pa.array(chosen)
                own = digests.slice(at, len(text)).take(places)
                try:
                    made = measure_once(self.memo, self.operator, text.take(places), own, self.entries)
                except TooSlow as error:
                    raise with_rows(TooSlow([int(chosen[place]) for place in error.places]), table, start) from None
                yield at + chosen, np.stack([each.to_numpy() for each in made], axis=1)

    def values_at(self, places: Ints, first: int, last: int) -> Ints:
        """The values, (n, values), of rows at n places of the table in their order, all of them between two rows."""
        found = np.full((len(places), len(self.operator.values)), -1, dtype=np.int64)
        for part, (start, end) in enumerate(pairwise(self.table.bounds)):
            low, high = np.searchsorted(places, [start, end]).tolist()
            if low == high:
                continue
            mask = np.zeros(end - start, dtype=bool)
            mask[places[low:high] - start] = True
            for chosen, values in self.measured(part, mask, first, last):
                found[low + np.searchsorted(places[low:high] - start, chosen)] = values
        return found
