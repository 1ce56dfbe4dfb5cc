"""Parts and weights: no item is in two parts, and rows stand in a result as often as is said, whatever comes to them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import duckdb
import pytest

from operators.sets.split import Split
from operators.sets.weight import Weight

ROWS = 2000
PARTS = {"train": 0.8, "validation": 0.15, "test": 0.05}


def decided(operator: Split | Weight, rows: int = ROWS, seed: int = 7) -> Counter[int]:
    """Number of a row -> how often it stands in the result; rows are of two categories, and two rows of each item."""
    relation = (
        "(SELECT md5(i::VARCHAR)::UUID AS row_id, md5((i // 2)::VARCHAR || 'x')::UUID AS item_id, i AS number,"
        f" CASE i % 2 WHEN 0 THEN 'even' ELSE 'odd' END AS category FROM range({rows}) t(i))"
    )
    query = f"SELECT number FROM ({operator.verdicts(relation, seed, None)}) JOIN {relation} USING (row_id) WHERE kept"
    return Counter(number for (number,) in duckdb.sql(query).fetchall())


def part(name: str, **said: Any) -> set[int]:
    return set(decided(Split.model_validate({"take": name, "parts": PARTS} | said)))


def test_parts_share_no_item_and_have_all_of_them() -> None:
    parts = [part(name) for name in PARTS]
    items = [{number // 2 for number in each} for each in parts]
    assert set.union(*parts) == set(range(ROWS)) and sum(map(len, items)) == ROWS // 2
    assert [len(each) / ROWS for each in parts] == pytest.approx([*PARTS.values()], abs=0.03)


def test_a_new_item_moves_no_other_into_another_part() -> None:
    more = set(decided(Split.model_validate({"take": "train", "parts": PARTS}), ROWS + 500))
    assert {number for number in more if number < ROWS} == part("train") and part("train", salt="x") != part("train")


def test_the_order_in_which_parts_are_said_decides_nothing() -> None:
    assert part("test", parts=dict(reversed(PARTS.items()))) == part("test")


def test_rows_stand_in_the_result_as_often_as_their_weight_says() -> None:
    times = decided(Weight.model_validate({"weights": {"even": 2.25, "odd": 0.3}}))
    even, odd = ([times[number] for number in range(first, ROWS, 2)] for first in (0, 1))
    assert {*even} == {2, 3} and {*odd} == {0, 1}
    assert sum(even) / len(even) == pytest.approx(2.25, abs=0.05) and sum(odd) / len(odd) == pytest.approx(0.3, abs=0.05)


def test_a_row_of_weight_0_goes_and_one_that_is_not_named_stays() -> None:
    assert decided(Weight.model_validate({"weights": {"even": 0}})) == Counter(range(1, ROWS, 2))


def test_a_larger_weight_takes_no_row_away() -> None:
    small, large = (decided(Weight.model_validate({"weights": {"even": each}})) for each in (0.4, 1.7))
    assert all(large[number] >= times for number, times in small.items())
