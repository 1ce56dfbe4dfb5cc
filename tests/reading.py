"""Small sources, small files and what is read from them, for the tests of the readers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from operators.declared.source import Source
from runtime.sources.readers.read import read_batches


def declare(columns: dict[str, Any] | None = None, **more: Any) -> Source:
    """A source of whatever file the test names."""
    fixed = {"file": "x.jsonl", "category": "x", "license": "A", "columns": columns or {"prompt": "t"}}
    return Source.model_validate(fixed | more)


def read(path: Path, columns: dict[str, Any] | None = None, **more: Any) -> tuple[list[dict[str, Any]], list[Any]]:
    """The rows of a file, and the refused ones as (line, reason)."""
    batches = list(read_batches(declare(columns, **more), path))
    rows = [row for batch in batches for row in batch.table.to_pylist()]
    assert all(batch.table.num_rows == len(batch.lines) for batch in batches)
    return rows, [(bad.line, bad.reason) for batch in batches for bad in batch.bad]


def write(folder: Path, name: str, data: str | bytes) -> Path:
    """A file with that in it."""
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def write_jsonl(folder: Path, *rows: Any) -> Path:
    """A file with each of the values in a line."""
    return write(folder, "x.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def columns_of(rows: list[dict[str, Any]], name: str) -> list[Any]:
    """The values of one column."""
    return [row[name] for row in rows]


def write_parquet(folder: Path, **columns: Any) -> Path:
    """A Parquet file of these columns."""
    pq.write_table(pa.table(columns), folder / "x.parquet", row_group_size=2)
    return folder / "x.parquet"
