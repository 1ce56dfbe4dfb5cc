"""Files of comma- or tab-separated cells."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Literal

from operators.declared.source import Source
from runtime.sources.readers.batches import convert_columns, lacking
from runtime.sources.readers.files import Unreadable, open_bytes
from runtime.sources.readers.lines import Line, name_codec, read_lines, split_lines
from runtime.sources.readers.rows import BATCH_LENGTH, RAW_LENGTH, BadRow, Batch, shorten

MAX_CELL = 1 << 26
SAMPLE = 200
"""Rows that are looked at for what the columns are."""


class Feed:
    """The lines that the csv parser was given, kept as long as a bad row may have to be quoted from them."""

    def __init__(self, blocks: Iterable[list[Line]], encoding: str) -> None:
        self.lines = chain.from_iterable(blocks)
        self.encoding = encoding
        self.dropped = 0
        self.kept: list[Line] = []
        self.held = 0
        """Characters, or bytes, of the lines that are kept."""
        self.undecodable: set[int] = set()

    def __iter__(self) -> Iterator[str]:
        for line in self.lines:
            self.kept.append(line)
            self.held += len(line)
            if isinstance(line, bytes):
                self.undecodable.add(self.read())
                # A comma still separates: only the bytes that mean nothing are stood in for.
                line = line.decode(self.encoding, "replace")
            yield line + "\n"

    def read(self) -> int:
        """How many lines were given so far."""
        return self.dropped + len(self.kept)

    def quote(self, start: int, end: int) -> str:
        """The text of a row that takes up these lines."""
        first = start - 1 - self.dropped
        # No more lines than characters: an unclosed quote makes one row of a whole file.
        return shorten("\n".join(map(shorten, self.kept[first : min(end - self.dropped, first + RAW_LENGTH)])))

    def forget(self) -> None:
        """Drop the lines of the rows that were handed on."""
        self.dropped = self.read()
        self.kept, self.held = [], 0
        self.undecodable.clear()


def read_separated(source: Source, path: Path, format: Literal["csv", "tsv"]) -> Iterator[Batch]:
    """Batches of the rows of a file."""
    with open_bytes(path) as stream:
        feed = Feed(read_lines(path, stream, source.encoding), name_codec(path, source.encoding))
        parsed = parse_rows(path, feed, source, format)
        first = next(parsed, None)
        if first is None:
            return
        start, end, cells = first
        if isinstance(cells, BadRow):
            raise Unreadable(path, f"its first row cannot be read: {cells.reason}")
        names = cells if source.header else [str(place) for place in range(len(cells))]
        places = find_columns(path, names, source)
        width = len(names)
        rows, starts, ends = ([], [], []) if source.header else ([cells], [start], [end])
        bad: list[BadRow] = []
        for start, end, cells in parsed:
            if isinstance(cells, BadRow):
                bad.append(cells)
            elif len(cells) != width:
                reason = f"it has {len(cells)} cells, and {'the header' if source.header else 'the first row'} {width}"
                bad.append(BadRow(start, reason, feed.quote(start, end)))
            else:
                rows.append(cells)
                starts.append(start)
                ends.append(end)
            if len(rows) + len(bad) >= source.batch_rows or feed.held >= BATCH_LENGTH:
                yield convert_rows(source, places, rows, starts, ends, bad, feed)
                rows, starts, ends, bad = [], [], [], []
                feed.forget()
        if rows or bad:
            yield convert_rows(source, places, rows, starts, ends, bad, feed)


def parse_rows(
    path: Path, feed: Feed, source: Source, format: Literal["csv", "tsv"]
) -> Iterator[tuple[int, int, list[str] | BadRow]]:
    """Each row that is not blank: its first line, its last, and its cells or why there are none."""
    quote = source.quote or ("none" if format == "tsv" else "double")
    csv.field_size_limit(max(MAX_CELL, csv.field_size_limit()))
    reader = csv.reader(
        feed,
        delimiter="\t" if format == "tsv" else ",",
        quoting=csv.QUOTE_NONE if quote == "none" else csv.QUOTE_MINIMAL,
        quotechar=None if quote == "none" else '"',
        strict=True,
    )
    end = 0
    while True:
        start = end + 1
        try:
            cells: list[str] | BadRow = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "field limit" in str(error):
                raise Unreadable(path, f"a cell in line {start} or below is larger than {MAX_CELL >> 20} MB") from None
            cells = BadRow(start, explain(error, start, feed.read()), feed.quote(start, feed.read()))
        end = feed.read()
        if feed.undecodable and any(line in feed.undecodable for line in range(start, end + 1)):
            cells = BadRow(start, f"it is not {source.encoding}", feed.quote(start, end))
        if cells:
            yield start, end, cells


def explain(error: csv.Error, start: int, end: int) -> str:
    """What the csv parser met, in plain words."""
    text = str(error)
    if "unexpected end" in text:
        return f"a quote is opened and not closed until the end of the file, in line {end}"
    if "expected after" in text:
        return "a quoted cell goes on after its closing quote"
    if "new-line" in text:
        return "there is a carriage return inside a cell that is not quoted"
    return text


def find_columns(path: Path, names: list[str], source: Source) -> dict[str, int]:
    """The place of each mapped column."""
    places: dict[str, int] = {}
    for field in source.reads():
        match names.count(field):
            case 1:
                places[field] = names.index(field)
            case 0:
                if field in source.lacking(names):
                    raise Unreadable(path, lacking(field, names))
            case count:
                raise Unreadable(path, f"{count} of its columns are named `{field}`")
    return places


def convert_rows(
    source: Source,
    places: dict[str, int],
    rows: list[list[str]],
    starts: list[int],
    ends: list[int],
    bad: list[BadRow],
    feed: Feed,
) -> Batch:
    """The batch of rows of cells."""
    columns: dict[str, list[str | None]] = {
        field: [row[places[field]] for row in rows] if field in places else [None] * len(rows) for field in source.reads()
    }
    return convert_columns(source, columns, starts, lambda row: feed.quote(starts[row], ends[row]), bad, untyped=True)


def sample_separated(source: Source, path: Path, head: str, format: Literal["csv", "tsv"]) -> list[str]:
    """The names of the columns of the beginning of a file."""
    feed = Feed([[*split_lines(head)]], "utf-8")
    for _, _, cells in parse_rows(path, feed, source, format):
        if isinstance(cells, BadRow):
            raise Unreadable(path, f"its first row cannot be read: {cells.reason}")
        return cells if source.header else [str(place) for place in range(len(cells))]
    return []


def sample_cells(source: Source, path: Path, head: str, format: Literal["csv", "tsv"]) -> list[dict[str, str]]:
    """The first whole rows of the beginning of a file, by the names in its first line, or numbers."""
    feed = Feed([[*split_lines(head)]], "utf-8")
    rows = [cells for _, _, cells in islice(parse_rows(path, feed, source, format), SAMPLE) if not isinstance(cells, BadRow)]
    names = rows[0] if source.header or not rows else [str(place) for place in range(len(rows[0]))]
    return [dict(zip(names, cells, strict=True)) for cells in rows[source.header :] if len(cells) == len(names)]
