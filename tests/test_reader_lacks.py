"""Nothing that a file lacks is null silently: missing columns, empty files, keys twice, links and forms of names."""

from __future__ import annotations

import gzip
import json
import os
import unicodedata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.sources.readers.files import Unreadable, resolve_files
from runtime.sources.readers.jsonl import Parser, distinct
from tests.conftest import Project
from tests.reading import columns_of, read, write, write_jsonl

# -- columns that are not there


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.csv", "x.parquet"])
def test_a_column_that_no_row_of_a_file_has_is_an_error_unless_it_may_be_missing(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    match path.suffix:
        case ".jsonl":
            path.write_text('{"Level": 1, "q": "a"}\n{"Level": 2, "q": "b"}\n', "utf-8")
        case ".json":
            path.write_text('[{"Level": 1, "q": "a"}, {"Level": 2, "q": "b"}]', "utf-8")
        case ".csv":
            path.write_text("Level,q\n1,a\n2,b\n", "utf-8")
        case _:
            pq.write_table(pa.table({"Level": [1, 2], "q": ["a", "b"]}), path)
    with pytest.raises(Unreadable, match="`level`; it has `Level`, `q`; did you mean `Level`"):
        read(path, {"prompt": "q", "level": "level"})
    rows, bad = read(path, {"prompt": "q", "level": {"field": "level", "missing": None}})
    assert columns_of(rows, "level") == [None, None] and not bad


def test_a_column_that_some_rows_have_is_null_in_the_others(tmp_path: Path) -> None:
    rows, bad = read(write_jsonl(tmp_path, {"q": "a"}, {"q": "b", "n": "1"}), {"prompt": "q", "n": "n"})
    assert columns_of(rows, "n") == [None, "1"] and not bad


def test_a_file_may_lack_the_last_of_listed_options_and_no_others(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path, {"q": "a", "a": "1", "b": "2", "c": "3"})
    rows, _ = read(path, {"prompt": "q", "options": ["a", "b", "c", "d"]})
    assert columns_of(rows, "options") == [["1", "2", "3"]]
    with pytest.raises(Unreadable, match="`x`"):
        read(path, {"prompt": "q", "options": ["a", "x", "c"]})


JSON = st.recursive(
    st.none() | st.text("ab", max_size=2) | st.integers(0, 3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


# -- keys twice


@pytest.mark.parametrize(
    "line",
    [
        '{"t": "a", "t": "b"}',
        '{"t": "a", "m": {"k": 1, "k": 2}}',
        '{"t": "a", "m": [{"k": 1}, {"k": 2, "j": 1, "k": 3}]}',
        '{"t" : "a", "t":"b"}',
        '{"t"\t:"a","t"  :"b"}',
        '{"t": "a", "\\u0074": "b"}',
        '{"t": "a\\":", "t": "b"}',
    ],
)
def test_a_key_that_stands_twice_is_a_bad_row(tmp_path: Path, line: str) -> None:
    path = write(tmp_path, "x.jsonl", '{"t": "first"}\n' + line + "\n")
    rows, bad = read(path, {"prompt": "t"})
    assert columns_of(rows, "prompt") == ["first"] and len(bad) == 1 and "twice" in bad[0][1]
    array = write(tmp_path, "x.json", '[{"t": "first"}, ' + line + "]")
    rows, bad = read(array, {"prompt": "t"})
    assert columns_of(rows, "prompt") == ["first"] and len(bad) == 1 and "twice" in bad[0][1]


@given(st.dictionaries(st.text('a":\\ ', max_size=4), JSON | st.text('a":\\ ', max_size=6), max_size=4))
@settings(deadline=None)
def test_no_object_with_each_key_once_is_refused(row: dict[str, Any]) -> None:
    for separators in ((",", ":"), (", ", ": "), (" , ", " : ")):
        Parser().check_keys(json.dumps(row, separators=separators), row)


@given(st.lists(st.tuples(st.sampled_from(["a", 'b":', "c\\"]), st.sampled_from([1, '":', "x"])), min_size=2, max_size=4))
@settings(deadline=None)
def test_what_is_sure_at_a_glance_has_each_key_once(pairs: list[tuple[str, Any]]) -> None:
    text = "{" + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs) + "}"
    if distinct(text, json.loads(text)):
        assert len({key for key, _ in pairs}) == len(pairs)


# -- empty files


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.csv", "x.jsonl.gz", "x.jsonl.zst", "x.parquet"])
def test_a_file_without_a_byte_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(Unreadable, match="it is empty|it was cut off"):
        read(tmp_path / name, {"prompt": "q"})


# -- names of files


def test_a_link_is_read_as_its_own_name_says(project: Project) -> None:
    project.write("blobs/3f2a9c", '{"prompt": "a"}\n')
    (project.folder / "blobs/77aa01").write_bytes(gzip.compress(b'{"prompt": "b"}\n'))
    (project.folder / "snap").mkdir()
    os.symlink("../blobs/3f2a9c", project.folder / "snap/train.jsonl")
    os.symlink("../blobs/77aa01", project.folder / "snap/test.jsonl.gz")
    for pattern in ("snap/*", "snap/t*.jsonl*"):
        source = {"file": pattern, "format": "jsonl", "category": "c", "license": "A"}
        project.write("recipe.yaml", json.dumps({"format": 1, "recipe": "test/links", "sources": {"a": source}, "prompts": []}))
        assert sorted(row["prompt"] for row in project.table("recipe.yaml")) == ["a", "b"]


def test_a_link_out_of_the_project_is_refused_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "in").mkdir()
    os.symlink("../secret", tmp_path / "in/a.jsonl")
    for pattern in ("a.jsonl", "*.jsonl"):
        with pytest.raises(Exception, match="outside the folders"):
            resolve_files(pattern, tmp_path / "in", [tmp_path / "in"])


@pytest.mark.parametrize(("disk", "said"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_a_file_is_found_in_any_unicode_form_of_its_name(tmp_path: Path, disk: Any, said: Any) -> None:
    folder = tmp_path / unicodedata.normalize(disk, "자료")
    folder.mkdir()
    (folder / unicodedata.normalize(disk, "한글.jsonl")).write_text('{"prompt": "a"}')
    for pattern in ("자료/한글.jsonl", "자료/한*.jsonl", "*/한글.jsonl"):
        assert len(resolve_files(unicodedata.normalize(said, pattern), tmp_path, [tmp_path])) == 1


def test_names_that_differ_in_form_alone_are_two_files_and_a_third_form_is_neither(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        (tmp_path / unicodedata.normalize(form, "ệ각.jsonl")).write_text(f'{{"prompt": "{form}"}}')  # type: ignore[arg-type]
    assert len(resolve_files("*.jsonl", tmp_path, [tmp_path])) == 2
    mixed = unicodedata.normalize("NFC", "ệ") + unicodedata.normalize("NFD", "각") + ".jsonl"
    with pytest.raises(Unreadable, match="2 files are called so"):
        resolve_files(mixed, tmp_path, [tmp_path])


def test_a_column_in_another_unicode_form_is_named(project: Project) -> None:
    project.write("b.jsonl", json.dumps({unicodedata.normalize("NFD", "문제"): "a"}, ensure_ascii=False))
    source = {"file": "b.jsonl", "category": "c", "license": "A", "columns": {"prompt": "문제"}}
    said = {"format": 1, "recipe": "test/nfd", "sources": {"a": source}, "prompts": []}
    project.write("recipe.yaml", json.dumps(said, ensure_ascii=False))
    ran = project.run("check", "recipe.yaml")
    assert ran.code == 2 and "another Unicode form (NFD form)" in ran.err
