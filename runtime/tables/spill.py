"""Rows on their way into a table: kept in memory up to a bound, beyond it sorted into runs on disk and read back part by part."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from operators.base.scope import Columns
from runtime.store.digest import Bytes, Described, buckets_of, id_bytes
from runtime.store.store import Store, StoreError
from runtime.tables.ids import number_copies, sorted_order
from runtime.tables.objects import whole
from runtime.tables.write import TableWriter, gathered, taken, write_based

BUCKETS = 256
ID = pa.binary(16)


@dataclass
class Run:
    """A file of rows sorted by id, with one batch for each of the 256 buckets."""

    path: Path
    rows: int
    gone: dict[int, np.ndarray[Any, Any]] = field(default_factory=dict)
    """Bucket -> the places of rows that were told apart from equal ones, and so have other ids."""

    def ids(self, bucket: int) -> Bytes:
        """The row ids of a bucket."""
        with pa.memory_map(str(self.path)) as file:
            reader = pa.ipc.open_file(file)
            return id_bytes(reader.get_batch(bucket).column(".row_id")).copy()

    def batches(self, first: int, last: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """(bucket, its rows) of some buckets, with all rows that it was written with."""
        with pa.OSFile(str(self.path)) as file:
            reader = pa.ipc.open_file(file)
            for bucket in range(first, last):
                yield bucket, reader.get_batch(bucket)


class Spill:
    """Rows of one table, in the order in which they come."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.tables: list[pa.Table] = []
        self.ids: list[dict[str, Bytes]] = []
        self.runs: list[Run] = []
        self.held = self.size = self.rows = 0

    def add(self, content: pa.Table, ids: dict[str, Bytes]) -> None:
        """More rows, with `row_id`, `item_id` and the cell digests of their text, each (n, 16)."""
        self.tables.append(content)
        self.ids.append(ids)
        self.rows += len(content)
        size = content.nbytes + sum(each.nbytes for each in ids.values())
        self.held, self.size = self.held + size, self.size + size
        if self.held > self.store.bound.run:
            self.flush()

    def close(self) -> None:
        """Remove what is on disk."""
        for run in self.runs:
            run.path.unlink(missing_ok=True)

    def check_room(self, size: int) -> None:
        """Raises StoreError where the disk has no room for so many bytes: before they are written, not when it is full."""
        free = shutil.disk_usage(self.store.root).free
        if size > free:
            there = f"{size / 1e9:.1f} GB are to be written into `{self.store.folder}`, and {free / 1e9:.1f} GB are free"
            raise StoreError(there, "make room, or choose another store with --store")

    def flush(self) -> None:
        """Write what is in memory as a run."""
        self.check_room(self.held)
        ids = joined_ids(self.ids)
        content = pa.concat_tables(self.tables)
        self.tables, self.ids, self.held = [], [], 0
        order = sorted_order(ids["row_id"])
        self.write_run(content, {name: taken(ids.pop(name), order) for name in list(ids)}, order)

    def write_run(self, content: pa.Table, ids: Mapping[str, Bytes], order: np.ndarray[Any, Any]) -> None:
        """A run of some rows in an order; the ids are sorted already."""
        path = self.store.root / "tmp" / f"{uuid.uuid4().hex}.run"
        schema = pa.schema([*content.schema, *((f".{name}", ID) for name in ids)])
        bounds = buckets_of(ids["row_id"]).tolist()
        self.runs.append(Run(path, len(order)))  # `close` removes it, however far this comes
        with self.store.files.scratch(path) as file, pa.ipc.new_file(file, schema) as writer:
            for first, last in pairwise(bounds):
                columns = [stored(each[first:last]) for each in ids.values()]
                pieces = list(gathered(content, content.schema.names, order[first:last]))
                rows = [pa.concat_arrays([piece[at] for piece in pieces]) for at in range(content.num_columns)] if pieces else []
                rows = rows or [pa.array([], each.type) for each in content.schema]
                writer.write_batch(pa.record_batch([*rows, *columns], schema=schema))

    def number(self) -> None:
        """Tell equal rows apart over all runs; those that get other ids come into runs of their own."""
        renamed: list[dict[int, Bytes]] = [{} for _ in self.runs]
        for bucket in range(BUCKETS):
            ids = [run.ids(bucket) for run in self.runs]
            joined = np.concatenate(ids)
            before = joined.copy()
            number_copies(joined)
            changed = np.flatnonzero((joined != before).any(axis=1))
            ends = np.cumsum([len(each) for each in ids])
            for at, run in enumerate(self.runs):
                mine = changed[(changed >= ends[at] - len(ids[at])) & (changed < ends[at])]
                if mine.size:
                    run.gone[bucket] = mine - (ends[at] - len(ids[at]))
                    renamed[at][bucket] = joined[mine]
        for run, names in zip(list(self.runs), renamed, strict=True):
            if names:
                self.write_moved(run, names)

    def write_moved(self, run: Run, names: Mapping[int, Bytes]) -> None:
        """A run of the rows of another that get other ids."""
        batches = [each.take(pa.array(run.gone[at])) for at, each in run.batches(0, BUCKETS) if at in names]
        content, ids = parted(pa.Table.from_batches(batches))
        ids["row_id"] = np.concatenate([names[bucket] for bucket in sorted(names)])
        order = sorted_order(ids["row_id"])
        self.write_run(content, {name: taken(each, order) for name, each in ids.items()}, order)

    def write(self, columns: Columns, constants: Mapping[str, str]) -> tuple[dict[str, Any], Described]:
        """(the tree of the table of all rows, what it is); they are let go of."""
        if not self.runs:
            ids = joined_ids(self.ids)
            self.ids = []
            order = number_copies(ids["row_id"])
            return write_based(self.store, self.tables, ids, columns, constants, order)
        if self.tables:
            self.flush()
        self.check_room(self.size)
        self.number()
        writer = TableWriter(self.store, columns, constants)
        width = BUCKETS // self.store.bound.parts_for(self.size)
        for first in range(0, BUCKETS, width):
            content, ids = parted(self.read(first, first + width))
            order = sorted_order(ids["row_id"])
            writer.add(content, {name: taken(ids.pop(name), order) for name in list(ids)}, order)
        return writer.written()

    def read(self, first: int, last: int) -> pa.Table:
        """The rows of some buckets, of all runs."""
        batches = []
        for run in self.runs:
            for bucket, batch in run.batches(first, last):
                if bucket in run.gone:
                    mask = np.ones(batch.num_rows, dtype=bool)
                    mask[run.gone[bucket]] = False
                    batch = batch.filter(pa.array(mask))
                batches.append(batch)
        return pa.Table.from_batches(batches).combine_chunks()


def parted(table: pa.Table) -> tuple[pa.Table, dict[str, Bytes]]:
    """(the content of rows, their ids) as they stand in a run."""
    names = [name for name in table.column_names if name.startswith(".")]
    return table.drop_columns(names), {name[1:]: id_bytes(whole(table.column(name))) for name in names}


def joined_ids(parts: list[dict[str, Bytes]]) -> dict[str, Bytes]:
    """The ids of several batches of rows; each is let go of."""
    return {name: np.concatenate([part.pop(name) for part in parts]) for name in list(parts[0])}


def stored(ids: Bytes) -> pa.Array:
    """Ids as a column of a run."""
    return pa.Array.from_buffers(ID, len(ids), [None, pa.py_buffer(np.ascontiguousarray(ids))])
