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

FEW = 1000
"""Cells that are hashed one by one: a query costs as much as a thousand of them."""

HEX = np.zeros(256, dtype=np.uint8)
HEX[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16)
"""The value of each hexadecimal digit: decoding whole columns here costs less than casts in SQL."""


def hashing() -> duckdb.DuckDBPyConnection:
    """The calling thread's connection to a database without threads, for hashes of single batches."""
    if not hasattr(LOCAL, "hashing"):
        LOCAL.hashing = connect(1)
    connection: duckdb.DuckDBPyConnection = LOCAL.hashing
    return connection


def own_connection() -> duckdb.DuckDBPyConnection:
    """The one-threaded DuckDB of the calling thread alone, for conditions on single batches."""
    if not hasattr(LOCAL, "connection"):
        LOCAL.connection = database(1, memory=2 << 30)
    connection: duckdb.DuckDBPyConnection = LOCAL.connection
    return connection


def forget_connection() -> None:
    """Work with a new DuckDB from here on: one that is interrupted while it binds keeps the name of what it read then."""
    if hasattr(LOCAL, "connection"):
        LOCAL.connection.close()
        del LOCAL.connection


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
    if kind == "text" and len(column) <= FEW:
        cells = (bytes(16) if text is None else hashlib.sha256(text.encode()).digest()[:16] for text in column.to_pylist())
        return np.frombuffer(b"".join(cells), dtype=np.uint8).reshape(-1, 16)
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
    hashed = ", ".join(f"{text_digest(ident(name), columns[name])} AS {ident(digest_name(name))}" for name in text)
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
    names = literal(source_tag(source, [*text, *numbers]))
    row = f"sha256({names} || {' || '.join(chr(39) + '/' + chr(39) + ' || ' + cell for cell in cells)})"
    asked, beside, given = "prompt.digest" if "prompt" in text else None, "options", ["options"]
    if columns.get("messages") == "messages":
        asked, beside, given = "opening.digest", "tools", [name for name in text if columns[name] == "tools"]
        openings = [opening_of(cell) for cell in content.column("messages").to_pylist()]
        view = view.append_column(".opening", pa.array(openings, pa.large_string()))
        hashed += f', {text_digest(ident(".opening"), "text")} AS "opening.digest"'
    prompt = f"coalesce({ident(asked)}, '-')" if asked else "'-'"
    shown = [ident(digest_name(name)) for name in text] + (['"opening.digest"'] if asked == "opening.digest" else [])
    if beside in text and given:
        both = f"sha256({prompt} || '/' || {ident(digest_name(beside))})"
        # The other half of the hash: an item with options is never the item of a text without.
        alone = f"{ident(digest_name(beside))} IS NULL"
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
    if "item_id" not in found:
        found["item_id"] = found[asked] if asked else found["row_id"].copy()
    found.pop("opening.digest", None)
    return found if order is None else {name: column[order] for name, column in found.items()}


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


def number_copies(rows: Bytes) -> np.ndarray:
    """Give the second and further of equal row ids ids of their own, in place: H(id, copy). Their order then.

    Equal rows have no order among them, so it is the same whichever is called the first.
    """
    high = halves(rows)[0]
    order = np.argsort(high)
    ranked = high[order]
    close = np.flatnonzero(ranked[1:] == ranked[:-1])
    # Only rows that share half of their id are looked at further: they are few.
    chosen = order[np.unique(np.concatenate([close, close + 1]))]
    chosen = chosen[sorted_order(rows[chosen])]
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
    cells = {f"cell{place}": id_array(each) for place, each in enumerate(changed)}
    table = pa.table({".at": np.arange(len(parents)), "parent": id_array(parents), "copy": copies, **cells})
    changes = "".join(f"{name}::VARCHAR || '/' || " for name in cells)
    child = f"left(sha256(parent::VARCHAR || {literal('/' + operator + '/')} || {changes}copy), 32)::UUID"
    query = f'SELECT {child} AS id FROM rows ORDER BY ".at"'
    return id_bytes(combined(hashing().from_arrow(table).query("rows", query).to_arrow_table().column("id")))


def sorted_order(ids: Bytes) -> np.ndarray:
    """The order that sorts ids as bytes."""
    return settled(np.argsort(halves(ids)[0]), ids)


def settled(order: np.ndarray, ids: Bytes) -> np.ndarray:
    """An order that sorts the first halves of ids, or that which sorts them whole where two share a half."""
    high, low = halves(ids)
    ranked = high[order]
    ties = np.flatnonzero(ranked[1:] == ranked[:-1])
    # Equal first halves are equal rows, or so rare that the full sort may pay for them.
    if ties.size and not (low[order[ties + 1]] >= low[order[ties]]).all():
        return np.lexsort((low, high))
    return order


def places_of(ids: Bytes, wanted: Bytes) -> np.ndarray:
    """Where each of the wanted ids stands among sorted ones, all of which are there."""
    (high, low), (first, second) = halves(ids), halves(wanted)
    places = np.searchsorted(high, first)
    while (elsewhere := low[places] != second).any():  # ids that share their first half stand side by side
        places[elsewhere] += 1
    return places


def starting(ids: Bytes, prefix: str) -> list[str]:
    """The sorted ids that begin with hexadecimal digits."""
    low = np.frombuffer(bytes.fromhex(prefix.ljust(32, "0")), dtype=np.uint8)
    found = []
    for place in range(lower_bound(ids, low), len(ids)):
        text = ids[place].tobytes().hex()
        if not text.startswith(prefix):
            break
        found.append(text)
    return found


def lower_bound(ids: Bytes, wanted: Bytes) -> int:
    """The place of the first id that is not below."""
    low, high = 0, len(ids)
    target = wanted.tobytes()
    while low < high:
        middle = (low + high) // 2
        if ids[middle].tobytes() < target:
            low = middle + 1
        else:
            high = middle
    return low


def position(ids: Bytes, wanted: Bytes) -> int | None:
    """Where an id stands among sorted ones."""
    place = lower_bound(ids, wanted)
    return place if place < len(ids) and ids[place].tobytes() == wanted.tobytes() else None


def halves(ids: Bytes) -> tuple[np.ndarray, np.ndarray]:
    """Ids as two 64-bit numbers that sort as the bytes do."""
    words = np.ascontiguousarray(ids).view(">u8").astype(np.uint64)
    return words[:, 0], words[:, 1]
