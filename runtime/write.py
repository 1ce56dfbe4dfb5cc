"""Write tables into the store: text in batches that follow row_id prefixes, ids and small columns beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa

from operators.declare import Columns, ColumnType
from runtime.digest import Bytes, id_array, table_digest
from runtime.ids import digest_name, sorted_order
from runtime.store import Store
from runtime.table import TEXT, whole

TEXT_ROWS = 16384


def write_columns(store: Store, schema: pa.Schema, batches: Iterable[Sequence[pa.Array]]) -> str:
    """An Arrow file as an object; `object:DIGEST`. Uncompressed: packing and unpacking cost more than all hashing."""
    made: list[str] = []
    with store.new_object(made) as file, pa.ipc.new_file(file, schema) as writer:
        for batch in batches:
            writer.write_batch(pa.record_batch(list(batch), schema=schema))
    return f"object:{made[0]}"


def small_columns(columns: Columns) -> dict[str, str]:
    """Column -> the name of the small column that stands for it in a frame."""
    return {name: digest_name(name) if kind in TEXT else name for name, kind in columns.items()}


def write_frame(store: Store, columns: Mapping[str, pa.Array]) -> str:
    """Ids and small columns, in one uncompressed batch that is mapped into memory when it is read."""
    schema = pa.schema([(name, column.type) for name, column in columns.items()])
    return write_columns(store, schema, [list(columns.values())])


def taken(ids: Bytes, order: np.ndarray[Any, Any]) -> Bytes:
    """Ids in another order: as 16-byte numbers, which are moved whole."""
    moved: Bytes = np.ascontiguousarray(ids).view(np.complex128).ravel()[order].view(np.uint8).reshape(-1, 16)
    return moved


def write_based(
    store: Store, parts: list[pa.Table], ids: Mapping[str, Bytes], columns: Columns, constants: Mapping[str, str]
) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """Write a table whose text is new: (tree, digest, described columns).

    `parts` hold every column but the constants, in the order of `ids`, which are not sorted yet. The list is
    emptied: what is written is let go of.
    """
    content = pa.concat_tables(parts).combine_chunks()
    parts.clear()
    order = sorted_order(ids["row_id"])
    ids = {name: taken(column, order) for name, column in ids.items()}
    text = [name for name, kind in columns.items() if kind in TEXT]
    places = pa.array(order)

    def batches() -> Iterable[list[pa.Array]]:
        for start in range(0, len(order), TEXT_ROWS):
            chosen = places.slice(start, TEXT_ROWS)
            yield [whole(content.column(name)).take(chosen) for name in text]

    schema = pa.schema([(name, content.schema.field(name).type) for name in text])
    with ThreadPoolExecutor(1) as pool:
        # Text goes to disk while ids and small columns are sorted and hashed.
        writing = pool.submit(write_columns, store, schema, batches()) if text else None
        frame = {"row_id": id_array(ids["row_id"]), "item_id": id_array(ids["item_id"])}
        for name, kind in columns.items():
            if kind in TEXT:
                digests = ids[digest_name(name)]
                frame[digest_name(name)] = masked(id_array(digests), (digests == 0).all(axis=1))
            elif name in constants:
                frame[name] = constant(constants[name], len(order))
            else:
                frame[name] = whole(content.column(name)).take(places)
        digest, described = described_table(frame, columns)
        frame_object = write_frame(store, frame)
        text_object = writing.result() if writing is not None else None
    tree = {"kind": "based", "rows": len(order), "columns": dict(columns), "frame": frame_object, "text": text_object}
    return tree, digest, described


def described_table(frame: Mapping[str, pa.Array], columns: Columns) -> tuple[str, dict[str, Any]]:
    """The digest of a table, from its ids and small columns."""
    from runtime.digest import id_bytes

    named: dict[str, tuple[ColumnType, pa.Array]] = {
        name: (kind, frame[digest_name(name) if kind in TEXT else name]) for name, kind in columns.items()
    }
    return table_digest(id_bytes(frame["row_id"]), id_bytes(frame["item_id"]), named)


def masked(ids: pa.Array, null: np.ndarray[Any, Any]) -> pa.Array:
    """Ids with nulls."""
    if not null.any():
        return ids
    bits = pa.py_buffer(np.packbits(~null, bitorder="little"))
    storage = pa.Array.from_buffers(pa.binary(16), len(ids), [bits, ids.storage.buffers()[1]])
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


def constant(value: str, rows: int) -> pa.Array:
    """A label that is the same in every row."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([value]))
