"""Ids that are made one by one, where rows are few, are those that DuckDB makes of many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from operators.base.scope import Columns
from runtime.tables import few
from runtime.tables.ids import child_ids, hash_column, hash_rows
from runtime.tables.table import ARROW

TEXTS = some.text(alphabet=some.characters(blacklist_categories=("Cs",)), max_size=12)
CELLS: dict[str, Any] = {
    "text": TEXTS,
    "list of text": some.lists(some.none() | TEXTS, max_size=3),
    "integer": some.integers(-(2**63), 2**63 - 1),
    "number": some.floats(),
    "boolean": some.booleans(),
}
KINDS: Columns = {
    "prompt": "text",
    "options": "list of text",
    "a 'b'": "text",
    "n": "integer",
    "x": "number",
    "y": "boolean",
    "l": "list of text",
}
ROWS = some.lists(some.tuples(*(some.none() | CELLS[kind] for kind in KINDS.values())), max_size=6)


def both(function: Any, *given: Any) -> tuple[Any, Any]:
    """What a function gives of few rows, and of as many as are many."""
    ours = function(*given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(few, "FEW", -1)
        return ours, function(*given)


@given(rows=ROWS, left_out=some.sets(some.sampled_from(["prompt", "options", "a 'b'", "l"])))
@settings(max_examples=60)
def test_rows_have_the_same_ids_and_digests(rows: list[Any], left_out: set[str]) -> None:
    cells = dict(zip(KINDS, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(KINDS, ())
    columns: Columns = {name: kind for name, kind in KINDS.items() if name not in left_out}
    table = pa.table({name: pa.array(cells[name], ARROW[kind]) for name, kind in columns.items()})
    ours, theirs = both(hash_rows, "it's", table, columns)
    assert {name: each.tolist() for name, each in ours.items()} == {name: each.tolist() for name, each in theirs.items()}
    assert all(each.flags.writeable for each in ours.values())


@given(texts=some.lists(some.none() | TEXTS, max_size=6), lists=some.lists(some.none() | CELLS["list of text"], max_size=6))
@settings(max_examples=30)
def test_cells_have_the_same_digests(texts: list[Any], lists: list[Any]) -> None:
    for kind, cells in (("text", texts), ("list of text", lists)):
        ours, theirs = both(hash_column, pa.array(cells, ARROW[kind]), kind)
        assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("changed", (0, 1, 2))
def test_children_have_the_same_ids(changed: int) -> None:
    chance = np.random.default_rng(changed)
    parents, *cells = (chance.integers(0, 256, (40, 16), dtype=np.uint8) for _ in range(1 + changed))
    ours, theirs = both(child_ids, parents, "it's", np.arange(40), cells)
    assert ours.tolist() == theirs.tolist()
    assert both(child_ids, parents[:0], "copy", np.arange(0), [each[:0] for each in cells])[0].shape == (0, 16)
