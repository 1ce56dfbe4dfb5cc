"""Columns of the table that are read of one column of a file, put together of several, or the same in every row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from operators.declared.mapping import Cell, parts_of
from operators.declared.source import Source
from runtime.sources.readers.cells import convert_cells
from runtime.sources.readers.rows import Converted, type_of

Convert = Callable[[Any, Cell], Converted]


def convert_mapped(source: Source, columns: Mapping[str, Any], count: int, convert: Convert) -> dict[str, Converted]:
    """The one-to-one columns of `count` rows, each read by `convert`, made by a template, or constant; and what labels them."""
    converted = {name: convert_one(columns, cell, count, convert) for name, cell in source.columns.cells().items()}
    labels = {name: Cell(field=each.column) for name, each in source.labels().items()}
    return converted | {name: convert_one(columns, cell, count, convert) for name, cell in labels.items()}


def convert_one(columns: Mapping[str, Any], cell: Cell, count: int, convert: Convert) -> Converted:
    """One of them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if cell.field is not None:
        return convert(columns[cell.field], cell)
    if cell.value is not None:
        once = convert_cells([cell.value], cell, untyped=False)
        return Converted(pa.repeat(once.array[0], count), dict.fromkeys(range(count), once.bad.get(0, "")) if once.bad else {})
    if isinstance(cell.template, str):
        return fill(cell.template, columns, count, convert)
    made = [fill(template, columns, count, convert, spared=True) for template in cell.templates()]
    none = reduce(pc.and_, (pc.is_null(each.array) for each in made))
    joined = pc.binary_join_element_wise(*(pc.fill_null(each.array, "") for each in made), "")
    bad = {place: reason for each in reversed(made) for place, reason in each.bad.items()}
    return Converted(pc.if_else(none, pa.scalar(None, joined.type), joined), bad)


def fill(template: str, columns: Mapping[str, Any], count: int, convert: Convert, spared: bool = False) -> Converted:
    """The text that a template makes of each row; one that lacks a value is bad, or null if `spared`, as an empty one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parts: list[Any] = []
    bad: dict[int, str] = {}
    for part in parts_of(template):
        if isinstance(part, str):
            parts.append(pa.repeat(pa.scalar(part, type_of("text")), count))
            continue
        read = convert(columns[part.field or ""], part)
        text = whole(read.array)
        if spared:
            text = pc.if_else(pc.equal(text, ""), pa.scalar(None, text.type), text)
        else:
            lacks = pc.indices_nonzero(pc.is_null(text)).to_pylist()
            bad = {**{place: f"`{part.field}` has no value, and the template asks for it" for place in lacks}, **bad}
        bad = {**bad, **read.bad}
        parts.append(text)
    return Converted(pc.binary_join_element_wise(*parts, ""), bad)


def whole(array: Any) -> Any:
    """A column as one array."""
    return array.combine_chunks() if hasattr(array, "chunks") else array
