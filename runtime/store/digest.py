"""The digest of a logical table: a Merkle root over 256 row_id-prefix buckets of each column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from blake3 import blake3

from compiler.text.canonical import digest_of
from operators.base.scope import Columns, ColumnType

Bytes = np.ndarray[Any, np.dtype[np.uint8]]

EMPTY_BUCKET = blake3(b"").digest()


def id_bytes(column: pa.Array) -> Bytes:
    """A column of 16-byte ids as an (n, 16) array."""
    storage = column.storage if isinstance(column, pa.ExtensionArray) else column
    data = storage.buffers()[1]
    raw = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, np.uint8)
    return raw[storage.offset * 16 : (storage.offset + len(storage)) * 16].reshape(-1, 16)


def id_array(ids: Bytes) -> pa.Array:
    """(n, 16) bytes as a column of ids, which DuckDB reads as UUID."""
    storage = pa.Array.from_buffers(pa.binary(16), len(ids), [None, pa.py_buffer(np.ascontiguousarray(ids))])
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


def buckets_of(row_ids: Bytes) -> np.ndarray[Any, Any]:
    """The 257 bounds of the prefix buckets of sorted ids."""
    return np.searchsorted(row_ids[:, 0], np.arange(257))


def cells_of(column: pa.Array, kind: ColumnType) -> Bytes:
    """The canonical bytes of each cell, (n, width): null is marked, whatever lies under it is not read."""
    null = np.asarray(column.is_null().to_numpy(zero_copy_only=False))
    match kind:
        case "text" | "list of text" | "messages" | "tools":  # the column holds cell digests already
            return id_bytes(column)
        case "label":
            encoded = column.dictionary_encode()
            table = np.array(
                [np.frombuffer(blake3(str(v).encode()).digest(16), np.uint8) for v in encoded.dictionary.to_pylist()]
                + [np.zeros(16, np.uint8)],
                dtype=np.uint8,
            )
            cells: Bytes = table[encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)]
            return cells
        case "boolean":
            values = np.asarray(column.fill_null(False).to_numpy(zero_copy_only=False)).astype(np.uint8)
            return np.where(null, 2, values).astype(np.uint8).reshape(-1, 1)
        case "integer":
            numbers = np.asarray(column.fill_null(0).to_numpy(zero_copy_only=False)).astype("<i8")
        case "number":
            floats = np.asarray(column.fill_null(0.0).to_numpy(zero_copy_only=False)).astype("<f8")
            numbers = np.where(np.isnan(floats), np.float64("nan"), floats + 0.0).view("<i8")
    return np.concatenate([numbers.view(np.uint8).reshape(-1, 8), null.astype(np.uint8).reshape(-1, 1)], axis=1)


class Described(NamedTuple):
    """What a table is, by content."""

    digest: str
    """Of the whole table."""
    ids: str
    """Of its row ids and item ids alone."""
    columns: dict[str, Any]
    """Column -> its type, and its digest."""

    def body(self) -> dict[str, Any]:
        """The part of a record that says it."""
        return {"digest": self.digest, "ids": self.ids, "columns": self.columns}


class Describing:
    """The digests of a table whose parts come one after another, each a range of row_id prefixes."""

    def __init__(self, columns: Columns, small: Mapping[str, str]) -> None:
        self.columns, self.small, self.rows = columns, small, 0
        self.buckets: dict[str, list[bytes]] = {name: [EMPTY_BUCKET] * 256 for name in ("row_id", "item_id", *small.values())}

    def add(self, column: Callable[[str], pa.Array]) -> None:
        """A part, whose rows are in row_id order with distinct ids; `column` gives a small column by its name, one at a time."""
        row_ids = id_bytes(column("row_id"))
        bounds = buckets_of(row_ids)
        self.rows += len(row_ids)
        self.fill("row_id", row_ids, bounds)
        self.fill("item_id", id_bytes(column("item_id")), bounds)
        for name, kind in self.columns.items():
            self.fill(self.small[name], cells_of(column(self.small[name]), kind), bounds)

    def fill(self, name: str, cells: Bytes, bounds: np.ndarray[Any, Any]) -> None:
        """The buckets of one column that a part has rows in."""
        cells = np.ascontiguousarray(cells)
        for at in np.flatnonzero(np.diff(bounds)).tolist():
            self.buckets[name][at] = blake3(cells[bounds[at] : bounds[at + 1]].data).digest()

    def described(self) -> Described:
        """What the table is, of all parts that came."""
        roots = {name: blake3(b"".join(buckets)).hexdigest() for name, buckets in self.buckets.items()}
        columns = {name: {"type": kind, "digest": roots[self.small[name]]} for name, kind in self.columns.items()}
        ids = {"rows": self.rows, "row_id": roots["row_id"], "item_id": roots["item_id"]}
        return Described(digest_of({**ids, "columns": columns}), digest_of(ids), columns)


def table_digest(column: Callable[[str], pa.Array], columns: Columns, small: Mapping[str, str]) -> Described:
    """The same of a table that is one part."""
    describing = Describing(columns, small)
    describing.add(column)
    return describing.described()
