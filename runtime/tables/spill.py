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
from runtime.store.bound import MOST_PARTS, Bound, show_size
from runtime.store.digest import Bytes, Described, buckets_of, id_bytes
from runtime.store.store import Store, StoreError
from runtime.tables.ids import child_ids, number_copies
from runtime.tables.objects import whole
from runtime.tables.order import halves, sorted_order, tied_order
from runtime.tables.write import TableWriter, gathered, ranges, taken

AT_ONCE = 2
"""Parts whose text is written side by side, where it is in memory anyway."""
BUCKETS = 256
ID = pa.binary(16)
KEYS = (".row_id", ".tie")
"""What rows are sorted by: equal ones by a tie, where they have one."""
RENAMED = 1 << 16
"""Equal rows that are told apart at a time."""


@dataclass
class Run:
    """A file of rows sorted by id, with one batch for each of the 256 buckets."""

    path: Path
    rows: int
    stays: dict[int, np.ndarray[Any, Any]] = field(default_factory=dict)
    """Bucket -> whether each of its rows keeps its id, in packed bits; a bucket of which all do is not in it."""

    def groups(self, bucket: int) -> tuple[Bytes, np.ndarray[Any, Any]]:
        """(the ids in a bucket, each once, with the tie that tells equal ones apart behind it; how many rows have each)."""
        with pa.memory_map(str(self.path)) as file:
            batch = pa.ipc.open_file(file).get_batch(bucket)
            ids = np.concatenate([id_bytes(batch.column(name)) for name in KEYS if name in batch.schema.names], axis=1)
            starts = np.flatnonzero(np.append(True, (ids[1:] != ids[:-1]).any(axis=1))[: len(ids)])
            return ids[starts], np.diff(np.append(starts, len(ids)))

    def batches(self, first: int, last: int) -> Iterator[pa.RecordBatch]:
        """The rows of some buckets, bucket by bucket, with all that the run was written with."""
        with pa.OSFile(str(self.path)) as file:
            reader = pa.ipc.open_file(file)
            for bucket in range(first, last):
                yield reader.get_batch(bucket)

    def kept(self, first: int, last: int) -> Iterator[pa.RecordBatch]:
        """Those of them that have their ids still."""
        for bucket, batch in enumerate(self.batches(first, last), first):
            stays = self.stays.get(bucket)
            yield batch if stays is None else batch.filter(pa.array(np.unpackbits(stays, count=len(batch)).astype(bool)))


