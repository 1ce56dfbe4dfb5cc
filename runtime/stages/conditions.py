"""Conditions and other expressions over batches of rows: so many at once that the text made of them stays small."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.conditions.expressed import Expressed
from operators.conditions.growth import MOST_OF_ROW, NUMBER, TOO_LONG, sized
from runtime.store.store import StoreError
from runtime.tables.ids import rest, take_connection

#: Bytes of text that are made at once of several rows.
AT_ONCE = 1 << 27
#: Seconds that DuckDB may take over one slice of rows: a last resort, since another machine may be faster.
PATIENCE = 600.0

Lengths = np.ndarray[Any, np.dtype[np.float64]]


class TooMuchText(Exception):
    """An expression would make too much text of one row, that at `place` in its batch."""

    def __init__(self, operator: Expressed, place: int) -> None:
        share = MOST_OF_ROW // max(1, operator.parsed.texts)
        super().__init__(f"the {operator.called} `{shortened(operator.said)}` would make a text of more than {share:,} bytes")
        self.place = place


def evaluate(operator: Expressed, columns: Mapping[str, pa.Array]) -> pa.Array:
    """What an expression makes of one batch. Raises TooMuchText, and StoreError where it cannot be computed."""
    expression = operator.parsed
    rows = len(next(iter(columns.values())))
    if not expression.texts or not rows:
        return made_of(operator, operator.sql, columns)
    lengths = {name: cell_bytes(columns[name]) for name in expression.columns}
    with np.errstate(over="ignore", invalid="ignore"):
        longest = {name: float(np.max(each)) for name, each in lengths.items()}
        if sized(expression.tree, longest)[1] * rows <= AT_ONCE:
            return made_of(operator, operator.sql, columns)
        made = np.nan_to_num(np.broadcast_to(sized(expression.tree, lengths)[1], (rows,)), nan=np.inf)
    parts = []
    for start, end in slices(made):
        here = {name: column.slice(start, end - start) for name, column in columns.items()}
        parts.append(made_of(operator, operator.sql, here) if made[start] <= MOST_OF_ROW else guarded(operator, here, start))
    return pa.concat_arrays(parts)


def guarded(operator: Expressed, columns: Mapping[str, pa.Array], place: int) -> pa.Array:
    """The expression over one row that may be made into too much text; how much it is, is seen as it is computed."""
    sql = operator.parsed.guarded
    try:
        return made_of(operator, sql, columns)
    except StoreError as error:
        if TOO_LONG in str(error.__cause__):
            raise TooMuchText(operator, place) from None
    return made_of(operator, f"TRY({sql})", columns)


def slices(made: Lengths) -> Iterator[tuple[int, int]]:
    """(first row, the one after the last) of rows that are computed together; one that is large is alone."""
    start, sum_ = 0, 0.0
    for place, size in enumerate(made.tolist()):
        if place > start and (sum_ + size > AT_ONCE):
            yield start, place
            start, sum_ = place, 0.0
        sum_ += size
    yield start, len(made)


def cell_bytes(column: pa.Array) -> Lengths:
    """The bytes of each cell as text, (n,)."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        each = np.concatenate([[0.0], np.cumsum(cell_bytes(column.values) + 4)])
        offsets = column.offsets.to_numpy()
        listed: Lengths = each[offsets[1:]] - each[offsets[:-1]] + 4
        return listed
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        lengths: Lengths = pc.fill_null(pc.binary_length(column), 0).to_numpy(zero_copy_only=False).astype(np.float64)
        return lengths
    return np.full(len(column), float(NUMBER))


def made_of(operator: Expressed, sql: str, columns: Mapping[str, pa.Array]) -> pa.Array:
    """What is made of each row, all computed at once."""
    rows = len(next(iter(columns.values())))
    table = pa.table({".at": np.arange(rows), **columns})
    query = f'SELECT {operator.cell.format(sql)} AS made FROM rows ORDER BY ".at"'
    with patience() as (connection, late):
        try:
            made = connection.from_arrow(table).query("rows", query).to_arrow_table().column("made")
        except duckdb.Error as error:
            why = f"cannot be computed: {shortened(str(error))}"
            if late.is_set():
                why = f"took more than {PATIENCE:,.0f} s over {rows:,} rows"
            raise StoreError(f"the {operator.called} `{shortened(operator.said)}` {why}", "make it simpler") from error
    return pa.concat_arrays(made.chunks) if made.num_chunks else pa.array([], made.type)


@contextmanager
def patience() -> Iterator[tuple[duckdb.DuckDBPyConnection, threading.Event]]:
    """A DuckDB of which what it runs is stopped after a while; the event tells that it was."""
    connection, late, done = take_connection(), threading.Event(), threading.Event()

    def stop() -> None:
        if not done.wait(PATIENCE):
            late.set()
        # An interrupt between two statements of a query is lost, so it is sent until the query has ended.
        while not done.wait(0.1):
            connection.interrupt()

    watch = threading.Thread(target=stop, daemon=True)
    watch.start()
    try:
        yield connection, late
    finally:
        done.set()
        watch.join()
        if late.is_set():
            connection.close()  # interrupted while it binds, it would keep the name of what it read then
        else:
            rest(connection)


def shortened(text: str) -> str:
    """Text for a message: one line, not too long."""
    line = " ".join(text.split())
    return line if len(line) <= 200 else line[:200] + "..."
