"""Room for a build, on the disk and within the bound of memory: it is foreseen, looked for, and told where there is none."""

from __future__ import annotations

import gzip
import json
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from operators.declared.source import Source
from runtime.sources.readers.read import read_batches
from runtime.sources.sizes import size_of
from runtime.store.bound import BASE, SMALLEST, Bound
from runtime.store.store import Store, StoreError
from runtime.tables.ids import hash_rows
from runtime.tables.spill import Spill
from tests.conftest import Project

RECIPE = """
    format: 1
    recipe: test/room
    language: {target: ko}
    sources: {a: {file: FILE, category: one, license: A}}
    prompts: [{length: {min: 3}}, unique]
"""


def lines(count: int) -> list[str]:
    texts = (f"{number}번 물음: {number * 7919 % 100_003}도에서 물은 왜 끓나요? {'가나다라' * 10}" for number in range(count))
    return [json.dumps({"prompt": text}, ensure_ascii=False) for text in texts]


def laid(project: Project, count: int, name: str = "a.jsonl") -> Project:
    text = "\n".join(lines(count)).encode()
    (project.folder / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    project.write("recipe.yaml", RECIPE.replace("FILE", name))
    return project


def left(store: Path) -> list[Path]:
    return [path for name in ("objects", "tmp") for path in (store / "v4" / name).rglob("*") if path.is_file()]


# -- the disk


def test_a_disk_without_room_is_told_before_a_stage_writes(project: Project, mounted: Path) -> None:
    laid(project, 30_000)
    planned = project.run("plan", "recipe.yaml", "--store", str(mounted / "store"))
    (told,) = [line for line in planned.out.splitlines() if line.startswith("disk: ")]
    assert "2.1 MB are free: make room, or choose another store" in told
    ran = project.run("build", "recipe.yaml", "-q", "--store", str(mounted / "store"))
    assert ran.code == 1 and "`a` writes about" in ran.err and "make room" in ran.err
    assert left(mounted / "store") == []


def test_a_run_is_written_where_there_is_room_for_it(project: Project, mounted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is packed so well takes more than anybody foresees.
    text = "".join(json.dumps({"prompt": f"{number}번 {'가' * 500}"}, ensure_ascii=False) + "\n" for number in range(3000))
    (project.folder / "a.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    project.write("recipe.yaml", RECIPE.replace("FILE", "a.jsonl.gz, batch_rows: 200"))
    monkeypatch.setattr(Bound, "run", 1_500_000)
    ran = project.run("build", "recipe.yaml", "-q", "--store", str(mounted / "store"))
    assert ran.code == 1 and "are to be written into" in ran.err and "make room" in ran.err, ran.err
    assert left(mounted / "store") == []


def test_what_a_build_writes_is_about_what_plan_says(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.build.room.SMALL", 0)
    laid(project, 5_000)
    disk = project.run("plan", "recipe.yaml", "--store", "store", "--json").json["disk"]
    project.build()
    written = sum(path.stat().st_size for path in left(project.folder / "store"))
    assert written < disk["kept"] < 3 * written
    assert project.run("plan", "recipe.yaml", "--store", "store", "--json").json["disk"] is None


def test_little_beside_what_is_free_is_not_told(project: Project) -> None:
    laid(project, 10)
    ran = project.run("plan", "recipe.yaml")
    assert ran.code == 0 and "disk" not in ran.out


# -- the bound of memory


@pytest.mark.parametrize("ends", ["jsonl", "parquet"])
def test_a_source_whose_parts_do_not_fit_is_told_before_it_is_read(
    ends: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid(project, 60_000)
    if ends == "parquet":
        texts = [json.loads(line)["prompt"] for line in lines(60_000)]
        pq.write_table(pa.table({"prompt": texts}), project.folder / "a.parquet")
        project.write("recipe.yaml", RECIPE.replace("FILE", "a.parquet"))
    monkeypatch.setattr("runtime.build.room.SMALLEST", 0)
    ran = project.run("build", "recipe.yaml", "--memory", "1MB")
    assert ran.code == 1 and "the rows of `a` take" in ran.err and f"--memory {SMALLEST >> 20}MB, or more" in ran.err, ran.err
    assert left(project.folder / ".recipe") == []


def test_rows_beyond_what_was_foreseen_are_told_when_they_come(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.prepare()
    store.bound = Bound(100_000)
    table = pa.table({"prompt": pa.array(["x" * 1000] * 100, pa.large_string())})
    with closing(Spill(store)) as spill, pytest.raises(StoreError, match="does not fit into 0 MB"):
        for _ in range(10):
            spill.add(table, hash_rows("a", table, {"prompt": "text"}))
    assert not list((store.root / "tmp").iterdir())


@pytest.mark.parametrize("size", [0, 1 << 30, 6 << 30, 40 << 30, 1 << 43])
@pytest.mark.parametrize(("tasks", "processes"), [(1, 1), (2, 5), (32, 65)])
def test_the_least_bound_that_is_named_is_one_that_works(size: int, tasks: int, processes: int) -> None:
    least = Bound(1, None, tasks, processes).least_for(size)
    floor = SMALLEST + (processes - 1) * BASE
    assert least >= floor and Bound(least, None, tasks, processes).most >= size
    assert least == floor or Bound(least - (100 << 20), None, tasks, processes).most < size


def test_a_bound_beyond_this_machine_is_cut_and_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    laid(project, 30)
    monkeypatch.setattr("runtime.executors.local.machine_memory", lambda: 2_000_000_000)
    ran = project.run("build", "recipe.yaml", "--memory", "16GB")
    assert ran.code == 0 and "this machine has less than 17.2 GB: the build held to 2.0 GB" in ran.out, ran.out + ran.err


def test_the_size_of_rows_is_known_by_a_look(project: Project) -> None:
    laid(project, 30_000)
    source = Source.model_validate({"file": "a.jsonl", "category": "one", "license": "A"})
    size = size_of(source, [project.folder / "a.jsonl"])
    texts = [json.loads(line)["prompt"].encode() for line in lines(30_000)]
    assert 0.9 < size.rows / 30_000 < 1.1 and 0.9 < size.text / sum(map(len, texts)) < 1.3
    assert size_of(source, [project.folder / "absent.jsonl"]) == (0, 0)


def test_a_file_is_not_in_memory_when_it_has_been_read_to_its_end(tmp_path: Path) -> None:
    texts = [f"{number:07}" * 40 for number in range(60_000)]
    schema = pa.schema([("prompt", pa.string())])
    with pq.ParquetWriter(tmp_path / "a.parquet", schema, compression="none", use_dictionary=False) as file:
        for start in range(0, len(texts), 3000):
            file.write_table(pa.table({"prompt": texts[start : start + 3000]}))
    source = Source(file="a.parquet", category="daily", license="A")  # type: ignore[arg-type]
    before, most = pa.total_allocated_bytes(), 0
    for _ in read_batches(source, tmp_path / "a.parquet"):
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < (tmp_path / "a.parquet").stat().st_size // 2


def test_a_workbook_that_does_not_fit_is_told_by_plan_and_before_it_is_read(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in ("prompt", "물은 왜 끓나요?"):
        book.active.append([row])
    book.save(project.folder / "a.xlsx")
    project.write("recipe.yaml", RECIPE.replace("FILE", "a.xlsx"))
    assert "memory: " not in project.run("plan", "recipe.yaml", "--memory", "400MB").out
    monkeypatch.setattr("runtime.sources.sizes.CELLS", 1 << 20)
    planned = project.run("plan", "recipe.yaml", "--memory", "400MB")
    assert planned.code == 0 and "memory: a workbook of `a` takes about" in planned.out, planned.out
    ran = project.run("build", "recipe.yaml", "--memory", "400MB")
    assert ran.code == 1 and "a workbook of `a` takes about" in ran.err and "save it as csv" in ran.err, ran.err
    assert left(project.folder / ".recipe") == []
