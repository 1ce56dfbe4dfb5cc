"""Tests of nested values: what paths and maps give, and that a shape that is not meant is told and never null."""

from __future__ import annotations

import json
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.sources.readers.files import Unreadable
from runtime.sources.readers.read import probe
from tests.reading import columns_of, declare, read, write, write_jsonl, write_parquet

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


# Documents


SQUAD = {"version": "1", "data": [{"title": "물", "paragraphs": [{"context": "c", "qas": [{"id": "1", "question": "왜?"}]}]}]}
BY_ID = {f"k{number}": {"question": "왜?", "answer": "1"} for number in range(9)}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    ("document", "shape"),
    [
        (
            SQUAD,
            "{version: text, data: [1 of {title: text, paragraphs: [1 of"
            " {context: text, qas: [1 of {id: text, question: text}]}]}]}",
        ),
        (BY_ID, "{9 keys, each with {question: text, answer: text}}"),
        ({"exam": {"tasks": [{"question": "왜?"}]}}, "{exam: {tasks: [1 of {question: text}]}}"),
    ],
)
def test_rows_inside_of_one_object_are_told_by_its_shape(tmp_path: Path, document: Any, shape: str, indent: int | None) -> None:
    path = write(tmp_path, "x.json", json.dumps(document, indent=indent, ensure_ascii=False))
    for look in (read, lambda path, columns: probe(declare(columns, file="x.json"), path)):
        with pytest.raises(Unreadable) as error:
            look(path, {"prompt": "question"})
        assert f"it is one object, {shape}, without `question` at its top" in str(error.value)


def test_one_object_that_has_the_columns_is_a_row(tmp_path: Path) -> None:
    path = write(tmp_path, "x.json", json.dumps(SQUAD))
    columns = {"prompt": "version", "first": {"field": "data", "path": [0, "paragraphs", 0, "qas", 0, "question"]}}
    lack = {"field": "more", "missing": None}
    assert read(path, columns | {"more": lack}) == ([{"prompt": "1", "first": "왜?", "more": None}], [])


def test_a_struct_with_a_field_twice_is_unreadable(tmp_path: Path) -> None:
    twice = pa.StructArray.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["q", "q"])
    with pytest.raises(Unreadable, match="its column `m` has two fields named `q`"):
        read(write_parquet(tmp_path, m=pa.ListArray.from_arrays([0, 1], twice)), META)


# Any shape


SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from([0.5, 1.0]) | st.sampled_from(["", "a", "1"])
KEYS = st.sampled_from(["q", "a", "0", "*"])
SHAPES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)
PATHS = st.lists(KEYS | st.integers(-3, 3), min_size=1, max_size=3)


def lead(value: Any, path: list[Any]) -> Any:
    """What a path leads to by the rules of Python, or LookupError or TypeError; null on the way ends it."""
    for part in path:
        if value is None:
            return None
        if not isinstance(value, dict if isinstance(part, str) else list):
            raise TypeError
        value = value[part]
    return value


@settings(max_examples=300, deadline=None)
@given(SHAPES, PATHS, st.sampled_from(["text", "integer", "number", "boolean", "json"]), st.booleans())
def test_any_shape_gives_its_value_or_a_reason_and_is_null_only_where_it_is_null(
    value: Any, path: list[Any], kind: str, spared: bool
) -> None:
    cell: dict[str, Any] = {"field": "m", "path": path, "as": kind} | ({"missing": None} if spared else {})
    with tempfile.TemporaryDirectory() as name:
        rows, bad = read(write_jsonl(Path(name), {"m": value}), {"x": cell})
    assert len(rows) + len(bad) == 1
    try:
        right, lacks = lead(value, path), False
    except LookupError:
        right, lacks = None, True
    except TypeError:
        assert rows == []
        return
    if lacks:
        assert rows == ([{"x": None}] if spared else [])
    elif rows:
        assert (rows[0]["x"] is None) == (right is None)
        if kind == "json" and right is not None:
            assert json.loads(rows[0]["x"]) == right
        elif isinstance(right, str) and kind == "text":
            assert rows[0]["x"] == right
    else:
        assert right is not None
        assert kind not in ("json",)
        assert not (kind == "text" and isinstance(right, str))


KINDS = st.recursive(
    st.sampled_from([pa.string(), pa.int8(), pa.float32(), pa.float64(), pa.bool_()]),
    lambda inner: (
        st.builds(pa.list_, inner)
        | st.builds(pa.map_, st.just(pa.string()), inner)
        | st.builds(lambda each: pa.struct({"q": each, "a": pa.int8()}), inner)
    ),
    max_leaves=4,
)


def values_of(kind: pa.DataType) -> st.SearchStrategy[Any]:
    """Values that a column of a type may hold, as JSON would have them."""
    if pa.types.is_map(kind):
        return st.none() | st.dictionaries(KEYS, values_of(kind.item_type), max_size=2)
    if pa.types.is_struct(kind):
        return st.none() | st.fixed_dictionaries({field.name: values_of(field.type) for field in kind})
    if pa.types.is_list(kind):
        return st.none() | st.lists(values_of(kind.value_type), max_size=2)
    floats = st.sampled_from([0.1, 0.7, -2.5, 1.0])
    if pa.types.is_floating(kind):
        return st.none() | floats
    texts = st.sampled_from(["", "a", "가"])
    return st.none() | (texts if pa.types.is_string(kind) else st.booleans() if pa.types.is_boolean(kind) else st.integers(-9, 9))


def to_arrow(value: Any, kind: pa.DataType) -> Any:
    """A value of JSON as Arrow takes it: the pairs of a map."""
    if value is None or not pa.types.is_nested(kind):
        return value
    if pa.types.is_map(kind):
        return [(key, to_arrow(each, kind.item_type)) for key, each in value.items()]
    if pa.types.is_struct(kind):
        return {field.name: to_arrow(value[field.name], field.type) for field in kind}
    return [to_arrow(each, kind.value_type) for each in value]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_parquet_of_any_nested_type_reads_as_the_same_json_does(data: st.DataObject) -> None:
    kind = data.draw(KINDS)
    values = data.draw(st.lists(values_of(kind), min_size=1, max_size=3))
    cell: dict[str, Any] = {"field": "m", "as": data.draw(st.sampled_from(["text", "integer", "json"]))}
    if pa.types.is_nested(kind) and data.draw(st.booleans()):
        cell["path"] = data.draw(PATHS)
    with tempfile.TemporaryDirectory() as name:
        parquet = write_parquet(Path(name), m=pa.array([to_arrow(value, kind) for value in values], kind))
        lines = write_jsonl(Path(name), *({"m": value} for value in values))
        (left, refused), (right, refused_lines) = read(parquet, {"x": cell}), read(lines, {"x": cell})
    assert left == right
    assert [line for line, _ in refused] == [line for line, _ in refused_lines]
