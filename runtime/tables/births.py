"""Rows that are born of rows of a table: ids and some cells of their own, all others as their parents have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from operators.base.scope import Columns
from runtime.store.digest import Bytes, id_bytes
from runtime.store.store import Store
from runtime.tables.cursors import FrameCursor
from runtime.tables.ids import digest_name, hash_column
from runtime.tables.objects import whole
from runtime.tables.spill import Spill
from runtime.tables.table import ARROW, BATCH, TEXT, Table, bytes_a_row
from runtime.tables.write import TableWriter, taken

Places = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Batch:
    """Some rows of a table, one after another."""

    first: int
    """The place of the first of them in the table."""
    ids: Mapping[str, Bytes]
    """`row_id`, `item_id` and the cell digests of text columns, each (n, 16)."""
    columns: Mapping[str, pa.Array]

    @property
    def rows(self) -> int:
        return len(self.ids["row_id"])


def rows_at_a_time(store: Store, table: Table, children: int = 1) -> int:
    """How many rows are read at a time, each of which has so many children at most."""
    return min(BATCH, max(1, store.bound.room // (16 * bytes_a_row(store, table.tree) * max(1, children))))


def batches_with_ids(table: Table, columns: Sequence[str], rows: int, first: int = 0, last: int | None = None) -> Iterator[Batch]:
    """The rows of a table from one up to another, with their ids and some columns."""
    names = ["row_id", "item_id", *(digest_name(name) for name in columns if table.columns[name] in TEXT)]
    cursor = FrameCursor(table.column, names, table.spread, first)
    for start, cells in table.batches(columns, rows, first, last):
        read = cursor.read(len(next(iter(cells.values()))))
        yield Batch(start, {name: filled(each) for name, each in zip(names, read, strict=True)}, cells)


def filled(ids: pa.Array) -> Bytes:
    """Ids or cell digests as bytes, zeros for null."""
    return id_bytes(ids.storage.fill_null(bytes(16)) if ids.null_count else ids)


class Births:
    """Rows with new ids on their way into a table, in any order: over the disk, where they are many."""

    def __init__(self, store: Store, columns: Columns) -> None:
        self.store, self.columns = store, columns
        self.spill = Spill(store, distinct=True)

    @property
    def rows(self) -> int:
        return self.spill.rows

    def close(self) -> None:
        """Remove what is on disk."""
        self.spill.close()

    def add(self, batch: Batch, parents: Places, ids: Mapping[str, Bytes], cells: Mapping[str, pa.Array]) -> None:
        """Children of rows of a batch, by their places in it; `ids` has their `row_id`, and others that are kept beside it.

        What `cells` has is their own: columns of the table, and others that are kept beside it.
        """
        for start in range(0, len(parents), BATCH):
            chosen = parents[start : start + BATCH]
            places = pa.array(chosen)
            content = {name: batch.columns[name].take(places) for name in self.columns if name not in cells}
            content |= {name: each.slice(start, BATCH) for name, each in cells.items()}
            own = {name: each[start : start + BATCH] for name, each in ids.items()}
            own["item_id"] = taken(batch.ids["item_id"], chosen)
            for name, kind in self.columns.items():
                if kind == "label":  # files of a spill have one dictionary, and batches bring others
                    content[name] = content[name].cast(pa.string())
                elif kind in TEXT and name in cells:
                    own[digest_name(name)] = hash_column(content[name], kind)
                elif kind in TEXT:
                    own[digest_name(name)] = taken(batch.ids[digest_name(name)], chosen)
            self.spill.add(pa.table(content), own)

    def written(self, writer: TableWriter) -> Iterator[tuple[pa.Table, dict[str, Bytes], np.ndarray[Any, Any]]]:
        """Write the rows part by part; of each part its rows, their ids in order, and the order of the rows."""
        for content, ids, order in self.spill.parts():
            labels = {
                name: whole(content.column(name)).cast(ARROW[kind]) for name, kind in self.columns.items() if kind == "label"
            }
            for name, column in labels.items():
                content = content.set_column(content.schema.get_field_index(name), name, column)
            writer.add(content, ids, order)
            yield content, ids, order
