"""Files with one JSON object a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from operators.conversations.canonical import DEEPEST
from operators.declared.source import Source
from runtime.sources.readers.batches import Objects
from runtime.sources.readers.files import open_bytes
from runtime.sources.readers.lines import Line, read_lines
from runtime.sources.readers.rows import BATCH_LENGTH, Bad, BadRow, Batch, describe, shorten

BLANK = " \t\r"
#: A key that stands apart from its colon, as hardly any writer has it.
APART = re.compile(r'"[ \t\r\n]+:')


def distinct(text: str, value: Any) -> bool:
    """Whether it is sure, at a glance, that no object in a text has a key twice: as many keys were read as stand in it."""
    return text.count('":') == keys_in(value) and APART.search(text) is None


def keys_in(value: Any, deep: int = 0) -> int:
    """The number of keys in a value and all that is in it; raises Bad where that is nested more deeply than any data is."""
    if deep > DEEPEST:
        raise Bad("it is nested too deeply")
    inner = value.values() if type(value) is dict else value if type(value) is list else ()
    count = len(value) if type(value) is dict else 0
    for each in inner:
        if type(each) is dict or type(each) is list:
            count += keys_in(each, deep + 1)
    return count


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of some keys and values; raises Bad where a key stands twice."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise Bad(f"it has the key `{describe(next(name for name in names if names.count(name) > 1))}` twice")
    return made


TWICE = json.JSONDecoder(object_pairs_hook=once).raw_decode
"""Reads a value, key by key; raises Bad where an object has a key twice."""


WORD = 16
"""Characters at the end of a text that may be the beginning of a word, a number or an escape."""


class Parser:
    """JSON that refuses NaN and Infinity; that such a word stood there is known only after the value was read."""

    def __init__(self) -> None:
        self.constants: list[str] = []
        self.cut = False
        """Whether what was wrong last may be that the text ends too early."""
        self.decode = json.JSONDecoder(parse_constant=self.constants.append).raw_decode

    def parse(self, text: str, start: int) -> tuple[Any, int]:
        """The value that starts there, with its end."""
        self.constants.clear()
        self.cut = False
        try:
            return self.decode(text, start)
        except json.JSONDecodeError as error:
            self.cut = error.msg.startswith("Unterminated") or error.pos > len(text) - WORD
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

    def check_keys(self, text: str, value: Any) -> None:
        """Raises Bad where an object in a text, of which `value` was read, has a key twice: the last would win silently."""
        if not distinct(text, value):
            TWICE(text.lstrip())


def read_jsonl(source: Source, path: Path) -> Iterator[Batch]:
    """Batches of the objects of a file."""
    with open_bytes(path) as stream:
        yield from read_objects(source, path, read_lines(path, stream, source.encoding))


def read_objects(source: Source, path: Path, blocks: Iterable[list[Line]]) -> Iterator[Batch]:
    """Batches of the objects in blocks of lines; raises Unreadable where a column stands in none of them."""
    objects = Objects(source, path)
    parser = Parser()
    decode, constants = parser.decode, parser.constants
    number = 0
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    raws: list[str] = []
    bad: list[BadRow] = []
    held = 0
    for block in blocks:
        for line in block:
            number += 1
            held += len(line)
            try:
                # Straight to the decoder: a call for each row would cost more than all its checks.
                value, end = decode(line)  # type: ignore[arg-type]
                plain = end == len(line) and type(value) is dict and not constants and distinct(line, value)  # type: ignore[arg-type]
            except (ValueError, TypeError, RecursionError, Bad):
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
            if len(rows) + len(bad) >= source.batch_rows or held >= BATCH_LENGTH:
                yield from objects.batches(rows, lines, raws.__getitem__, bad)
                rows, lines, raws, bad, held = [], [], [], [], 0
    if rows or bad:
        yield from objects.batches(rows, lines, raws.__getitem__, bad)
    objects.end()


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
    value = parser.check(value)
    parser.check_keys(text, value)
    return value
