"""The beginning of a file at an address: of Parquet its footer and first pages, of lines the first of them, and nothing else."""

from __future__ import annotations

import http.client
import io
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from operators.declared.address import Hub, complain_address, file_name
from operators.declared.source import Source
from runtime.sources.readers.read import FIRST_ROW, LINES_HEAD
from runtime.sources.remote.download import AGAIN, BACKOFF_SECONDS, RANGE, TRIES, Wanted, complain_status, pieces, said_size
from runtime.sources.remote.fetch import access_of, list_files, of_bucket
from runtime.sources.remote.http import Access, Unanswered, asking, shown
from runtime.store.store import StoreError

BLOCK = 1 << 16
"""Bytes of the smallest request."""
HELD = 64
"""Blocks that are kept."""
FOOTERS = 256 << 20
"""Bytes of one reading: a footer that says it is longer is of no file that people write."""
HUB = re.compile(r"hf://datasets/([^@?/]+(?:/[^@?/]+)?)(?:@([^?/]+))?(?:/([^?]+)|\?config=([^&]*)&split=([^&]+))?")

Part = Callable[[int, int], tuple[bytes, int]]
"""(first byte, the one after the last) -> (what lies between them, the bytes of the whole file)."""


def source_at(address: str) -> Source:
    """What a source would say of an address. Raises StoreError for one that cannot be."""
    said: dict[str, Any] = {"category": "CATEGORY", "license": "unknown", "records": "?[]"}
    if address.startswith("hf://"):
        found = HUB.fullmatch(address)
        if found is None:
            raise StoreError(f"`{address[:200]}` names no dataset of the hub", "write it like hf://datasets/NAME/data/*.parquet")
        names = ("dataset", "revision", "files", "config", "split")
        told = {name: each for name, each in zip(names, found.groups(), strict=True) if each}
        with suppress(ValueError):
            return Source(hf=Hub.model_validate(told), **said)
        raise StoreError(f"`{address[:200]}` names no dataset of the hub", "look at its page for how it is written")
    if (wrong := next(complain_address(address), None)) is not None:
        raise StoreError(wrong.message, wrong.hint)
    return Source(file=address, **said)


@contextmanager
def glimpsed(source: Source, opened: frozenset[str]) -> Iterator[tuple[Path, IO[bytes] | None]]:
    """(the first file of a source as a file here that is true as far as it is looked at, all of it to be read at any place).

    The second is of Parquet alone. Raises StoreError for what cannot be had.
    """
    wanted = list_files(source, opened)[0]
    part = bucket_part(wanted, opened) if of_bucket(wanted.url) else partial(http_part, wanted, access_of(wanted, opened))
    name = file_name(wanted.address)
    if name.lower().endswith((".xlsx", ".warc", ".warc.gz", ".zip", ".tar", ".tar.gz", ".tgz")):
        raise StoreError(f"`{shown(wanted.address)}` is read as a whole only", "fetch it yourself, and propose for the file here")
    with TemporaryDirectory() as folder:
        path = Path(folder) / re.sub(r"[^\w.-]", "_", name)[-100:]
        if name.lower().endswith(".parquet"):
            with Ranged(part) as raw, io.BufferedReader(raw, BLOCK) as file:
                yield path, file
            return
        most = FIRST_ROW if ".json" in name.lower() and ".jsonl" not in name.lower() else 2 * LINES_HEAD
        data, size = part(0, most)
        path.write_bytes(data)
        os.truncate(path, min(size, len(data) + LINES_HEAD))  # so that nobody takes the head for all of it
        yield path, None


class Ranged(io.RawIOBase):
    """A file that is read where somebody looks at it."""

    def __init__(self, part: Part) -> None:
        self.part, self.at, self.blocks = part, 0, dict[int, bytes]()
        self.blocks[0], self.size = part(0, BLOCK)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        return self.at

    def readinto(self, buffer: Any) -> int:
        end = min(self.at + len(buffer), self.size)
        if self.at >= end:
            return 0
        data = self.read_between(self.at, end)
        buffer[: len(data)] = data
        self.at += len(data)
        return len(data)

    def read_between(self, start: int, end: int) -> bytes:
        if end - start > FOOTERS:
            raise OSError(f"{end - start:,} bytes are to be read at once")
        first = start // BLOCK
        if end > (first + 1) * BLOCK:
            return self.ask(start, end)
        if first not in self.blocks:
            if len(self.blocks) == HELD:
                self.blocks.pop(next(iter(self.blocks)))
            self.blocks[first] = self.ask(first * BLOCK, min((first + 1) * BLOCK, self.size))
        return self.blocks[first][start - first * BLOCK : end - first * BLOCK]

    def ask(self, start: int, end: int) -> bytes:
        data, size = self.part(start, end)
        if size != self.size or len(data) != end - start:
            raise OSError("it was written while it was read")
        return data


def bucket_part(wanted: Wanted, opened: frozenset[str]) -> Part:
    """Parts of an object."""
    from runtime.sources.remote.buckets import complain_nobody, looked_at, named, split
    from runtime.store.bucket import Bucket

    complain_nobody(wanted.url, opened)
    url, path = split(wanted.url)
    bucket = Bucket(url)
    with named(wanted.address):
        size = looked_at(bucket, path, wanted).size

    def part(start: int, end: int) -> tuple[bytes, int]:
        end = min(end, size)
        with named(wanted.address), bucket.calling("get"):
            return bytes(bucket.inner.get_range(path, start=start, end=end)) if start < end else b"", size

    return part


def http_part(wanted: Wanted, access: Access, start: int, end: int) -> tuple[bytes, int]:
    """A part of a file over HTTP. Raises StoreError."""
    for tries in range(1, TRIES + 1):
        try:
            with asking(wanted.url, access, {"Range": f"bytes={start}-{end - 1}"}) as answer:
                if answer.status in AGAIN:
                    raise Unanswered(f"answers with HTTP {answer.status}")
                complain_status(wanted, answer)
                found = RANGE.fullmatch(answer.getheader("Content-Range") or "")
                begins = int(found[1]) if answer.status == 206 and found is not None and found[1] is not None else 0
                if begins != start:
                    message = f"the server of `{shown(wanted.address)}` sends no parts of it"
                    raise StoreError(message, "fetch it yourself, and propose for the file here")
                data = read_most(answer, end - start)
                size = said_size(answer)
                if len(data) < min(end, len(data) if size is None else size) - start:
                    raise Unanswered("ends before its end")
                return data, len(data) if size is None else size
        except Unanswered as error:
            if tries == TRIES or error.final:
                message = f"`{shown(wanted.address)}` cannot be looked at: its server {error}"
                raise StoreError(message, "run the same command again when the server is well") from None
            time.sleep(BACKOFF_SECONDS * 2 ** (tries - 1))
    raise AssertionError("the last try raises")


def read_most(answer: http.client.HTTPResponse, most: int) -> bytes:
    """What an answer brings, and no more than so many bytes of it."""
    data = bytearray()
    for piece in pieces(answer):
        data += piece
        if len(data) >= most:
            break
    return bytes(data[:most])
