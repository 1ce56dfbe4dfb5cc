"""Conversations and their tools, however the files write them, as canonical cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from operators.conversations.canonical import Wrong, without_padding, written
from operators.conversations.checked import check_tools
from operators.conversations.forms import read_conversation
from operators.declared.source import Source
from runtime.sources.readers.cells import check_text
from runtime.sources.readers.rows import Bad, Converted, type_of

DEEP = 3
"""Structs around arguments: a turn, a call, its function. Of a tool's schema there are two, and a schema holds structs itself."""


def convert_conversations(
    source: Source, columns: Mapping[str, Sequence[Any]], padded: frozenset[str] = frozenset()
) -> dict[str, Converted]:
    """The columns `messages` and `tools`, as far as the source maps them; of `padded` columns null keys say nothing."""
    made: dict[str, Converted] = {}
    if (talk := source.columns.messages) is not None:
        told = columns[talk.system] if talk.system is not None else [None] * len(columns[talk.field])

        def read(value: Any, system: Any) -> str:
            return read_conversation(value, talk.form or "openai", system)

        made["messages"] = convert(talk.field, read, bare(columns, talk.field, padded), told)
    if (tools := source.columns.tools) is not None:

        def read_tools(value: Any) -> str | None:
            found = check_tools(value)
            return None if found is None else written(found)

        made["tools"] = convert(tools.field, read_tools, bare(columns, tools.field, padded))
    return made


def bare(columns: Mapping[str, Sequence[Any]], field: str, padded: frozenset[str]) -> Sequence[Any]:
    """The values of a column, without what its file padded them with."""
    return [without_padding(value) for value in columns[field]] if field in padded else columns[field]


def convert(field: str, read: Callable[..., str | None], values: Sequence[Any], *beside: Sequence[Any]) -> Converted:
    """The column made by a function of one value and those beside it; null stays null."""
    import pyarrow as pa

    made: list[str | None] = []
    bad: dict[int, str] = {}
    for row, (value, *others) in enumerate(zip(values, *beside, strict=True)):
        cell = None
        try:
            cell = None if value is None or value == "" else read(value, *others)
            cell = None if cell is None else check_text(cell, field)
        except (Wrong, Bad) as reason:
            bad[row], cell = f"`{field}`: {reason}" if isinstance(reason, Wrong) else str(reason), None
        made.append(cell)
    return Converted(pa.array(made, type_of("text")), bad)


def told_padding(source: Source, paths: Iterable[Path]) -> str | None:
    """What is told of a source whose Parquet files hold arguments or schemas as structs, which pad absent keys with null."""
    import pyarrow.parquet as pq

    parts = (source.columns.messages, source.columns.tools)
    fields = [part.field for part in parts if part is not None]
    for path in paths if fields else ():
        schema = pq.read_schema(path) if source.format_of(path.name) == "parquet" else None
        if schema is not None and any(field in schema.names and pads(schema.field(field).type) for field in fields):
            return "its files pad structs: null keys of arguments and schemas are left out, as if absent; JSON text keeps them"
    return None


def pads(kind: Any, depth: int = 0) -> bool:
    """Whether an Arrow type has structs in which keys are not known here: those deeper than a function's own."""
    from pyarrow import types

    inner = [kind.field(place).type for place in range(kind.num_fields)] if types.is_nested(kind) else []
    deeper = depth + types.is_struct(kind)
    return (types.is_struct(kind) and depth >= DEEP) or any(pads(each, deeper) for each in inner)
