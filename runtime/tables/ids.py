"""Ids: cell digests, item ids and row ids, hashed by DuckDB over whole columns."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.base.scope import Columns
from operators.conversations.canonical import opening_of
from operators.text.sqltext import ident, literal
from runtime.store.digest import Bytes, id_array, id_bytes
from runtime.tables import few
from runtime.tables.order import argsorted, halves, settled, sorted_order, tied_order
from runtime.tables.table import DIGEST, TEXT


def database(threads: int | None = None, memory: int | None = None, spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A DuckDB that reads nothing but what it is handed; `memory` bytes at most, what is beyond goes into a folder."""
    settings: dict[str, str | bool | int] = {
        "enable_external_access": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
        "arrow_lossless_conversion": True,
        "lock_configuration": True,
    }
    if threads:
        settings["threads"] = threads
    if memory:
        settings["memory_limit"] = f"{memory}B"  # a condition of a recipe must not take the machine
    if spill:
        settings["temp_directory"] = str(spill)
        settings["preserve_insertion_order"] = False
    return duckdb.connect(":memory:", config=settings)


OPENING = threading.Lock()
SHARED = cache(database)
"""To begin a database costs more than a query of a small stage."""


def connect(threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """A connection of its own to the database that the process has; what is registered with it no other one sees."""
    with OPENING:
        return SHARED(threads).cursor()


LOCAL = threading.local()

HEX = np.zeros(256, dtype=np.uint8)
HEX[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16)
"""The value of each hexadecimal digit: decoding whole columns here costs less than casts in SQL."""


def hashing() -> duckdb.DuckDBPyConnection:
    """The calling thread's connection to a database without threads, for hashes of single batches."""
    if not hasattr(LOCAL, "hashing"):
        LOCAL.hashing = connect(1)
    connection: duckdb.DuckDBPyConnection = LOCAL.hashing
    return connection


RESTING: list[duckdb.DuckDBPyConnection] = []
"""Databases of one thread that nobody uses now: to begin one costs more than most of what is asked of it."""


def take_connection() -> duckdb.DuckDBPyConnection:
    """A one-threaded DuckDB for the caller alone, for conditions on single batches; `rest` gives it to the next."""
    try:
        return RESTING.pop()
    except IndexError:
        return database(1, memory=2 << 30)


def rest(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave a DuckDB to others."""
    RESTING.append(connection)


def digest_name(column: str) -> str:
    """The small column that stands for a text column; no column of a recipe has a dot."""
    return column + DIGEST


def text_digest(column: str, kind: str) -> str:
    """SQL for the digest of a text or list cell: 32 hexadecimal digits, or NULL."""
    if kind == "list of text":
        each = f"list_transform({column}, lambda x: coalesce(sha256(x), '-'))"
        return f"left(sha256('list/' || array_to_string({each}, ',')), 32)"
    return f"left(sha256({column}), 32)"


def hash_column(column: pa.Array, kind: str) -> Bytes:
    """The cell digests of a text column, (n, 16); zeros for null."""
    if len(column) <= few.FEW:
        return few.as_bytes(few.text_cells(column, kind))
    table = pa.table({".at": np.arange(len(column)), "cell": column})
    relation = hashing().from_arrow(table)
    query = f"SELECT \".at\", coalesce({text_digest('cell', kind)}, repeat('0', 32))::UUID AS digest"
    made = relation.query("cells", query + " FROM cells").to_arrow_table()
    digests = id_bytes(combined(made.column("digest")))
    at = combined(made.column(".at")).to_numpy()
    return digests if (np.diff(at) > 0).all() else digests[np.argsort(at)]


def combined(column: pa.ChunkedArray) -> pa.Array:
    """One array of a column's chunks, extension types included."""
    chunks = [chunk for chunk in column.chunks if len(chunk)]
    return pa.concat_arrays(chunks) if chunks else pa.array([], column.type)


def hash_rows(source: str, content: pa.Table, columns: Columns) -> dict[str, Bytes]:
    """`row_id`, `item_id` and the cell digests of every text column, each (n, 16), in the order of the rows.

    `item_id` is the digest of the prompt, or of prompt and options; of a conversation that of the turns before the first
    answer, or of those and the tools; `row_id` that of the source's name and all
    content columns. Equal rows have equal ids until `number_copies` tells them apart.
    """
    text = [name for name, kind in columns.items() if kind in TEXT]
    tag = source_tag(source, list(columns))
    item = few.item_of(columns)
    if item.asked == few.OPENING:
        openings = [opening_of(cell) for cell in content.column("messages").to_pylist()]
        content = content.append_column(few.OPENING, pa.array(openings, pa.large_string()))
    if content.num_rows <= few.FEW:
        return with_items(few.hash_few_rows(tag, content, columns, item), item)
    hashed = ", ".join(f"{text_digest(ident(name), columns[name])} AS {ident(digest_name(name))}" for name in text)
    if item.asked == few.OPENING:
        hashed += f", {text_digest(ident(few.OPENING), 'text')} AS {ident(digest_name(few.OPENING))}"
    numbers = [name for name, kind in columns.items() if kind not in TEXT]
    view = content.append_column(".at", pa.array(np.arange(content.num_rows)))
    for name in numbers:
        if columns[name] == "number":
            bits = combined(content.column(name)).fill_null(0.0).to_numpy().view(np.int64)
            view = view.append_column(f"{name}.bits", pa.array(bits))
    cells = [f"coalesce({ident(digest_name(name))}, '-')" for name in text] + [
        f"coalesce(CASE WHEN {ident(name)} IS NOT NULL THEN {ident(name + '.bits')} END::VARCHAR, '-')"
        if columns[name] == "number"
        else f"coalesce({ident(name)}::VARCHAR, '-')"
        for name in numbers
    ]
    row = f"sha256({literal(tag)} || {' || '.join(chr(39) + '/' + chr(39) + ' || ' + cell for cell in cells)})"
    prompt = f"coalesce({ident(digest_name(item.asked))}, '-')" if item.asked else "'-'"
    shown = [ident(digest_name(name)) for name in (*text, *([few.OPENING] if item.asked == few.OPENING else []))]
    if item.beside:
        both = f"sha256({prompt} || '/' || {ident(digest_name(item.beside))})"
        # The other half of the hash: an item with options is never the item of a text without.
        alone = f"{ident(digest_name(item.beside))} IS NULL"
        shown.append(f"CASE WHEN {alone} THEN {single(prompt)} ELSE right({both}, 32) END AS item_id")
    hashes = ", ".join(shown)
    query = (
        f'SELECT ".at", {row} AS row_id{", " + hashes if hashes else ""}'
        f" FROM (SELECT *{', ' + hashed if hashed else ''} FROM content)"
    )
    made = hashing().from_arrow(view).query("content", query).to_arrow_table()
    at = combined(made.column(".at")).to_numpy()
    order = None if (np.diff(at) > 0).all() else np.argsort(at)
    found = {name: hex_bytes(combined(made.column(name))) for name in made.column_names if name != ".at"}
    return with_items(found if order is None else {name: column[order] for name, column in found.items()}, item)


def with_items(found: dict[str, Bytes], item: few.Item) -> dict[str, Bytes]:
    """The same with `item_id` where nothing stands beside what is asked: that, or the row."""
    if "item_id" not in found:
        found["item_id"] = found[digest_name(item.asked)] if item.asked else found["row_id"].copy()
    found.pop(digest_name(few.OPENING), None)
    return found


def hex_bytes(column: pa.Array) -> Bytes:
    """The first 32 hexadecimal digits of each text as (n, 16) bytes; zeros for null."""
    if not len(column):
        return np.zeros((0, 16), dtype=np.uint8)
    if column.null_count:
        column = pc.fill_null(column, "0" * 32)
    bounds = np.frombuffer(column.buffers()[1], dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    raw = np.frombuffer(column.buffers()[2], dtype=np.uint8)[bounds[0] : bounds[-1]]
    values = HEX[raw.reshape(len(column), -1)[:, :32]]
    return np.asarray((values[:, 0::2] << 4) | values[:, 1::2], dtype=np.uint8)


def cell_digest(text: str) -> str:
    """The digest of one text cell, as `text_digest` has it."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def single(prompt: str) -> str:
    """The item of a lone prompt: its digest; all rows without one are one item."""
    return f"CASE WHEN {prompt} = '-' THEN repeat('0', 32) ELSE {prompt} END"


def source_tag(source: str, names: list[str]) -> str:
    """The source's name and the columns' names as one text that cannot be read in two ways."""
    return "".join(f"{len(part)}:{part}" for part in (source, *sorted(names)))


def number_copies(rows: Bytes, ties: Bytes | None = None) -> np.ndarray:
    """Give the second and further of equal row ids ids of their own, in place: H(id, copy). Their order then.

    Equal rows have no order among them, so it is the same whichever is called the first, unless `ties` tell them apart.
    """
    high = halves(rows)[0]
    order = argsorted(high)
    ranked = high[order]
    close = np.flatnonzero(ranked[1:] == ranked[:-1])
    # Only rows that share half of their id are looked at further: they are few.
    chosen = order[np.unique(np.concatenate([close, close + 1]))]
    chosen = chosen[sorted_order(rows[chosen]) if ties is None else tied_order(rows[chosen], ties[chosen])]
    starts = np.ones(len(chosen), dtype=bool)
    starts[1:] = (rows[chosen[1:]] != rows[chosen[:-1]]).any(axis=1)
    place = np.arange(len(chosen))
    copies = place - np.maximum.accumulate(np.where(starts, place, 0))
    again = chosen[~starts]
    if again.size:
        rows[again] = child_ids(rows[again], "copy", copies[~starts])
        kept = np.ones(len(rows), dtype=bool)
        kept[again] = False
        order, high[again] = order[kept[order]], halves(rows[again])[0]
        again = again[np.argsort(high[again])]
        order = np.insert(order, np.searchsorted(high[order], high[again]), again)
    return settled(order, rows)


def child_ids(parents: Bytes, operator: str, copies: np.ndarray, changed: Sequence[Bytes] = ()) -> Bytes:
    """Ids of rows made from others: H(parent, operator, digests of the changed cells, copy)."""
    if len(parents) <= few.FEW:
        return few.few_child_ids(parents, operator, copies.tolist(), changed)
    cells = {f"cell{place}": id_array(each) for place, each in enumerate(changed)}
    table = pa.table({".at": np.arange(len(parents)), "parent": id_array(parents), "copy": copies, **cells})
    changes = "".join(f"{name}::VARCHAR || '/' || " for name in cells)
    child = f"left(sha256(parent::VARCHAR || {literal('/' + operator + '/')} || {changes}copy), 32)::UUID"
    query = f'SELECT {child} AS id FROM rows ORDER BY ".at"'
    return id_bytes(combined(hashing().from_arrow(table).query("rows", query).to_arrow_table().column("id")))
