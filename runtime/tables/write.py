"""Write tables into the store: text in batches that follow row_id prefixes, ids and small columns beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from operators.base.scope import Columns
from runtime.store.digest import Bytes, Described, Describing, id_array
from runtime.store.store import Store
from runtime.tables.beside import Beside
from runtime.tables.ids import digest_name
from runtime.tables.objects import object_name, referring, whole
from runtime.tables.order import sorted_order
from runtime.tables.table import TEXT, Table

TEXT_ROWS = 16384
TEXT_BYTES = 1 << 22
"""Of a batch of text in a part of a table: who reads a row holds all of its batch."""
BESIDE_ROWS = 1 << 17
GATHER_ROWS = 131072


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


def ranges(row_ids: Bytes, parts: int) -> list[tuple[int, int]]:
    """(first, last + 1) of the sorted ids of each part."""
    borders = np.searchsorted(row_ids[:, 0], np.arange(0, 257, 256 // parts))
    return list(pairwise(borders.tolist()))


class FrameWriter:
    """Ids and small columns on their way into the store, part by part, with what the table is."""

    def __init__(self, store: Store, columns: Columns) -> None:
        self.store, self.columns = store, columns
        self.describing = Describing(columns, small_columns(columns))
        self.frames: list[str] = []
        self.spread: list[int] = []

    def add(self, frame: Mapping[str, pa.Array]) -> None:
        """The next part, in row_id order."""
        self.describing.add(frame.__getitem__)
        self.frames.append(write_frame(self.store, frame))
        self.spread.append(len(frame["row_id"]))

    def tree(self, kind: str, **parts: Any) -> dict[str, Any]:
        """The tree of the table."""
        spread = {"spread": self.spread} if len(self.spread) > 1 else {}
        rows = {"rows": sum(self.spread), "columns": dict(self.columns), "frame": referring(self.frames)}
        return {"kind": kind, **rows, **spread, **parts}


def describe(table: Table) -> Described:
    """What a table is, by content."""
    describing = Describing(table.columns, small_columns(table.columns))
    for part in range(len(table.spread)):
        describing.add(partial(table.column, part=part))
    return describing.described()


class TableWriter:
    """A table whose text is new on its way into the store, part by part."""

    def __init__(self, store: Store, columns: Columns, constants: Mapping[str, str]) -> None:
        self.store, self.columns, self.constants = store, columns, constants
        self.text = [name for name, kind in columns.items() if kind in TEXT]
        self.frame = FrameWriter(store, columns)
        self.texts: list[str] = []

    def add(self, content: pa.Table, ids: Mapping[str, Bytes], order: np.ndarray[Any, Any]) -> None:
        """The next part: the rows of `content` in an order, and their ids and cell digests, which are sorted already."""
        self.add_all([(content, ids, order)])

    def add_all(self, parts: Iterable[tuple[pa.Table, Mapping[str, Bytes], np.ndarray[Any, Any]]], at_once: int = 1) -> None:
        """The next parts, of which so many are held: text goes to disk while ids and small columns are sorted and hashed."""
        texts: list[Future[str]] = []
        with ThreadPoolExecutor(at_once) as pool:
            for content, ids, order in parts:
                schema = pa.schema([(name, content.schema.field(name).type) for name in self.text])
                if self.text:
                    texts.append(pool.submit(write_columns, self.store, schema, gathered(content, self.text, order)))
                self.frame.add(self.small(content, ids, order))
                if len(texts) >= at_once:
                    texts[-at_once].result()
            self.texts += [each.result() for each in texts]

    def small(self, content: pa.Table, ids: Mapping[str, Bytes], order: np.ndarray[Any, Any]) -> dict[str, pa.Array]:
        """Ids and small columns of a part."""
        frame = {"row_id": id_array(ids["row_id"]), "item_id": id_array(ids["item_id"])}
        for name, kind in self.columns.items():
            if kind in TEXT:
                digests = ids[digest_name(name)]
                frame[digest_name(name)] = masked(id_array(digests), (digests == 0).all(axis=1))
            elif name in self.constants:
                frame[name] = constant(self.constants[name], len(order))
            else:
                column = whole(content.column(name)).take(pa.array(order))
                frame[name] = column.dictionary_encode() if kind == "label" else column
        return frame

    def written(self) -> tuple[dict[str, Any], Described]:
        """(the tree of the table, what it is)."""
        return self.frame.tree("based", text=referring(self.texts) if self.texts else None), self.frame.describing.described()


class BesideWriter:
    """Columns beside a table on their way into the store: whole numbers and digests in one object, text in another.

    Their batches have a fixed number of rows, whatever the parts of the table and the batches that come.
    """

    def __init__(self, store: Store, schema: pa.Schema) -> None:
        text = [place for place, kind in enumerate(schema.types) if pa.types.is_large_string(kind)]
        small = [place for place in range(len(schema)) if place not in text]
        self.kinds = [(small, BESIDE_ROWS), *([(text, TEXT_ROWS)] if text else [])]
        self.store, self.schema = store, schema

    def __enter__(self) -> BesideWriter:
        self.stack = ExitStack()
        self.files = [self.stack.enter_context(even_batches(self.store, self.schema, *kind)) for kind in self.kinds]
        return self

    def __exit__(self, *error: Any) -> None:
        self.stack.__exit__(*error)

    def add(self, columns: Sequence[pa.Array]) -> None:
        """The columns of more rows."""
        for (places, _), (add, _) in zip(self.kinds, self.files, strict=True):
            add([columns[place] for place in places])

    def copy(self, piece: Beside) -> None:
        """The columns of more rows, as another writer wrote them."""
        for reference, (add, _) in zip([piece.object, piece.text], self.files, strict=False):
            assert reference is not None
            with pa.OSFile(str(self.store.read_path(object_name(reference)))) as file:
                reader = pa.ipc.open_file(file)
                for at in range(reader.num_record_batches):
                    add(reader.get_batch(at).columns)

    def written(self) -> Beside:
        """What names them; nothing comes after it."""
        self.stack.close()
        return Beside(*(f"object:{made[0]}" for _, made in self.files))


@contextmanager
def even_batches(
    store: Store, schema: pa.Schema, places: list[int], size: int
) -> Iterator[tuple[Callable[[list[pa.Array]], None], list[str]]]:
    """(adds columns to an object, whose digest is in the list afterwards): an Arrow file with `size` rows a batch."""
    own = pa.schema([schema.field(place) for place in places], metadata=schema.metadata)
    waiting: list[list[pa.Array]] = []
    made: list[str] = []

    def flush(rows: int) -> None:
        columns = waiting[0]
        if len(waiting) > 1:
            columns = [pa.concat_arrays(pieces) for pieces in zip(*waiting, strict=True)]
        writer.write_batch(pa.record_batch([column.slice(0, rows) for column in columns], schema=own))
        waiting[:] = [[column.slice(rows) for column in columns]] if len(columns[0]) > rows else []

    def add(columns: list[pa.Array]) -> None:
        if len(columns[0]):
            waiting.append(columns)
        while sum(len(each[0]) for each in waiting) >= size:
            flush(size)

    with store.new_object(made) as file, pa.ipc.new_file(file, own) as writer:
        yield add, made
        if waiting:
            flush(size)


def write_based(
    store: Store, tables: list[pa.Table], ids: dict[str, Bytes], columns: Columns, constants: Mapping[str, str]
) -> tuple[dict[str, Any], Described]:
    """Write a table whose text is new, and in memory: (tree, what it is).

    `tables` hold every column but the constants, in the order of `ids`, which are not sorted yet. Both are
    emptied: what is sorted is let go of.
    """
    order = sorted_order(ids["row_id"])
    ids = {name: taken(ids.pop(name), order) for name in list(ids)}
    content = pa.concat_tables(tables)
    tables.clear()
    writer = TableWriter(store, columns, constants)
    for first, last in ranges(ids["row_id"], store.bound.parts_for(content.nbytes)):
        writer.add(content, {name: each[first:last] for name, each in ids.items()}, order[first:last])
    return writer.written()


def gathered(content: pa.Table, columns: Sequence[str], order: np.ndarray[Any, Any]) -> Iterator[list[pa.Array]]:
    """The columns in another order, in batches of TEXT_ROWS, fewer of long rows.

    Each chunk gives its rows to one wide slice at a time: joining the chunks first would hold all text twice.
    """
    chunks = {name: [chunk for chunk in content.column(name).chunks if len(chunk)] for name in columns}
    starts = np.cumsum([0] + [len(chunk) for chunk in chunks[columns[0]]])
    rows = min(TEXT_ROWS, max(1, TEXT_BYTES * len(content) // (content.nbytes + 1)))
    for first in range(0, len(order), GATHER_ROWS):
        wanted = order[first : first + GATHER_ROWS]
        number = np.searchsorted(starts, wanted, side="right") - 1
        by_chunk = np.argsort(number, kind="stable")
        bounds = np.searchsorted(number[by_chunk], np.arange(len(starts)))
        back = np.empty(len(wanted), dtype=np.int64)
        back[by_chunk] = np.arange(len(wanted))
        local = wanted[by_chunk] - starts[number[by_chunk]]
        pieces = [pa.array(local[low:high]) for low, high in pairwise(bounds)]
        slices = []
        for name in columns:
            taken_apart = [chunk.take(piece) for chunk, piece in zip(chunks[name], pieces, strict=True)]
            slices.append(pa.concat_arrays(taken_apart).take(pa.array(back)))
        for start in range(0, len(wanted), rows):
            yield [column.slice(start, rows) for column in slices]


def in_batches(table: pa.Table) -> Iterator[list[pa.Array]]:
    """The columns of a table in batches of TEXT_ROWS."""
    columns = [whole(column) for column in table.columns]
    for start in range(0, len(table), TEXT_ROWS):
        yield [column.slice(start, TEXT_ROWS) for column in columns]


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
