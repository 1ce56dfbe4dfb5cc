"""Columns stages: the values of measures and the text of maps, computed over whole tables in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from compiler.graph.nodes import Node
from operators.base.declare import Map, Measure, SetDecision
from operators.base.mapped import mapped
from operators.conditions.expressed import Expressed
from operators.conversations.strings import strings_of, with_strings
from operators.kernels.text import Texts
from operators.measures.families import Search
from operators.measures.parsable import TooSlow
from runtime.stages.conditions import TooMuchText, evaluate
from runtime.stages.overlap import Sought, texts_of
from runtime.store.digest import id_array, id_bytes
from runtime.store.store import Store, StoreError
from runtime.tables.batches import in_order
from runtime.tables.beside import Beside
from runtime.tables.ids import digest_name, hash_column
from runtime.tables.memo import Memo
from runtime.tables.table import BATCH, TEXT, Table, bytes_a_row
from runtime.tables.write import BesideWriter, masked


class LostRows(StoreError):
    """An operator that lost, doubled or renamed rows: a mistake of the operator's author."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "this is a mistake in the operator, not in the recipe; nothing was recorded")


@dataclass(frozen=True)
class ColumnWork:
    """One columns node to be computed, with the names of what it reads in the table it is given."""

    node: Node
    reads: Mapping[str, str]
    """Role or name in the operator -> column of the table."""
    memo: Memo | None = None
    sought: Sought | None = None
    """What is looked for in it, of a measure that compares it with benchmarks."""


@dataclass(frozen=True)
class Computation:
    """Columns nodes that read the same table, so that its text is decoded once for all of them."""

    store: Store
    table: Table
    works: list[ColumnWork]
    threads: int


@dataclass(frozen=True)
class Stretch:
    """Some rows of a table, from `first` to before `last`."""

    first: int
    last: int
    mark: str = ""
    """Written into what is made of them where that is joined with others, so that no other object is called the same."""


def compute(computation: Computation, rows: Stretch, tell: Callable[[int], None]) -> list[Beside]:
    """The columns of each work beside some rows of the table, row for row."""
    table, works, threads = computation.table, computation.works, computation.threads
    for work in works:
        _ = work.sought and work.sought.index  # made once, before the threads ask for it
    with ExitStack() as stack, ThreadPoolExecutor(threads) as pool:
        schemas = (marked(made_schema(work), rows.mark) for work in works)
        writers = [stack.enter_context(BesideWriter(computation.store, schema)) for schema in schemas]
        for part, (start, end) in enumerate(pairwise(table.bounds)):
            first, last = max(start, rows.first), min(end, rows.last)
            for done, results in computed(computation, pool, part, first, last) if first < last else ():
                for writer, result in zip(writers, results, strict=True):
                    writer.add(result)
                tell(done)
        return [writer.written() for writer in writers]


def marked(schema: pa.Schema, mark: str) -> pa.Schema:
    """The schema of a piece, which says that it is one."""
    return schema.with_metadata({"piece": mark}) if mark else schema


