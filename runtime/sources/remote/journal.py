"""The journal of a crawl: a WARC file that grows by a page at a time, from which a crawl that was stopped goes on."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple

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


def records_of(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """(a record, where it begins, where it ends) of each that was written to its end, from where a journal stands."""
    begin, data = file.tell(), b""
    while True:
        unpacker, parts = zlib.decompressobj(31), []
        try:
            while not unpacker.eof and (data := data or file.read(1 << 16)):
                parts.append(unpacker.decompress(data))
                data = unpacker.unused_data
        except zlib.error:
            return
        if not unpacker.eof:
            return
        end = file.tell() - len(data)
        yield b"".join(parts), begin, end
        begin = end


def read_answer(record: bytes) -> Answer:
    """The answer that a record is."""
    from fastwarc.warc import ArchiveIterator

    found = next(iter(ArchiveIterator(BytesIO(record))))
    told = found.http_headers
    kind, location = told.get("Content-Type") or "", told.get("Location") or ""
    return Answer(found.headers["WARC-Target-URI"], told.status_code or 0, kind, location, found.reader.read())


def places_of(path: Path) -> Iterator[tuple[str, int]]:
    """(address, where its answer begins) in a journal, in order. A last one that was not written to its end is cut off."""
    sound = 0
    with path.open("r+b") as file:
        for record, begin, end in records_of(file):
            yield read_answer(record).url, begin
            sound = end
        file.truncate(sound)


def answer_at(path: Path, place: int) -> Answer:
    """The answer that begins there."""
    with path.open("rb") as file:
        file.seek(place)
        return read_answer(next(records_of(file))[0])


def append(path: Path, answer: Answer) -> None:
    """Write an answer behind the others."""
    with path.open("ab") as file:
        file.write(written(answer))
        file.flush()
        os.fsync(file.fileno())
