"""From the columns of a file, as Python values, to a batch of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from operators.base.scope import other_form
from operators.declared.source import Source
from runtime.sources.readers.cells import convert_cells
from runtime.sources.readers.files import Unreadable
from runtime.sources.readers.items import convert_items
from runtime.sources.readers.rows import BadRow, Batch, assemble

#: Columns of a file that are listed where one is missing.
SHOWN = 20


class Objects:
    """The JSON objects of one file, of which each column that is needed stands in one at least."""

    def __init__(self, source: Source, path: Path) -> None:
        self.source, self.path = source, path
        self.lacks = set(source.columns.needed())
        self.names: dict[str, None] = {}
        """The keys of the first objects, for a person who looks for the missing one."""

    def convert(self, rows: list[dict[str, Any]], lines: list[int], raw: Callable[[int], str], bad: list[BadRow]) -> Batch:
        """The batch of some objects; a key that one of them lacks is null there."""
        if self.lacks:
            self.lacks = {field for field in self.lacks if not any(field in row for row in rows)}
            for row in rows[:SHOWN]:
                self.names |= dict.fromkeys(row)
        columns = {field: [row.get(field) for row in rows] for field in self.source.columns.reads()}
        return convert_columns(self.source, columns, lines, raw, bad, untyped=False)

    def end(self) -> None:
        """Raises Unreadable where no object had one of the columns, or the file had none at all but bad ones."""
        columns = self.source.columns
        if self.names and (lacks := columns.lacking(columns.needed().keys() - self.lacks)):
            raise Unreadable(self.path, lacking(lacks[0], list(self.names), "none of its rows has a"))


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
    cells = source.columns.cells().items()
    converted = {name: convert_cells(columns[cell.field], cell, untyped) for name, cell in cells}
    converted |= convert_items(source, columns, untyped)
    return assemble(source, converted, lines, raw, bad)
