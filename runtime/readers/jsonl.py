"""Files with one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from operators.source import Source
from runtime.readers.batches import convert_objects
from runtime.readers.files import open_bytes
from runtime.readers.lines import Line, read_lines
from runtime.readers.rows import Bad, BadRow, Batch, shorten

BLANK = " \t\r"


class Parser:
    """JSON that refuses NaN and Infinity; that such a word stood there is known only after the value was read."""

    def __init__(self) -> None:
        self.constants: list[str] = []
        self.decode = json.JSONDecoder(parse_constant=self.constants.append).raw_decode

    def parse(self, text: str, start: int) -> tuple[Any, int]:
        """The value that starts there, with its end."""
        self.constants.clear()
        try:
            return self.decode(text, start)
        except json.JSONDecodeError as error:
            raise Bad(f"it is not JSON: {error.msg.removesuffix(' at')} at character {error.pos - start + 1}") from None
        except RecursionError:
            raise Bad("it is nested too deeply") from None
        except ValueError:
            raise Bad("it holds a number with too many digits") from None

    def check(self, value: Any) -> dict[str, Any]:
        """The value that was parsed last, where it is an object."""
        if self.constants:
            raise Bad(f"it holds {self.constants[0]}, which is not JSON")
        if not isinstance(value, dict):
            raise Bad("it is not an object")
        return value


def read_jsonl(source: Source, path: Path) -> Iterator[Batch]:
    """Batches of the objects of a file."""
    with open_bytes(path) as stream:
        yield from read_objects(source, read_lines(path, stream, source.encoding))


def read_objects(source: Source, blocks: Iterable[list[Line]]) -> Iterator[Batch]:
    """Batches of the objects in blocks of lines."""
    parser = Parser()
    decode, constants = parser.decode, parser.constants
    number = 0
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    raws: list[str] = []
    bad: list[BadRow] = []
    for block in blocks:
        for line in block:
            number += 1
            try:
                # Straight to the decoder: a call for each row would cost more than all its checks.
                value, end = decode(line)  # type: ignore[arg-type]
                plain = end == len(line) and type(value) is dict and not constants
            except (ValueError, TypeError, RecursionError):
                plain = False
            if not plain:
                try:
                    value = parse_line(parser, line, source.encoding)
                except Bad as reason:
                    bad.append(BadRow(number, str(reason), shorten(line)))
                    value = None
            if value is not None:
                rows.append(value)
                lines.append(number)
                raws.append(line)  # type: ignore[arg-type]
            if len(rows) + len(bad) >= source.batch_rows:
                yield convert_objects(source, rows, lines, raws.__getitem__, bad)
                rows, lines, raws, bad = [], [], [], []
    if rows or bad:
        yield convert_objects(source, rows, lines, raws.__getitem__, bad)


def parse_line(parser: Parser, line: Line, encoding: str) -> dict[str, Any] | None:
    """The object of a line, or None for a blank one."""
    if isinstance(line, bytes):
        raise Bad(f"the line is not {encoding}")
    text = line.strip(BLANK)
    if not text:
        return None
    value, end = parser.parse(text, 0)
    if end != len(text):
        raise Bad(f"it is not JSON: more follows at character {end + 1}")
    return parser.check(value)
