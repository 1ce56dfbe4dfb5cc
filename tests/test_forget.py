"""What is forgotten is in no file of the store any more, however it was packed; what is dear and of other rows stays."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from compiler.text.canonical import digest_of
from runtime.completions.memo import CompletionMemo
from runtime.forget.forgotten import prove
from runtime.forget.search import Sought, files_in
from runtime.store.record import CheckpointRecord, SourceRecord
from runtime.store.store import Store
from runtime.tables.memo import Memo
from tests.conftest import PLAIN, Project
from tests.teacher import TRACES, Teacher, by_request, configure, teaching

SECRET = "연락처 010-9876-5432"
ROWS = ["물은 왜 끓나요?", f"하늘은 왜 파란가요? {SECRET}", "why is the sky blue?", "수학 문제 하나 풀어 주세요 1+1"]
OTHERS = [each for each in ROWS if SECRET not in each]


def arrow(codec: str | None) -> bytes:
    sink, table = io.BytesIO(), pa.table({"t": pa.array(["a", f"b {SECRET} c"], pa.large_string())})
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def parquet(value: Any, kind: pa.DataType) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"t": pa.array([value] * 3, kind)}), sink, compression="zstd")
    return sink.getvalue()


def zipped(data: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner", data)
    return sink.getvalue()


LONG = (SECRET + " und so weiter. " * 400).encode()
PACKED = {
    "plain": LONG,
    "json": json.dumps({"t": SECRET}).encode(),
    "arrow": arrow(None),
    "arrow zstd": arrow("zstd"),
    "parquet": parquet(SECRET, pa.large_string()),
    "parquet list": parquet(["x", SECRET], pa.list_(pa.string())),
    "parquet bytes": parquet(SECRET.encode(), pa.binary()),
    "gzip": gzip.compress(LONG),
    "zstd": pa.Codec("zstd").compress(LONG, asbytes=True),
    "zip": zipped(LONG),
    "parquet in gzip in zip": zipped(gzip.compress(parquet(SECRET, pa.string()))),
    "across chunks": b"x" * ((1 << 22) - 5) + SECRET.encode(),
}


@pytest.mark.parametrize("name", PACKED)
def test_a_text_is_found_in_whatever_packs_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(PACKED[name])
    assert Sought([SECRET]).in_path(path) and not Sought([SECRET + "1"]).in_path(path)


def test_a_text_is_found_in_a_packed_cell_of_a_database(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.sqlite") as made:
        made.execute("CREATE TABLE t (a TEXT, b BLOB)")
        made.execute("INSERT INTO t VALUES ('x', ?)", (PACKED["zstd"],))
    made.close()
    assert Sought([SECRET]).in_path(tmp_path / "a.sqlite") and not Sought(["und nicht"]).in_path(tmp_path / "a.sqlite")


def search(project: Project) -> list[str]:
    return prove(Store(project.folder / "store"), Sought([SECRET]))[1]


def forget(project: Project, what: str, code: int = 0) -> dict[str, Any]:
    done = project.run("forget", "recipe.yaml", what, "--store", "store", "--json")
    assert done.code == code, done.out + done.err
    assert SECRET not in done.out
    report: dict[str, Any] = done.json
    return report


def long_answer(request: dict[str, Any]) -> str:
    """A trace that quotes its prompt, long enough to be packed."""
    prompt = request["messages"][-1]["content"]
    think = f"Let me look at this question as closely as I can, one word after the other: {prompt[:9]} 그리고 확인"
    return f"<think>\n{think}\n</think>\n\n{prompt} {' '.join(f'{at}단계를 봅니다.' for at in range(200))} 답은 \\boxed{{1}}"


@pytest.fixture
def teacher() -> Iterator[Teacher]:
    with teaching(long_answer) as made:
        yield made


@pytest.fixture
def traces(project: Project, teacher: Teacher, monkeypatch: pytest.MonkeyPatch) -> Project:
    project.rows("a.jsonl", ROWS)
    project.write("recipe.yaml", TRACES)
    configure(project.folder, teacher, monkeypatch)
    return project


def test_a_text_leaves_the_store_with_its_completions_and_no_model_is_asked_again(traces: Project, teacher: Teacher) -> None:
    before = traces.digest()
    assert search(traces)
    told = forget(traces, SECRET)
    assert not search(traces)
    assert told["removed"]["completions"] == 1 and len(told["rows"]) == 2, "the row and its completion"
    assert SECRET not in (traces.folder / "recipe.forgotten").read_text("utf-8")
    asked = sum(teacher.asked.values())
    after = traces.digest()
    assert sum(teacher.asked.values()) == asked == len(ROWS)
    traces.rows("a.jsonl", OTHERS)
    (traces.folder / "recipe.forgotten").unlink()
    assert traces.digest(store="another") == after != before
    assert not search(traces) and traces.run("store", "verify", "--store", "store").code == 0


def test_no_page_of_the_database_keeps_what_a_completion_was_packed_as(traces: Project) -> None:
    traces.build()
    folder = Store(traces.folder / "store").memos / "completions"
    with sqlite3.connect(folder / "completions.sqlite") as made:
        bodies = [body for (body,) in made.execute("SELECT body FROM completions") if Sought([SECRET]).in_bytes(body)]
    made.close()
    assert len(bodies) == 1 and SECRET.encode() not in bodies[0], "it is packed"
    forget(traces, SECRET)
    kept = b"".join(path.read_bytes() for path in folder.iterdir())
    assert bodies[0][:200] not in kept and bodies[0][-200:] not in kept


def test_a_completion_takes_its_row_with_it(traces: Project) -> None:
    traces.build()
    told = traces.run("why", "recipe.yaml", "--match", SECRET, "--store", "store", "--json").json["rows"]
    root, child = told[0]["row_id"], told[0]["bore"][0]["row_id"]
    assert set(forget(traces, child)["rows"]) == {root, child}
    assert not search(traces)


def test_a_row_by_its_id_goes_where_its_text_cannot_be_searched_for(project: Project) -> None:
    project.rows("a.jsonl", ["짧은 것", *OTHERS])
    project.build()
    told = project.run("why", "recipe.yaml", "--match", "짧은 것", "--store", "store", "--json").json["rows"]
    forget(project, told[0]["row_id"][:12])
    assert not prove(Store(project.folder / "store"), Sought(["짧은 것"]))[1]


def test_columns_that_maps_make_of_a_row_go_with_it(project: Project) -> None:
    project.rows("a.jsonl", ROWS)
    made = "  - derive: {as: other, sql: \"upper(prompt) || '!'\"}\n"
    project.write("recipe.yaml", PLAIN + made)
    project.build()
    forget(project, SECRET)
    upper = Sought([ROWS[1].upper(), SECRET])
    assert not prove(Store(project.folder / "store"), upper)[1]
    after = project.digest()
    project.rows("a.jsonl", OTHERS)
    (project.folder / "recipe.forgotten").unlink()
    assert project.digest(store="another") == after


def test_a_row_that_could_not_be_read_is_forgotten_by_its_text(project: Project) -> None:
    path = project.rows("a.jsonl", OTHERS)
    path.write_text(path.read_text("utf-8") + '{"prompt": "' + SECRET + "\n", "utf-8")
    project.write("recipe.yaml", PLAIN.replace("license: A", "license: A, on_bad_row: quarantine"))
    assert project.build() and search(project)
    forget(project, SECRET)
    assert not search(project)
    told = project.run("build", "recipe.yaml", "--store", "store")
    assert told.code == 0 and "quarantined" not in told.out
    assert not search(project)


def test_measured_values_of_its_cells_go_and_those_of_others_stay(project: Project) -> None:
    project.rows("a.jsonl", ROWS)
    project.build()
    store = Store(project.folder / "store")
    memo = Memo(store, "ab" * 32, 1)
    (record,) = store.records(SourceRecord)
    from runtime.store.digest import id_bytes
    from runtime.tables.table import open_table

    cells = id_bytes(open_table(store, record.table).frame("prompt.digest"))
    memo.append(cells, np.arange(len(cells), dtype=np.int64).reshape(-1, 1))
    assert forget(project, SECRET)["removed"]["values"] == 1
    assert Memo(store, "ab" * 32, 1).look_up(cells)[0].sum() == len(cells) - 1


def test_what_is_still_found_is_told_and_ends_with_1(project: Project) -> None:
    project.rows("a.jsonl", ROWS)
    project.build()
    (project.folder / "store" / "left.gz").write_bytes(gzip.compress(SECRET.encode()))
    assert forget(project, SECRET, code=1)["found"] == ["left.gz"]
    (project.folder / "store" / "left.gz").unlink()
    assert forget(project, SECRET, code=1)["found"] == []
    project.build()
    assert forget(project, SECRET)["ok"], "begun again, it goes on"


def test_a_damaged_file_is_not_said_to_hold_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "a.gz").write_bytes(gzip.compress(LONG)[:-10])
    assert prove(store, Sought([SECRET])) == (1, ["a.gz (damaged, and cannot be searched)"])


def test_a_text_of_too_many_rows_is_asked_back_for(project: Project) -> None:
    project.rows("a.jsonl", ROWS)
    project.build()
    told = project.run("forget", "recipe.yaml", "왜", "--most", "1", "--store", "store")
    assert told.code == 1 and "more than 1 rows hold this text" in told.err
    assert not (project.folder / "recipe.forgotten").exists()


def test_a_source_that_is_not_built_is_told_since_its_rows_are_not_known(project: Project) -> None:
    project.rows("a.jsonl", ROWS)
    project.build()
    forget(project, ROWS[0])
    assert forget(project, SECRET, code=1)["not_listed"] == ["a"]
    project.build()
    assert forget(project, SECRET)["listed"].keys() == {"a"}
    assert len((project.folder / "recipe.forgotten").read_text("utf-8").splitlines()) == 3


def test_options_and_conversations_are_found_as_they_are_written(project: Project) -> None:
    said = 'first line\n"second" line'
    project.rows("a.jsonl", [{"prompt": "어느 것?", "o": ["가", SECRET]}, {"prompt": "무엇?", "o": ["가", "나"]}])
    project.rows("b.jsonl", [{"m": [{"role": "user", "content": said}]}, {"m": [{"role": "user", "content": "other"}]}])
    sources = "  a: {file: a.jsonl, category: one, license: A, columns: {prompt: prompt, options: o}}\n"
    sources += "  b: {file: b.jsonl, category: two, license: A, columns: {messages: m}}\n"
    head, _, steps = PLAIN.partition("  a: {file: a.jsonl, category: one, license: A}\n")
    project.write("recipe.yaml", head + sources + steps)
    ran = project.run("build", "recipe.yaml", "--store", "store")
    assert ran.code == 0, ran.err
    assert forget(project, SECRET)["listed"].keys() == {"a"}
    project.run("build", "recipe.yaml", "--store", "store")
    assert forget(project, said)["listed"].keys() == {"b"}


def test_a_cache_is_cleaned_and_the_store_behind_it_is_told(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECIPE_CACHE", str(tmp_path / "cache"))
    project.rows("a.jsonl", ROWS)
    store = f"file://{tmp_path}/bucket"
    assert project.run("build", "recipe.yaml", "--store", store).code == 0
    told = project.run("forget", "recipe.yaml", SECRET, "--store", store, "--json")
    assert told.code == 0, told.out + told.err
    assert store in told.json["not_reached"][0]
    sought = Sought([SECRET])
    assert not any(map(sought.in_path, files_in(tmp_path / "cache"))) and any(map(sought.in_path, files_in(tmp_path / "bucket")))
    assert project.run("build", "recipe.yaml", "--store", store).code == 0
    assert not any(map(sought.in_path, files_in(tmp_path / "cache")))


def test_nothing_is_taken_from_a_running_build(project: Project) -> None:
    project.rows("a.jsonl", ROWS)
    project.build()
    with Store(project.folder / "store").building():
        told = project.run("forget", "recipe.yaml", SECRET, "--store", "store")
    assert told.code == 1 and "a build is running" in told.err and search(project)


def test_a_checkpoint_stays_and_is_told_and_what_a_training_was_given_goes(project: Project) -> None:
    project.rows("a.jsonl", ROWS)
    project.build()
    store = Store(project.folder / "store")
    (source,) = store.records(SourceRecord)
    made: list[str] = []
    with store.new_object(made) as file:
        file.write(b"weights")
    named = f"object:{made[0]}"
    manifest = {"data": {"digest": source.digest}, "weights": source.digest, "settings": {}, "made": {}}
    body = {"kind": "sft", "digest": digest_of("c"), "ids": source.ids, "columns": {}, "rows": source.rows, "key": digest_of("k")}
    body |= {"table": source.table, "files": {"model": named}, "metrics": named, "manifest": manifest}
    body |= {"made": {"seconds": 0}, "snapshot": {"itself": {}}}
    store.write_record(CheckpointRecord(**body, counts={"in": 4, "born": 0, "out": 4, "dropped": []}))
    folder = store.root / "training" / "some"
    folder.mkdir(parents=True)
    (folder / "texts.jsonl").write_text(json.dumps({"messages": [SECRET]}), "utf-8")
    told = forget(project, SECRET)
    assert any("sft@" in each for each in told["not_reached"]) and not folder.exists()
    assert store.has(made[0]) and not search(project)
    assert project.run("store", "verify", "--store", "store").code == 0


def test_every_completion_that_quotes_a_text_goes(traces: Project, teacher: Teacher) -> None:
    """Also where a model said it of a row that does not: that row goes too, as it would be asked about again."""
    teacher.answer = lambda request: by_request(request) + SECRET
    traces.rows("a.jsonl", OTHERS)
    traces.build()
    told = forget(traces, SECRET)
    assert told["removed"]["completions"] == len(OTHERS) == len(told["listed"]["a"])
    assert not CompletionMemo(Store(traces.folder / "store")).stats()


@pytest.mark.nightly
def test_rows_with_text_of_a_forgotten_one_are_made_anew_without_it(project: Project) -> None:
    pytest.importorskip("bm25s", reason="bm25s is not installed: options of similar items are not looked for")
    asked = {"대한민국": ["서울", "부산"], "프랑스": ["파리", "리옹"], "영국": [SECRET, "런던"], "독일": ["뮌헨", "베를린"]}
    rows = [{"prompt": f"{name}의 수도는 어디인가?", "o": options, "g": 1} for name, options in asked.items()]
    project.rows("a.jsonl", rows)
    columns = "license: A, columns: {prompt: prompt, options: o, gold: {index: g}}"
    recipe = PLAIN.replace("license: A", columns).replace("category: one", "category: exams") + "  - merge_options: {k: 2}\n"
    project.write("recipe.yaml", recipe)
    project.build()
    report = forget(project, SECRET)
    assert len(report["rows"]) > 2, "its child, and those that it gave an option to"
    assert [len(each) for each in report["listed"].values()] == [1], "those that bore them stay"
    after = project.digest()
    assert not search(project)
    project.rows("a.jsonl", [row for row in rows if SECRET not in row["o"]])
    (project.folder / "recipe.forgotten").unlink()
    assert project.digest(store="another") == after
