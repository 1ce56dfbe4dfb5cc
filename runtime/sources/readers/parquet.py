"""Parquet files: only the mapped columns, a column at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

from operators.declared.mapping import Cell
from operators.declared.source import Source
from runtime.sources.readers.batches import Objects, lacking
from runtime.sources.readers.cells import EXACT, convert_cells, is_finite, type_of_cell
from runtime.sources.readers.conversations import convert_conversations
from runtime.sources.readers.files import Unreadable
from runtime.sources.readers.inside import outer_columns
from runtime.sources.readers.items import convert_items
from runtime.sources.readers.made import convert_mapped
from runtime.sources.readers.nested import name_twice, rewriting
from runtime.sources.readers.rows import Bad, BadRow, Batch, Converted, assemble, shorten

#: A batch is cut where its text could outgrow the offsets of 32 bits that Arrow's text has.
MAX_BYTES = 1 << 30
BATCH_BYTES = 1 << 23
"""What a batch holds, about."""
BUFFER = 1 << 20
"""Bytes of a column that are read at a time."""
LOOKED = 20
"""Rows of a file that are looked at for the rows inside them."""


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Raises Unreadable for what Arrow says of a damaged file, in which names may be no UTF-8."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise Unreadable(path, " ".join(str(error).split())) from error


def read_parquet(source: Source, path: Path) -> Iterator[Batch]:
    """Batches of the rows of a file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = 1
    if not path.stat().st_size:
        raise Unreadable(path, "it is empty")
    # What is read ahead would stay in memory to the end of the file, and without a buffer a group is read whole.
    options: dict[str, Any] = {"buffer_size": BUFFER, "page_checksum_verification": True, "pre_buffer": False}
    with refusing(path), pq.ParquetFile(str(path), **options) as file:
        fields = check_columns(path, file.schema_arrow.names, source)
        for field in fields:
            if (twice := name_twice(file.schema_arrow.field(field).type)) is not None:
                raise Unreadable(path, f"its column `{field}` has two fields named `{twice}`")
        objects = Objects(source, path)
        rows = max(1, min(source.batch_rows, BATCH_BYTES * file.metadata.num_rows // max(1, row_group_bytes(file))))
        for whole in file.iter_batches(rows, columns=fields):
            size = max(1, whole.num_rows * MAX_BYTES // max(MAX_BYTES, whole.nbytes))
            for start in range(0, whole.num_rows, size):
                part = whole.slice(start, size)
                if objects.inside is not None:
                    yield from read_inside(objects, part, row)
                    row += part.num_rows
                    continue
                absent = {field: pa.nulls(part.num_rows) for field in source.reads() if field not in fields}
                yield convert_batch(source, {**{field: part.column(field) for field in fields}, **absent}, row)
                row += part.num_rows
        objects.end()


def row_group_bytes(file: Any) -> int:
    """Bytes of all rows of a file, before they are compressed."""
    return sum(file.metadata.row_group(at).total_byte_size for at in range(file.num_row_groups))


def check_columns(path: Path, names: list[str], source: Source) -> list[str]:
    """The columns that are read, each of which the file has once."""
    if source.records is not None:
        fields = outer_columns(source)
        lacks = [field for field in fields[:1] if field not in names]
        fields = [field for field in fields if field in lacks or field in names]
    else:
        lacks = source.lacking(names)
        fields = [field for field in source.reads() if field in lacks or field in names]
    for field in fields:
        if (count := names.count(field)) != 1:
            more = f"{count} of its columns are named `{field}`"
            raise Unreadable(path, more if count else lacking(field, names))
    return fields


def read_inside(objects: Objects, part: Any, first: int) -> Iterator[Batch]:
    """Batches of the records in some rows, the first of which has that number."""
    columns = {field: list_values(part.column(field), field) for field in part.schema.names}
    bad = {place: reason for _, each in columns.values() for place, reason in each.items()}
    documents = [
        dict(zip(columns, cells, strict=True)) for cells in zip(*(values for values, _ in columns.values()), strict=True)
    ]
    kept = [place for place in range(part.num_rows) if place not in bad]
    refused = [BadRow(first + place, reason, shorten(quote(documents, place))) for place, reason in sorted(bad.items())]
    rows, lines = [documents[place] for place in kept], [first + place for place in kept]
    yield from objects.batches(rows, lines, partial(quote, rows), refused)


def quote(rows: list[dict[str, Any]], row: int) -> str:
    """A row as JSON."""
    return json.dumps(rows[row], ensure_ascii=False, default=quote_value)


def convert_batch(source: Source, columns: Mapping[str, Any], first: int) -> Batch:
    """The batch of Arrow columns whose first row has that number."""
    import numpy as np

    count = len(next(iter(columns.values())))
    converted = convert_mapped(source, columns, count, convert_array)
    if source.columns.options is not None:
        fields = {*source.columns.option_columns()}
        fields |= {source.columns.gold.form()[1]} if source.columns.gold else set()
        lists = {field: list_values(columns[field], field) for field in sorted(fields)}
        converted |= convert_items(source, {field: values for field, (values, _) in lists.items()}, untyped=False)
        bad = {place: reason for _, each in lists.values() for place, reason in each.items()}
        converted["options"] = Converted(converted["options"].array, {**converted["options"].bad, **bad})
    converted |= convert_talks(source, columns)

    def quote(row: int) -> str:
        values = {field: quote_cell(column.slice(row, 1), field) for field, column in columns.items()}
        return json.dumps(values, ensure_ascii=False, default=quote_value)

    return assemble(source, converted, np.arange(first, first + count, dtype=np.int64), quote)


def convert_talks(source: Source, columns: Mapping[str, Any]) -> dict[str, Converted]:
    """The columns of conversations; structs pad what is absent with null."""
    parts = [part for part in (source.columns.messages, source.columns.tools) if part is not None]
    fields = sorted({field for part in parts for field in part.reads()})
    lists = {field: list_values(columns[field], field) for field in fields}
    padded = frozenset(field for field in fields if name_type(columns[field].type) in ("list", "object"))
    converted = convert_conversations(source, {field: values for field, (values, _) in lists.items()}, padded)
    bad: dict[str, dict[int, str]] = {
        part.kind: {at: why for field in part.reads() for at, why in lists[field][1].items()} for part in parts
    }
    return {name: Converted(each.array, {**each.bad, **bad[name]}) for name, each in converted.items()}


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
        "integer": types.is_integer(kind) or types.is_decimal(kind) or types.is_floating(kind),
        "number": types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind),
        "boolean": types.is_boolean(kind),
        "json": False,
    }
    if cell.path is None and (types.is_null(kind) or plain[cell.as_]):
        try:
            made = array.cast(kind) if types.is_dictionary(array.type) else array
            if text:
                made.validate(full=True)  # Parquet promises UTF-8, and nothing holds a writer to it
            if types.is_floating(kind) and cell.as_ == "integer":
                check_exact(made)
            made = made.cast(type_of_cell(cell))
        except pa.ArrowInvalid:
            pass
        else:
            if cell.as_ != "number" or is_finite(made):
                return Converted(made, {})
    # A number is what it is; only as text, or in JSON, does it matter how many digits say it.
    values, bad = list_values(array, cell.field or "", short=cell.as_ in ("text", "json"))
    made = convert_cells(values, cell, untyped=False)
    return Converted(made.array, {**made.bad, **bad}) if bad else made


def check_exact(numbers: Any) -> None:
    """Raises ArrowInvalid where a double is so large that it does not tell whole numbers apart."""
    import pyarrow as pa
    import pyarrow.compute as pc

    largest = pc.max(pc.abs(numbers.cast(pa.float64()))).as_py()
    if largest is not None and largest > EXACT:
        raise pa.ArrowInvalid("a double beyond the whole numbers that it tells apart")


def list_values(array: Any, field: str, short: bool = True) -> tuple[list[Any], dict[int, str]]:
    """(the values of a column as JSON has them, the reason for each that it cannot have).

    Bytes stand only for text that is not UTF-8; where `short`, numbers of 16 and 32 bits have their own few digits.
    """
    import pyarrow as pa

    kind = array.type
    if pa.types.is_dictionary(kind):
        array, kind = array.cast(kind.value_type), kind.value_type
    bad: dict[int, str] = {}
    try:
        values = array.to_pylist()
    except ValueError:
        values = []
        for place, scalar in enumerate(array):
            value, reason = decode_scalar(scalar)
            values.append(value)
            if reason is not None:
                bad[place] = f"`{field}` {reason}"
    rewrite = rewriting(kind, short)
    if rewrite is not None:
        for place, value in enumerate(values):
            try:
                values[place] = None if value is None else rewrite(value)
            except Bad as reason:
                values[place], bad[place] = None, f"`{field}` {reason}"
    return values, bad


def decode_scalar(scalar: Any) -> tuple[Any, str | None]:
    """(a value, why there is none); of text that is not UTF-8 its bytes, unless it stands inside another value."""
    try:
        return scalar.as_py(), None
    except UnicodeDecodeError:
        if hasattr(scalar, "as_buffer"):
            return scalar.as_buffer().to_pybytes(), None
        return None, "holds text that is not UTF-8"
    except ValueError:
        return None, "holds a time finer than a microsecond"


def quote_cell(cell: Any, field: str) -> Any:
    """The value of a column of one row, as it appears in a quoted row."""
    values, bad = list_values(cell, field)
    try:
        return cell.to_pylist()[0] if bad else values[0]
    except ValueError:
        return None


def quote_value(value: Any) -> str:
    """A value that JSON does not know, as it appears in a quoted row."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else repr(value)


def sample_parquet(source: Source, path: Path, file: IO[bytes] | None = None) -> list[dict[str, Any]]:
    """The first rows of a file that has rows inside its rows, as objects; of an open one no more is read than their pages."""
    import pyarrow.parquet as pq

    if file is None:
        probe_parquet(path)
    options: dict[str, Any] = {"buffer_size": BUFFER if file is None else 1 << 16, "pre_buffer": False}
    with refusing(path), pq.ParquetFile(str(path) if file is None else file, **options) as opened:
        part = next(iter(opened.iter_batches(LOOKED)), None)
    columns = {} if part is None else {field: list_values(part.column(field), field)[0] for field in part.schema.names}
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def probe_parquet(path: Path) -> dict[str, str]:
    """The columns of a file, with a word for the type of each."""
    import pyarrow.parquet as pq

    if not path.stat().st_size:
        raise Unreadable(path, "it is empty")
    with refusing(path):
        schema = pq.read_schema(str(path))
    return {field.name: name_type(field.type) for field in schema}


def metadata_of(path: Path) -> Any:
    """What a file says of itself. Raises Unreadable."""
    import pyarrow.parquet as pq

    with refusing(path):
        return pq.read_metadata(str(path))


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
