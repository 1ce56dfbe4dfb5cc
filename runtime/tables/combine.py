"""All rows of several tables as one: ids and small columns are written anew, text stays where it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from operators.base.scope import Columns
from runtime.store.digest import Described, id_array, id_bytes
from runtime.store.store import Store, StoreError
from runtime.tables.cursors import FrameCursor
from runtime.tables.order import sorted_order
from runtime.tables.table import Table, empty_column, open_table
from runtime.tables.write import FrameWriter, small_columns

TWICE = (
    "two tables of one `from` hold the same rows",
    "a row stands in a table once: combine sources, or tables that are disjoint",
)


def combine_trees(
    store: Store, trees: list[dict[str, Any]], columns: Columns, twice: tuple[str, str] = TWICE
) -> tuple[dict[str, Any], Described]:
    """Write the frame of all rows of several tables: (tree, what it is).

    Raises StoreError for equal ids; `twice` is what it says, and a hint.
    """
    members = [open_table(store, tree) for tree in trees]
    writer = FrameWriter(store, columns)
    readers = [MemberFrames(member, columns) for member in members]
    parts = max(store.bound.parts or 1, *(len(member.spread) for member in members))
    for prefix in range(0, 256, 256 // parts):
        frames = [reader.read(reader.table.place_of(prefix + 256 // parts)) for reader in readers]
        writer.add(interleaved(frames, columns, twice))
    tree = writer.tree("combined", parts=trees)
    return tree, writer.describing.described()


class MemberFrames:
    """Ids and small columns of one table of a combination, read part by part of the combination."""

    def __init__(self, table: Table, columns: Columns) -> None:
        self.table, self.columns, self.place = table, columns, 0
        self.names = ["row_id", "item_id", *(small for name, small in small_columns(columns).items() if name in table.columns)]
        self.cursor = FrameCursor(table.column, self.names, table.spread, 0)

    def read(self, last: int) -> dict[str, pa.Array]:
        """The rows up to one; a column that the table lacks is null."""
        rows = last - self.place
        read = dict(zip(self.names, self.cursor.read(rows), strict=True))
        self.place = last
        smalls = small_columns(self.columns).items()
        return {small: empty_column(rows, self.columns[name]) for name, small in smalls if small not in read} | read


def interleaved(frames: list[dict[str, pa.Array]], columns: Columns, twice: tuple[str, str]) -> dict[str, pa.Array]:
    """The rows of several frames in row_id order, with the number of the frame that each is of."""
    ids = np.concatenate([id_bytes(frame["row_id"]) for frame in frames])
    order = sorted_order(ids)
    if (ids[order][1:] == ids[order][:-1]).all(axis=1).any():
        raise StoreError(*twice)
    places = pa.array(order)
    made: dict[str, pa.Array] = {"row_id": id_array(ids[order])}
    made["item_id"] = id_array(np.concatenate([id_bytes(frame["item_id"]) for frame in frames])[order])
    for name, small in small_columns(columns).items():
        arrays = [frame[small] for frame in frames]
        if columns[name] == "label":
            made[small] = pa.concat_arrays([array.cast(pa.string()) for array in arrays]).dictionary_encode().take(places)
        else:
            made[small] = pa.concat_arrays(arrays).take(places)
    members = np.repeat(np.arange(len(frames), dtype=np.uint16), [len(frame["row_id"]) for frame in frames])
    made[".part"] = pa.array(members[order])
    return made
