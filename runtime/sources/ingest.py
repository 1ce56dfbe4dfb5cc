"""Ingest: files become a table with ids, and unreadable rows become a report or a ledger entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from compiler.graph.nodes import Node
from operators.base.declare import LABELS
from operators.base.licence import Licence
from operators.base.scope import Columns
from operators.declared.by_row import unread
from operators.declared.source import Source
from runtime.sources.forgetting import Spared
from runtime.sources.labelling import Labelling
from runtime.sources.readers.conversations import told_padding
from runtime.sources.readers.counting import Golds
from runtime.sources.readers.files import Unreadable, hash_file
from runtime.sources.readers.read import read_batches
from runtime.store.digest import Bytes
from runtime.store.record import SourceRecord
from runtime.store.store import Store, StoreError
from runtime.tables.batches import in_order
from runtime.tables.ids import hash_rows
from runtime.tables.spill import Spill
from runtime.tables.table import ARROW
from runtime.tables.write import write_columns


class BadRows(Exception):
    """Rows that cannot be read, with the file, line and reason of each; line 0 stands for a whole file."""

    def __init__(self, source: str, license: Licence, rows: list[tuple[str, int, str]], more: int = 0) -> None:
        count = len(rows) + more
        self.whole = not all(line for _, line, _ in rows)
        what = "a file" if self.whole else f"{count:,} row{'s' * (count != 1)}"
        super().__init__(f"{what} of `{source}` cannot be read")
        self.license, self.rows, self.more = license, rows, more


def without_cells(reason: str) -> str:
    """A reason without what it quotes of the row: only the first name in backticks, that of a column, stays."""
    what, advice, hint = reason.partition("; say ")
    parts = what.split("`")
    return "`".join(part if place < 3 or place % 2 == 0 else "..." for place, part in enumerate(parts)) + advice + hint


@dataclass(frozen=True)
class Opened:
    """One file of a source: its path, how people know it, and the digest of its bytes."""

    path: Path
    shown: str
    digest: str


SHOWN_BAD_ROWS = 200
RAW = pa.schema([("raw", pa.large_string())])
"""The text of rows that could not be read, in the order in which a record lists them."""


def ingest(
    store: Store, node: Node, files: list[Opened], tell: Callable[[int], None], threads: int, forgotten: Sequence[str] = ()
) -> SourceRecord:
    """The record of a source, without its forgotten rows. Raises BadRows, or StoreError where a file changed meanwhile."""
    source = node.operator
    assert isinstance(source, Source)
    columns = {name: kind for name, kind in source.made().items() if name not in LABELS}
    bad: list[dict[str, Any]] = []
    golds, labelling, spared = Golds(source), Labelling(source), Spared(forgotten)
    with closing(Spill(store)) as rows:
        for read, hashed in read_hashed(source, node.label, files, columns, labelling, bad, threads):
            content, ids = spared.rest(read, hashed)
            golds.add(content)
            rows.add(content, ids | labelling.ties(content))
            tell(rows.rows)
        bad = spared.readable(bad)
        otherwise = golds.otherwise(each["reason"] for each in bad)
        if otherwise is not None and otherwise[2]:
            hint = f"say `gold: {{{otherwise[1]}}}`, or `trust: true` beside it where they do count so"
            raise StoreError(f"the golds of `{node.label}` count otherwise than it says: {otherwise[0]}", hint)
        if bad and source.on_bad_row == "stop":
            shown = [(each["name"], each["line"], each["reason"]) for each in bad[:SHOWN_BAD_ROWS]]
            raise BadRows(node.label, unread(source.license), shown, max(0, len(bad) - SHOWN_BAD_ROWS))
        labelling.complain(node.label)
        labels = {"source": node.label, "category": source.category, "license": source.license}
        constants = {name: each for name, each in labels.items() if isinstance(each, str)}
        tree, described = rows.write({**columns, **LABELS}, constants)
    pa.default_memory_pool().release_unused()
    return SourceRecord(
        kind="source",
        **described.body(),
        rows=tree["rows"],
        table=tree,
        bad=[{name: value for name, value in each.items() if name != "raw"} for each in bad],
        raw=write_columns(store, RAW, raw_batches(bad)) if bad else None,
        counting=told_padding(source, (file.path for file in files))
        if otherwise is None
        else f"{otherwise[0]}: say `gold: {{{otherwise[1]}}}` if they do",
        counts={"in": 0, "born": tree["rows"], "out": tree["rows"], "dropped": 0, "quarantined": len(bad), **spared.counts()},
    )


def raw_batches(bad: list[dict[str, Any]]) -> Iterator[list[pa.Array]]:
    """The text of rows that could not be read, some at a time."""
    for start in range(0, len(bad), SHOWN_BAD_ROWS):
        yield [pa.array([each["raw"] for each in bad[start : start + SHOWN_BAD_ROWS]], pa.large_string())]


def read_hashed(
    source: Source,
    label: str,
    files: list[Opened],
    columns: Columns,
    labelling: Labelling,
    bad: list[dict[str, Any]],
    threads: int,
) -> Iterator[tuple[pa.Table, dict[str, Bytes]]]:
    """The rows of all files, batch by batch, with their ids and cell digests; unreadable ones go into `bad`."""
    schema = pa.schema(
        [*((name, ARROW[kind]) for name, kind in columns.items()), *((name, pa.string()) for name in labelling.by)]
    )

    def hashed(table: pa.Table) -> tuple[pa.Table, dict[str, Bytes]]:
        return table, hash_rows(label, table, columns)

    yield hashed(schema.empty_table())
    with ThreadPoolExecutor(threads) as pool:
        # Rows are hashed while the next ones are read.
        tables = (labelling.label(table).cast(schema) for table in read_files(source, label, files, bad))
        yield from in_order(pool, hashed, tables, 2 * threads)


def read_files(source: Source, label: str, files: list[Opened], bad: list[dict[str, Any]]) -> Iterator[pa.Table]:
    """The readable rows of all files, batch by batch; unreadable ones go into `bad`."""
    # The order of the files is that of their content, so that renaming or moving them changes nothing.
    for file in sorted(files, key=lambda each: each.digest):
        try:
            stops = source.on_bad_row == "stop"
            for batch in read_batches(source, file.path):
                bad += [
                    {
                        "file": file.digest,
                        "name": file.shown,
                        "line": each.line,
                        "reason": each.reason,
                        "raw": "" if stops else each.raw,
                    }
                    for each in batch.bad
                ]
                yield batch.table
        except Unreadable as error:
            raise BadRows(label, unread(source.license), [(file.shown, 0, error.message)]) from None


@dataclass(frozen=True)
class LeafFiles:
    """A source, and where its files lie."""

    store: Store
    node: Node
    paths: list[Path]
    files: tuple[tuple[str, str, int], ...]
    """(path as shown, digest, bytes) of each."""
    threads: int
    forgotten: tuple[str, ...] = ()
    """The ids of the rows that are not read."""


def ingest_leaf(leaf: LeafFiles, piece: None, tell: Callable[[int], None]) -> SourceRecord:
    """The record of a source. Raises StoreError where its files are gone, or change meanwhile."""
    node, files = leaf.node, leaf.files
    if not leaf.paths:
        hint = "put them in place: what is in the store came without its text"
        raise StoreError(f"the files of the source `{node.label}` are not here", hint)
    opened = [Opened(path, shown, digest) for path, (shown, digest, _) in zip(leaf.paths, files, strict=True)]
    record = ingest(leaf.store, node, opened, tell, leaf.threads, leaf.forgotten)
    for file in opened:
        if hash_file(file.path) != file.digest:
            raise StoreError(f"`{file.shown}` changed while it was read", "build again when it is complete")
    return record.replaced(files=[list(each) for each in files])
