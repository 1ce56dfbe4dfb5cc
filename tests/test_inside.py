"""Rows inside nested files: the way to them, the fields around them, and the same rows from JSON, JSONL and Parquet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from operators.declared.records import way_of
from runtime.sources.readers.read import probe
from tests.conftest import Project
from tests.reading import columns_of, declare, read, write

SQUAD = [
    {
        "title": "달",
        "paragraphs": [
            {
                "context": "달은 지구를 돈다.",
                "qas": [{"id": "1", "question": "무엇을 도나?"}, {"id": "2", "question": "무엇이 도나?"}],
            },
            {"context": "달은 밝다.", "qas": []},
            {"context": "달은 둥글다.", "qas": None},
        ],
    },
    {"title": "해", "paragraphs": [{"context": "해는 뜨겁다.", "qas": [{"id": "3", "question": "해는?"}]}]},
]
WAY = "data[].paragraphs[].qas[]"
COLUMNS: dict[str, Any] = {
    "prompt": {"template": "{..context}\n\n{question}"},
    "title": ".....title",
    "kind": {"value": "extractive"},
}
ROWS = [
    {"prompt": "달은 지구를 돈다.\n\n무엇을 도나?", "kind": "extractive", "title": "달"},
    {"prompt": "달은 지구를 돈다.\n\n무엇이 도나?", "kind": "extractive", "title": "달"},
    {"prompt": "해는 뜨겁다.\n\n해는?", "kind": "extractive", "title": "해"},
]


def written(folder: Path, name: str) -> tuple[Path, str]:
    """(the articles written in a form, the way to their questions there)."""
    path = folder / name
    inner = WAY.removeprefix("data[].")
    if name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(SQUAD), path)
    elif name.endswith(".jsonl"):
        path.write_text("".join(json.dumps(each) + "\n" for each in SQUAD))
    else:
        path.write_text(json.dumps(SQUAD if name == "list.json" else {"version": 1, "data": SQUAD}))
    return path, WAY if name == "x.json" else inner


@pytest.mark.parametrize("name", ["x.json", "list.json", "x.jsonl", "x.parquet"])
def test_nested_questions_are_the_same_rows_in_every_format(tmp_path: Path, name: str) -> None:
    path, way = written(tmp_path, name)
    assert read(path, COLUMNS, records=way) == (ROWS, [])
    assert read(path, COLUMNS, records=way, batch_rows=2) == (ROWS, [])
    known = probe(declare(COLUMNS, records=way), path)
    assert known is not None
    assert {"id", "question", "..context", ".....title"} <= {*known}


def test_an_object_keyed_by_id_is_a_row_for_each_entry_with_its_key(tmp_path: Path) -> None:
    path = write(tmp_path, "x.json", json.dumps({"q1": {"q": "하나"}, "q2": {"q": "둘"}}))
    assert read(path, {"prompt": "q", "id": "id"}, records="{id}")[0] == [
        {"prompt": "하나", "id": "q1"},
        {"prompt": "둘", "id": "q2"},
    ]
    path = write(tmp_path, "x.json", json.dumps({"year": 2020, "tasks": {"1": {"q": "하나"}, "2": ["둘"]}}))
    rows, bad = read(path, {"prompt": "q", "n": {"field": "n", "as": "integer"}, "year": "..year"}, records="tasks{n}")
    assert rows == [{"prompt": "하나", "n": 1, "year": "2020"}, {"prompt": None, "n": 2, "year": "2020"}]


def test_a_key_that_a_record_says_otherwise_is_a_bad_row(tmp_path: Path) -> None:
    path = write(tmp_path, "x.json", json.dumps({"1": {"id": 1, "q": "a"}, "2": {"id": 5, "q": "b"}}))
    rows, bad = read(path, {"prompt": "q", "id": "id"}, records="{id}")
    assert (columns_of(rows, "id"), bad) == (["1"], [(1, "its field `id` is `5`, and its key is `2`")])


def test_rows_that_are_no_objects_are_a_dot(tmp_path: Path) -> None:
    path = write(tmp_path, "x.jsonl", '{"s": "시", "lines": ["하나", "둘"]}\n')
    assert read(path, {"prompt": ".", "s": "..s"}, records="lines[]")[0] == [
        {"prompt": "하나", "s": "시"},
        {"prompt": "둘", "s": "시"},
    ]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"date": []}, "`records` asks for the key `data`, and it is {date: []}"),
        ({"data": {"a": 1}}, "`records` asks for a list, and `data` is {a: number}"),
        ({"data": [{"x": 1}]}, "`records` asks for the key `qas`, and `data[]` is {x: number}"),
    ],
)
def test_a_document_that_the_way_does_not_fit_says_where(tmp_path: Path, document: Any, reason: str) -> None:
    path = write(tmp_path, "x.jsonl", json.dumps(document) + "\n")
    assert read(path, records="data[].qas[]") == ([], [(1, reason)])


@pytest.mark.parametrize("way", ["", "data", "[", "a[]b", "a..b[]", "{}", "a.[x]", "a[]." * 40 + "b[]"])
def test_what_is_no_way_is_refused(way: str) -> None:
    with pytest.raises(ValueError, match=r"way to records|and not to records"):
        way_of(way)


# Templates


def test_a_template_needs_its_columns_and_parts_of_a_list_do_not(tmp_path: Path) -> None:
    path = write(tmp_path, "x.jsonl", '{"c": "글", "q": "뭐?"}\n{"c": null, "q": "왜?"}\n{"c": "", "q": "어?"}\n')
    rows, bad = read(path, {"prompt": {"template": "{c}\n{q} {{1}}"}})
    assert columns_of(rows, "prompt") == ["글\n뭐? {1}", "\n어? {1}"]
    assert bad == [(2, "`c` has no value, and the template asks for it")]
    rows, bad = read(path, {"prompt": {"template": ["{c}\n", "{q}"]}})
    assert (columns_of(rows, "prompt"), bad) == (["글\n뭐?", "왜?", "어?"], [])


def test_a_template_reads_inside_nested_values(tmp_path: Path) -> None:
    path = write(tmp_path, "x.jsonl", '{"q": {"stem": "뭐?", "n": [1, 2]}}\n{"q": {"stem": ["x"], "n": [1]}}\n')
    rows, bad = read(path, {"prompt": {"template": "{q[n][0]}. {q[stem]}"}})
    assert columns_of(rows, "prompt") == ["1. 뭐?"]
    assert bad == [(2, "`q` is a list, not text; say `as: json`")]


# Options and golds


@pytest.mark.parametrize(
    ("value", "options", "texts"),
    [
        (
            {"stem": "?", "choices": [{"label": "A", "text": "가"}, {"label": "B", "text": "나"}]},
            {"path": ["choices"]},
            ["가", "나"],
        ),
        ([{"answer": "А", "body": "가"}, {"answer": "Б", "body": "나"}], {"text": "body", "label": "answer"}, ["가", "나"]),
        ({"opb": "나", "opa": "가", "exp": "!"}, {"keys": ["opa", "opb"]}, ["가", "나"]),
        ("['가', \"나'\"]", {}, ["가", "나'"]),
        ("{'text': ['가', '나',], 'label': ('A', 'B')}", {}, ["가", "나"]),
    ],
)
def test_options_lie_in_lists_and_objects_as_is_said(
    tmp_path: Path, value: Any, options: dict[str, Any], texts: list[str]
) -> None:
    path = write(tmp_path, "x.jsonl", json.dumps({"o": value}) + "\n")
    rows, bad = read(path, {"options": {"field": "o", **options}})
    assert (columns_of(rows, "options"), bad) == ([texts], [])


@pytest.mark.parametrize(
    ("form", "value", "place"),
    [
        ("letter", "['B']", 1),
        ("letter", ["②"], 1),
        ("letter", '["b"]', 1),
        ("index", ["۱"], 1),
        ("number", "[2]", 1),
        ("text", "['나']", 1),
        ("text", "['셋']", None),
        ("letter", ["A", "B"], None),
        ("letter", "['A', 'B']", None),
        ("letter", [], None),
    ],
)
def test_a_list_of_one_stands_for_what_is_in_it(tmp_path: Path, form: str, value: Any, place: int | None) -> None:
    path = write(tmp_path, "x.jsonl", json.dumps({"o": ["가", "나"], "g": {"is": value}}) + "\n")
    rows, bad = read(path, {"options": "o", "gold": {form: "g", "path": ["is"]}})
    assert columns_of(rows, "gold") == ([place] if place is not None else [])
    assert len(bad) == (place is None)


def test_a_template_that_is_none_is_one_mistake(project: Project) -> None:
    source = {"file": "a.jsonl", "category": "x", "license": "A", "columns": {"prompt": {"template": "{"}}}
    project.rows("a.jsonl", ["one"])
    project.write(
        "recipe.yaml", json.dumps({"format": 1, "recipe": "test/brace", "sources": {"a": source}, "prompts": ["unique"]})
    )
    told = project.run("check", "recipe.yaml").err
    assert told.count("error: ") == 1 and "has a brace that names no column" in told
