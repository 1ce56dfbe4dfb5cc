"""Workbooks of spreadsheets: the rows of one sheet, with the names of the columns in its first row."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from operators.declared.source import Source
from runtime.sources.readers.batches import convert_columns, lacking
from runtime.sources.readers.files import Unreadable
from runtime.sources.readers.rows import Batch

#: A workbook is unpacked in memory.
MOST = 1 << 30
RATIO = 200
SHOWN = 20


def read_workbook(source: Source, path: Path) -> Iterator[Batch]:
    """Batches of the rows of a sheet."""
    names, rows = open_sheet(source, path)
    wanted = source.reads()
    if lacks := source.lacking(names):
        raise Unreadable(path, lacking(lacks[0], names))
    twice = next((name for name in wanted if names.count(name) > 1), None)
    if twice is not None:
        raise Unreadable(path, f"{names.count(twice)} of its columns are named `{twice}`")
    first = 1 + source.header
    for start in range(0, len(rows), source.batch_rows):
        batch = enumerate(rows[start : start + source.batch_rows], first + start)
        some = [(line, row) for line, row in batch if any(each != "" for each in row)]
        cells = [[value_of(each) for each in row] for _, row in some]
        columns = {name: [row[names.index(name)] if name in names else None for row in cells] for name in wanted}
        shown = [" | ".join("" if each is None else str(each) for each in row) for row in cells]
        yield convert_columns(source, columns, [line for line, _ in some], shown.__getitem__, [], untyped=False)


def open_sheet(source: Source, path: Path) -> tuple[list[str], list[list[Any]]]:
    """(the names of the columns, the rows) of the sheet that a source means. Raises Unreadable."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ModuleNotFoundError:
        raise Unreadable(path, "reading workbooks needs python-calamine: install data-recipe[xlsx]") from None
    complain_bomb(path)
    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            known = book.sheet_names
            listed = ", ".join(f"`{name}`" for name in known[:SHOWN])
            if source.sheet is None and len(known) != 1:
                raise Unreadable(path, f"it has {len(known)} sheets, {listed}: say which is the `sheet`")
            if source.sheet is not None and source.sheet not in known:
                raise Unreadable(path, f"it has no sheet `{source.sheet}`; it has {listed}")
            rows = book.get_sheet_by_name(source.sheet or known[0]).to_python(skip_empty_area=False)
    except (CalamineError, OSError) as error:
        raise Unreadable(path, f"it cannot be read as a workbook: {error}") from error
    if not rows:
        return [], []
    if not source.header:
        return [str(place) for place in range(len(rows[0]))], rows
    return [str(value_of(each) or "") for each in rows[0]], rows[1:]


def complain_bomb(path: Path) -> None:
    """Raises Unreadable for what is no workbook, or unpacks to more than any has."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise Unreadable(path, f"it is no workbook (xlsx): {error}") from error
    if size > MOST or size > (1 << 26) + RATIO * path.stat().st_size:
        raise Unreadable(path, f"it unpacks to {size >> 20:,} MB, more than a workbook has")


def value_of(cell: Any) -> Any:
    """A cell as JSON would have it: no text is no value, a whole number has no fraction, and times are text."""
    match cell:
        case "":
            return None
        case float() if cell.is_integer() and abs(cell) < 1 << 53:
            return int(cell)
        case datetime() | date() | time():
            return cell.isoformat()
        case timedelta():
            return str(cell)
    return cell
