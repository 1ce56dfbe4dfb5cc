"""Tests of nested values: what paths and maps give, and that a shape that is not meant is told and never null."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.reading import columns_of, read, write_jsonl, write_parquet

META = {"meta": {"field": "m", "as": "json"}}
AT_Q = {"prompt": {"field": "m", "path": ["q"]}}


def maps(*rows: Any, kind: Any = None) -> pa.Array:
    """A column of maps."""
    return pa.array(rows, kind or pa.map_(pa.string(), pa.string()))


# Maps


def test_a_map_is_read_by_its_keys_and_as_canonical_json(tmp_path: Path) -> None:
    path = write_parquet(tmp_path, m=maps([("q", "왜?"), ("a", "1")], None, [("q", None)]))
    rows, bad = read(path, AT_Q | META)
    assert bad == []
    assert columns_of(rows, "prompt") == ["왜?", None, None]
    assert columns_of(rows, "meta") == ['{"a":"1","q":"왜?"}', None, '{"q":null}']


def test_a_map_with_a_key_twice_is_a_bad_row_wherever_it_stands(tmp_path: Path) -> None:
    twice = [("q", "a"), ("q", "b")]
    inner = pa.map_(pa.string(), pa.string())
    columns: list[tuple[pa.Array, dict[str, Any]]] = [
        (maps(twice, [("q", "c")]), AT_Q),
        (maps(twice, [("q", "c")]), META),
        (pa.array([[twice], [[("q", "c")]]], pa.list_(inner)), {"prompt": {"field": "m", "path": [0, "q"]}}),
        (pa.array([{"x": twice}, {"x": [("q", "c")]}], pa.struct({"x": inner})), META),
        (maps([("A", "x"), ("A", "y")], [("A", "x"), ("B", "y")]), {"options": "m"}),
    ]
    for column, mapping in columns:
        rows, bad = read(write_parquet(tmp_path, m=column), mapping)
        assert len(rows) == 1, mapping
        assert bad in ([(1, "`m` has the key `q` twice")], [(1, "`m` has the key `A` twice")])


@pytest.mark.parametrize(("kind", "keys"), [(pa.int32(), [3, -1]), (pa.bool_(), [True, False]), (pa.binary(), [b"x", b"y"])])
def test_the_keys_of_a_map_are_text_as_in_json(tmp_path: Path, kind: pa.DataType, keys: list[Any]) -> None:
    names = {3: "3", -1: "-1", True: "true", False: "false", b"x": "x", b"y": "y"}
    column = maps([(key, "v") for key in keys], kind=pa.map_(kind, pa.string()))
    rows, bad = read(write_parquet(tmp_path, m=column), {"prompt": {"field": "m", "path": [names[keys[0]]]}} | META)
    assert (columns_of(rows, "prompt"), bad) == (["v"], [])
    assert rows[0]["meta"] == "{" + ",".join(f'"{name}":"v"' for name in sorted(names[key] for key in keys)) + "}"


def test_a_key_of_a_map_that_is_no_text_is_refused(tmp_path: Path) -> None:
    column = maps([({"x": 1}, "v")], kind=pa.map_(pa.struct({"x": pa.int8()}), pa.string()))
    assert read(write_parquet(tmp_path, m=column), META) == ([], [(1, "`m` has a key that is an object with `x`, not text")])


# Paths


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        ([{"q": "a"}], ["*", "q"], '`m` is a list of 1 object, and has not the key "*" that the path asks for'),
        ([{"q": "a"}, {"q": "b"}], ["q"], '`m` is a list of 2 objects, and has not the key "q" that the path asks for'),
        (["a", "b"], [2], "`m` is a list of 2 texts, and has not position 2 that the path asks for"),
        (["a", "b"], [-3], "`m` is a list of 2 texts, and has not position -3 that the path asks for"),
        ([], [0], "`m` is a list of nothing, and has not position 0 that the path asks for"),
        ({"a": 1, "b": 2}, ["q"], '`m` is an object with `a`, `b`, and has not the key "q" that the path asks for'),
        ({"0": "a"}, [0], "`m` is an object with `0`, and has not position 0 that the path asks for"),
        ("text", ["q"], '`m` is text, and has not the key "q" that the path asks for'),
        (5, [0], "`m` is a number, and has not position 0 that the path asks for"),
        ({"x": [[1, "a"]]}, ["x", 0, "q"], '`m`["x"][0] is a list of 2 values of several kinds, and has not the key "q"'),
        ({"x": {"q": True}}, ["x", "q", "z"], '`m`["x"]["q"] is a truth value, and has not the key "z"'),
    ],
)
def test_a_path_that_leads_nowhere_names_what_is_there(tmp_path: Path, value: Any, path: list[Any], reason: str) -> None:
    rows, bad = read(write_jsonl(tmp_path, {"m": value}, {"m": None}), {"prompt": {"field": "m", "path": path}})
    assert columns_of(rows, "prompt") == [None]
    assert len(bad) == 1
    assert bad[0][1].startswith(reason)


def test_what_a_path_leads_to_may_be_missing_where_that_is_said(tmp_path: Path) -> None:
    cell = {"field": "m", "path": ["q", 1], "missing": None}
    path = write_jsonl(tmp_path, *({"m": each} for each in ({"q": ["a", "b"]}, {"q": ["a"]}, {"p": 1}, {"q": {"1": "b"}}, "q")))
    rows, bad = read(path, {"prompt": cell})
    assert columns_of(rows, "prompt") == ["b", None, None]
    assert [line for line, _ in bad] == [4, 5]  # another shape is no lack


@pytest.mark.parametrize("kind", [pa.struct({"q": pa.string()}), pa.list_(pa.string()), pa.map_(pa.string(), pa.string())])
def test_a_nested_column_where_text_is_meant_is_refused(tmp_path: Path, kind: pa.DataType) -> None:
    value: Any = ["a"] if pa.types.is_list(kind) else [("q", "a")] if pa.types.is_map(kind) else {"q": "a"}
    rows, bad = read(write_parquet(tmp_path, t=pa.array([value, None], kind)))
    assert columns_of(rows, "prompt") == [None]
    assert bad == [(1, f"`t` is {'a list' if pa.types.is_list(kind) else 'an object'}, not text; say `as: json`")]


# Digits


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_short_numbers_as_text_have_the_digits_of_their_own_type(tmp_path: Path, kind: Any) -> None:
    numbers = np.array([0.1, 1.0, -2.5, 0.7], kind)
    texts = ["0.1", "1.0", "-2.5", "0.7"]
    plain = pa.array(numbers)
    path = write_parquet(
        tmp_path,
        t=plain,
        d=plain.dictionary_encode() if kind is np.float32 else plain,
        m=pa.array([[("q", {"x": [each]})] for each in numbers], pa.map_(pa.string(), pa.struct({"x": pa.list_(plain.type)}))),
    )
    rows, bad = read(path, {"prompt": "t", "d": "d", "deep": {"field": "m", "path": ["q", "x", 0]}} | META)
    assert bad == []
    assert columns_of(rows, "prompt") == columns_of(rows, "d") == columns_of(rows, "deep") == texts
    assert columns_of(rows, "meta") == [f'{{"q":{{"x":[{text}]}}}}' for text in texts]


def test_short_numbers_as_options_and_gold_have_few_digits(tmp_path: Path) -> None:
    path = write_parquet(tmp_path, c=pa.array([[0.1, 0.7]], pa.list_(pa.float32())), g=pa.array([0.7], pa.float32()))
    assert read(path, {"options": "c", "gold": {"text": "g"}}) == ([{"options": ["0.1", "0.7"], "gold": 1}], [])


def test_a_short_number_as_a_number_keeps_its_value(tmp_path: Path) -> None:
    path = write_parquet(tmp_path, n=pa.array([0.1], pa.float32()), l=pa.array([[0.1]], pa.list_(pa.float32())))
    cells = {"n": {"field": "n", "as": "number"}, "l": {"field": "l", "path": [0], "as": "number"}}
    assert read(path, cells)[0] == [{"l": float(np.float32(0.1)), "n": float(np.float32(0.1))}]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1.0, -0.0, None]),
        pa.array([1.0, 0.0, None], pa.float32()),
        pa.array([1.0, 0.0, None], pa.float16()),
        pa.array([Decimal(1), Decimal(0), None], pa.decimal128(38, 0)),
        pa.array([Decimal("1.00"), Decimal("0.00"), None], pa.decimal128(10, 2)),
        pa.array([Decimal("1.00"), Decimal("0.00"), None], pa.decimal256(60, 2)),
    ],
)
def test_whole_numbers_of_a_type_with_fractions_are_whole(tmp_path: Path, column: pa.Array) -> None:
    whole = {"field": "i", "as": "integer"}
    inner = {"field": "s", "path": ["i"], "as": "integer"}
    path = write_parquet(tmp_path, i=column, s=pa.StructArray.from_arrays([column], ["i"]))
    assert read(path, {"i": whole, "s": inner}) == ([{"i": 1, "s": 1}, {"i": 0, "s": 0}, {"i": None, "s": None}], [])


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1.5, 1.0]),
        pa.array([float("nan"), 1.0]),
        pa.array([float("inf"), 1.0]),
        pa.array([1e17, 1.0]),
        pa.array([0.5, 1.0], pa.float16()),
        pa.array([Decimal("5.50"), Decimal(1)], pa.decimal128(10, 2)),
        pa.array([Decimal(10) ** 30, Decimal(1)], pa.decimal128(38, 0)),
    ],
)
def test_a_number_that_is_not_whole_is_refused_and_others_of_its_column_are_not(tmp_path: Path, column: pa.Array) -> None:
    rows, bad = read(write_parquet(tmp_path, i=column), {"i": {"field": "i", "as": "integer"}})
    assert (columns_of(rows, "i"), [line for line, _ in bad]) == ([1], [1])


@pytest.mark.parametrize(("value", "whole"), [(1.0, 1), ("1.0", 1), ("-3.00", -3), (1.5, None), ("1.5", None), (1e17, None)])
def test_whole_numbers_of_json_may_have_a_fraction_of_zeros(tmp_path: Path, value: Any, whole: int | None) -> None:
    rows, bad = read(write_jsonl(tmp_path, {"i": value}), {"i": {"field": "i", "as": "integer"}})
    assert (columns_of(rows, "i"), len(bad)) == (([whole], 0) if whole is not None else ([], 1))
