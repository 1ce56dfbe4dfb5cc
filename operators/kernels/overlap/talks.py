"""Items of benchmarks found turn by turn in conversations: what stands alone in a turn stands among others in the whole."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence

import pyarrow as pa

from operators.conversations.looks import BETWEEN, said
from operators.kernels.overlap.search import Hit, Index
from operators.kernels.text import Texts

TURNS = 65536
"""Turns whose questions are looked for together."""


def search_turns(index: Index, cells: pa.Array, look: str, column: int) -> Iterator[tuple[int, Hit]]:
    """(row, what stands in one of its turns) of conversations; places are those of the text of the look, which is `column`."""
    rows: list[int] = []
    starts: list[int] = []
    turns: list[str] = []
    for row, cell in enumerate(cells.to_pylist()):
        start = 0
        for text in [] if cell is None else said(json.loads(cell), look):
            rows.append(row)
            starts.append(start)
            turns.append(text)
            start += len(unicodedata.normalize("NFC", text)) + len(BETWEEN)
        if len(turns) >= TURNS:
            yield from hits_of(index, rows, starts, turns, column)
            rows, starts, turns = [], [], []
    yield from hits_of(index, rows, starts, turns, column)


def hits_of(
    index: Index, rows: Sequence[int], starts: Sequence[int], turns: Sequence[str], column: int
) -> Iterator[tuple[int, Hit]]:
    """The same of some turns, each with its row and where it begins in the text of all."""
    texts = Texts(pa.array(turns, pa.large_string()))
    for parts in index.parts:
        for turn, items in sorted(parts.search(texts, None).items()):
            first, start = items[0], starts[turn]
            places = (column, start + first.first, start + first.last)
            yield rows[turn], Hit(len(items), first.benchmark, first.item, parts.unit.found_in, *places)
