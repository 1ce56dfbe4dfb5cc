"""The two tables of a step that asks a model: its completions alone, then with the columns of the rows they came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
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
from runtime.store.digest import Bytes, id_array, id_bytes
from runtime.store.record import AttachedRecord, CompletionsRecord
from runtime.store.store import Store
from runtime.tables.ids import child_ids, digest_name, hash_column
from runtime.tables.objects import referring, whole
from runtime.tables.order import halves, sorted_order
from runtime.tables.scatter import by_part
from runtime.tables.spill import Spill
from runtime.tables.table import ARROW, TEXT, Table, open_table
from runtime.tables.write import FrameWriter, in_batches, small_columns, taken, write_columns, write_frame

FETCHED = 256
"""Completions that are in memory as Python objects at a time; with more the allocator gives memory back between two."""
NOTHING = "nothing to ask"


class Lost(Exception):
    """So many completions were damaged; they are out of the memo, and can be asked for again."""


def make_completions(store: Store, requests: Requests, memo: CompletionMemo, failed: Mapping[bytes, str]) -> CompletionsRecord:
    """The record of a node that asks: a row for each completion, and why there is none where there is none. Raises Lost."""
    operator, samples, lost = requests.operator, requests.operator.samples, set[bytes]()
    with closing(Results(store, requests.table, operator)) as results:
        for rows in batched(requests.rows(), -(-FETCHED // samples)):
            addresses = [bytes(requests.addresses[row.place, sample]) for row in rows for sample in range(samples)]
            replies = memo.fetch([each for each in dict.fromkeys(addresses) if any(each)])
            for number, address in enumerate(addresses):
                row, sample = rows[number // samples], number % samples
                at = row.place * samples + sample
                if row.messages is None and operator.born:
                    results.lack(at, NOTHING)
                elif row.messages is None:
                    results.add(at, [None] * len(results.kinds))
                elif address in replies:
                    try:
                        cells = operator.cells(replies[address], row.cells, requests.node.entries, sample)
                    except Refused as refused:
                        results.lack(at, str(refused))
                    else:
                        results.add(at, cells)
                elif address in failed:
                    results.lack(at, failed[address])
                else:
                    lost.add(address)
        if lost:
            raise Lost(len(lost))
        return results.record()


class Results:
    """What became of each request: cells, which are gathered into a table as they come, or the reason why there are none.

    A request is known by its number: `samples` of them for each row that is asked about, in row order.
    """

    def __init__(self, store: Store, table: Table, operator: Asks) -> None:
        self.store, self.operator, self.kinds = store, operator, dict(operator.made())
        self.parents, self.items = id_bytes(table.frame("row_id")), id_bytes(table.frame("item_id"))
        self.place = np.repeat(np.arange(table.rows), operator.samples)
        copies = np.tile(np.arange(operator.samples), table.rows)
        purpose = operator.purpose + getattr(operator, "salt", "")
        parents = taken(self.parents, self.place)
        self.ids = child_ids(parents, purpose, copies) if operator.born else parents
        self.reasons: list[str | None] = [None] * len(self.ids)
        self.remarks: Counter[str] = Counter()
        self.numbers: list[int] = []
        self.rows: list[dict[str, Any]] = []
        self.schema = pa.schema([(name, ARROW[kind] if kind != "label" else pa.string()) for name, kind in self.kinds.items()])
        self.spill = Spill(store)

    def lack(self, number: int, reason: str) -> None:
        self.reasons[number] = reason

    def add(self, number: int, cells: Any) -> None:
        self.numbers.append(number)
        self.rows.append(dict(zip(self.kinds, cells, strict=True)))
        if (remark := self.operator.remark(cells)) is not None:
            self.remarks[remark] += 1
        if len(self.rows) >= FETCHED:
            self.pack()

    def pack(self) -> None:
        """Let go of cells as Python objects."""
        content = pa.Table.from_pylist(self.rows, schema=self.schema)
        numbers = np.array(self.numbers, dtype=np.int64)
        own = {"row_id": taken(self.ids, numbers), "item_id": taken(self.items, self.place[numbers])}
        for name, kind in self.kinds.items():
            if kind in TEXT:
                own[digest_name(name)] = hash_column(whole(content.column(name)), kind)
        self.spill.add(content, own)
        self.numbers, self.rows = [], []

    def close(self) -> None:
        self.spill.close()

    def record(self) -> CompletionsRecord:
        """Their table, and a line for each request with its row, its parent and its reason."""
        self.pack()
        tree, described = self.spill.write(self.kinds, {})
        order = sorted_order(self.ids)
        # No rank, no reason in the dataset: only `why` and the funnel read them.
        requests = {
            "row_id": id_array(taken(self.ids, order)),
            "parent": id_array(taken(self.parents, self.place[order])),
            "place": pa.array(self.place[order]),
            "reason": pa.array([self.reasons[at] for at in order.tolist()], pa.string()).dictionary_encode(),
        }
        dropped = len(self.reasons) - self.reasons.count(None)
        born, kept = len(self.ids) - len(self.parents), len(self.ids) - dropped
        return CompletionsRecord(
            kind=self.operator.name,
            **described.body(),
            rows=tree["rows"],
            table=tree,
            asked=write_frame(self.store, requests),
            remarks=dict(sorted(self.remarks.items())),
            counts={"in": len(self.parents), "born": born, "out": kept, "dropped": [dropped]},
        )


def attach_rows(store: Store, node: Node, rows: Table, completions: CompletionsRecord) -> AttachedRecord:
    """The record of completions with the columns of the rows that they came from; `rows` is the table that was asked about."""
    operator = node.operator
    assert isinstance(operator, Attach)
    answers = open_table(store, completions.table)
    places, has_result = origins(store, completions)
    order = places[has_result]
    inherited = {name: kind for name, kind in node.columns.items() if name not in answers.columns}
    text = [name for name, kind in inherited.items() if kind in TEXT]
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
        schema = pa.schema([("row_id", pa.uuid()), *((name, ARROW[inherited[name]]) for name in text)])
        batches = inherited_text(rows, text, answers, order, schema)
        for each in by_part(store, batches, schema, len(answers.spread)):
            texts.append(write_columns(store, schema.remove(0), in_batches(each.drop_columns("row_id"))))
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


def inherited_text(
    rows: Table, text: list[str], answers: Table, order: np.ndarray[Any, Any], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """The text of the row that each answer came from, beside the answer's id; `order` says where that row stands."""
    ids = id_bytes(answers.frame("row_id"))
    by_place = np.argsort(order, kind="stable")
    places = order[by_place]
    for start, batch in rows.batches(text):
        count = len(next(iter(batch.values())))
        first, last = np.searchsorted(places, (start, start + count))
        chosen = pa.array(places[first:last] - start)
        columns = [batch[name].take(chosen) for name in text]
        yield pa.record_batch([id_array(taken(ids, by_place[first:last])), *columns], schema=schema)


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
    names = [name for name in dict.fromkeys(("think", "solution", *operator.made())) if name in source.columns]
    recorded, asked = (id_bytes(each.frame(digest_name(name))) for each, name in ((source, "prompt"), (table, operator.of)))
    chosen = places_of(recorded, asked, operator.samples)
    needed = np.unique(chosen[chosen >= 0])
    by_place = np.argsort(chosen, kind="stable")
    places = chosen[by_place]
    with closing(Results(store, table, operator)) as results:
        for number in by_place[: np.searchsorted(places, 0)].tolist():
            results.lack(number, "no recorded completion of this prompt")
        for start, batch in source.batches(names, 4 * FETCHED):
            count = len(next(iter(batch.values())))
            first, last = np.searchsorted(places, (start, start + count))
            inside = pa.array(places[first:last] - start)
            picked = pa.table({name: column.take(inside) for name, column in batch.items()}).to_pylist()
            for number, row in zip(by_place[first:last].tolist(), picked, strict=True):
                cells = recorded_cells(operator, results.kinds, row)
                if cells[0] is None:
                    results.lack(number, "recorded as empty")
                else:
                    results.add(number, cells)
        record = results.record()
    return record.replaced(recorded={"missing": int((chosen < 0).sum()), "unasked": source.rows - len(needed)})


