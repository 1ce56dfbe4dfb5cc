"""From the columns of a file, as Python values, to a batch of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from operators.source import Source
from runtime.readers.cells import convert_cells
from runtime.readers.items import convert_items
from runtime.readers.rows import BadRow, Batch, assemble


def convert_objects(
    source: Source, rows: list[dict[str, Any]], lines: list[int], raw: Callable[[int], str], bad: list[BadRow]
) -> Batch:
    """The batch of JSON objects; a key that an object lacks is null."""
    columns = {field: [row.get(field) for row in rows] for field in source.columns.reads()}
    return convert_columns(source, columns, lines, raw, bad, untyped=False)


def convert_columns(
    source: Source,
    columns: Mapping[str, Sequence[Any]],
    lines: Iterable[int],
    raw: Callable[[int], str],
    bad: Iterable[BadRow],
    untyped: bool,
) -> Batch:
    """The batch of columns; `untyped` where every cell is text, as in csv."""
    cells = source.columns.cells().items()
    converted = {name: convert_cells(columns[cell.field], cell, untyped) for name, cell in cells}
    converted |= convert_items(source, columns, untyped)
    return assemble(source, converted, lines, raw, bad)
