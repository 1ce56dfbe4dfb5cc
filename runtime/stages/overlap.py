"""The items of benchmarks as they are looked for in other tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from operators.kernels.overlap.ngrams import Item
from operators.kernels.text import Texts
from operators.measures.families import Search
from runtime.store.digest import id_bytes
from runtime.tables.segmented import Segmented
from runtime.tables.table import TEXT, Table

if TYPE_CHECKING:
    from operators.kernels.overlap.search import Index

#: The columns of a benchmark that are its question, and its right answer.
QUESTION, OPTIONS, ANSWER = "prompt", "options", "gold_answer"
DIGITS = 15
"""Hexadecimal digits of its row_id that stand for an item: as many as a whole number holds."""


@dataclass(frozen=True)
class Sought:
    """What is looked for of the items of some benchmarks."""

    operator: Search
    entries: Mapping[str, Any]
    tables: Sequence[Table]
    segmented: Segmented

    @cached_property
    def index(self) -> Index:
        """The items as they are looked for; it takes as much memory as they do, and is made where it is asked."""
        items = [list(items_of(at, table)) for at, table in enumerate(self.tables)]
        return self.operator.index(items, self.entries, self.segmented)

    def __reduce__(self) -> tuple[Any, ...]:
        return Sought, (self.operator, self.entries, self.tables, self.segmented)


def items_of(benchmark: int, table: Table) -> Iterator[Item]:
    """Each item: its question with its options, then every other text that is mapped; the right answer where it is prose."""
    text = [name for name, kind in table.columns.items() if kind in TEXT]
    others = [name for name in sorted(text) if name not in (QUESTION, OPTIONS, ANSWER)]
    ids = id_bytes(table.frame("row_id"))
    for start, batch in table.batches(text):
        lists = {name: column.to_pylist() for name, column in batch.items()}
        for at in range(len(next(iter(lists.values()), []))):
            cells = {name: tuple(lines_of(lists[name][at])) for name in text}
            question, options = cells.get(QUESTION, ()), cells.get(OPTIONS, ())
            answer = [line for line in cells.get(ANSWER, ()) if prose(line)]
            texts = [(*question, *options), *(cells[name] for name in others), *([answer] if answer else ())]
            number = int(ids[start + at].tobytes().hex()[:DIGITS], 16)
            yield Item(benchmark, number, tuple(map("\n".join, texts)), "\n".join(question), options)


def prose(answer: str) -> bool:
    """Whether a right answer is a text that nobody writes by chance, and no number, label or formula.

    Example:
        >>> prose("물은 산소와 수소로 이루어져 있다"), prose("\\\\frac{1}{2}"), prose("3 x 5 = 15")
        (True, False, False)
    """
    return "\\" not in answer and 4 * sum(map(str.isalpha, answer)) >= 3 * len("".join(answer.split())) > 0


def lines_of(cell: str | list[str | None] | None) -> list[str]:
    """The texts of one cell."""
    return [cell] if isinstance(cell, str) else [each for each in cell or () if each is not None]


def texts_of(column: pa.Array) -> Texts:
    """A column as it is looked through; the texts of a list follow one another."""
    if pa.types.is_large_list(column.type) or pa.types.is_list(column.type):
        joined = pc.binary_join(column.cast(pa.list_(pa.string())), "\n")
        return Texts(joined)
    return Texts(column)
