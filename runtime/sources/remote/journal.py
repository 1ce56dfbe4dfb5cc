"""The journal of a crawl: a WARC file that grows by a page at a time, from which a crawl that was stopped goes on."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from runtime.sources.readers.markup import MOST_BYTES


class Answer(NamedTuple):
    """What a server said of one address."""

    url: str
    status: int
    kind: str
    """Its Content-Type."""
    location: str
    """Where it redirects to."""
    body: bytes


def written(answer: Answer) -> bytes:
    """A record of its own: what stands before it needs no other to be read."""
    from fastwarc.warc import WarcRecord, WarcRecordType

    record = WarcRecord()
    record.init_headers(WarcRecordType.response)
    record.headers["WARC-Target-URI"] = answer.url
    record.headers["Content-Type"] = "application/http; msgtype=response"
    if len(answer.body) > MOST_BYTES:
        record.headers["WARC-Truncated"] = "length"
    told = {"Content-Type": answer.kind, "Location": answer.location}
    lines = [f"HTTP/1.1 {answer.status} .", *(f"{name}: {' '.join(each.split())}" for name, each in told.items() if each)]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
    record.set_bytes_content(head + answer.body[:MOST_BYTES])
    stream = BytesIO()
    record.write(stream, checksum_data=True)
    return gzip.compress(stream.getvalue(), mtime=0)


def answers_of(path: Path) -> Iterator[Answer]:
    """The answers in a journal, in order. A last one that was not written to its end is cut off the file."""
    from fastwarc.warc import ArchiveIterator

    sound, data = 0, b""
    with path.open("r+b") as file:
        while True:
            unpacker, parts = zlib.decompressobj(31), []
            try:
                while not unpacker.eof and (data := data or file.read(1 << 16)):
                    parts.append(unpacker.decompress(data))
                    data = unpacker.unused_data
            except zlib.error:
                break
            if not unpacker.eof:
                break
            sound = file.tell() - len(data)
            for record in ArchiveIterator(BytesIO(b"".join(parts))):
                told = record.http_headers
                kind, location = told.get("Content-Type") or "", told.get("Location") or ""
                yield Answer(record.headers["WARC-Target-URI"], told.status_code or 0, kind, location, record.reader.read())
        file.truncate(sound)


def append(path: Path, answer: Answer) -> None:
    """Write an answer behind the others."""
    with path.open("ab") as file:
        file.write(written(answer))
        file.flush()
        os.fsync(file.fileno())