class Spill:
    """Rows of one table, in the order in which they come; equal ones are told apart, where there may be any."""

    def __init__(self, store: Store, distinct: bool = False) -> None:
        self.store, self.distinct = store, distinct
        self.tables: list[pa.Table] = []
        self.ids: list[dict[str, Bytes]] = []
        self.runs: list[Run] = []
        self.held = self.size = self.rows = 0

    def add(self, content: pa.Table, ids: dict[str, Bytes]) -> None:
        """More rows, with `row_id`, `item_id` and the cell digests of their text, each (n, 16); `tie` orders equal rows."""
        self.tables.append(content)
        self.ids.append(ids)
        self.rows += len(content)
        size = content.nbytes + sum(each.nbytes for each in ids.values())
        self.held, self.size = self.held + size, self.size + size
        complain_larger("the rows of a table", self.size, self.store.bound)
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
            there = f"{show_size(size)} are to be written into `{self.store.folder}`, and {show_size(free)} are free"
            raise StoreError(there, "make room, or choose another store with --store")

    def flush(self) -> None:
        """Write what is in memory as a run."""
        self.check_room(self.held)
        ids = joined_ids(self.ids)
        content = pa.concat_tables(self.tables)
        self.tables, self.ids, self.held = [], [], 0
        order = sorted_order(ids["row_id"]) if "tie" not in ids else tied_order(ids["row_id"], ids["tie"])
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
        """Tell equal rows apart over all runs: those that get other ids come into runs of their own."""
        runs = list(self.runs)
        for bucket in range(BUCKETS):
            moved: list[tuple[pa.RecordBatch, np.ndarray[Any, Any]]] = []
            for run, first, rows in numbered(runs, bucket):
                copies = np.arange(rows.sum()) + np.repeat(first - (np.cumsum(rows) - rows), rows)
                run.stays[bucket] = np.packbits(copies == 0)
                (batch,), again = run.batches(bucket, bucket + 1), np.flatnonzero(copies)
                for start in range(0, len(again), RENAMED):
                    places = again[start : start + RENAMED]
                    moved.append((batch.take(pa.array(places)), copies[places]))
                    if sum(len(each) for _, each in moved) >= RENAMED:
                        self.rename(moved)
            self.rename(moved)

    def rename(self, moved: list[tuple[pa.RecordBatch, np.ndarray[Any, Any]]]) -> None:
        """Add rows once more, each as a numbered copy of what it equals; they are let go of."""
        if moved:
            content, ids = parted(pa.Table.from_batches([batch for batch, _ in moved]))
            ids["row_id"] = child_ids(ids["row_id"], "copy", np.concatenate([copies for _, copies in moved]))
            moved.clear()
            self.add(content, ids)

    def parts(self) -> Iterator[tuple[pa.Table, dict[str, Bytes], np.ndarray[Any, Any]]]:
        """Of each part its rows, their ids in order, and the order of the rows; what is in memory is let go of."""
        count = self.store.bound.parts_for(self.size)
        if self.runs:
            yield from self.merged(count)
            return
        ids = joined_ids(self.ids)
        order = sorted_order(ids["row_id"]) if self.distinct else number_copies(ids["row_id"], ids.get("tie"))
        ids = {name: taken(ids.pop(name), order) for name in list(ids)}
        content = pa.concat_tables(self.tables)
        self.tables, self.ids = [], []
        for first, last in ranges(ids["row_id"], count):
            yield content, {name: each[first:last] for name, each in ids.items()}, order[first:last]

    def merged(self, count: int) -> Iterator[tuple[pa.Table, dict[str, Bytes], np.ndarray[Any, Any]]]:
        """The same of rows that are on disk."""
        if self.tables:
            self.flush()
        self.check_room(self.size)
        if not self.distinct:
            self.number()
            if self.tables:
                self.flush()
        for first in range(0, BUCKETS, BUCKETS // count):
            content, ids = parted(self.read(first, first + BUCKETS // count))
            order = sorted_order(ids["row_id"])
            yield content, {name: taken(ids.pop(name), order) for name in list(ids)}, order

    def write(self, columns: Columns, constants: Mapping[str, str]) -> tuple[dict[str, Any], Described]:
        """(the tree of the table of all rows, what it is); they are let go of."""
        writer = TableWriter(self.store, columns, constants)
        # Parts of what is in memory share their text; those of runs are read one by one.
        writer.add_all(self.parts(), at_once=1 if self.runs else AT_ONCE)
        return writer.written()

    def read(self, first: int, last: int) -> pa.Table:
        """The rows of some buckets, of all runs."""
        batches = [batch for run in self.runs for batch in run.kept(first, last)]
        return pa.Table.from_batches(batches).combine_chunks()


def numbered(runs: list[Run], bucket: int) -> list[tuple[Run, np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """(run, of each of its ids in a bucket the number of the first row that has it, and of these rows), where one is not 0.

    Equal rows have no order among them but by their ties: it is the same whichever is called the first.
    """
    found = [run.groups(bucket) for run in runs]
    ids, rows = (np.concatenate(each) for each in zip(*found, strict=True))
    keys = [half for at in range(0, ids.shape[1], 16) for half in halves(np.ascontiguousarray(ids[:, at : at + 16]))]
    order = np.lexsort(keys[::-1])  # stable: of equal ids those of earlier runs come first
    rows_only = ids[order, :16]
    starts = np.append(True, (rows_only[1:] != rows_only[:-1]).any(axis=1))[: len(ids)]
    before = np.cumsum(rows[order]) - rows[order]
    first = np.empty(len(ids), dtype=np.int64)
    first[order] = before - np.repeat(before[starts], np.diff(np.append(np.flatnonzero(starts), len(ids))))
    ends = np.cumsum([len(each) for each, _ in found])[:-1]
    by_run = zip(runs, np.split(first, ends), np.split(rows, ends), strict=True)
    return [(run, own, each) for run, own, each in by_run if (own + each > 1).any()]


def complain_larger(what: str, size: int, bound: Bound) -> None:
    """Raises StoreError for so many bytes of rows of which the smallest part does not fit into the bound."""
    if size > bound.most:
        message = f"{what} take {show_size(size)} and more: a {MOST_PARTS}th of them does not fit into {bound.memory >> 20} MB"
        raise StoreError(message, f"build with --memory {bound.least_for(size) >> 20}MB, or more")


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
