"""Crawls: the pages of a WARC file, each as its server sent it, and the rows in them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from operators.declared.pages import ALWAYS, Pages
from operators.declared.source import Source
from runtime.sources.readers.batches import convert_columns
from runtime.sources.readers.files import Unreadable, open_bytes
from runtime.sources.readers.markup import MOST_BYTES, decode_page, is_meant, rows_in
from runtime.sources.readers.rows import BATCH_LENGTH, Bad, BadRow, Batch, shorten

HTML = ("text/html", "application/xhtml+xml")
NEEDS = "reading crawls needs fastwarc, resiliparse and selectolax: install data-recipe[crawl]"
#: Rows of a batch: each may be as long as a page.
MOST_BATCH = 512


class Page(NamedTuple):
    """One page of a crawl."""

    number: int
    """Of its record in the file, counted from 1."""
    url: str
    date: str
    charset: str | None
    """The encoding that its server says."""
    body: bytes | Bad
    """Its bytes, out of what they were packed in for the way; or why they are not here."""


def read_warc(source: Source, path: Path) -> Iterator[Batch]:
    """Batches of the rows of the pages in a file. Raises Unreadable for what is no WARC file, or is damaged or cut off."""
    return (batch for batch, _, _ in read_counted(source, path))


def read_counted(source: Source, path: Path) -> Iterator[tuple[Batch, int, int]]:
    """The same, each batch with the pages that were looked at for it, and those of them that gave no row."""
    rows: list[dict[str, str | None]] = []
    lines: list[int] = []
    bad: list[BadRow] = []
    seen = barren = held = 0
    for page, found in read_pages(source, path):
        seen += 1
        if isinstance(found, Bad):
            bad.append(BadRow(page.number, str(found), shorten(page.url)))
            barren += 1
        else:
            rows += found
            lines += [page.number] * len(found)
            barren += not found
            held += sum(len(cell or "") for row in found for cell in row.values())
        if len(rows) + len(bad) >= min(source.batch_rows, MOST_BATCH) or held >= BATCH_LENGTH:
            yield batch_of(source, rows, lines, bad), seen, barren
            rows, lines, bad, seen, barren, held = [], [], [], 0, 0, 0
    yield batch_of(source, rows, lines, bad), seen, barren


def batch_of(source: Source, rows: list[dict[str, str | None]], lines: list[int], bad: list[BadRow]) -> Batch:
    columns = {name: [row.get(name) for row in rows] for name in source.reads()}
    return convert_columns(source, columns, lines, lambda at: "\n".join(filter(None, rows[at].values())), bad, untyped=True)


def read_pages(source: Source, path: Path) -> Iterator[tuple[Page, list[dict[str, str | None]] | Bad]]:
    """Each page that is looked at, with its rows or why it cannot be read."""
    pages = source.pages or Pages(fields={ALWAYS[0]: ALWAYS[0]})
    for page in pages_of(path):
        if not is_meant(pages, page.url):
            continue
        try:
            if isinstance(page.body, Bad):
                raise page.body
            said = page.charset if source.encoding == "utf-8" else source.encoding
            yield page, [*rows_in(pages, decode_page(page.body, said), page.url, page.date)]
        except Bad as reason:
            yield page, reason


def pages_of(path: Path) -> Iterator[Page]:
    """The HTML pages of a WARC file that their servers gave in full, in its order. Raises Unreadable."""
    try:
        from fastwarc.warc import ArchiveIterator, WarcRecordType
    except ModuleNotFoundError:
        raise Unreadable(path, NEEDS) from None
    with open_bytes(path) as stream:
        try:
            for number, record in enumerate(ArchiveIterator(stream, record_types=WarcRecordType.any_type), 1):
                if record.record_type not in (WarcRecordType.response, WarcRecordType.resource):
                    left = record.content_length - skip(record.reader)
                else:
                    length = record.content_length
                    raw = record.reader.read(min(length, MOST_BYTES + 1))
                    left = length - len(raw) - skip(record.reader)
                    if is_page(record, WarcRecordType.response):
                        yield page_of(number, record, raw, length)
                if left > 0:
                    raise Unreadable(path, f"its record {number} ends too early: the file was cut off")
        except OSError as error:
            raise Unreadable(path, f"it cannot be read as WARC: {error}") from error


def skip(reader: Any) -> int:
    """Read what is left of a record; says how many bytes."""
    count = 0
    while block := reader.read(1 << 20):
        count += len(block)
    return count


def is_page(record: Any, response: Any) -> bool:
    """Whether a record is a page that its server gave in full."""
    if record.record_type == response:
        told = record.http_headers
        return told is not None and told.status_code == 200 and record.http_content_type in HTML
    return (record.headers.get("Content-Type") or "").partition(";")[0].strip().lower() in HTML


def page_of(number: int, record: Any, raw: bytes, length: int) -> Page:
    """A record as a page."""
    headers, told = record.headers, record.http_headers
    body: bytes | Bad = Bad(f"the page is longer than {MOST_BYTES >> 20} MB")
    if cut := headers.get("WARC-Truncated"):
        body = Bad(f"the page was cut off when it was fetched ({cut})")
    elif length <= MOST_BYTES:
        try:
            body = unpacked(raw, told) if told is not None else raw
        except Bad as reason:
            body = reason
    url = (headers.get("WARC-Target-URI") or "").strip("<>")
    return Page(number, url, headers.get("WARC-Date") or "", record.http_charset if told is not None else None, body)


def unpacked(raw: bytes, headers: Any) -> bytes:
    """The bytes of a page without the chunks and the compression in which they were sent. Raises Bad."""
    if "chunked" in (headers.get("Transfer-Encoding") or "").lower():
        from resiliparse.parse.http import iterate_http_chunks

        # Some crawlers keep the header, and not the chunks.
        if raw.partition(b"\r\n")[0].partition(b";")[0].strip(b"0123456789abcdefABCDEF ") == b"":
            raw = b"".join(iterate_http_chunks(BytesIO(raw)))
    match (headers.get("Content-Encoding") or "identity").strip().lower():
        case "identity" | "":
            return raw
        case "gzip" | "x-gzip" if raw.startswith(b"\x1f\x8b"):
            opened = zlib.decompressobj(31)
        case "deflate":
            opened = zlib.decompressobj(15 if raw[:1] == b"\x78" else -15)
        case "gzip" | "x-gzip":
            return raw  # some crawlers keep the header, and unpack what it tells of
        case other:
            raise Bad(f"the page is packed as `{shorten(other)[:40]}`, which is not read")
    try:
        body = opened.decompress(raw, MOST_BYTES + 1)
    except zlib.error as error:
        raise Bad(f"the page cannot be unpacked: {error}") from None
    if len(body) > MOST_BYTES:
        raise Bad(f"the page unpacks to more than {MOST_BYTES >> 20} MB")
    if not opened.eof:
        raise Bad("the page is packed, and ends too early")
    return body
