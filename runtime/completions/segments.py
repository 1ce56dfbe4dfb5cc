"""Segments: completions on their way between machines, in immutable objects that are called by what they hold."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq
from blake3 import blake3

from runtime.completions.exchange import BATCH, SCHEMA, read_lines, seal_of, table_of
from runtime.completions.memo import DELETE_UNSENT, Completion, CompletionMemo
from runtime.completions.packed import PARTS, unpack_reply
from runtime.store.at_once import AT_ONCE, SMALL, at_once
from runtime.store.batches import batched
from runtime.store.layout import MEMOS
from runtime.store.remote import Remote
from runtime.store.store import StoreError

SEGMENTS = f"{MEMOS}/completions/segments"
MOST = 500
"""Completions of a segment."""


class Damage(Exception):
    """What is wrong with a segment, in a few words."""


def name_of(data: bytes) -> str:
    return blake3(data).hexdigest()


def pack_segment(batch: list[Completion]) -> bytes:
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, SCHEMA, compression="zstd") as writer:
        writer.write_table(table_of(batch))
    return sink.getvalue()


def read_segment(name: str, data: bytes) -> list[Completion]:
    """The completions of a segment. Raises Damage for one that is not what its name says, or none of ours."""
    if name_of(data) != name:
        raise Damage("it is not what its name says")
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        if not file.schema_arrow.equals(SCHEMA):
            raise Damage("it holds no completions")
        found = [pair for batch in file.iter_batches(BATCH) for pair in read_lines(batch)]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Damage(f"it cannot be read: {str(error).splitlines()[0][:200]}") from None
    if any(seal_of(completion) != seal for completion, seal in found):
        raise Damage("a completion in it was changed")
    return [completion for completion, _ in found]


class Segments:
    """What a memo has of the segments of a shared store, and they of it."""

    def __init__(self, memo: CompletionMemo, remote: Remote) -> None:
        self.memo, self.remote = memo, remote
        self.sizes: dict[str, int] = {}
        """Bytes of the segments that there were when they were last listed."""

    def names(self) -> list[str]:
        """All that there are."""
        self.sizes = {item.path.rpartition("/")[2]: item.size for item in self.remote.bucket.list(SEGMENTS)}
        return [*self.sizes]

    def groups(self, names: Iterable[str]) -> Iterator[list[str]]:
        """Names that are fetched at once: joined segments are large, and come one by one."""
        small: list[str] = []
        for name in names:
            if self.sizes.get(name, 0) > SMALL:
                yield [name]
            else:
                small.append(name)
        yield from batched(small, AT_ONCE)

    def take_in(self) -> int:
        """Write what other machines sent since the last time into the memo; how many completions were new.

        Raises StoreError for a damaged segment: what was paid for is not left out without a word.
        """
        with self.memo.using() as connection:
            known = {name for (name,) in connection.execute("SELECT name FROM segments")}
        new, joined = 0, True
        while joined:
            joined = False
            for few in self.groups(name for name in self.names() if name not in known):
                for name, data in zip(few, at_once(AT_ONCE, self.fetch, few), strict=True):
                    joined |= data is None  # it was joined with others meanwhile, into one that was not listed
                    new += 0 if data is None else self.memo.keep(self.whole(name, data), sent=True)
                self.note(few)
                known.update(few)
        return new

    def fetch(self, name: str) -> bytes | None:
        return self.remote.bucket.get(f"{SEGMENTS}/{name}")

    def whole(self, name: str, data: bytes) -> list[Completion]:
        try:
            return read_segment(name, data)
        except Damage as damage:
            message = f"the completions `{name[:12]}` in `{self.remote.url}` are damaged: {damage}"
            raise StoreError(message, "`recipe store verify --remote --mend` sets them aside") from None

    def note(self, names: list[str]) -> None:
        """Write down which segments are in the memo."""
        with self.memo.writing() as connection:
            connection.executemany("INSERT OR IGNORE INTO segments VALUES (?)", [(name,) for name in names])

    def send(self) -> int:
        """Write completions of this machine that are in no segment yet into new ones; how many there were."""
        sent = 0
        while batch := list(self.unsent()):
            data = pack_segment(batch)
            # One that is there holds the same bytes.
            self.remote.bucket.create(f"{SEGMENTS}/{name_of(data)}", data)
            self.note([name_of(data)])
            self.forget([each.address for each in batch])
            sent += len(batch)
        return sent

    def unsent(self) -> Iterator[Completion]:
        """Some of the completions that are in no segment; one that is damaged is none to send."""
        damaged = []
        with self.memo.using() as connection:
            query = f"SELECT address, model, purpose, engine, seconds, {PARTS} FROM unsent JOIN completions USING (address)"
            rows = connection.execute(f"{query} LIMIT {MOST}").fetchall()
        for address, model, purpose, engine, seconds, *parts in rows:
            reply = unpack_reply(address, *parts)
            if reply is None:
                damaged.append(address)
            else:
                yield Completion(address, model, purpose, engine, reply, seconds)
        self.forget(damaged)

    def waiting(self) -> int:
        """How many completions are in no segment yet."""
        with self.memo.using() as connection:
            count: int = connection.execute("SELECT count(*) FROM unsent").fetchone()[0]
            return count

    def forget(self, addresses: list[bytes]) -> None:
        with self.memo.writing() as connection:
            connection.executemany(DELETE_UNSENT, [(address,) for address in addresses])
