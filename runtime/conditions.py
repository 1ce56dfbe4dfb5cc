"""Conditions over batches of rows: as many rows at once as the text that they are made into allows."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.growth import MOST_OF_ROW, NUMBER, TOO_LONG, sized, tries
from operators.where import Where
from runtime.ids import forget_connection, own_connection
from runtime.store import StoreError

#: Bytes of text that are made at once of several rows.
AT_ONCE = 1 << 27
#: Seconds that DuckDB may take over one slice of rows: a last resort, since another machine may be faster.
PATIENCE = 600.0

#: How many times as long as what it reads each text is that a condition makes of most rows, at most.
LIKELY = 4.0

Places = np.ndarray[Any, np.dtype[np.int64]]
Lengths = np.ndarray[Any, np.dtype[np.float64]]


class TooMuchText(Exception):
    """A row, by its place in the batch, of which a condition would make more text than a row may be made into."""

    def __init__(self, operator: Where, place: int) -> None:
        share = MOST_OF_ROW // max(1, operator.parsed.texts)
        super().__init__(f"the condition `{shortened(operator.that)}` would make a text of more than {share:,} bytes")
        self.place = place


def evaluate(operator: Where, columns: Mapping[str, pa.Array]) -> pa.Array:
    """A condition over one batch: 1, 0, or -1 for null. Raises TooMuchText, and StoreError where it cannot be computed."""
    expression = operator.parsed
    rows = len(next(iter(columns.values())))
    if not expression.texts or not rows:
        return holds(operator, operator.sql, columns)
    lengths = {name: cell_bytes(columns[name]) for name in expression.columns}
    with np.errstate(over="ignore", invalid="ignore"):
        longest = {name: float(np.max(each)) for name, each in lengths.items()}
        if sized(expression.tree, longest)[1] * rows <= AT_ONCE:
            return holds(operator, operator.sql, columns)
        made = np.nan_to_num(np.broadcast_to(sized(expression.tree, lengths)[1], (rows,)), nan=np.inf)
    found = np.full(rows, -1, dtype=np.int64)
    if not tries(expression.tree):
        # Bounds are wide: most rows are made into little, and are done many at once within that little.
        likely = LIKELY * expression.texts * np.add.reduce(list(lengths.values())) + NUMBER
        for places in slices(np.arange(rows), likely):
            with suppress(StoreError):  # not every error of a guard stops at TRY: those rows are computed below
                found[places] = holds(operator, f"TRY({expression.guarded})", taken(columns, places), AT_ONCE // len(places))
    # What is null may be so for a guard's sake alone: it is computed as far as its bounds allow.
    for places in slices(np.flatnonzero(found == -1), made):
        here, alone = taken(columns, places), made[places[0]] > MOST_OF_ROW
        found[places] = guarded(operator, here, int(places[0])) if alone else holds(operator, operator.sql, here)
    return pa.array(found)


def taken(columns: Mapping[str, pa.Array], places: Places) -> dict[str, pa.Array]:
    """Some rows of each column."""
    first, last = int(places[0]), int(places[-1])
    if last - first == len(places) - 1:
        return {name: column.slice(first, len(places)) for name, column in columns.items()}
    return {name: column.take(pa.array(places)) for name, column in columns.items()}


def guarded(operator: Where, columns: Mapping[str, pa.Array], place: int) -> pa.Array:
    """The condition over one row that may be made into too much text: exactly how much is told as it is computed."""
    sql = operator.parsed.guarded
    try:
        return holds(operator, sql, columns, MOST_OF_ROW)
    except StoreError as error:
        if TOO_LONG in str(error.__cause__):
            raise TooMuchText(operator, place) from None
    return holds(operator, f"TRY({sql})", columns, MOST_OF_ROW)


def slices(places: Places, sizes: Lengths) -> Iterator[Places]:
    """Rows that are computed together, of those at `places`; one that is large is alone."""
    start, sum_ = 0, 0.0
    for at, size in enumerate(sizes[places].tolist()):
        if at > start and sum_ + size > AT_ONCE:
            yield places[start:at]
            start, sum_ = at, 0.0
        sum_ += size
    if len(places):
        yield places[start:]


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


def holds(operator: Where, sql: str, columns: Mapping[str, pa.Array], most: int = 0) -> pa.Array:
    """1, 0, or -1 for null of each row, all computed at once; guards let each row be made into `most` bytes of text."""
    rows = len(next(iter(columns.values())))
    share = np.full(rows, most // max(1, operator.parsed.texts))
    table = pa.table({".at": np.arange(rows), ".share": share, **columns})
    query = f'SELECT coalesce(({sql})::TINYINT, -1)::BIGINT AS holds FROM rows ORDER BY ".at"'
    connection = own_connection()
    with patience(connection) as late:
        try:
            made = connection.from_arrow(table).query("rows", query).to_arrow_table().column("holds")
        except duckdb.Error as error:
            if late.is_set():
                message = f"the condition `{shortened(operator.that)}` took more than {PATIENCE:,.0f} s over {rows:,} rows"
                raise StoreError(message, "make it simpler") from None
            raise StoreError(
                f"the condition `{shortened(operator.that)}` cannot be computed: {shortened(str(error))}", "make it simpler"
            ) from error
    return pa.concat_arrays(made.chunks) if made.num_chunks else pa.array([], pa.int64())


@contextmanager
def patience(connection: duckdb.DuckDBPyConnection) -> Iterator[threading.Event]:
    """Stops what the connection runs after a while; the event tells that it did."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        connection.interrupt()

    timer = threading.Timer(PATIENCE, stop)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
        if late.is_set():
            forget_connection()


def shortened(text: str) -> str:
    """Text as it is told, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= 200 else line[:200] + "..."
