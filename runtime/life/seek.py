"""Rows by their text: prompts, completions, rows that were born on the way, and those that could not be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from compiler.graph.stages import AskStage, SourceStage, of_kind
from operators.declared.by_row import unread
from runtime.life.why import Ledgers
from runtime.stages.table import KINDS, kinds
from runtime.store.digest import id_bytes
from runtime.store.record import SourceRecord
from runtime.store.store import taken_as
from runtime.tables.objects import read_table
from runtime.tables.table import TEXT, Table, open_table


def find_rows(ledgers: Ledgers, text: str, limit: int) -> list[str]:
    """The ids of at most `limit` rows whose text holds a string: those of sources first, then completions and other born ones."""
    row_ids: dict[str, None] = {}
    for table in searched_tables(ledgers) if is_text(text) else ():
        for row_id in rows_with(table, text):
            row_ids[row_id] = None
            if len(row_ids) >= limit:
                return list(row_ids)
    return list(row_ids)


def is_text(text: str) -> bool:
    """Whether what was typed is text: bytes of a command line that are none are in no cell."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def searched_tables(ledgers: Ledgers) -> Iterator[Table]:
    """The tables in which rows get text. Sources that are only looked up come last: their rows live on as completions."""
    graph = ledgers.graph
    records = dict(ledgers.records())
    looked_up = {stage.source for stage in of_kind(AskStage, graph) if stage.source is not None}
    asking = {stage.index: stage.rows for stage in of_kind(AskStage, graph)}
    inputs = {*asking.values(), *(each for at, node in graph if at not in asking for each in node.inputs)}
    last = sorted((looked_up - inputs) & records.keys())
    # Rows of sources come before what was made of them.
    written = [kind.stage for kind in kinds(graph) if kind.writes and kind.stage.index in records.keys() - set(last)]
    for stage in sorted(written, key=lambda stage: list(KINDS).index(stage.kind)):
        yield open_table(ledgers.store, records[stage.index].table)
    for index in last:
        yield open_table(ledgers.store, records[index].table)


def rows_with(table: Table, text: str) -> Iterator[str]:
    """The ids of the rows of a table whose text holds a string, batch by batch."""
    columns = [name for name, kind in table.columns.items() if kind in TEXT]
    for start, batch in table.batches(columns) if columns else ():
        hits = np.zeros(max(len(column) for column in batch.values()), dtype=bool)
        for name, column in batch.items():
            # What was said with quotes or on two lines is written otherwise in the JSON of a conversation.
            written = json.dumps(text, ensure_ascii=False)[1:-1] if table.columns[name] in ("messages", "tools") else text
            for wanted in {text, written}:
                hits[places_with(column, wanted)] = True
        for at in np.flatnonzero(hits).tolist():
            yield id_bytes(table.window("row_id", start + at, start + at + 1)).tobytes().hex()


def places_with(column: pa.Array, text: str) -> np.ndarray[Any, Any]:
    """The places of the cells that hold a string; of a list, in one of its texts."""
    listed = pa.types.is_large_list(column.type)
    hits = pc.match_substring(pc.list_flatten(column) if listed else column, text)
    places = np.flatnonzero(pc.fill_null(hits, False).to_numpy(zero_copy_only=False))
    return pc.list_parent_indices(column).to_numpy(zero_copy_only=False)[places] if listed else places


def find_quarantined(ledgers: Ledgers, text: str, limit: int) -> tuple[list[dict[str, Any]], int]:
    """(rows that could not be read, whose whole text holds a string, at most `limit`; how many more there are)."""
    rows: list[dict[str, Any]] = []
    count, records = 0, dict(ledgers.records()) if is_text(text) else {}
    for stage in of_kind(SourceStage, ledgers.graph, records):
        node, record = stage.node, taken_as(records[stage.index], SourceRecord)
        if record.raw is None:
            continue
        place = 0
        for batch in read_table(ledgers.store, record.raw).to_batches():
            raw: pa.Array = batch.column("raw")
            for at in np.flatnonzero(pc.match_substring(raw, text).to_numpy(zero_copy_only=False)).tolist():
                count += 1
                if len(rows) < limit:
                    origin = {"source": node.label, "license": unread(stage.operator.license)}
                    rows.append({**record.bad[place + at], "raw": raw[at].as_py(), **origin})
            place += len(raw)
    return rows, count - len(rows)
