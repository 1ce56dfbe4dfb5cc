"""Workbooks of spreadsheets: the rows of one sheet, with the names of the columns in its first row."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, time, timedelta
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from operators.declared.source import Source
from runtime.sources.readers.batches import convert_columns, lacking
from runtime.sources.readers.files import DAMAGED, Unreadable
from runtime.sources.readers.rows import BATCH_LENGTH, Batch

#: Bytes that a workbook may unpack to: the texts of its cells are held in memory.
MOST = 1 << 28
RATIO = 200
#: What a sheet can hold, and cells of rows that are padded to their last one: a cell far out is made to fill the memory.
MOST_ROWS = 1 << 20
MOST_CELLS = 1 << 26
SHOWN = 20

Cells = tuple[Any, ...]


class ManySheets(Unreadable):
    """A workbook of several sheets, of which nothing says which is meant."""

    def __init__(self, path: Path, message: str, sheets: list[str]) -> None:
        super().__init__(path, message)
        self.sheets = sheets


def read_workbook(source: Source, path: Path) -> Iterator[Batch]:
    """Batches of the rows of a sheet."""
    with closing(rows_of(source, path)) as rows:
        first = next(rows, None)
        if first is None:
            raise Unreadable(path, "it is empty")
        names = names_of(source, first)
        if lacks := source.lacking(names):
            raise Unreadable(path, lacking(lacks[0], names))
        places = {name: names.index(name) if name in names else None for name in source.reads()}
        if (twice := next((name for name in places if names.count(name) > 1), None)) is not None:
            raise Unreadable(path, f"{names.count(twice)} of its columns are named `{twice}`")
        numbered = enumerate(rows if source.header else chain([first], rows), 1 + source.header)
        while some := list(together(numbered, source.batch_rows)):
            kept = [(line, [*map(value_of, row)]) for line, row in some if any(cell not in (None, "") for cell in row)]
            columns = {
                name: [None if at is None or at >= len(row) else row[at] for _, row in kept] for name, at in places.items()
            }
            shown = partial(shown_of, kept)
            yield convert_columns(source, columns, [line for line, _ in kept], shown, [], untyped=False)


def together(numbered: Iterator[tuple[int, Cells]], most: int) -> Iterator[tuple[int, Cells]]:
    """The next rows, as many as are in memory at a time."""
    held = 0
    for line, row in islice(numbered, most):
        yield line, row
        held += sum(len(cell) for cell in row if isinstance(cell, str))
        if held >= BATCH_LENGTH:
            return


def shown_of(rows: Sequence[tuple[int, list[Any]]], row: int) -> str:
    """The text of a row."""
    return " | ".join("" if cell is None else str(cell) for cell in rows[row][1])


def names_of(source: Source, first: Cells) -> list[str]:
    """The names of the columns: those in the first row, or numbers."""
    if not source.header:
        return [str(place) for place in range(len(first))]
    return ["" if cell is None else str(value_of(cell)) for cell in first]


def rows_of(source: Source, path: Path) -> Generator[Cells, None, None]:
    """The rows of the sheet that a source means, in order, also blank ones. Raises Unreadable."""
    try:
        import openpyxl
    except ModuleNotFoundError:
        raise Unreadable(path, "reading workbooks needs openpyxl: install data-recipe[xlsx]") from None
    complain_bomb(path)
    cells = 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it tells of styles and extensions that hold no cells
            book = openpyxl.load_workbook(str(path), read_only=True, data_only=True, keep_links=False)
        with closing(book):
            sheet = chosen_sheet(source, path, book)
            for number, row in enumerate(sheet.iter_rows(values_only=True)):
                cells += len(row)
                if number >= MOST_ROWS or cells > MOST_CELLS:
                    raise Unreadable(
                        path, f"a sheet with more than {MOST_ROWS:,} rows or {MOST_CELLS:,} cells is not read: use csv"
                    )
                yield row
    except (*DAMAGED, ParseError, KeyError, TypeError, AttributeError, IndexError) as error:
        # What openpyxl raises where parts of a workbook are missing, or are not what they should be.
        raise Unreadable(path, f"it cannot be read as a workbook: {error}") from error


def chosen_sheet(source: Source, path: Path, book: Any) -> Any:
    """The sheet that a source means, or the only one."""
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    listed = ", ".join(f"`{name}`" for name in islice(sheets, SHOWN))
    if source.sheet is None and len(sheets) != 1:
        raise ManySheets(path, f"it has {len(sheets)} sheets, {listed}: say which is the `sheet`", list(sheets))
    if source.sheet is not None and source.sheet not in sheets:
        raise Unreadable(path, f"it has no sheet `{source.sheet}`; it has {listed}")
    return sheets[source.sheet or next(iter(sheets))]


def complain_bomb(path: Path) -> None:
    """Raises Unreadable for what is no workbook, or unpacks to more than any has."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
    except DAMAGED as error:
        raise Unreadable(path, f"it is no workbook (xlsx): {error}") from error
    if size > MOST or size > (1 << 26) + RATIO * path.stat().st_size:
        raise Unreadable(path, f"it unpacks to {size >> 20:,} MB, more than a workbook has")


def sample_workbook(source: Source, path: Path, most: int) -> list[dict[str, Any]]:
    """The first rows of a sheet by the names of their columns."""
    with closing(rows_of(source, path)) as rows:
        first = next(rows, ())
        names = names_of(source, first)
        some = islice(rows if source.header else chain([first], rows), most)
        return [{name: None if at >= len(row) else value_of(row[at]) for at, name in enumerate(names)} for row in some]


def value_of(cell: Any) -> Any:
    """A cell as JSON would have it: no text is no value, and times are text."""
    match cell:
        case "":
            return None
        case datetime() | date() | time():
            return cell.isoformat()
        case timedelta():
            return str(cell)
    return cell
