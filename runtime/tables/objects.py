"""Columns as objects of the store hold them: an Arrow file, or one for each part of a table."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from runtime.store.store import Store
from runtime.store.trees import references

Reference = str | list[str]
"""`object:DIGEST`; where a table has parts, a list with one for each."""
SHARE = "part/whole"


def object_name(reference: str) -> str:
    return reference.removeprefix("object:")


def referring(objects: Sequence[str]) -> Reference:
    """What names the objects of all parts; that of a table of one part is no list."""
    return objects[0] if len(objects) == 1 else list(objects)


def read_part(store: Store, reference: Reference, part: int) -> pa.Table:
    """The Arrow file of one part, checked and mapped into memory for as long as something of it is held."""
    with pa.memory_map(str(store.read_path(object_name(references(reference)[part])))) as file:
        return pa.ipc.open_file(file).read_all()


def read_table(store: Store, reference: Reference) -> pa.Table:
    """The same of all parts."""
    parts = [read_part(store, reference, part) for part in range(len(references(reference)))]
    return parts[0] if len(parts) == 1 else pa.concat_tables(parts)


def whole(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array, without a copy where it has one chunk."""
    if column.num_chunks == 1:
        return column.chunk(0)
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def beside_part(store: Store, reference: str, name: str, spread: Sequence[int], part: int) -> pa.Array:
    """A column made beside a table for one of its parts."""
    return column_of(read_part(store, reference, 0).slice(sum(spread[:part]), spread[part]), name)


def beside_column(store: Store, reference: str, name: str) -> pa.Array:
    """A column made beside a table."""
    return column_of(read_part(store, reference, 0), name)


def beside_window(store: Store, reference: str, column: int, first: int, last: int) -> pa.Array:
    """Some rows of a column made beside a table, by its number; of its batches only those that hold them are read."""
    with pa.OSFile(str(store.read_path(object_name(reference)))) as file:
        reader = pa.ipc.open_file(file)
        kind = reader.schema.types[column]
        if first >= last:
            return pa.array([], kind)
        size = reader.get_batch(0).num_rows  # of all but the last
        batches = [reader.get_batch(at).column(column) for at in range(first // size, (last - 1) // size + 1)]
        return whole(pa.chunked_array(batches, kind)).slice(first % size, last - first)


def column_of(table: pa.Table, name: str) -> pa.Array:
    """A measured column; `part/whole` is the share, null where the measure abstains."""
    if name != SHARE:
        return nulled(whole(table.column(name)))
    return share_of(*(nulled(whole(table.column(each))) for each in SHARE.split("/")))


def share_of(part: pa.Array, of: pa.Array) -> pa.Array:
    """Two counts as one number."""
    return pc.divide(part.cast(pa.float64()), of.cast(pa.float64()))


def nulled(column: pa.Array) -> pa.Array:
    """Measured whole numbers with null in the place of -1; other columns as they are."""
    if not pa.types.is_integer(column.type):
        return column
    return pc.if_else(pc.less(column, 0), pa.scalar(None, column.type), column)
