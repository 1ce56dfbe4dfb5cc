"""Read a file of a source in batches, or look at its columns."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO, Any

from operators.declared.records import ITSELF
from operators.declared.source import Source
from runtime.sources.readers.documents import SAMPLE_ROWS, read_json, sample_inside, sample_json, sample_jsonl
from runtime.sources.readers.files import CHUNK, MAX_LINE, Unreadable, open_bytes
from runtime.sources.readers.inside import fields_in
from runtime.sources.readers.jsonl import read_jsonl
from runtime.sources.readers.lines import check_head, name_codec, split_lines
from runtime.sources.readers.parquet import probe_parquet, read_parquet, sample_parquet
from runtime.sources.readers.plain import read_plain
from runtime.sources.readers.rows import Bad
from runtime.sources.readers.rows import BadRow as BadRow
from runtime.sources.readers.rows import Batch as Batch
from runtime.sources.readers.separated import read_separated, sample_cells, sample_separated
from runtime.sources.readers.warc import read_warc
from runtime.sources.readers.workbook import read_workbook, sample_workbook

LINES_HEAD = 1 << 20
DOCUMENT_HEAD = 1 << 22
#: Bytes of a document in which its first row ends, for a look at its columns: its text is held several times over.
FIRST_ROW = 1 << 26


def read_batches(source: Source, path: Path) -> Iterator[Batch]:
    """The rows of a file, at most `batch_rows` at a time, in its order."""
    match source.format_of(path.name):
        case "jsonl":
            return read_jsonl(source, path)
        case "json":
            return read_json(source, path)
        case "csv" | "tsv" as format:
            return read_separated(source, path, format)
        case "parquet":
            return read_parquet(source, path)
        case "txt":
            return read_plain(source, path)
        case "xlsx":
            return read_workbook(source, path)
        case "warc":
            return read_warc(source, path)
        case None:
            raise Unreadable(path, "its name does not say how it is written")


def probe(source: Source, path: Path) -> dict[str, str] | None:
    """The columns of a file, with a word for the type of each, from a bounded look at its beginning.

    None where that is not enough: the first document with rows in it is longer.
    """
    match source.format_of(path.name):
        case "jsonl":
            return name_columns(in_reach(source, path, sample_jsonl(path, *read_head(source, path, LINES_HEAD))))
        case "json":
            # Where the first row alone is longer than the look, it is looked at as far as a row may go.
            for most in (DOCUMENT_HEAD, FIRST_ROW):
                head, complete = read_head(source, path, most)
                try:
                    return name_columns(in_reach(source, path, sample_json(source, path, head, complete)))
                except Unreadable:
                    if complete:
                        raise
                if source.records is not None and (found := sample_inside(source, path)) is not None:
                    return name_columns(in_reach(source, path, found))
            if source.records is not None:
                return None
            raise Unreadable(path, f"its first row does not end within {FIRST_ROW >> 20} MB: use jsonl")
        case "csv" | "tsv" as format:
            head, _ = read_head(source, path, LINES_HEAD)
            return dict.fromkeys(sample_separated(source, path, head, format), "text")
        case "parquet":
            if source.records is not None:
                return name_columns(in_reach(source, path, sample_parquet(source, path)))
            return probe_parquet(path)
        case "txt":
            return {ITSELF: "text"}
        case "xlsx":
            return name_columns(sample_workbook(source, path, SAMPLE_ROWS))
        case "warc":
            return dict.fromkeys(source.pages.names() if source.pages is not None else (), "text")
        case None:
            raise Unreadable(path, "its name does not say how it is written")


def sample_objects(path: Path, said: Mapping[str, Any], file: IO[bytes] | None = None) -> list[dict[str, Any]]:
    """The first objects of a file as they stand in it, by its name and what else is said of it; raises Unreadable.

    `file` is the same, where it is Parquet that lies elsewhere.
    """
    source = Source.model_validate({"file": path.name, "category": "?", "license": "A", "records": "?[]", **said})
    match source.format_of(path.name):
        case "jsonl":
            return sample_jsonl(path, *read_head(source, path, LINES_HEAD))
        case "json":
            return sample_json(source, path, *read_head(source, path, FIRST_ROW))
        case "csv" | "tsv" as format:
            return sample_cells(source, path, read_head(source, path, LINES_HEAD)[0], format)
        case "parquet":
            return sample_parquet(source, path, file)
        case "txt":
            return [{ITSELF: line} for line in split_lines(read_head(source, path, LINES_HEAD)[0])[:SAMPLE_ROWS]]
        case "xlsx":
            return sample_workbook(source, path, SAMPLE_ROWS)
        case "warc":
            raise Unreadable(path, "what of a page is a row is for you to say: `pages: {rows:, fields:}`")
        case None:
            raise Unreadable(path, "its name does not say how it is written")


def in_reach(source: Source, path: Path, documents: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """The first rows among some objects, with all fields that are in reach of them."""
    if source.records is None:
        return documents
    try:
        return list(islice(fields_in(source, documents), SAMPLE_ROWS))
    except Bad as reason:
        raise Unreadable(path, str(reason)) from None


def read_head(source: Source, path: Path, size: int) -> tuple[str, bool]:
    """The text at the beginning of a file, at least to the end of its first line, with whether that is all of it."""
    try:
        seen = path.stat()
    except OSError as error:
        raise Unreadable(path, str(error)) from error
    return head_of(path, name_codec(path, source.encoding), size, (seen.st_ino, seen.st_size, seen.st_mtime_ns))


@lru_cache(maxsize=2)
def head_of(path: Path, encoding: str, size: int, version: tuple[int, ...]) -> tuple[str, bool]:
    """The same of one version of a file: many sources may read it."""
    parts: list[bytes] = []
    held = 0
    block = b""
    with open_bytes(path) as stream:
        while held < size or (size <= LINES_HEAD and held < MAX_LINE and b"\n" not in block):
            block = stream.read(min(CHUNK, max(size - held, LINES_HEAD)))
            if not block:
                break
            parts.append(block)
            held += len(block)
    check_head(path, b"".join(parts[:1]), encoding)
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    try:
        return decoder.decode(b"".join(parts), final=not block).removeprefix("\ufeff"), not block
    except UnicodeError as error:  # as where UTF-16 begins without its mark, which nothing can stand in for
        raise Unreadable(path, f"it is not {encoding}: {error}") from error


def name_columns(rows: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Each key of the objects, with the type that its values have in common."""
    columns: dict[str, str] = {}
    for row in rows:
        for name, value in row.items():
            word = name_type(value)
            known = columns.get(name, "null")
            if known == "null" or known == word:
                columns[name] = word
            elif word != "null":
                columns[name] = "number" if {known, word} == {"integer", "number"} else "mixed"
    return columns


def name_type(value: Any) -> str:
    """The type of a JSON value in one word."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "text"
        case list():
            return "list"
        case _:
            return "object"
