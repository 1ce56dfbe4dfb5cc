"""The items of benchmarks as they are looked for in other tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from operators.decontaminate import Decontaminate
from operators.kernels.text import Texts
from runtime.digest import id_bytes
from runtime.segmented import Segmented
from runtime.table import TEXT, Table

if TYPE_CHECKING:
    from operators.kernels.overlap import Index

#: The columns of a benchmark that are its question; its right answer alone is looked for nowhere.
QUESTION, ANSWER = ("prompt", "options"), "gold_answer"
DIGITS = 15
"""Hexadecimal digits of its row_id that stand for an item: as many as a whole number holds."""


def opened_index(operator: Decontaminate, entries: Mapping[str, Any], tables: Sequence[Table], segmented: Segmented) -> Index:
    """The n-grams of the items of some benchmarks."""
    return operator.index([list(items_of(table)) for table in tables], entries, segmented)


def items_of(table: Table) -> list[tuple[int, tuple[str, ...]]]:
    """(number, texts) of each item: the question with its options, then every other text that is mapped."""
    text = [name for name, kind in table.columns.items() if kind in TEXT and name != ANSWER]
    question = [name for name in QUESTION if name in text]
    parts = [question, *([name] for name in sorted(text) if name not in question)]
    ids, items = id_bytes(table.frame("row_id")), []
    for start, batch in table.batches(text):
        said = {name: column.to_pylist() for name, column in batch.items()}
        for at in range(len(next(iter(said.values()), []))):
            texts = tuple("\n".join(line for name in names for line in lines_of(said[name][at])) for names in parts if names)
            items.append((int(ids[start + at].tobytes().hex()[:DIGITS], 16), texts))
    return items


def lines_of(cell: str | list[str | None] | None) -> list[str]:
    """The texts of one cell."""
    return [cell] if isinstance(cell, str) else [each for each in cell or () if each is not None]


def texts_of(column: pa.Array) -> Texts:
    """A column as it is looked through; the texts of a list follow one another."""
    if pa.types.is_large_list(column.type) or pa.types.is_list(column.type):
        joined = pc.binary_join(column.cast(pa.list_(pa.string())), "\n")
        return Texts(joined)
    return Texts(column)
