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

#: A null text has a cell digest that no text has.
NULL_CELL = bytes(16)


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
        case "text" | "list of text":  # the column holds cell digests already
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


def column_digest(cells: Bytes, bounds: np.ndarray[Any, Any]) -> str:
    """The Merkle root of one column."""
    cells = np.ascontiguousarray(cells)
    hasher = blake3()
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        hasher.update(blake3(cells[start:end].data if end > start else b"").digest())
    return hasher.hexdigest()


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


def table_digest(frame: Callable[[str], pa.Array], columns: Columns, small: Mapping[str, str]) -> Described:
    """The digests of a table whose rows are in row_id order, with distinct ids.

    `frame` gives a small column by its name, one at a time, so that no more than one is in memory.
    """
    row_ids = id_bytes(frame("row_id"))
    bounds = buckets_of(row_ids)
    ids = {
        "rows": len(row_ids),
        "row_id": column_digest(row_ids, bounds),
        "item_id": column_digest(id_bytes(frame("item_id")), bounds),
    }
    described = {
        name: {"type": kind, "digest": column_digest(cells_of(frame(small[name]), kind), bounds)}
        for name, kind in columns.items()
    }
    return Described(digest_of({**ids, "columns": described}), digest_of(ids), described)
