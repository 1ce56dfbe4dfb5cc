"""Rows that come in any order, laid by their ids into the parts of a table: over the disk, where they are many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from runtime.store.digest import id_array, id_bytes
from runtime.store.files import Files
from runtime.store.running import scratch
from runtime.store.store import Store
from runtime.tables.ids import combined
from runtime.tables.order import halves, sorted_order
from runtime.tables.write import ranges, taken


def by_part(store: Store, batches: Iterable[pa.RecordBatch], schema: pa.Schema, parts: int) -> Iterator[pa.Table]:
    """For each part its rows by `row_id` and, where they have one, by `copy`; few of them are in memory at a time."""
    with scratch(store.root) as folder:
        # They are there beside a database and all that this holds.
        yield from scattered(store.files, folder, store.bound.run // 4, batches, schema, parts)


def scattered(
    files: Files, folder: Path, most: int, batches: Iterable[pa.RecordBatch], schema: pa.Schema, parts: int
) -> Iterator[pa.Table]:
    """The same over a folder, with `most` bytes in memory."""
    paths: list[Path] = []
    pieces: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        pieces.append(batch)
        size += batch.nbytes
        if size >= most:
            paths.append(scatter(files, pieces, parts, folder / f"scattered-{len(paths)}"))
            pieces, size = [], 0
    if not paths:
        rows = in_id_order(pa.Table.from_batches(pieces, schema))
        pieces.clear()
        yield from parted(rows, parts)
        return
    if pieces:
        paths.append(scatter(files, pieces, parts, folder / f"scattered-{len(paths)}"))
        pieces = []
    for part in range(parts):
        yield in_id_order(pa.Table.from_batches([read_batch(path, part) for path in paths], schema))


def parted(rows: pa.Table, parts: int) -> Iterator[pa.Table]:
    """For each part its rows, of a table in memory that is in id order."""
    for first, last in ranges(id_bytes(combined(rows.column("row_id"))), parts):
        yield rows.slice(first, last - first)


def scatter(files: Files, pieces: list[pa.RecordBatch], parts: int, path: Path) -> Path:
    """A file of some rows, with one batch for each part."""
    table = pa.Table.from_batches(pieces)
    with files.scratch(path) as file, pa.ipc.new_file(file, table.schema) as writer:
        for rows in parts_of(table, parts):
            writer.write_batch(pa.record_batch([combined(column) for column in rows.columns], schema=table.schema))
    return path


def parts_of(table: pa.Table, parts: int) -> Iterator[pa.Table]:
    """For each part its rows, in any order, of a table in memory."""
    part = id_bytes(combined(table.column("row_id")))[:, 0].astype(np.int64) * parts // 256
    order = np.argsort(part, kind="stable")
    bounds = np.searchsorted(part[order], np.arange(parts + 1)).tolist()
    columns = {name: combined(table.column(name)) for name in table.column_names}
    for first, last in pairwise(bounds):
        places = pa.array(order[first:last])
        yield pa.table({name: column.take(places) for name, column in columns.items()}, schema=table.schema)


def read_batch(path: Path, part: int) -> pa.RecordBatch:
    """The rows of one part in a file."""
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_file(file).get_batch(part)


def in_id_order(rows: pa.Table) -> pa.Table:
    """The rows by id, and copies of one by their number."""
    ids = id_bytes(combined(rows.column("row_id")))
    order = sorted_order(ids)
    if "copy" in rows.column_names and (copies := combined(rows.column("copy")).to_numpy()).any():
        high, low = halves(ids)
        order = np.lexsort((copies, low, high))
    places = pa.array(order)
    columns = {name: combined(rows.column(name)).take(places) for name in rows.column_names if name != "row_id"}
    return pa.table({"row_id": id_array(taken(ids, order)), **columns})
