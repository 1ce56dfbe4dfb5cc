"""Tests of the readers: which files are read, and what each kind of them holds."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.sources.readers.files import Outside, Unreadable, hash_file, resolve_files
from runtime.sources.readers.read import Batch, probe, read_batches
from runtime.sources.sizes import size_of
from tests.reading import columns_of, declare, read, write, write_jsonl, write_parquet

ROOT = Path(__file__).resolve().parents[1]


# Files


def test_a_glob_names_files_in_order_and_no_folder(tmp_path: Path) -> None:
    for name in ("b/2.jsonl", "a.jsonl", "b/c/1.jsonl", "b/.hidden.jsonl", "b/x.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path, name, "")
    found = resolve_files("**/*.jsonl", tmp_path, [tmp_path])
    assert resolve_files("**", tmp_path, [tmp_path]) == resolve_files("**/*", tmp_path, [tmp_path])
    assert [path.name for path in resolve_files("b/**", tmp_path, [tmp_path])] == ["2.jsonl", "1.jsonl", "x.csv"]
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a.jsonl", "b/2.jsonl", "b/c/1.jsonl"]
    assert [path.name for path in resolve_files("b/?.jsonl", tmp_path, [tmp_path])] == ["2.jsonl"]
    assert resolve_files("b", tmp_path, [tmp_path]) == []
    assert resolve_files("none.jsonl", tmp_path, [tmp_path]) == []


def test_square_brackets_in_a_name_mean_themselves(tmp_path: Path) -> None:
    write(tmp_path, "x[1].jsonl", "")
    assert len(resolve_files("x[1].jsonl", tmp_path, [tmp_path])) == 1
    assert len(resolve_files("x[1].*", tmp_path, [tmp_path])) == 1


@pytest.mark.parametrize("pattern", ["../secret.jsonl", "link.jsonl", "*.jsonl", "folder/*.jsonl", "*/../../*.jsonl"])
def test_no_file_outside_the_roots_is_named(tmp_path: Path, pattern: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.jsonl").symlink_to(write(tmp_path, "secret.jsonl", ""))
    (inside / "folder").symlink_to(tmp_path)
    with pytest.raises(Outside):
        resolve_files(pattern, inside, [inside])
    with pytest.raises(Outside):
        resolve_files("../absent.jsonl", inside, [inside])


def test_a_second_root_may_be_read_too(tmp_path: Path) -> None:
    secret = write(tmp_path, "shared.jsonl", "")
    (tmp_path / "inside").mkdir()
    assert resolve_files("../shared.jsonl", tmp_path / "inside", [tmp_path / "inside", tmp_path]) == [secret.resolve()]


def test_the_hash_is_of_the_bytes(tmp_path: Path) -> None:
    empty = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    assert hash_file(write(tmp_path, "x", "")) == empty
    assert hash_file(write(tmp_path, "y", "y")) != empty


# JSON


def test_a_line_that_is_no_object_is_refused_and_the_others_are_read(tmp_path: Path) -> None:
    lines = [
        '\ufeff{"t": "a"}',
        "",
        "  ",
        '{"t": "b"',
        "[1]",
        '{"t": "c", "x": NaN}',
        '{"t": "d"} {"t": "e"}',
        '{"t": "\\ud800"}',
        "[" * 100_000,
        '{"t": "f\\u0000"}\r',
        '{"x": 1}',
        f'{{"t": "g", "x": {"9" * 5000}}}',
    ]
    rows, bad = read(write(tmp_path, "x.jsonl", "\n".join(lines)))
    assert columns_of(rows, "prompt") == ["a", "f\0", None]
    assert [line for line, _ in bad] == [4, 5, 6, 7, 8, 9, 12]
    assert [reason for line, reason in bad if line in (5, 6, 8, 9)] == [
        "it is not an object",
        "it holds NaN, which is not JSON",
        "`t` holds half a surrogate pair",
        "it is nested too deeply",
    ]


def test_a_line_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "x.jsonl", b'{"t": "a"}\n{"t": "\xff"}\n{"t": "b"}')
    batch = next(iter(read_batches(declare(), path)))
    assert batch.table.column("prompt").to_pylist() == ["a", "b"]
    assert batch.lines.tolist() == [1, 3]
    assert [(bad.line, bad.reason, bad.raw) for bad in batch.bad] == [(2, "the line is not utf-8", '{"t": "\ufffd"}')]


@pytest.mark.parametrize("encoding", ["cp949", "utf-16", "utf-8-sig", "euc-kr"])
def test_files_are_read_in_their_encoding(tmp_path: Path, encoding: str) -> None:
    lines = write(tmp_path, "x.jsonl", '{"t": "하나"}\n{"t": "둘"}\n'.encode(encoding))
    cells = write(tmp_path, "x.csv", "t\n하나\n둘\n".encode(encoding))
    for path in (lines, cells):
        assert columns_of(read(path, encoding=encoding)[0], "prompt") == ["하나", "둘"]
        assert probe(declare(encoding=encoding, format=path.suffix[1:]), path) == {"t": "text"}


@pytest.mark.parametrize("text", ['[{"t": "a"},\n {"t": "b"}]', '{"t": "a"}\n{"t": "b"}\n', '\n[{"t":"a"} , {"t":"b"}]\n'])
def test_json_is_an_array_or_lines(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, "x.json", text)
    assert columns_of(read(path)[0], "prompt") == ["a", "b"]
    assert probe(declare(format="json"), path) == {"t": "text"}


def test_a_single_pretty_object_is_one_row(tmp_path: Path) -> None:
    path = write(tmp_path, "x.json", json.dumps({"t": "a", "x": [1]}, indent=2))
    assert read(path) == ([{"prompt": "a"}], [])
    assert probe(declare(format="json"), path) == {"t": "text", "x": "list"}


def test_an_element_that_is_no_object_is_refused_by_its_number(tmp_path: Path) -> None:
    rows, bad = read(write(tmp_path, "x.json", '[{"t": "a"}, 5, {"t": NaN}, {"t": "b"}]'))
    assert columns_of(rows, "prompt") == ["a", "b"]
    assert bad == [(2, "it is not an object"), (3, "it holds NaN, which is not JSON")]


@pytest.mark.parametrize(
    "text", ['[{"t": "a"}, {"t"', '[{"t": "a"}] x', '[{"t": "a"} {"t": "b"}]', "hello", '{"t": ', "5", "[,]"]
)
def test_a_broken_document_is_unreadable(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unreadable):
        read(write(tmp_path, "x.json", text))


# Cells


def test_a_row_of_csv_may_span_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", 'i,t\r\n1,"a\n""b"", c"\r\n\r\n2,\r\n3\r\n4,"d"e\r\n,f\r\n')
    rows, bad = read(path, {"prompt": "t", "i": {"field": "i", "as": "integer"}})
    assert rows == [{"i": 1, "prompt": 'a\n"b", c'}, {"i": 2, "prompt": ""}, {"i": None, "prompt": "f"}]
    assert bad == [(6, "it has 1 cells, and the header 2"), (7, "a quoted cell goes on after its closing quote")]
    assert [batch.lines.tolist() for batch in read_batches(declare(), path)] == [[2, 5, 8]]


def test_csv_bytes_that_are_not_in_the_encoding_cost_one_row(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", b't,u\na,b\n"c\n\xff",d\ne,f\n')
    assert read(path) == ([{"prompt": "a"}, {"prompt": "e"}], [(3, "it is not utf-8")])


def test_tsv_has_no_quotes_unless_declared(tmp_path: Path) -> None:
    path = write(tmp_path, "x.tsv", 't\tu\n"a\tb\n')
    assert read(path)[0] == [{"prompt": '"a'}]
    reason = "a quote is opened and not closed until the end of the file, in line 2"
    assert read(path, quote="double") == ([], [(2, reason)])


def test_columns_without_a_header_are_numbered(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", "a,b\nc,d\n")
    source = declare({"prompt": "1"}, header=False)
    assert columns_of(read(path, {"prompt": "1"}, header=False)[0], "prompt") == ["b", "d"]
    assert probe(source.model_copy(update={"format": "csv"}), path) == {"0": "text", "1": "text"}


def test_a_mapped_name_that_stands_twice_in_a_header_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="2 of its columns are named `t`"):
        read(write(tmp_path, "x.csv", "t,t\na,b\n"))
    with pytest.raises(Unreadable, match="it has no column `t`"):
        read(write(tmp_path, "x.csv", "u,v\na,b\n"))
    assert len(read(write(tmp_path, "x.csv", "t,u,u\na,b,c\n"))[0]) == 1


def test_a_cell_may_be_large(tmp_path: Path) -> None:
    rows, _ = read(write(tmp_path, "x.csv", 't\n"' + "가\n" * 1_000_000 + '"\n'))
    assert len(rows[0]["prompt"]) == 2_000_000


def test_a_batch_holds_no_more_rows_than_declared(tmp_path: Path) -> None:
    parquet = write_parquet(tmp_path, t=list("abcde"))
    lines = write_jsonl(tmp_path, *({"t": letter} for letter in "abcde"))
    array = write(tmp_path, "x.json", json.dumps([{"t": letter} for letter in "abcde"]))
    cells = write(tmp_path, "x.csv", "t\na\nb\nc\nd\ne\n")
    for path, first in ((parquet, 1), (lines, 1), (array, 1), (cells, 2)):
        batches: list[Batch] = list(read_batches(declare(batch_rows=2), path))
        assert [batch.table.num_rows for batch in batches] == [2, 2, 1]
        assert [line for batch in batches for line in batch.lines] == list(range(first, first + 5))


# Damage


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.jsonl.zst", "x.json.gz", "x.csv.gz", "x.parquet"])
def test_damaged_files_are_unreadable(tmp_path: Path, name: str) -> None:
    text = b"".join(b'{"t": "%d"}\n' % number for number in range(50_000))
    whole = gzip.compress(text) if name.endswith(".gz") else pa.compress(text, "zstd", asbytes=True)
    if name == "x.parquet":
        whole = write_parquet(tmp_path, t=["a"] * 1000).read_bytes()
    for data in (whole[: len(whole) // 2], b"garbage", whole[:-3] if name != "x.parquet" else b""):
        with pytest.raises(Unreadable):
            read(write(tmp_path, name, data))
        if name.endswith((".parquet", ".gz")) and data == b"garbage":
            with pytest.raises(Unreadable):
                probe(declare(file=name), tmp_path / name)


def test_utf_16_without_its_mark_is_named_also_at_a_look(tmp_path: Path) -> None:
    path = write(tmp_path, "x.jsonl", '{"t": "a"}\n'.encode("utf-16-le"))
    for look in (probe, read_batches):
        with pytest.raises(Unreadable, match="it is not utf-16: UTF-16 stream does not start with BOM"):
            list(look(declare(encoding="utf-16"), path))


def test_parquet_with_a_name_that_is_no_text_is_named_also_at_a_look(tmp_path: Path) -> None:
    path = write_parquet(tmp_path, t=["a"], abcd=["b"])
    write(tmp_path, "x.parquet", path.read_bytes().replace(b"abcd", b"ab\xffd"))
    with pytest.raises(Unreadable, match="'utf-8' codec can't decode"):
        read(path, {"prompt": "t"})
    assert size_of(declare(), [path]) == (0, 0)


def test_parquet_is_as_large_as_its_first_rows(tmp_path: Path) -> None:
    path = write_parquet(tmp_path, t=["a" * 96] * 5, n=[1] * 5)
    assert size_of(declare(), [path, path]) == (10, 1000)


def test_probing_lines_imports_no_arrow(tmp_path: Path) -> None:
    write_jsonl(tmp_path, {"t": "a", "i": 1}, {"t": None, "i": 0.5, "x": []})
    code = (
        "import sys; from pathlib import Path; from operators.declared.source import Source\n"
        "from runtime.sources.readers.read import probe; import runtime.sources.readers.files\n"
        "source = Source(file='x.jsonl', category='x', license='A', columns={'prompt': 't'})\n"
        "print(probe(source, Path(sys.argv[1])), {'pyarrow', 'numpy', 'duckdb'} & set(sys.modules))"
    )
    made = subprocess.run([sys.executable, "-c", code, tmp_path / "x.jsonl"], cwd=ROOT, capture_output=True, text=True)
    assert made.stdout == "{'t': 'text', 'i': 'number', 'x': 'list'} set()\n", made.stderr


# Any text


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(), min_size=1))
def test_any_text_comes_back_from_every_format(texts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "x.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["t", "u"], *([text, ""] for text in texts)])
        rows = [{"t": text} for text in texts]
        paths = [
            write_jsonl(folder, *rows),
            write(folder, "y.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)),
            write(folder, "x.json", json.dumps(rows, indent=1)),
            write_parquet(folder, t=pa.array(texts, pa.large_string())),
            folder / "x.csv",
        ]
        for path in paths:
            made, bad = read(path)
            assert columns_of(made, "prompt") == texts, path
            assert bad == []


# Real files


@pytest.mark.parametrize(
    ("pattern", "columns", "more", "expected"),
    [
        ("nsmc/reviews.parquet", {"prompt": "review"}, {}, (400_000, 0)),
        ("petitions/*.jsonl.gz", {"prompt": "content"}, {}, (3029, 0)),
        ("kt_ai/kor-gsm8k-test.jsonl", {"prompt": "kor_question"}, {}, (1319, 0)),
        ("kt_ai/kor-D_*.json", {"prompt": "question"}, {}, (1503, 0)),
        ("kqma/kmqa_full.jsonl.zst", {"prompt": "raw_question"}, {}, (2346, 0)),
        ("puzzles_ko/puzzles_ko.jsonl.gz", {"prompt": "question"}, {}, (2880, 0)),
        ("naver_kin/alert_data.csv", {"prompt": "question"}, {}, (3959, 0)),
        ("chatbot/ChatbotData.csv", {"prompt": "Q"}, {}, (11_823, 0)),
        ("kt_ai/ko-strategyqa-train-v2.csv", {"prompt": "0"}, {"header": False}, (2090, 0)),
        ("kornlu/sts-dev.tsv", {"prompt": "sentence1"}, {"quote": "none"}, (1500, 0)),
        ("click/**/*.json", {"prompt": "question", "options": "choices", "gold": {"text": "answer"}}, {}, (1995, 0)),
        ("thai_exam/*.jsonl", {"prompt": "question", "options": list("abcde"), "gold": {"letter": "answer"}}, {}, (587, 3)),
    ],
)
def test_real_files_are_read_whole(
    pattern: str, columns: dict[str, Any], more: dict[str, Any], expected: tuple[int, int]
) -> None:
    data = ROOT.parent / "shared" / "data"
    if not data.is_dir():
        pytest.skip("the real data is not beside the repository, in ../shared/data")
    rows = bad = 0
    source = declare(columns, **more)
    known: set[str] = set()
    for path in resolve_files(pattern, data, [data]):
        known |= set(probe(source, path))
        for batch in read_batches(source, path):
            rows, bad = rows + batch.table.num_rows, bad + len(batch.bad)
    assert (rows, bad) == expected
    assert set(source.reads()) <= known


@pytest.mark.parametrize("deep", [500, 900, 100_000])
@pytest.mark.parametrize(("name", "form"), [("x.jsonl", " \n"), ("x.json", "[]")])
def test_what_is_nested_too_deeply_is_a_row_that_cannot_be_read(tmp_path: Path, deep: int, name: str, form: str) -> None:
    text = '{"prompt": "a", "n": ' + "[" * deep + "]" * deep + "}"
    try:
        rows, bad = read(write(tmp_path, name, form[0] + text + form[1]))
    except Unreadable as error:  # where it is not even known where such an element ends
        rows, bad = [], [(1, error.message)]
    assert rows == [] and "nested too deeply" in bad[0][1]
