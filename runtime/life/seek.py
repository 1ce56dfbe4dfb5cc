"""Rows by their text: prompts, completions, rows that were born on the way, and those that could not be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.asks.asks import Asks
from operators.declared.source import Source
from operators.grow.expand import Expand
from runtime.life.why import Ledgers
from runtime.store.digest import id_bytes
from runtime.store.record import SourceRecord
from runtime.tables.table import Table, open_table, read_table


def matching(ledgers: Ledgers, text: str, limit: int) -> list[str]:
    """The ids of at most `limit` rows whose text holds a string: those of sources first, then completions and other born ones."""
    found: dict[str, None] = {}
    if any("\ud800" <= char <= "\udfff" for char in text):
        return []  # bytes of the command line that are no text: no cell holds them
    for table in searched(ledgers):
        for row_id in rows_with(table, text):
            found[row_id] = None
            if len(found) >= limit:
                return list(found)
    return list(found)


def searched(ledgers: Ledgers) -> Iterator[Table]:
    """The tables in which rows get text. Sources that are only looked up come last: their rows live on as completions."""
    graph = ledgers.graph
    records = dict(ledgers.records())
    looked_up = {each for _, node in graph if isinstance(node.operator, Asks) for each in node.inputs[1:]}
    asked = {each for _, node in graph if not isinstance(node.operator, Asks) for each in node.inputs}
    asked |= {node.inputs[0] for _, node in graph if isinstance(node.operator, Asks)}
    last = looked_up - asked
    kinds = (Source, Asks, Expand)
    for kind in kinds:
        for index, record in records.items():
            if isinstance(graph.nodes[index].operator, kind) and index not in last:
                yield open_table(ledgers.store, record.table)
    for index in sorted(last & records.keys()):
        if isinstance(graph.nodes[index].operator, Source):
            yield open_table(ledgers.store, records[index].table)


def rows_with(table: Table, text: str) -> Iterator[str]:
    """The ids of the rows of a table whose text holds a string, batch by batch."""
    columns = [name for name, kind in table.columns.items() if kind == "text"]
    ids = id_bytes(table.frame("row_id"))
    for start, batch in table.batches(columns) if columns else ():
        hits = np.zeros(max(len(column) for column in batch.values()), dtype=bool)
        for column in batch.values():
            hits |= pc.fill_null(pc.match_substring(column, text), False).to_numpy(zero_copy_only=False)
        for at in np.flatnonzero(hits).tolist():
            yield ids[start + at].tobytes().hex()


def quarantined(ledgers: Ledgers, text: str, limit: int) -> tuple[list[dict[str, Any]], int]:
    """(rows that could not be read, whose whole text holds a string, at most `limit`; how many more there are)."""
    found: list[dict[str, Any]] = []
    count = 0
    if any("\ud800" <= char <= "\udfff" for char in text):
        return found, 0
    for index, record in ledgers.records():
        node = ledgers.graph.nodes[index]
        if not isinstance(record, SourceRecord) or record.raw is None:
            continue
        place = 0
        for batch in read_table(ledgers.store, record.raw).to_batches():
            raw: pa.Array = batch.column("raw")
            for at in np.flatnonzero(pc.match_substring(raw, text).to_numpy(zero_copy_only=False)).tolist():
                count += 1
                if len(found) < limit:
                    told = {"raw": raw[at].as_py(), "source": node.label, "license": node.license}
                    found.append({**record.bad[place + at], **told})
            place += len(raw)
    return found, count - len(found)
