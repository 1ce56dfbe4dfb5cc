"""Plain text, one row a line: the row is the line itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from operators.declared.records import ITSELF
from operators.declared.source import Source
from runtime.sources.readers.batches import convert_columns, lacking
from runtime.sources.readers.files import Unreadable, open_bytes
from runtime.sources.readers.lines import read_lines
from runtime.sources.readers.rows import BadRow, Batch, shorten


def read_plain(source: Source, path: Path) -> Iterator[Batch]:
    """Batches of the lines of a file that are not blank, without what ends them."""
    if lacks := source.lacking([ITSELF]):
        raise Unreadable(path, lacking(lacks[0], [ITSELF], "a line of text has no column"))
    number = 0
    with open_bytes(path) as stream:
        for block in read_lines(path, stream, source.encoding):
            for start in range(0, len(block), source.batch_rows):
                texts: list[str] = []
                lines: list[int] = []
                bad: list[BadRow] = []
                for line in block[start : start + source.batch_rows]:
                    number += 1
                    if isinstance(line, bytes):
                        bad.append(BadRow(number, f"the line is not {source.encoding}", shorten(line)))
                    elif line.strip():
                        texts.append(line.removesuffix("\r"))
                        lines.append(number)
                columns = {name: texts if name == ITSELF else [None] * len(texts) for name in source.reads()}
                yield convert_columns(source, columns, lines, texts.__getitem__, bad, untyped=True)
