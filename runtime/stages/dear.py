"""Dear measures of some rows of a table: they are measured where somebody asks, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from operators.base.declare import Measure
from operators.measures.parsable import TooSlow
from runtime.stages.columns import measure_once, with_rows
from runtime.tables.ids import digest_name
from runtime.tables.memo import Memo
from runtime.tables.table import BATCH, Table


def dear_values(
    table: Table,
    part: int,
    column: str,
    memo: Memo,
    operator: Measure,
    entries: Mapping[str, Any],
    mask: np.ndarray[Any, np.dtype[np.bool_]],
) -> list[pa.Array]:
    """The values of a dear measure for the rows of a part in `mask`; null where it was not measured."""
    digests = table.column(digest_name(column), part)
    first, last = table.bounds[part : part + 2]
    values = np.full((last - first, len(operator.values)), -1, dtype=np.int64)
    for start, batch in table.batches([column], BATCH // 16, first, last):
        text, at = batch[column], start - first
        chosen = np.flatnonzero(mask[at : at + len(text)])
        if chosen.size:
            places = pa.array(chosen)
            cells = digests.slice(at, len(text)).take(places)
            try:
                made = measure_once(memo, operator, text.take(places), cells, entries)
            except TooSlow as error:
                raise with_rows(TooSlow([int(chosen[place]) for place in error.places]), table, start) from None
            values[at + chosen] = np.stack([each.to_numpy() for each in made], axis=1)
    return [pa.array(values[:, place], mask=~mask) for place in range(values.shape[1])]
