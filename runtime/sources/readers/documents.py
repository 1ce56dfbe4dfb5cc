"""Files that are one JSON document: an array of objects, or a single object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from operators.declared.source import Source
from runtime.sources.readers.batches import Objects, quote_record
from runtime.sources.readers.files import Unreadable, open_bytes
from runtime.sources.readers.inside import Inside
from runtime.sources.readers.jsonl import Parser, parse_line, read_jsonl
from runtime.sources.readers.lines import name_codec, read_text, split_lines
from runtime.sources.readers.nested import refuse_document
from runtime.sources.readers.rows import BATCH_LENGTH, Bad, BadRow, Batch, shorten
from runtime.sources.readers.window import SPACE, Window, passed_by, pieces, put_back

#: As many lines are tried before a file that is no document is said not to be JSONL either.
TRIED_LINES = 20
SAMPLE_ROWS = 200


def read_json(source: Source, path: Path) -> Iterator[Batch]:
    """Batches of the objects of a file; one object a line is read as that, whatever the file's name says."""
    with opened(source, path) as window:
        match window.peek():
            case "":
                return
            case "[":
                yield from read_array(source, window)
                return
        lines = tells_lines(window)
        if not lines:
            yield from read_document(source, window)
    if lines:
        yield from read_jsonl(source, path)


@contextmanager
def opened(source: Source, path: Path) -> Iterator[Window]:
    """The beginning of a document."""
    with open_bytes(path) as stream:
        yield Window(path, read_text(path, stream, name_codec(path, source.encoding)))


def tells_lines(window: Window) -> bool:
    """Whether a file holds lines that are objects, by what stands behind its first value, or in the place of it."""
    try:
        _, end = window.parser.parse(window.text, window.place)
    except Bad:
        if window.parser.cut and window.more():
            return False  # a value that is longer than a look
        return holds_lines(window.text)
    while not (more := bool(window.text[window.place + end :].strip(SPACE))) and window.more():
        pass
    return more and holds_lines(window.text)


def read_document(source: Source, window: Window) -> Iterator[Batch]:
    """The row that a document is, or batches of the records in it."""
    path, objects, line = window.path, Objects(source, window.path), window.line()
    try:
        if objects.inside is None:
            rows = iter([check_document(source, path, window.parser.check(window.checked()))])
        else:
            rows = documents(source, window, objects.inside)
        some: list[Any] = []
        spent = 0
        for row in rows:
            some.append(row)
            if len(some) >= source.batch_rows or window.spent - spent >= BATCH_LENGTH:
                yield from objects.batches(some, [line] * len(some), partial(quote_record, some), [])
                some, spent = [], window.spent
        yield from objects.batches(some, [line] * len(some), partial(quote_record, some), [])
        if window.peek():
            raise Bad("more follows after the first value")
    except Bad as reason:
        raise Unreadable(path, f"{reason}, in line {window.line()}" if window.line() > 1 else str(reason)) from None
    objects.end()


def documents(source: Source, window: Window, inside: Inside) -> Iterator[Any]:
    """A document as many smaller ones, each with one of the elements that its way first comes to. Raises Bad."""
    around = passed_by(inside.way, inside.around)
    if around:
        with opened(source, window.path) as ahead:
            for _ in pieces(ahead, inside.way, around):
                pass  # what stands around them may stand behind them
    none = True
    for piece in pieces(window, inside.way, {}):
        none = False
        yield put_back(piece, inside.way, around)
    if none:
        with opened(source, window.path) as again:
            yield again.parser.check(again.checked())  # which says what is in the place of records


def check_document(source: Source, path: Path, value: dict[str, Any]) -> dict[str, Any]:
    """The one object of a file, where it is a row; raises Unreadable, with its shape, where rows may lie deeper in it."""
    if source.records is None and (refusal := refuse_document(tuple(source.needed()), value)) is not None:
        raise Unreadable(path, refusal)
    return value


def read_array(source: Source, window: Window) -> Iterator[Batch]:
    """Batches of the objects of an array."""
    objects = Objects(source, window.path)
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    texts: list[str] = []
    bad: list[BadRow] = []
    spent = 0
    for number, (found, text) in enumerate(parse_array(window), 1):
        if isinstance(found, Bad):
            bad.append(BadRow(number, str(found), shorten(text)))
        else:
            rows.append(found)
            lines.append(number)
            texts.append(text)
        if len(rows) + len(bad) >= source.batch_rows or window.spent - spent >= BATCH_LENGTH:
            yield from objects.batches(rows, lines, texts.__getitem__, bad)
            rows, lines, texts, bad, spent = [], [], [], [], window.spent
    if rows or bad:
        yield from objects.batches(rows, lines, texts.__getitem__, bad)
    objects.end()


def parse_array(window: Window) -> Iterator[tuple[dict[str, Any] | Bad, str]]:
    """Each element of the array, or why it is no row, with its text."""
    path, number = window.path, 0
    try:
        for number in window.elements("]"):
            try:
                value, text = window.value()
            except Bad as reason:
                raise Unreadable(path, f"row {number}, which starts in line {window.line()}: {reason}") from None
            try:
                row = window.parser.check(value)
                window.parser.check_keys(text, row)
                yield row, text
            except Bad as reason:
                yield reason, text
    except Bad as reason:
        raise Unreadable(path, f"after row {number}, in line {window.line()}: {reason}") from None
    if window.peek():
        raise Unreadable(path, f"more follows after the array, in line {window.line()}")


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
    window = Window(path, iter([head]))
    if window.peek() == "[":
        rows: list[dict[str, Any]] = []
        try:
            for found, _ in islice(parse_array(window), SAMPLE_ROWS):
                if not isinstance(found, Bad):
                    rows.append(found)
        except Unreadable:
            if complete or not rows:
                raise
        return rows
    try:
        value, _ = window.value()
        if not window.peek():
            return [check_document(source, path, window.parser.check(value))]
    except Bad as reason:
        if not holds_lines(head) and head.strip():
            raise Unreadable(path, str(reason)) from None
    return sample_jsonl(path, head, complete)


def sample_inside(source: Source, path: Path) -> list[Any] | None:
    """The first records of a long document, each in a document of its own; None where not all that is read stands there."""
    inside = Inside(source)
    with opened(source, path) as window:
        if window.peek() != "{" or passed_by(inside.way, inside.around):
            return None
        try:
            return [*islice(pieces(window, inside.way, {}), SAMPLE_ROWS)]
        except Bad as reason:
            raise Unreadable(path, str(reason)) from None
