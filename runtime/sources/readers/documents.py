"""Files that are one JSON document: an array of objects, or a single object."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from operators.declared.source import Source
from runtime.sources.readers.batches import Objects
from runtime.sources.readers.files import Unreadable, open_bytes
from runtime.sources.readers.jsonl import Parser, parse_line, read_objects
from runtime.sources.readers.lines import decode_whole, name_codec, split_lines
from runtime.sources.readers.nested import refuse_document
from runtime.sources.readers.rows import RAW_LENGTH, Bad, BadRow, Batch, shorten

SPACE = re.compile(r"[ \t\r\n]*")
#: As many lines are tried before a file that is no document is said not to be JSONL either.
TRIED_LINES = 20
SAMPLE_ROWS = 200


def read_json(source: Source, path: Path) -> Iterator[Batch]:
    """Batches of the objects of a file; one object a line is read as that, whatever the file's name says."""
    with open_bytes(path) as stream:
        text = decode_whole(path, stream, name_codec(path, source.encoding))
    start = skip_space(text, 0)
    if start == len(text):
        return
    if text[start] == "[":
        yield from read_array(source, path, text, start)
        return
    parser = Parser()
    try:
        value, end = parser.parse(text, start)
    except Bad as reason:
        value, end, broken = None, 0, str(reason)
    else:
        broken = "more follows after the first value"
    if skip_space(text, end) == len(text):
        try:
            row = check_document(source, path, parser.check(value))
            parser.check_keys(text[start:end], row)
        except Bad as reason:
            raise Unreadable(path, str(reason)) from None
        objects = Objects(source, path)
        yield from objects.batches([row], [1], lambda _: text[start:], [])
        objects.end()
    elif holds_lines(text):
        yield from read_objects(source, path, [[*split_lines(text)]])
    else:
        raise Unreadable(path, broken)


def check_document(source: Source, path: Path, value: dict[str, Any]) -> dict[str, Any]:
    """The one object of a file, where it is a row; raises Unreadable, with its shape, where rows may lie deeper in it."""
    if source.records is None and (refusal := refuse_document(tuple(source.needed()), value)) is not None:
        raise Unreadable(path, refusal)
    return value


def read_array(source: Source, path: Path, text: str, start: int) -> Iterator[Batch]:
    """Batches of the objects of an array."""
    objects = Objects(source, path)
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    spans: list[int] = []
    bad: list[BadRow] = []
    for number, (found, place) in enumerate(parse_array(path, text, start), 1):
        if isinstance(found, Bad):
            bad.append(BadRow(number, str(found), shorten(element(text, place))))
        else:
            rows.append(found)
            lines.append(number)
            spans.append(place)
        if len(rows) + len(bad) >= source.batch_rows:
            yield from objects.batches(rows, lines, quote_from(text, spans), bad)
            rows, lines, spans, bad = [], [], [], []
    if rows or bad:
        yield from objects.batches(rows, lines, quote_from(text, spans), bad)
    objects.end()


def parse_array(path: Path, text: str, start: int) -> Iterator[tuple[dict[str, Any] | Bad, int]]:
    """Each element of the array, or why it is no row, with the place where it starts."""
    parser = Parser()
    place = skip_space(text, start + 1)
    number = 0
    closed = text.startswith("]", place)
    while not closed:
        number += 1
        try:
            value, end = parser.parse(text, place)
        except Bad as reason:
            raise Unreadable(path, f"row {number}, which starts in {locate(text, place)}: {reason}") from None
        try:
            row = parser.check(value)
            parser.check_keys(text[place:end], row)
            yield row, place
        except Bad as reason:
            yield reason, place
        place = skip_space(text, end)
        closed = text.startswith("]", place)
        if not closed:
            if not text.startswith(",", place):
                raise Unreadable(path, f"after row {number}, in {locate(text, place)}: a comma or `]` is missing")
            place = skip_space(text, place + 1)
    if (end := skip_space(text, place + 1)) != len(text):
        raise Unreadable(path, f"more follows after the array, in {locate(text, end)}")


def skip_space(text: str, place: int) -> int:
    """The next place that holds no white space."""
    found = SPACE.match(text, place)
    assert found is not None
    return found.end()


def locate(text: str, place: int) -> str:
    """A place in words."""
    return f"line {text.count(chr(10), 0, place) + 1}"


def quote_from(text: str, places: list[int]) -> Callable[[int], str]:
    """How a row that starts at one of the places begins."""
    return lambda row: element(text, places[row])


def holds_lines(text: str) -> bool:
    """Whether one of the first lines is an object of its own."""
    return any(True for _ in parse_lines(islice(split_lines(text), TRIED_LINES)))


def parse_lines(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The objects among lines; the others are passed over."""
    parser = Parser()
    for line in lines:
        try:
            found = parse_line(parser, line, "")
        except Bad:
            continue
        if found is not None:
            yield found


def sample_jsonl(path: Path, head: str, complete: bool) -> list[dict[str, Any]]:
    """The first objects, a line each, of the beginning of a file."""
    lines = split_lines(head)
    rows = list(islice(parse_lines(lines if complete else lines[:-1]), SAMPLE_ROWS))
    if not rows and head.strip():
        raise Unreadable(path, "none of its first lines is a JSON object")
    return rows


def sample_json(source: Source, path: Path, head: str, complete: bool) -> list[dict[str, Any]]:
    """The first objects of the beginning of a document."""
    start = skip_space(head, 0)
    if head.startswith("[", start):
        rows: list[dict[str, Any]] = []
        try:
            for found, _ in islice(parse_array(path, head, start), SAMPLE_ROWS):
                if not isinstance(found, Bad):
                    rows.append(found)
        except Unreadable:
            if complete or not rows:
                raise
        return rows
    parser = Parser()
    try:
        value, end = parser.parse(head, start)
        if skip_space(head, end) == len(head):
            return [check_document(source, path, parser.check(value))]
    except Bad as reason:
        if not holds_lines(head) and head.strip():
            raise Unreadable(path, str(reason)) from None
    return sample_jsonl(path, head, complete)


def element(text: str, place: int) -> str:
    """The text of the element of an array that starts at a place."""
    try:
        return text[place : json.JSONDecoder().raw_decode(text, place)[1]]
    except (ValueError, RecursionError):
        return text[place : place + RAW_LENGTH]
