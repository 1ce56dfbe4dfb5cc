"""Tests of the readers' conversions: what a cell, options and gold become, and why some are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.reading import columns_of, read, write, write_jsonl, write_parquet

TYPES = ("integer", "number", "boolean", "json")
TYPED: dict[str, Any] = {name: {"field": name, "as": type_} for name, type_ in zip("inbj", TYPES, strict=True)}
TYPED["prompt"] = "t"
EXAM = {"prompt": "q", "options": "c"}


def test_values_become_what_their_cells_declare(tmp_path: Path) -> None:
    rows, bad = read(
        write_jsonl(
            tmp_path,
            {"t": 12, "i": "-3", "n": "1e3", "b": "0", "j": {"b": [1, None], "a": "가"}},
            {"t": True, "i": 7, "n": 2, "b": False, "j": "x"},
            {"t": 0.5, "i": None, "b": None},
        ),
        TYPED,
    )
    assert bad == []
    assert rows == [
        {"prompt": "12", "i": -3, "n": 1000.0, "b": False, "j": '{"a":"가","b":[1,null]}'},
        {"prompt": "true", "i": 7, "n": 2.0, "b": False, "j": '"x"'},
        {"prompt": "0.5", "i": None, "n": None, "b": None, "j": None},
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"t": {"a": 1}}, "`t` is an object, not text; say `as: json`"),
        ({"t": ["a"]}, "`t` is a list, not text; say `as: json`"),
        ({"i": 1.5}, "`i` is `1.5`, not a whole number"),
        ({"i": True}, "`i` is `true`, not a whole number"),
        ({"i": "3.5"}, "`i` is `3.5`, not a whole number"),
        ({"i": 2**63}, "`i` is too large for 64 bits"),
        ({"i": "9" * 5000}, "`i` is too large for 64 bits"),
        ({"n": "nan"}, "`n` is `nan`, not a number"),
        ({"n": 10**400}, "`n` is not a finite number"),
        ({"b": "yes"}, "`b` is `yes`, not true or false"),
        ({"j": {"a": "\ud800"}}, "`j` holds half a surrogate pair"),
    ],
)
def test_a_value_that_does_not_fit_says_why(tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    rows, bad = read(write_jsonl(tmp_path, {"t": "a", "i": 1, "n": 1, "b": True, "j": 1}, row), TYPED)
    assert columns_of(rows, "prompt") == ["a"]
    assert bad == [(2, reason)]


def test_a_number_beyond_the_largest_is_refused_in_a_column_of_numbers(tmp_path: Path) -> None:
    _, bad = read(write(tmp_path, "x.jsonl", '{"n": 1.5}\n{"n": 1e400}'), {"n": {"field": "n", "as": "number"}})
    assert bad == [(2, "`n` is not a finite number")]


def test_parquet_columns_are_converted_like_json(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path,
        t=pa.array(["a", None, "c"]).dictionary_encode(),
        i=pa.array([1, 2, None], pa.uint8()),
        n=pa.array([1, 2, 3]),
        b=[True, None, False],
        j=[{"y": 1, "x": [1]}, None, {"y": 2, "x": []}],
        u=[1, 2, 3],
    )
    rows, bad = read(path, TYPED | {"u": "u"})
    assert bad == []
    assert rows == [
        {"prompt": "a", "i": 1, "n": 1.0, "b": True, "j": '{"x":[1],"y":1}', "u": "1"},
        {"prompt": None, "i": 2, "n": 2.0, "b": None, "j": None, "u": "2"},
        {"prompt": "c", "i": None, "n": 3.0, "b": False, "j": '{"x":[],"y":2}', "u": "3"},
    ]


def test_parquet_text_that_is_not_utf8_is_refused_by_row(tmp_path: Path) -> None:
    raw = pa.array([b"a", b"\xff", "가".encode()], pa.binary())
    broken = pa.StringArray.from_buffers(3, *raw.buffers()[1:], null_count=0)
    for column in (raw, broken):
        rows, bad = read(write_parquet(tmp_path, t=column, u=[1, 2, 3]))
        assert columns_of(rows, "prompt") == ["a", "가"]
        assert bad == [(2, "`t` is bytes that are not UTF-8, not text")]


def test_parquet_numbers_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = write_parquet(tmp_path, i=pa.array([1, 2**63], pa.uint64()), n=[float("nan"), 1.0])
    _, bad = read(path, {"i": TYPED["i"], "n": TYPED["n"]})
    assert bad == [(1, "`n` is not a finite number"), (2, "`i` is too large for 64 bits")]


# Exam items


@pytest.mark.parametrize(
    ("options", "gold", "answer"),
    [
        (["x", "y"], "letter", "b"),
        (["x", "y"], "index", 1),
        (["x", "y"], "index", "1"),
        (["x", "y"], "number", 2),
        (["x", "y"], "text", " y "),
        ([{"label": "P", "text": "x"}, {"label": "Q", "text": "y"}], "letter", "q"),
        ([{"text": "x"}, {"text": "y"}], "letter", "B"),
        ({"B": "y", "A": "x", "C": None}, "letter", "B"),
        ({"text": ["x", "y"], "label": ["1", "2"]}, "letter", 2),
        ('["x", "y"]', "letter", "B"),
    ],
)
def test_options_and_gold_are_read_however_they_are_written(tmp_path: Path, options: Any, gold: str, answer: Any) -> None:
    path = write_jsonl(tmp_path, {"q": "?", "c": options, "g": answer}, {"q": "?", "c": options}, {"q": "?"})
    rows, bad = read(path, EXAM | {"gold": {gold: "g"}})
    assert bad == []
    assert [(row["options"], row["gold"]) for row in rows] == [(["x", "y"], 1), (["x", "y"], None), (None, None)]


@pytest.mark.parametrize(
    ("options", "gold", "answer", "reason"),
    [
        (["w", "x", "y", "z"], "letter", "E", "`g` is `E`, but there are 4 options"),
        (["x", "y"], "index", 2, "`g` is `2`, but there are 2 options"),
        (["x", "y"], "index", -1, "`g` is `-1`, but there are 2 options"),
        (["x"], "number", 0, "`g` is `0`, but there is 1 option"),
        (["x", "y"], "text", "z", "`g` is `z`, and none of the 2 options equal it"),
        (["x", "x "], "text", "x", "`g` is `x`, and 2 of the 2 options equal it"),
        (None, "letter", "A", "`g` is given, but there are no options"),
        (["x", None], "letter", "A", "`c[1]` is null, not text"),
        (["x", ["y"]], "letter", "A", "`c[1]` is a list, not text; say `as: json`"),
        ({"A": "x", "B": "", "C": "z"}, "letter", "A", "the option `B` is empty, but `C` is not"),
        (5, "letter", "A", "`c` is `5`, not a list of options"),
        ("x, y", "letter", "A", "`c` is `x, y`, not JSON"),
        ([{"label": "A", "text": "x"}, {"label": "a", "text": "y"}], "letter", "A", "`g` is `A`, and 2 options are labelled so"),
    ],
)
def test_gold_that_no_option_stands_for_is_refused(tmp_path: Path, options: Any, gold: str, answer: Any, reason: str) -> None:
    _, bad = read(write_jsonl(tmp_path, {"q": "?", "c": options, "g": answer}), EXAM | {"gold": {gold: "g"}})
    assert bad == [(1, reason)]


def test_options_in_several_columns_lose_the_empty_ones_at_the_end(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", "q,a,b,c,g\n1,x,y,,B\n2,x,y,z,\n3,,,,\n4,x,,z,A\n")
    rows, bad = read(path, {"prompt": "q", "options": ["a", "b", "c"], "gold": {"letter": "g"}})
    assert [(row["options"], row["gold"]) for row in rows] == [(["x", "y"], 1), (["x", "y", "z"], None), (None, None)]
    assert bad == [(5, "the option `b` is empty, but `c` is not")]


def test_options_of_parquet_may_be_lists_or_structs(tmp_path: Path) -> None:
    for options in ([["x", "y"]], [{"A": "x", "B": "y"}], [{"label": ["A", "B"], "text": ["x", "y"]}]):
        path = write_parquet(tmp_path, q=["?"], c=options, g=["B"])
        assert read(path, EXAM | {"gold": {"letter": "g"}}) == ([{"prompt": "?", "options": ["x", "y"], "gold": 1}], [])


@pytest.mark.parametrize("deep", [402, 500, 900, 100_000])
def test_json_text_is_nested_no_deeper_than_rows_are(deep: int) -> None:
    """A fixed bound: what Python's own recursion takes depends on who calls."""
    from operators.conversations.canonical import DEEPEST, Wrong
    from operators.conversations.checked import arguments_of
    from runtime.sources.readers.cells import parse_json
    from runtime.sources.readers.rows import Bad

    for begin, end in (("[", "]"), ('{"a":', "}"), ('[{"a":[', "]}]")):
        inner = f"{begin * deep}1{end * deep}"
        with pytest.raises(Bad, match="`f` is nested too deeply"):
            parse_json(inner, "f")
        with pytest.raises(Wrong, match="calls `go` with arguments that are nested too deeply"):
            arguments_of(f'{{"a": {inner}}}', "go")
    assert parse_json("[" * DEEPEST + "]" * DEEPEST, "f") and parse_json("[" + "[1]," * 999 + "[1]]", "f")
