"""Completions to a file and from one: what was paid for in one store serves in another."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from blake3 import blake3

from operators.asks.asks import Reply
from runtime.completions.memo import Completion, CompletionMemo
from runtime.store.batches import batched
from runtime.store.files import replacing
from runtime.store.store import StoreError

BATCH = 2048
SCHEMA = pa.schema(
    [
        ("address", pa.binary(32)),
        ("model", pa.string()),
        ("purpose", pa.string()),
        ("engine", pa.string()),
        ("seconds", pa.float64()),
        ("text", pa.large_string()),
        ("reasoning", pa.large_string()),
        ("finish_reason", pa.string()),
        ("prompt_tokens", pa.int64()),
        ("completion_tokens", pa.int64()),
        ("seal", pa.binary(16)),
    ]
)


@dataclass(frozen=True)
class Imported:
    """What an import found."""

    new: int
    known: int
    """Completions whose address has one already: the first one stays."""


def seal_of(completion: Completion) -> bytes:
    """A digest of a completion, by which a changed line is found."""
    parts = [completion.address.hex(), completion.model, completion.purpose, completion.engine, completion.reply._asdict()]
    return blake3(json.dumps(parts, ensure_ascii=True, sort_keys=True).encode()).digest(16)


def export_completions(memo: CompletionMemo, path: Path, model: str | None = None) -> int:
    """Write the completions of the store, or of one model, as Parquet; how many. The file is there whole or not at all."""
    count = 0
    with replacing(path) as partial, pq.ParquetWriter(partial, SCHEMA, compression="zstd") as writer:
        for batch in batched((each for each in memo.rows() if model in (None, each.model)), BATCH):
            writer.write_table(table_of(batch))
            count += len(batch)
    return count


def table_of(completions: Sequence[Completion]) -> pa.Table:
    """A line for each completion, with its seal."""
    rows = [
        {**each.reply._asdict(), **{name: getattr(each, name) for name in SCHEMA.names[:5]}, "seal": seal_of(each)}
        for each in completions
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def import_completions(memo: CompletionMemo, path: Path) -> Imported:
    """Add the completions of a file that an export wrote. Raises StoreError where a line was changed; nothing is added then."""
    try:
        file = pq.ParquetFile(path, pre_buffer=False)
        if not file.schema_arrow.equals(SCHEMA):
            raise StoreError(f"`{path}` holds no completions", "write it with `recipe store completions export FILE`")
        for batch in file.iter_batches(BATCH):
            for completion, seal in read_lines(batch):
                if seal_of(completion) != seal:
                    message = f"the completion {completion.address.hex()[:12]} in `{path}` is not what was exported"
                    raise StoreError(message, "export it again; nothing was imported")
        new = seen = 0
        for batch in file.iter_batches(BATCH):
            completions = [each for each, _ in read_lines(batch)]
            new, seen = new + memo.keep(completions), seen + len(completions)
    except (ValueError, OSError) as error:
        raise StoreError(f"`{path}` cannot be read: {str(error).splitlines()[0]}") from None
    return Imported(new, seen - new)


NEEDED = ("address", "model", "purpose", "engine", "seconds", "text", "seal")


def read_lines(batch: pa.RecordBatch) -> Iterator[tuple[Completion, bytes]]:
    """(completion, its seal) of each line. Raises ValueError where a cell lacks that each completion has."""
    if lacking := [name for name in NEEDED if batch.column(name).null_count]:
        raise ValueError(f"a completion in it has no {lacking[0]}")
    for row in batch.to_pylist():
        reply = Reply(**{name: row[name] for name in SCHEMA.names[5:10]})
        yield Completion(row["address"], row["model"], row["purpose"], row["engine"], reply, row["seconds"]), row["seal"]
