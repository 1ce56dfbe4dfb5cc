"""Output stages: a table with its text as Parquet shards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from compiler.graph.nodes import Node
from operators.base.declare import LABELS
from operators.sets.output import Output
from runtime.executors.executor import Executor, Resources
from runtime.store.record import OutputRecord
from runtime.store.store import Store
from runtime.tables.cursors import FrameCursor
from runtime.tables.objects import whole
from runtime.tables.table import TEXT, Table, bytes_a_row

GROUP_ROWS = 65536
GROUP_LENGTH = 1 << 25
"""Bytes of text after which a row group ends: it is in memory at a time."""
READ_ROWS = 4096
PIECE_ROWS = 16
"""Rows after which it is looked whether a row group is full: some are as long as a page."""
SHARD_BYTES = 4 * GROUP_LENGTH
"""A row group is held some four times: as it is read, as it is written, packed, and its pieces."""


@dataclass(frozen=True)
class Shards:
    """A table that is written as Parquet files of so many rows."""

    store: Store
    table: Table
    rows: int


def write_output(
    store: Store, node: Node, table: Table, described: dict[str, Any], executor: Executor, tell: Callable[[int], None]
) -> OutputRecord:
    """The record of a named output; `described` are the digests of its table."""
    operator = node.operator
    assert isinstance(operator, Output)
    starts = range(0, max(1, table.rows), operator.shard_rows)
    for _ in table.batches(list(table.columns), 1, 0, 1) if not executor.apart else ():
        pass  # the objects are checked once, before the threads ask for them
    shards = []
    for made in executor.run(write_shard, Shards(store, table, operator.shard_rows), starts, Resources(memory=SHARD_BYTES), tell):
        shards.append(f"object:{made}")
        tell(min(table.rows, len(shards) * operator.shard_rows))
    return OutputRecord(
        kind="output",
        **described,
        rows=table.rows,
        table=table.tree,
        shards=shards,
        counts={"in": table.rows, "born": 0, "out": table.rows, "dropped": []},
    )


def write_shard(output: Shards, first: int, tell: Callable[[int], None]) -> str:
    """The digest of the Parquet file whose rows begin at one."""
    store, table = output.store, output.table
    # Tables that differ in the order of their columns only have one digest, so the order is not theirs to choose.
    columns = {name: kind for name, kind in sorted(table.columns.items()) if name not in LABELS} | LABELS
    schema = pa.schema(
        [
            ("row_id", pa.binary(16)),
            ("item_id", pa.binary(16)),
            *((name, shown_type(kind)) for name, kind in columns.items()),
        ]
    )
    text = [name for name, kind in columns.items() if kind in TEXT]
    encoded = [name for name in columns if name not in text]
    made: list[str] = []
    with (
        store.new_object(made) as file,
        pq.ParquetWriter(
            file, schema, compression="zstd", compression_level=1, use_dictionary=encoded, write_statistics=False
        ) as writer,
    ):
        ids = FrameCursor(table.column, ["row_id", "item_id"], table.spread, first)
        last = min(table.rows, first + output.rows)
        # Reading a whole group of short rows at a time makes the same groups, and is faster.
        each = bytes_a_row(store, table.tree)
        fit = min(READ_ROWS, GROUP_LENGTH // max(1, each)) // PIECE_ROWS * PIECE_ROWS
        step = GROUP_ROWS if GROUP_ROWS * each < GROUP_LENGTH // 2 else max(PIECE_ROWS, fit)
        group = RowGroup(text)
        for start, columns in table.batches(list(table.columns), step, first, last):
            rows = len(next(iter(columns.values())))
            both = dict(zip(ids.columns, (each.storage for each in ids.read(rows)), strict=True)) | columns
            for full in group.add(pa.table([both[name].cast(schema.field(name).type) for name in schema.names], schema=schema)):
                writer.write_table(full, row_group_size=GROUP_ROWS)
            tell(start + rows)
        if group.pieces:
            writer.write_table(group.joined(), row_group_size=GROUP_ROWS)
    return made[0]


class RowGroup:
    """Rows until they are a row group: so many, or so much text of them, counted PIECE_ROWS at a time."""

    def __init__(self, text: list[str]) -> None:
        self.text, self.pieces, self.rows, self.size = text, list[pa.Table](), 0, 0

    def add(self, table: pa.Table) -> Iterator[pa.Table]:
        """The groups that more rows fill."""
        if not self.pieces and len(table) == GROUP_ROWS and self.length(table) < GROUP_LENGTH:
            yield table
            return
        for start in range(0, len(table), PIECE_ROWS):
            piece = table.slice(start, PIECE_ROWS)
            self.pieces.append(piece)
            self.rows, self.size = self.rows + len(piece), self.size + self.length(piece)
            if self.rows >= GROUP_ROWS or self.size >= GROUP_LENGTH:
                yield self.joined()

    def length(self, table: pa.Table) -> int:
        return sum(characters(whole(table.column(name))) for name in self.text)

    def joined(self) -> pa.Table:
        """The rows of the group, which begins anew."""
        made = pa.concat_tables(self.pieces).combine_chunks()
        self.pieces, self.rows, self.size = [], 0, 0
        return made


def characters(column: pa.Array) -> int:
    """The bytes of the text in a column."""
    flat = column.flatten() if pa.types.is_nested(column.type) else column
    return pc.sum(pc.binary_length(flat)).as_py() or 0


def shown_type(kind: str) -> pa.DataType:
    """The Parquet type of a column, as every reader knows it."""
    return {
        **dict.fromkeys(("text", "messages", "tools"), pa.string()),
        "list of text": pa.list_(pa.string()),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "label": pa.string(),
    }[kind]
