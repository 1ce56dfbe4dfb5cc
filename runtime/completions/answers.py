"""The two tables of a step that asks a model: its completions alone, then with the columns of the rows they came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from compiler.graph.nodes import Node
from operators.asks.asks import Asks, Refused
from operators.asks.attach import Attach
from operators.asks.generate import Generate
from operators.base.scope import Columns
from runtime.completions.memo import CompletionMemo
from runtime.completions.origins import join_licences, origins
from runtime.completions.requests import Requests
from runtime.store.batches import batched
from runtime.store.digest import id_array, id_bytes
from runtime.store.record import AttachedRecord, CompletionsRecord
from runtime.store.store import Store
from runtime.tables.ids import child_ids, digest_name, hash_column, sorted_order
from runtime.tables.objects import referring, whole
from runtime.tables.table import ARROW, TEXT, Table, open_table
from runtime.tables.write import FrameWriter, gathered, small_columns, taken, write_based, write_columns, write_frame

FETCHED = 256
"""Completions that are in memory as Python objects at a time; with more the allocator gives memory back between two."""
NOTHING = "nothing to ask"


class Lost(Exception):
    """So many completions were damaged; they are out of the memo, and can be asked for again."""


def make_completions(store: Store, requests: Requests, memo: CompletionMemo, failed: Mapping[bytes, str]) -> CompletionsRecord:
    """The record of a node that asks: a row for each completion, and why there is none where there is none. Raises Lost."""
    operator, samples, results = requests.operator, requests.operator.samples, Results(requests.operator)
    lost = set[bytes]()
    for rows in batched(requests.rows(), -(-FETCHED // samples)):
        addresses = [bytes(requests.addresses[row.place, sample]) for row in rows for sample in range(samples)]
        replies = memo.fetch([each for each in dict.fromkeys(addresses) if any(each)])
        for number, address in enumerate(addresses):
            row = rows[number // samples]
            if row.messages is None and operator.born:
                results.lack(NOTHING)
            elif row.messages is None:
                results.add([None] * len(results.kinds))
            elif address in replies:
                try:
                    cells = operator.cells(replies[address], row.cells, requests.node.entries, number % samples)
                except Refused as refused:
                    results.lack(str(refused))
                else:
                    results.add(cells)
            elif address in failed:
                results.lack(failed[address])
            else:
                lost.add(address)
    if lost:
        raise Lost(len(lost))
    return write_completions(store, requests.table, results)


def write_completions(store: Store, table: Table, results: Results) -> CompletionsRecord:
    """The record of completions: their table, and a line for each request with its row, its parent and its reason."""
    operator, columns, reasons = results.operator, results.kinds, results.reasons
    parents, items = id_bytes(table.frame("row_id")), id_bytes(table.frame("item_id"))
    place = np.repeat(np.arange(table.rows), operator.samples)
    copies = np.tile(np.arange(operator.samples), table.rows)
    purpose = operator.purpose + getattr(operator, "salt", "")
    ids = child_ids(taken(parents, place), purpose, copies) if operator.born else taken(parents, place)
    has_result = np.array([reason is None for reason in reasons], dtype=bool)
    content = results.table()
    own = {"row_id": ids[has_result], "item_id": taken(items, place)[has_result]}
    for name, kind in columns.items():
        if kind in TEXT:
            own[digest_name(name)] = hash_column(whole(content.column(name)), kind)
    tree, described = write_based(store, [content], own, columns, {})
    order = sorted_order(ids)
    # No rank, no reason in the dataset: only `why` and the funnel read them.
    requests = {
        "row_id": id_array(taken(ids, order)),
        "parent": id_array(taken(parents, place[order])),
        "place": pa.array(place[order]),
        "reason": pa.array([reasons[at] for at in order.tolist()], pa.string()).dictionary_encode(),
    }
    dropped = int((~has_result).sum())
    return CompletionsRecord(
        kind=operator.name,
        **described.body(),
        rows=tree["rows"],
        table=tree,
        asked=write_frame(store, requests),
        remarks=dict(sorted(results.remarks.items())),
        counts={"in": len(parents), "born": len(ids) - len(parents), "out": len(ids) - dropped, "dropped": [dropped]},
    )


class Results:
    """What became of each request, in order: cells, which are gathered into Arrow columns, or the reason why there are none."""

    def __init__(self, operator: Asks) -> None:
        self.operator, self.kinds = operator, dict(operator.made())
        self.reasons: list[str | None] = []
        self.remarks: Counter[str] = Counter()
        self.rows: list[dict[str, Any]] = []
        self.batches: list[pa.RecordBatch] = []
        self.schema = pa.schema([(name, ARROW[kind] if kind != "label" else pa.string()) for name, kind in self.kinds.items()])

    def lack(self, reason: str) -> None:
        self.reasons.append(reason)

    def add(self, cells: Any) -> None:
        self.reasons.append(None)
        self.rows.append(dict(zip(self.kinds, cells, strict=True)))
        if (remark := self.operator.remark(cells)) is not None:
            self.remarks[remark] += 1
        if len(self.rows) >= FETCHED:
            self.pack()

    def pack(self) -> None:
        self.batches.append(pa.RecordBatch.from_pylist(self.rows, schema=self.schema))
        self.rows = []

    def table(self) -> pa.Table:
        """All cells, in the order they came."""
        self.pack()
        return pa.Table.from_batches(self.batches, schema=self.schema)


def attach_rows(store: Store, node: Node, rows: Table, completions: CompletionsRecord) -> AttachedRecord:
    """The record of completions with the columns of the rows that they came from; `rows` is the table that was asked about."""
    operator = node.operator
    assert isinstance(operator, Attach)
    answers = open_table(store, completions.table)
    places, has_result = origins(store, completions)
    order = places[has_result]
    inherited = {name: kind for name, kind in node.columns.items() if name not in answers.columns}
    text = [name for name, kind in inherited.items() if kind in TEXT]
    none = pa.schema([(name, ARROW[inherited[name]]) for name in text]).empty_table()
    content = pa.concat_tables([pa.table(batch) for _, batch in rows.batches(text)] or [none]) if text else none
    schema = pa.schema([(name, content.schema.field(name).type) for name in text])
    writer, texts = FrameWriter(store, node.columns), []
    for part, (first, last) in enumerate(pairwise(answers.bounds)):
        chosen = pa.array(order[first:last])
        frame = {name: answers.column(name, part) for name in ("row_id", "item_id")}
        for name, small in small_columns(node.columns).items():
            if name in answers.columns:
                frame[small] = answers.column(small, part)
            else:
                column = rows.frame(small).take(chosen)
                frame[small] = join_licences(column, operator.terms) if name == "license" else column
        writer.add(frame)
        if text:
            texts.append(write_columns(store, schema, gathered(content, text, order[first:last])))
    tree = writer.tree("attached", of=answers.tree, inherited=text, text=referring(texts) if texts else None)
    described = writer.describing.described()
    dropped = np.where(has_result, 0, 1)
    return AttachedRecord(
        kind="attach",
        **described.body(),
        rows=answers.rows,
        table=tree,
        asked=completions.asked,
        counts=completions.counts,
        funnel=funnel_by_source(rows, places, dropped),
    )


def funnel_by_source(rows: Table, places: np.ndarray[Any, Any], dropped: np.ndarray[Any, Any]) -> dict[str, list[int]]:
    """Source -> requests answered, and requests without a result."""
    sources = rows.frame("source").take(pa.array(places))
    encoded = sources if isinstance(sources, pa.DictionaryArray) else sources.dictionary_encode()
    codes, names = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), encoded.dictionary.to_pylist()
    counted = np.bincount(codes * 2 + dropped, minlength=2 * len(names)).reshape(-1, 2)
    return {name: counted[at].tolist() for at, name in sorted(enumerate(names), key=lambda pair: pair[1]) if counted[at].any()}


def match_recorded(store: Store, node: Node, table: Table, source: Table) -> CompletionsRecord:
    """The record of completions that a source holds, matched by prompt; sample k is the k-th of its prompt by row id."""
    operator = node.operator
    assert isinstance(operator, Generate)
    results = Results(operator)
    names = [name for name in dict.fromkeys(("think", "solution", *results.kinds)) if name in source.columns]
    places_of: dict[bytes, list[int]] = {}
    for place, cell in enumerate(map(bytes, id_bytes(source.frame(digest_name("prompt"))))):
        places_of.setdefault(cell, []).append(place)
    prompts = [bytes(each) for each in id_bytes(table.frame(digest_name(operator.of)))]
    missing = [-1] * operator.samples
    chosen = [place for cell in prompts for place in (places_of.get(cell, []) + missing)[: operator.samples]]
    needed = np.unique([at for at in chosen if at >= 0])
    rows: dict[int, tuple[Any, ...]] = {}
    for start, batch in source.batches(names):
        count = len(next(iter(batch.values())))
        inside = needed[(needed >= start) & (needed < start + count)]
        if inside.size:
            picked = {name: column.take(pa.array(inside - start)).to_pylist() for name, column in batch.items()}
            for number, held_at in enumerate(inside.tolist()):
                row = {name: column[number] for name, column in picked.items()}
                rows[held_at] = recorded_cells(operator, results.kinds, row)
    for at in chosen:
        if at < 0:
            results.lack("no recorded completion of this prompt")
        elif rows[at][0] is None:
            results.lack("recorded as empty")
        else:
            results.add(rows[at])
    record = write_completions(store, table, results)
    return record.replaced(recorded={"missing": sum(at < 0 for at in chosen), "unasked": source.rows - len(needed)})


def recorded_cells(operator: Generate, columns: Columns, row: dict[str, Any]) -> tuple[Any, ...]:
    """The cells of one recorded completion; thinking that is recorded apart is put into its tags."""
    text, think, solution = row.get("completion"), row.get("think"), row.get("solution")
    if text is not None:
        text = operator.written(None, text, None)
    elif "completion" not in row and (think is not None or solution is not None):
        text = operator.written(think, solution or "", row.get("finish_reason"))
    return tuple(text if name == "completion" else row.get(name) for name in columns)
