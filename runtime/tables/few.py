"""Ids of a few rows, made one by one: to begin a query costs as much as a thousand of them. `ids` has DuckDB make the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from operators.base.scope import Columns
from runtime.store.digest import Bytes
from runtime.tables.table import DIGEST, TEXT

FEW = 1000
"""Rows that are hashed one by one."""

OPENING = ".opening"
"""The turns of a conversation before its first answer."""
NONE = "-"
"""What stands for a cell that is null in what a row is hashed from."""


class Item(NamedTuple):
    """The columns that an item is made of."""

    asked: str | None
    beside: str | None


def item_of(columns: Columns) -> Item:
    """Of a table: its prompts and options, or the openings of its conversations and their tools."""
    if columns.get("messages") == "messages":
        return Item(OPENING, "tools" if columns.get("tools") == "tools" else None)
    return Item("prompt" if columns.get("prompt") in TEXT else None, "options" if columns.get("options") in TEXT else None)


def hex_digest(data: bytes) -> str:
    """Of a text, half of its hash: 32 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()[:32]


def text_cells(column: pa.Array, kind: str) -> list[str]:
    """The digest of each cell of text or of a list of text; `-` for null."""
    if kind != "list of text":
        texts: list[bytes | None] = column.cast(pa.large_binary()).to_pylist()
        return [NONE if text is None else hex_digest(text) for text in texts]
    lists: list[list[bytes | None] | None] = column.cast(pa.large_list(pa.large_binary())).to_pylist()
    return [
        NONE
        if each is None
        else hex_digest(b"list/" + b",".join(b"-" if x is None else hashlib.sha256(x).hexdigest().encode() for x in each))
        for each in lists
    ]


def other_cells(column: pa.ChunkedArray, kind: str) -> list[str]:
    """Each cell of a number, a truth or a label as text; `-` for null. Of a fraction, the bits."""
    cells: list[Any] = column.to_pylist()
    if kind == "number":
        bits = column.fill_null(0.0).to_numpy().view(np.int64).tolist()
        return [NONE if cell is None else str(bit) for cell, bit in zip(cells, bits, strict=True)]
    words = {None: NONE, True: "true", False: "false"} if kind == "boolean" else {None: NONE}
    return [words[cell] if cell in words else str(cell) for cell in cells]


def as_bytes(digests: Sequence[str]) -> Bytes:
    """Digests as (n, 16) bytes that may be written to; zeros for `-`."""
    whole = bytearray.fromhex("".join("0" * 32 if each == NONE else each for each in digests))
    return np.frombuffer(whole, dtype=np.uint8).reshape(-1, 16)


def hash_few_rows(tag: str, content: pa.Table, columns: Columns, item: Item) -> dict[str, Bytes]:
    """`hash_rows` of a few rows; `tag` stands for the source and the columns' names."""
    text = {name: text_cells(content.column(name), kind) for name, kind in columns.items() if kind in TEXT}
    others = [other_cells(content.column(name), kind) for name, kind in columns.items() if kind not in TEXT]
    rows = ["/".join(cells) for cells in zip([tag] * content.num_rows, *text.values(), *others, strict=True)]
    found = {"row_id": as_bytes([hex_digest(row.encode()) for row in rows])}
    if item.asked == OPENING:
        text[OPENING] = text_cells(content.column(OPENING), "text")
    found |= {name + DIGEST: as_bytes(cells) for name, cells in text.items()}
    if item.beside:
        prompts = text[item.asked] if item.asked else [NONE] * content.num_rows
        both = zip(prompts, text[item.beside], strict=True)
        # The other half of the hash: an item with options is never the item of a text without.
        items = [p if o == NONE else hashlib.sha256(f"{p}/{o}".encode()).hexdigest()[32:] for p, o in both]
        found["item_id"] = as_bytes(items)
    return found


def few_child_ids(parents: Bytes, operator: str, copies: Sequence[int], changed: Sequence[Bytes]) -> Bytes:
    """`child_ids` of a few rows."""
    sides = [dashed(each) for each in (parents, *changed)]
    texts = ("/".join((row[0], operator, *row[1:])) for row in zip(*sides, map(str, copies), strict=True))
    return as_bytes([hex_digest(text.encode()) for text in texts])


def dashed(ids: Bytes) -> list[str]:
    """Ids as they are written."""
    whole = ids.tobytes().hex()
    starts = range(0, len(whole), 32)
    return [f"{(h := whole[at : at + 32])[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}" for at in starts]
