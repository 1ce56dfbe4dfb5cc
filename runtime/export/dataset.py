"""A dataset as others load it: Parquet shards of the rows that may be redistributed, and a card."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from compiler.graph.stages import SourceStage
from operators.base.licence import CLASSES, join
from operators.conversations.canonical import written
from operators.declared.by_row import classes_of
from runtime.export.built_output import BuiltOutput, Counts, count_rows, redistributable
from runtime.export.card import dataset_card
from runtime.export.folder import write_folder
from runtime.store.record import OutputRecord
from runtime.store.store import StoreError, taken_as

GROUP_ROWS = 8192
"""Rows of one group: what a viewer reads to show a page."""

SHARD_ROWS = GROUP_ROWS * 8

IDS = ("row_id", "item_id")


def export_dataset(output: BuiltOutput, folder: Path, named: str) -> dict[str, Any]:
    """Write the rows of class A, and count what was left out. Raises StoreError where none is left."""
    rows = count_rows(output.store, output.record.table)
    kept = sum(count for (_, _, licence), count in rows.items() if licence == "A")
    left = left_out(rows)
    if not kept:
        why = ", ".join(f"{count:,} of class {licence}" for licence, count in left.items()) or "it has no row at all"
        raise StoreError(f"no row of `{output.what}` may be redistributed: {why}", "only rows of class A are exported")
    for stage in output.stages(SourceStage):
        if not any(source == stage.node.label for source, _, _ in rows):
            category, classes = stage.operator.category, classes_of(stage.operator.license)
            rows[(stage.node.label, category if isinstance(category, str) else "by row", join(classes))] = 0

    def fill(partial: Path) -> None:
        write_shards(output, partial / "data", kept)
        (partial / "README.md").write_text(dataset_card(output, dict(sorted(rows.items()))), "utf-8")

    summary = {**output.summary, "rows": kept, "left_out": left}
    sources = [
        {
            "source": source,
            "category": category,
            "license": licence,
            "rows": count if licence == "A" else 0,
            "left_out": 0 if licence == "A" else count,
        }
        for (source, category, licence), count in sorted(rows.items())
    ]
    return {**summary, "sources": sources, "files": write_folder(folder, named, summary, fill)}


def left_out(rows: Counts) -> dict[str, int]:
    """Class -> rows that stay here, from the most open to the most closed."""
    counts: Counter[str] = Counter()
    for (_, _, licence), count in rows.items():
        counts[licence] += count
    known = [each for each in CLASSES if each != "A" and counts[each]]
    return {each: counts[each] for each in (*known, *sorted(set(counts) - set(CLASSES)))}


def write_shards(output: BuiltOutput, folder: Path, kept: int) -> None:
    """The rows in the order of their ids, as many to a shard as fit."""
    folder.mkdir()
    shards = -(-kept // SHARD_ROWS)
    groups, written = groups_of(output), 0
    for shard in range(shards):
        some = islice(groups, SHARD_ROWS // GROUP_ROWS)
        if (first := next(some, None)) is None:
            break
        path = folder / f"train-{shard:05d}-of-{shards:05d}.parquet"
        with pq.ParquetWriter(path, first.schema, compression="zstd") as writer:
            for group in chain([first], some):
                writer.write_table(group, row_group_size=GROUP_ROWS)
                written += group.num_rows
    if written != kept or next(groups, None) is not None:
        raise StoreError(f"`{output.what}` holds other rows than its record says", "run `recipe store verify`")


def groups_of(output: BuiltOutput) -> Iterator[pa.Table]:
    """The rows of class A by full groups, wherever the store cut them: equal datasets give equal bytes."""
    waiting: list[pa.Table] = []
    lists = [name for name, column in output.record.columns.items() if column["type"] in ("messages", "tools")]
    for batch in stored_batches(output, GROUP_ROWS):
        kept = pa.Table.from_batches([batch.filter(redistributable(batch.column("license")))])
        waiting.append(with_objects(with_hex_ids(kept), lists))
        if sum(each.num_rows for each in waiting) >= GROUP_ROWS:
            joined = pa.concat_tables(waiting)
            yield joined.slice(0, GROUP_ROWS).combine_chunks()
            waiting = [joined.slice(GROUP_ROWS)]
    rest = pa.concat_tables(waiting) if waiting else None
    if rest is not None and rest.num_rows:
        yield rest.combine_chunks()


def stored_batches(output: BuiltOutput, rows: int) -> Iterator[pa.RecordBatch]:
    """The rows of an output as they are stored, all classes, at most so many at a time."""
    for shard in taken_as(output.record, OutputRecord).shards:
        with pq.ParquetFile(output.store.read_path(shard.removeprefix("object:")), pre_buffer=False) as file:
            yield from file.iter_batches(rows)


def with_hex_ids(table: pa.Table) -> pa.Table:
    """Ids as hexadecimal text: libraries and viewers show bytes badly."""
    for name in IDS:
        at = table.schema.get_field_index(name)
        text = [None if cell is None else cell.hex() for cell in table.column(name).to_pylist()]
        table = table.set_column(at, name, pa.array(text, pa.string()))
    return table


def with_objects(table: pa.Table, names: list[str]) -> pa.Table:
    """Conversations and tools as lists of JSON objects, each of which has the keys that it has and no other.

    Libraries know Arrow's own JSON type; structs would give every turn the keys of all.
    """
    for name in names:
        at = table.schema.get_field_index(name)
        table = table.set_column(at, pa.field(name, JSON_LISTS), objects_of(table.column(name)))
    return table


JSON_LISTS = pa.list_(pa.json_(pa.string()))


def objects_of(column: pa.ChunkedArray) -> pa.Array:
    """Cells of canonical JSON as lists of the JSON text of each of their elements."""
    cells = [None if cell is None else [written(each) for each in json.loads(cell)] for cell in column.to_pylist()]
    flat = pa.array(cells, pa.list_(pa.string()))
    inner = pa.ExtensionArray.from_storage(JSON_LISTS.value_type, flat.values)
    return pa.ListArray.from_arrays(flat.offsets, inner, mask=flat.is_null() if flat.null_count else None)
