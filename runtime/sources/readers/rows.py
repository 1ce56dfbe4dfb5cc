"""What a reader hands on: batches of the mapped columns, with the rows that could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from operators.base.declare import LABELS
from operators.base.scope import ColumnType
from operators.declared.source import Source

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

RAW_LENGTH = 1 << 20
"""The characters of a row that could not be read which are kept: all of any row that a person wrote."""
BATCH_LENGTH = 1 << 22
"""Characters, or bytes, of rows that are in memory as Python objects at a time, about."""


class Bad(Exception):
    """A value that cannot be read as what it is mapped to; the message is the reason people see."""


@dataclass(frozen=True)
class BadRow:
    """A row that could not be read: where it starts, counted from 1, why, and its text."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Batch:
    """Rows in the order of the file; `lines` says where each of them starts, counted from 1."""

    table: pa.Table
    lines: np.ndarray[Any, np.dtype[np.int64]]
    bad: tuple[BadRow, ...]


@dataclass(frozen=True)
class Converted:
    """A column of the table, null where the value was bad, and the reason for each bad place."""

    array: Any
    bad: Mapping[int, str]


def shorten(raw: str | bytes) -> str:
    """A raw row, fit to be stored as UTF-8; of an endless one its beginning."""
    if isinstance(raw, bytes):
        return raw[: 4 * RAW_LENGTH].decode("utf-8", "replace")[:RAW_LENGTH]
    return repair(raw[:RAW_LENGTH])


def repair(text: str) -> str:
    """The text with a question mark for each half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode("utf-8")


def describe(value: Any) -> str:
    """A value as it appears in a reason, cut short."""
    text = value if isinstance(value, str) else str(value) if isinstance(value, Decimal) else repr(value)
    return repair(text if len(text) <= 40 else text[:39] + "…")


def type_of(name: ColumnType) -> pa.DataType:
    """The Arrow type of a column's type."""
    import pyarrow as pa

    match name:
        case "text" | "messages" | "tools":
            return pa.string()
        case "list of text":
            return pa.list_(pa.string())
        case "integer":
            return pa.int64()
        case "number":
            return pa.float64()
        case "boolean":
            return pa.bool_()
    raise AssertionError(f"files hold no column of type {name}")


def schema_of(source: Source) -> pa.Schema:
    """The columns that are read from the files, in order; the text that says a row's labels comes last."""
    import pyarrow as pa

    content = [(name, type_of(type_)) for name, type_ in source.made().items() if name not in LABELS]
    return pa.schema([*content, *((name, pa.string()) for name in source.labels())])


def assemble(
    source: Source,
    converted: Mapping[str, Converted],
    lines: Iterable[int] | np.ndarray[Any, Any],
    raw: Callable[[int], str | bytes],
    unparsed: Iterable[BadRow] = (),
) -> Batch:
    """The batch of converted columns, without the rows that are bad in any of them."""
    import numpy as np
    import pyarrow as pa

    schema = schema_of(source)
    starts = np.asarray(lines, dtype=np.int64)
    bad: dict[int, str] = {}
    for name in schema.names:
        for place, reason in converted[name].bad.items():
            bad.setdefault(place, reason)
    table = pa.table([converted[name].array for name in schema.names], schema=schema)
    rows = [*unparsed, *(BadRow(int(starts[place]), reason, shorten(raw(place))) for place, reason in bad.items())]
    if bad:
        kept = np.ones(len(starts), dtype=np.bool_)
        kept[list(bad)] = False
        table, starts = table.filter(pa.array(kept)), starts[kept]
    return Batch(table, starts, tuple(sorted(rows, key=lambda row: row.line)))
