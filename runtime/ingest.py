"""Ingest: files become a table with ids, and unreadable rows become a report or a ledger entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from compiler.graph import Node
from operators.declare import LABELS
from operators.source import Source
from runtime.ids import assign_ids, connect
from runtime.readers.files import Unreadable
from runtime.readers.read import read_batches
from runtime.store import Store
from runtime.table import ARROW
from runtime.write import write_based


class BadRows(Exception):
    """Rows that cannot be read, with the file, line and reason of each."""

    def __init__(self, source: str, rows: list[tuple[str, int, str]], more: int = 0) -> None:
        super().__init__(f"{len(rows) + more} rows of `{source}` cannot be read")
        self.source, self.rows, self.more = source, rows, more


@dataclass(frozen=True)
class Opened:
    """One file of a source: its path, how people know it, and the digest of its bytes."""

    path: Path
    shown: str
    digest: str


SHOWN_BAD_ROWS = 200


def ingest(store: Store, node: Node, files: list[Opened], tell: Callable[[int], None], threads: int | None) -> dict[str, Any]:
    """The record of a source. Raises BadRows, or StoreError where a file changed while it was read."""
    source = node.operator
    assert isinstance(source, Source)
    columns = {name: kind for name, kind in source.made().items() if name not in LABELS}
    tables: list[pa.Table] = []
    bad: list[dict[str, Any]] = []
    rows = 0
    # The order of the files is that of their content, so that renaming or moving them changes nothing.
    for file in sorted(files, key=lambda each: each.digest):
        try:
            for batch in read_batches(source, file.path):
                tables.append(batch.table)
                bad += [
                    {"file": file.digest, "name": file.shown, "line": each.line, "reason": each.reason, "raw": each.raw}
                    for each in batch.bad
                ]
                rows += batch.table.num_rows
                tell(rows)
        except Unreadable as error:
            raise BadRows(node.label, [(file.shown, 0, str(error))]) from None
    if bad and source.on_bad_row == "stop":
        shown = [(each["name"], each["line"], each["reason"]) for each in bad[:SHOWN_BAD_ROWS]]
        raise BadRows(node.label, shown, max(0, len(bad) - SHOWN_BAD_ROWS))
    schema = pa.schema([(name, ARROW[kind]) for name, kind in columns.items()])
    content = pa.concat_tables([table.cast(schema) for table in tables]) if tables else schema.empty_table()
    connection = connect(threads)
    try:
        ids = assign_ids(connection, node.label, content, columns)
    finally:
        connection.close()
    labels = {"source": node.label, "category": source.category, "license": source.license}
    tree, digest, described = write_based(store, content, ids, {**columns, **LABELS}, labels)
    return {
        "kind": "source",
        "digest": digest,
        "rows": tree["rows"],
        "columns": described,
        "table": tree,
        "bad": bad,
        "counts": {"in": 0, "born": tree["rows"], "out": tree["rows"], "dropped": 0, "quarantined": len(bad)},
    }