def places_of(recorded: Bytes, asked: Bytes, samples: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """For each id asked for the first `samples` places where it is recorded, one after another; -1 where there are fewer."""
    high, low = halves(np.concatenate([recorded, asked]))
    order = np.lexsort((low, high))
    high, low = high[order], low[order]
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(np.r_[False, (high[1:] != high[:-1]) | (low[1:] != low[:-1])][: len(order)])
    own, wanted = group[: len(recorded)], group[len(recorded) :]
    counts = np.bincount(own, minlength=len(order))
    place = (np.cumsum(counts) - counts)[wanted][:, None] + np.arange(samples)
    there = np.arange(samples) < counts[wanted][:, None]
    chosen = np.full(place.shape, -1, np.int64)
    chosen[there] = np.argsort(own, kind="stable")[place[there]]
    return chosen.ravel()


def recorded_cells(operator: Generate, columns: Columns, row: dict[str, Any]) -> tuple[Any, ...]:
    """The cells of one recorded completion; thinking that is recorded apart is put into its tags."""
    text, think, solution = row.get("completion"), row.get("think"), row.get("solution")
    if text is not None:
        text = operator.written(None, text, None)
    elif "completion" not in row and (think is not None or solution is not None):
        text = operator.written(think, solution or "", row.get("finish_reason"))
    return tuple(text if name == "completion" else row.get(name) for name in columns)