def computed(
    computation: Computation, pool: ThreadPoolExecutor, part: int, first: int, last: int
) -> Iterator[tuple[int, list[list[pa.Array]]]]:
    """(rows so far, columns of each work) of the batches of some rows of one part."""
    store, table, works, ahead = computation.store, computation.table, computation.works, 2 * computation.threads
    above = table.bounds[part]
    needed = sorted({name for work in works for name in work.reads.values() if name in table.columns})
    frames = {name: table.column(digest_name(name), part) for name in needed if table.columns[name] in TEXT}

    def one(batch: tuple[int, dict[str, pa.Array]]) -> tuple[int, list[list[pa.Array]]]:
        start, columns = batch
        rows = min(len(column) for column in columns.values()) if columns else 0
        digests = {name: frame.slice(start - above, rows) for name, frame in frames.items()}
        texts: dict[str, Texts] = {}
        try:
            made = [checked(work, rows, batch_columns(work, columns, digests, texts)) for work in works]
        except TooSlow as error:
            raise with_rows(error, table, start) from None
        except TooMuchText as error:
            row = id_bytes(table.frame("row_id").slice(start + error.place, 1)).tobytes().hex()
            raise StoreError(
                f"{error} of row {row}", "look at the row with `recipe why`, or make the condition simpler"
            ) from None
        return start + rows, made

    rows = min(BATCH, max(1, store.bound.room // (16 * ahead * bytes_a_row(store, table.tree))))
    return in_order(pool, one, table.batches(needed, rows, first, last), ahead)


def with_rows(error: TooSlow, table: Table, start: int) -> StoreError:
    """The error for a person, with the ids of its rows; their places count from `start`."""
    ids = [id_bytes(table.frame("row_id").slice(start + place, 1)).tobytes().hex()[:12] for place in error.places[:10]]
    hint = "look at them with `recipe why`, and let a step before leave them out"
    return StoreError(f"{error}; they are of the rows {', '.join(ids)}", hint)


def made_schema(work: ColumnWork) -> pa.Schema:
    """The columns that a work makes."""
    operator = work.node.operator
    if work.node.form is not None:
        return pa.schema([(work.node.form, pa.uuid())])
    if isinstance(operator, Map):
        stored = [mapped(place) for place in range(len(operator.makes()))]
        return pa.schema([part for name in stored for part in ((name, pa.large_string()), (digest_name(name), pa.uuid()))])
    assert isinstance(operator, Measure)
    return pa.schema([(value, pa.int64()) for value in operator.values])


def checked(work: ColumnWork, rows: int, made: list[pa.Array]) -> list[pa.Array]:
    """What a kernel made, if it has one cell for each row."""
    if any(len(column) != rows for column in made):
        raise LostRows(
            f"`{work.node.label}` ({work.node.operator.name}) was given {rows} rows and gave back {[len(c) for c in made]}"
        )
    return made


def batch_columns(
    work: ColumnWork, columns: dict[str, pa.Array], digests: dict[str, pa.Array], texts: dict[str, Texts]
) -> list[pa.Array]:
    """The columns of one work for one batch."""
    operator, node = work.node.operator, work.node
    if node.form is not None:
        assert isinstance(operator, SetDecision)
        name = work.reads["of"]
        column = columns[name]
        if pa.types.is_large_list(column.type) or pa.types.is_list(column.type):
            forms = list_forms(column, lambda cells: operator.form(Texts(cells), node.entries))
        else:
            if name not in texts:
                texts[name] = Texts(column)
            forms = operator.form(texts[name], node.entries)
        return [changed_digests(column, forms, digests[name])]
    match operator:
        case Expressed():
            made = evaluate(operator, {name: columns[column] for name, column in work.reads.items()})
            if not isinstance(operator, Map):
                return [made]
            text = made.cast(pa.large_string())
            return [text, masked(id_array(hash_column(text, "text")), np.asarray(text.is_null().to_numpy(zero_copy_only=False)))]
        case Map():
            name = work.reads["of"]
            change = change_conversations if node.columns[mapped(0)] == "messages" else type(operator).change
            made = change(operator, columns[name], node.entries)
            texts_made = returned(operator, len(operator.makes()), pa.large_string(), made)
            if any(len(each) != len(columns[name]) for each in texts_made):
                return [each for each in texts_made for _ in range(2)]
            return [part for each in texts_made for part in (each, changed_digests(columns[name], each, digests[name]))]
        case Search():
            assert work.sought is not None
            searched = [column for role, column in work.reads.items() if role not in ("options", "talk")]
            texts |= {name: texts_of(columns[name]) for name in searched if name not in texts}
            besides = {role: columns[work.reads[role]] for role in ("options", "talk") if role in work.reads}
            read, options, talk = [texts[name] for name in searched], besides.get("options"), besides.get("talk")
            return [pa.array(value) for value in operator.overlaps(read, options, work.sought.index, talk)]
        case Measure():
            name = work.reads["in"]
            if work.memo is not None:
                return measure_once(work.memo, operator, columns[name], digests[name], node.entries)
            if name not in texts:
                texts[name] = Texts(columns[name])
            names = [work.reads[role] for role in operator.others]
            texts |= {each: Texts(columns[each]) for each in names if each not in texts}
            others = [texts[each] for each in names]
            made = operator.compare(texts[name], others, node.entries)
            return returned(operator, len(operator.values), pa.int64(), made)
    raise AssertionError(f"`{operator.name}` makes no columns")


def change_conversations(operator: Map, column: pa.Array, entries: Mapping[str, Any]) -> list[pa.Array]:
    """A column of conversations with each of their texts changed by itself."""
    cells = column.to_pylist()
    texts = [[] if cell is None else strings_of(cell) for cell in cells]
    flat = pa.array(list(chain.from_iterable(texts)), pa.large_string())
    (made,) = returned(operator, 1, pa.large_string(), operator.change(flat, entries))
    if (back := len(made) - made.null_count) != len(flat):
        raise LostRows(f"`{operator.name}` was given {len(flat)} texts of conversations and gave back {back}")
    left = iter(made.to_pylist())
    turned = [cell and with_strings(cell, [*islice(left, len(each))]) for cell, each in zip(cells, texts, strict=True)]
    return [pa.array(turned, pa.large_string())]


def returned(operator: Measure | Map, many: int, kind: pa.DataType, made: Any) -> list[pa.Array]:
    """What a kernel gave, as so many columns of a type. Raises LostRows where it is something else."""
    found = type(made).__name__
    if isinstance(made, Sequence) and len(made) == many:
        try:
            return [(each if isinstance(each, pa.Array) else pa.array(each)).cast(kind) for each in made]
        except (TypeError, pa.ArrowException) as error:
            found = " ".join(str(error).split())[:200]
    elif isinstance(made, Sequence):
        found = f"{len(made)} of them"
    wanted = "columns of text" if pa.types.is_large_string(kind) else "arrays of whole numbers"
    raise LostRows(f"`{operator.name}` has to give {many} {wanted}: {found}")


def measure_once(
    memo: Memo, operator: Measure, column: pa.Array, digests: pa.Array, entries: Mapping[str, Any]
) -> list[pa.Array]:
    """A dear measure: values from the memo, and measured only where it has none."""
    cells = id_bytes(digests.storage.fill_null(bytes(16)) if digests.null_count else digests)
    with MEMO_LOCK:
        known, values = memo.look_up(cells)
        if not known.all() and memo.refresh():  # what others have measured meanwhile is not measured here
            known, values = memo.look_up(cells)
        missing = np.flatnonzero(~known)
        if missing.size:
            _, first = np.unique(cells[missing], axis=0, return_index=True)
            chosen = missing[np.sort(first)]
            try:
                made = operator.measure(Texts(column.take(pa.array(chosen))), entries)
                numbers = returned(operator, len(operator.values), pa.int64(), made)
                measured = np.stack([pc.fill_null(each, -1).to_numpy() for each in numbers], axis=1)
            except TooSlow as error:
                raise TooSlow([int(chosen[place]) for place in error.places]) from None
            if len(measured) != len(chosen):
                raise LostRows(f"`{operator.name}` was given {len(chosen)} texts and gave back {len(measured)} values")
            memo.append(cells[chosen], measured)
            known, values = memo.look_up(cells)
    return [pa.array(np.ascontiguousarray(values[:, place])) for place in range(values.shape[1])]


def changed_digests(before: pa.Array, after: pa.Array, digests: pa.Array) -> pa.Array:
    """The cell digests of changed text; a cell that did not change keeps its own."""
    kind = "list of text" if pa.types.is_large_list(after.type) else "text"
    if kind == "text":
        moved = pc.fill_null(pc.not_equal(before.cast(after.type), after), True).to_numpy(zero_copy_only=False)
    else:
        moved = np.ones(len(after), dtype=bool)
    null = np.asarray(after.is_null().to_numpy(zero_copy_only=False))
    cells = id_bytes(digests).copy()
    chosen = np.flatnonzero(moved & ~null)
    if chosen.size:
        cells[chosen] = hash_column(after.take(pa.array(chosen)), kind)
    return masked(id_array(cells), null)


def list_forms(column: pa.Array, form: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Lists of texts as they are compared: each text in its form."""
    flat = pa.concat_arrays([column.cast(pa.large_list(pa.large_string()))])
    offsets = np.concatenate([[0], np.cumsum(pc.fill_null(pc.list_value_length(flat), 0).to_numpy())])
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), form(flat.flatten()), mask=flat.is_null())


MEMO_LOCK = Lock()
"""One thread measures at a time: segmenters have threads of their own."""
