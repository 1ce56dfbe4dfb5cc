"""Parquet files: only the mapped columns, a column at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from operators.source import Cell, Source
from runtime.readers.batches import lacking
from runtime.readers.cells import convert_cells, is_finite, type_of_cell
from runtime.readers.files import Unreadable
from runtime.readers.items import convert_items
from runtime.readers.rows import Batch, Converted, assemble

#: A batch is cut where its text could outgrow the offsets of 32 bits that Arrow's text has.
MAX_BYTES = 1 << 30


def read_parquet(source: Source, path: Path) -> Iterator[Batch]:
    """Batches of the rows of a file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = 1
    if not path.stat().st_size:
        raise Unreadable(path, "it is empty")
    try:
        with pq.ParquetFile(str(path), page_checksum_verification=True) as file:
            fields = check_columns(path, file.schema_arrow.names, source)
            for whole in file.iter_batches(source.batch_rows, columns=fields):
                size = max(1, whole.num_rows * MAX_BYTES // max(MAX_BYTES, whole.nbytes))
                for start in range(0, whole.num_rows, size):
                    part = whole.slice(start, size)
                    absent = {field: pa.nulls(part.num_rows) for field in source.columns.reads() if field not in fields}
                    yield convert_batch(source, {**{field: part.column(field) for field in fields}, **absent}, row)
                    row += part.num_rows
    except (pa.ArrowException, OSError) as error:
        raise Unreadable(path, str(error)) from error


def check_columns(path: Path, names: list[str], source: Source) -> list[str]:
    """The columns that are read, each of which the file has once."""
    lacks = source.columns.lacking(names)
    fields = [field for field in source.columns.reads() if field in lacks or field in names]
    for field in fields:
        if (count := names.count(field)) != 1:
            more = f"{count} of its columns are named `{field}`"
            raise Unreadable(path, more if count else lacking(field, names))
    return fields


def convert_batch(source: Source, columns: Mapping[str, Any], first: int) -> Batch:
    """The batch of Arrow columns whose first row has that number."""
    import numpy as np

    converted = {name: convert_array(columns[cell.field], cell) for name, cell in source.columns.cells().items()}
    items = source.columns.options
    if items is not None:
        fields = {items} if isinstance(items, str) else set(items)
        fields |= {source.columns.gold.form()[1]} if source.columns.gold else set()
        converted |= convert_items(source, {field: list_values(columns[field]) for field in fields}, untyped=False)
    count = len(next(iter(columns.values())))

    def quote(row: int) -> str:
        values = {field: list_values(column.slice(row, 1))[0] for field, column in columns.items()}
        return json.dumps(values, ensure_ascii=False, default=quote_value)

    return assemble(source, converted, np.arange(first, first + count, dtype=np.int64), quote)


def convert_array(array: Any, cell: Cell) -> Converted:
    """The column of a cell, without a look at single rows where Arrow can convert it whole."""
    import pyarrow as pa

    types = pa.types
    kind = array.type.value_type if types.is_dictionary(array.type) else array.type
    text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    binary = types.is_binary(kind) or types.is_large_binary(kind)
    exact = types.is_integer(kind) or types.is_boolean(kind) or types.is_decimal(kind)
    # A time zone's rules are not the same on every machine, so such times are not written as text.
    dated = types.is_date(kind) or (types.is_timestamp(kind) and kind.tz is None)
    plain = {
        "text": text or binary or exact or dated,
        "integer": types.is_integer(kind),
        "number": types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind),
        "boolean": types.is_boolean(kind),
        "json": False,
    }
    if cell.path is None and (types.is_null(kind) or plain[cell.as_]):
        try:
            made = array.cast(kind) if types.is_dictionary(array.type) else array
            if text:
                made.validate(full=True)  # Parquet promises UTF-8, and nothing holds a writer to it
            made = made.cast(type_of_cell(cell))
        except pa.ArrowInvalid:
            pass
        else:
            if cell.as_ != "number" or is_finite(made):
                return Converted(made, {})
    return convert_cells(list_values(array), cell, untyped=False)


def list_values(array: Any) -> list[Any]:
    """The values of a column as Python values; bytes stand only for text that is not UTF-8."""
    import pyarrow as pa

    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.cast(kind.value_type)
    try:
        values = array.to_pylist()
    except UnicodeDecodeError:
        values = [decode_scalar(scalar) for scalar in array]
    values = [decode_bytes(value) if isinstance(value, bytes) else value for value in values]
    return [as_json_has(value, array.type) for value in values] if differs(array.type) else values


def differs(kind: Any) -> bool:
    """Whether values of a type are not what JSON would have: maps, and numbers of fewer bits, which get digits in 64."""
    from pyarrow import types

    if types.is_map(kind) or types.is_float32(kind) or types.is_float16(kind):
        return True
    return types.is_nested(kind) and any(differs(kind.field(at).type) for at in range(kind.num_fields))


def as_json_has(value: Any, kind: Any) -> Any:
    """A value with its maps as objects, and its short numbers with the digits that tell them apart; a key twice stays a list."""
    import numpy as np
    from pyarrow import types

    if value is None:
        return None
    if types.is_float32(kind) or types.is_float16(kind):
        return float(str((np.float32 if types.is_float32(kind) else np.float16)(value)))
    if types.is_map(kind):
        pairs = [(key, as_json_has(each, kind.item_type)) for key, each in value]
        texts = all(isinstance(key, str) for key, _ in pairs)
        return dict(pairs) if texts and len({key for key, _ in pairs}) == len(pairs) else pairs
    if types.is_struct(kind):
        return {field.name: as_json_has(value[field.name], field.type) for field in kind}
    return [as_json_has(each, kind.value_type) for each in value] if types.is_nested(kind) else value


def decode_scalar(scalar: Any) -> Any:
    """A value, or the bytes of text that is not UTF-8."""
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return scalar.as_buffer().to_pybytes() if hasattr(scalar, "as_buffer") else b"\xff"


def quote_value(value: Any) -> str:
    """A value that JSON does not know, as it appears in a quoted row."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else repr(value)


def decode_bytes(value: bytes) -> str | bytes:
    """Text that a file calls binary, where it is UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def probe_parquet(path: Path) -> dict[str, str]:
    """The columns of a file, with a word for the type of each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.stat().st_size:
        raise Unreadable(path, "it is empty")
    try:
        schema = pq.read_schema(str(path))
    except (pa.ArrowException, OSError) as error:
        raise Unreadable(path, str(error)) from error
    return {field.name: name_type(field.type) for field in schema}


def name_type(type_: Any) -> str:
    """An Arrow type in one word."""
    from pyarrow import types

    if types.is_dictionary(type_):
        return name_type(type_.value_type)
    words = {
        "text": (types.is_string, types.is_large_string, types.is_string_view),
        "integer": (types.is_integer,),
        "number": (types.is_floating, types.is_decimal),
        "boolean": (types.is_boolean,),
        "list": (types.is_list, types.is_large_list, types.is_fixed_size_list),
        "object": (types.is_struct, types.is_map),
        "null": (types.is_null,),
    }
    return next((word for word, tests in words.items() if any(test(type_) for test in tests)), str(type_))
