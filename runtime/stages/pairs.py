"""Pairs of rows that are alike: bands and n-grams lie on disk, and each row is compared with those it shares a band with."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from compiler.graph.nodes import Node
from operators.base.pairs import CROWD, NEAR, Pairwise, Sets, Sketches
from operators.kernels.ranks import row_ranks
from operators.kernels.shingles import common, within
from operators.kernels.text import Texts
from runtime.executors.executor import Rows
from runtime.store.bound import show_size
from runtime.store.digest import id_array, id_bytes
from runtime.store.running import scratch
from runtime.store.store import Store, StoreError
from runtime.tables.batches import in_order
from runtime.tables.beside import Beside
from runtime.tables.table import BATCH, Table, bytes_a_row
from runtime.tables.write import BESIDE_ROWS, BesideWriter, masked, taken

Array = np.ndarray[Any, Any]
NONE = np.uint32(0xFFFFFFFF)
"""Of a row that no row is near to: there are no so many rows."""
HELD = 90
"""Bytes of a row that are in memory while rows are compared, about: ranks, where n-grams begin, one band."""
AT_ONCE = 1 << 18
"""N-grams that are compared at a time."""


@dataclass(frozen=True)
class PairSearch:
    """A table whose rows are compared with one another, and the column by whose cells they are."""

    store: Store
    table: Table
    node: Node
    column: str
    threads: int


def find_pairs(search: PairSearch, piece: None, tell: Rows) -> Beside:
    """Beside the table: the row near to each, and its crowd."""
    operator = search.node.operator
    assert isinstance(operator, Pairwise)
    complain_many(search)
    with scratch(search.store.root) as folder:
        rows = Sketched(search, folder, tell)
        near, crowd = nearest(rows, operator)
        return write_beside(search, rows.ranked, near, crowd)


def complain_many(search: PairSearch) -> None:
    """Raises StoreError for more rows than can be compared within the bound."""
    held, bound = HELD * search.table.rows, search.store.bound
    if held > bound.room:
        what = f"`{search.node.label}` holds {show_size(held)} of {search.table.rows:,} rows"
        hint = f"build with --memory {bound.least_with(held) >> 20}MB, or more"
        raise StoreError(f"{what}: that does not fit into {bound.memory >> 20} MB", hint)


class SetsOnDisk:
    """A sorted set of hashes of each row: the hashes on disk, and where each set begins in memory."""

    def __init__(self, path: Path, rows: int, file: BinaryIO) -> None:
        self.path, self.file, self.end = path, file, 0
        self.bounds = np.zeros(rows + 1, np.int64)

    def append(self, first: int, sets: Sets) -> None:
        """The sets of the rows from one on."""
        self.file.write(np.ascontiguousarray(sets.hashes).data)
        self.bounds[first + 1 : first + len(sets.bounds)] = self.end + sets.bounds[1:]
        self.end += len(sets.hashes)

    @cached_property
    def hashes(self) -> Array:
        """All of them, in the order of rows."""
        return np.memmap(self.path, np.uint64, "r") if self.end else np.zeros(0, np.uint64)

    def sizes(self, rows: Array) -> Array:
        """How many hashes rows have."""
        return self.bounds[rows.astype(np.int64) + 1] - self.bounds[rows]

    def of(self, rows: Array) -> tuple[Array, Array]:
        """(the hashes of some rows, where those of each begin, and the end)."""
        counts = self.sizes(rows)
        return self.hashes[np.repeat(self.bounds[rows], counts) + within(counts)], np.concatenate([[0], np.cumsum(counts)])

    def shared(self, ones: Array, others: Array) -> Array:
        """How many hashes each of some rows has in common with the one beside it."""
        found = np.zeros(len(ones), np.int64)
        work, first, last = np.cumsum(self.sizes(ones)), self.bounds[others], self.bounds[others.astype(np.int64) + 1]
        starts = np.searchsorted(work, np.arange(0, int(work[-1]) if len(work) else 0, AT_ONCE)).tolist()
        for start, end in pairwise([*starts, len(ones)]):
            found[start:end] = common(*self.of(ones[start:end]), self.hashes, first[start:end], last[start:end])
        return found


class Sketched:
    """The sketches of all rows, on disk but for some bytes a row."""

    def __init__(self, search: PairSearch, folder: Path, tell: Rows) -> None:
        """Sketch all rows, and rank them: `place` is where each stands by its rank, `ranked` the row at each place."""
        self.search, self.folder, self.rows, self.bands = search, folder, search.table.rows, 0
        table, node, operator = search.table, search.node, search.node.operator
        assert isinstance(operator, Pairwise)
        with ExitStack() as stack:

            def opened(name: str) -> BinaryIO:
                return stack.enter_context(search.store.files.scratch(folder / name))

            self.grams, self.traits = (SetsOnDisk(folder / name, self.rows, opened(name)) for name in ("grams", "traits"))
            files: list[BinaryIO] = []
            for first, made in sketched(search, operator):
                self.grams.append(first, made.grams)
                self.traits.append(first, made.traits)
                files += [opened(f"band {number}") for number in range(len(files), len(made.bands))]
                for file, values in zip(files, made.bands, strict=True):
                    file.write(np.ascontiguousarray(values).data)
                tell(first + made.bands.shape[1])
            self.bands = len(files)
        ranks = [row_ranks(node.seed, operator.name, table.column("row_id", part)) for part in range(len(table.spread))]
        self.ranked = np.argsort(np.concatenate(ranks), kind="stable").astype(np.uint32)
        self.place = np.empty(self.rows, np.uint32)
        self.place[self.ranked] = np.arange(self.rows, dtype=np.uint32)

    def band(self, number: int) -> Array:
        """(n) the hash of one band of each row, in the order of ids."""
        return np.fromfile(self.folder / f"band {number}", np.uint32)

    def alike(self, ones: Array, others: Array, operator: Pairwise) -> Array:
        """Whether each of some rows is like the one beside it."""
        sizes, lengths = self.grams.sizes(ones), self.grams.sizes(others)
        # Most pairs are told apart by their sizes, as all that the smaller one has may be in the larger one, or by their traits.
        at = np.flatnonzero(operator.alike(np.minimum(sizes, lengths), sizes, lengths))
        fewer = np.minimum(self.traits.sizes(ones[at]), self.traits.sizes(others[at]))
        at = at[self.traits.shared(ones[at], others[at]) == fewer]
        found = np.zeros(len(ones), bool)
        found[at] = operator.alike(self.grams.shared(ones[at], others[at]), sizes[at], lengths[at])
        return found


def sketched(search: PairSearch, operator: Pairwise) -> Iterator[tuple[int, Sketches]]:
    """(first row, the sketches of some rows) of all rows, in their order."""
    table, node, ahead = search.table, search.node, 2 * search.threads

    def one(batch: tuple[int, dict[str, pa.Array]]) -> tuple[int, Sketches]:
        return batch[0], operator.sketch(Texts(batch[1][search.column]), node.entries, node.seed)

    rows = min(BATCH, max(1, search.store.bound.room // (64 * ahead * bytes_a_row(search.store, table.tree))))
    with ThreadPoolExecutor(search.threads) as pool:
        yield from in_order(pool, one, table.batches([search.column], rows), ahead)


def nearest(rows: Sketched, operator: Pairwise) -> tuple[Array, Array]:
    """(the place by rank of the row near to each, NONE without one; how many rows of lower rank share its band), by place."""
    near, crowd = np.full(rows.rows, NONE), np.zeros(rows.rows, np.uint32)
    full = np.diff(rows.grams.bounds) > 0
    for band in range(rows.bands):
        # Sorted as one number: rows of one hash stand beside each other, by rank.
        packed = ((rows.band(band).astype(np.uint64) << np.uint64(32)) | rows.place)[full]
        packed.sort()
        hashes, places = packed >> np.uint64(32), (packed & np.uint64(0xFFFFFFFF)).astype(np.uint32)
        behind = np.flatnonzero(hashes[1:] == hashes[:-1]) + 1
        if not len(behind):
            continue
        # The first of each row's band: where a run of places that follow each other began, the row before it.
        fresh = np.ones(len(behind), bool)
        fresh[1:] = behind[1:] != behind[:-1] + 1
        first = behind[np.flatnonzero(fresh)][np.cumsum(fresh) - 1] - 1
        own = places[behind]
        crowd[own] = np.maximum(crowd[own], (behind - first).astype(np.uint32))
        compare_band(rows, operator, places, behind, first, near)
    return near, crowd


def compare_band(rows: Sketched, operator: Pairwise, places: Array, behind: Array, first: Array, near: Array) -> None:
    """Compare the rows of one band in rounds, each with the one of lowest rank that it has not met; `near` is written."""
    for turn in range(operator.most()):
        own, other = places[behind], places[np.minimum(first + turn, behind)]
        # A row that is known to be near to one asks only for those that rank before that one.
        asks = np.flatnonzero((first + turn < behind) & (other < near[own]))
        if not len(asks):
            return
        behind, first, own, other = behind[asks], first[asks], own[asks], other[asks]
        alike = rows.alike(rows.ranked[own], rows.ranked[other], operator)
        near[own[alike]] = other[alike]
        behind, first = behind[~alike], first[~alike]


def write_beside(search: PairSearch, ranked: Array, near: Array, crowd: Array) -> Beside:
    """The columns beside the table, row for row, with ids in the place of ranks."""
    table = search.table
    place = np.empty(table.rows, np.int64)
    place[ranked] = np.arange(table.rows)
    has = np.flatnonzero(near[place] != NONE)
    rows = ranked[near[place[has]]].astype(np.int64)
    ids = np.zeros((len(has), 16), np.uint8)
    for part, (start, end) in enumerate(zip(table.bounds, table.bounds[1:], strict=False)):
        there = np.flatnonzero((rows >= start) & (rows < end))
        if len(there):
            ids[there] = taken(id_bytes(table.column("row_id", part)), rows[there] - start)
    schema = pa.schema([(NEAR, pa.uuid()), (CROWD, pa.int64())])
    with BesideWriter(search.store, schema) as writer:
        for start in range(0, table.rows, BESIDE_ROWS):
            end = min(table.rows, start + BESIDE_ROWS)
            low, high = np.searchsorted(has, [start, end])
            cells, null = np.zeros((end - start, 16), np.uint8), np.ones(end - start, bool)
            cells[has[low:high] - start], null[has[low:high] - start] = ids[low:high], False
            writer.add([masked(id_array(cells), null), pa.array(crowd[place[start:end]].astype(np.int64))])
        return writer.written()
