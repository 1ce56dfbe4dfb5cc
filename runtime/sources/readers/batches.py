"""From the columns of a file, as Python values, to a batch of the table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from operators.base.scope import other_form
from operators.declared.source import Source
from runtime.sources.readers.cells import convert_cells
from runtime.sources.readers.conversations import convert_conversations
from runtime.sources.readers.files import Unreadable
from runtime.sources.readers.inside import Inside
from runtime.sources.readers.items import convert_items
from runtime.sources.readers.made import convert_mapped
from runtime.sources.readers.rows import BATCH_LENGTH, Bad, BadRow, Batch, assemble, shorten

#: Columns of a file that are listed where one is missing.
SHOWN = 20


class Objects:
    """The JSON objects of one file, of which each column that is needed stands in one at least."""

    def __init__(self, source: Source, path: Path) -> None:
        self.source, self.path = source, path
        self.inside = None if source.records is None else Inside(source)
        self.lacks = set(source.needed())
        self.names: dict[str, None] = {}
        """The keys of the first objects, for a person who looks for the missing one."""

    def convert(self, rows: list[dict[str, Any]], lines: list[int], raw: Callable[[int], str], bad: list[BadRow]) -> Batch:
        """The batch of some objects; a key that one of them lacks is null there."""
        if self.lacks:
            self.lacks = {field for field in self.lacks if not any(field in row for row in rows)}
            for row in rows[:SHOWN]:
                self.names |= dict.fromkeys(row)
        columns = {field: [row.get(field) for row in rows] for field in self.source.reads()}
        return convert_columns(self.source, columns, lines, raw, bad, untyped=False)

    def batches(
        self, documents: list[dict[str, Any]], lines: list[int], raw: Callable[[int], str], bad: list[BadRow]
    ) -> Iterator[Batch]:
        """Batches of some objects, or of the records inside them; `bad` are those that could not be read."""
        if self.inside is None:
            yield self.convert(documents, lines, raw, bad)
            return
        rows: list[dict[str, Any]] = []
        places: list[int] = []
        wanted, held = self.source.reads(), 0
        for at, (document, line) in enumerate(zip(documents, lines, strict=True)):
            for row in self.inside.records(document):
                if isinstance(row, Bad):
                    bad.append(BadRow(line, str(row), shorten(raw(at))))
                else:
                    rows.append(row)
                    places.append(line)
                    held += sum(len(cell) for name in wanted if isinstance(cell := row.get(name), str))
                if len(rows) + len(bad) >= self.source.batch_rows or held >= BATCH_LENGTH:
                    yield self.convert(rows, places, partial(quote_record, rows), bad)
                    rows, places, bad, held = [], [], [], 0
        if rows or bad:
            yield self.convert(rows, places, partial(quote_record, rows), bad)

    def end(self) -> None:
        """Raises Unreadable where no object had one of the columns, or the file had none at all but bad ones."""
        if self.names and (lacks := self.source.lacking(self.source.needed().keys() - self.lacks)):
            raise Unreadable(self.path, lacking(lacks[0], list(self.names), "none of its rows has a"))


def quote_record(rows: Sequence[dict[str, Any]], row: int) -> str:
    """The text of a record, as JSON has it."""
    return json.dumps(rows[row], ensure_ascii=False, default=str)


def lacking(field: str, names: Sequence[str], who: str = "it has no column") -> str:
    """That a file lacks a column, with those that it has."""
    known = ", ".join(f"`{name}`" for name in names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    twin = other_form(field, names)
    near = get_close_matches(field, names, n=1)
    hint = f"; {twin}" if twin is not None else f"; did you mean `{near[0]}`?" if near else ""
    return f"{who} `{field}`; it has {known}{more}{hint}"


def convert_columns(
    source: Source,
    columns: Mapping[str, Sequence[Any]],
    lines: Iterable[int],
    raw: Callable[[int], str],
    bad: Iterable[BadRow],
    untyped: bool,
) -> Batch:
    """The batch of columns; `untyped` where every cell is text, as in csv."""
    starts = list(lines)
    converted = convert_mapped(source, columns, len(starts), partial(convert_cells, untyped=untyped))
    converted |= convert_items(source, columns, untyped) | convert_conversations(source, columns)
    return assemble(source, converted, starts, raw, bad)
