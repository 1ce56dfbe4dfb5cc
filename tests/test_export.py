"""Exports: what leaves and what stays, under which licence, and that nothing is overwritten."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from tests.conftest import Project
from tests.exporting import card, content, export, refusal

RECIPE = """
format: 1
recipe: test/mixed
description: Three sources.
language: {target: ko, anchor: en}
sources:
  open: {file: open.jsonl, category: one, license: A}
  exams: {file: exams.jsonl, category: two, license: B}
  forum: {file: forum.jsonl, category: three, license: unknown}
prompts:
  - length: {min: 3}
"""

TRACES = """
format: 1
recipe: test/traces
language: {target: ko, anchor: en}
models:
  author: {id: some/author, license: mit, terms: A}
sources:
  prompts: {file: "pkg:ko/data/traces.jsonl", category: sample, license: A, columns: {prompt: prompt}}
  traces:  {file: "pkg:ko/data/traces.jsonl", category: sample, license: A, columns: {prompt: prompt, completion: completion}}
prompts:
  - length: {min: 30}
cot:
  schema: language_mixed
  teacher: {model: author, recorded: traces}
  think: {language_share: {of: target, min: 0.05, max: 0.20}, blocks: 1}
  solution: {language: target, answer: boxed, required: true}
mixture: {take: {sample: 8}}
"""


@pytest.fixture
def mixed(project: Project) -> Project:
    for name, rows in (("open", 5), ("exams", 3), ("forum", 2)):
        project.rows(f"{name}.jsonl", [f"{name} 물음 {place} 왜 그런가요?" for place in range(rows)])
    project.write("recipe.yaml", RECIPE)
    project.build()
    return project


def test_only_rows_of_class_a_leave_and_the_others_are_counted(mixed: Project) -> None:
    report = export(mixed)
    rows = pq.read_table(mixed.folder / "out" / "data" / "train-00000-of-00001.parquet").to_pylist()
    assert {(row["source"], row["license"]) for row in rows} == {("open", "A")} and len(rows) == 5
    assert (report["rows"], report["left_out"]) == (5, {"B": 3, "unknown": 2})
    assert all(len(row[name]) == 32 and int(row[name], 16) for row in rows for name in ("row_id", "item_id"))
    front, prose = card(mixed.folder / "out")
    assert "| exams | two | B | 0 | 3 |" in prose and "| forum | three | unknown | 0 | 2 |" in prose
    assert (front["license"], front["language"], front["size_categories"]) == ("other", ["ko", "en"], ["n<1K"])
    assert report["digest"] in prose and str(mixed.folder) not in prose
    text = b"".join(path.read_bytes() for path in (mixed.folder / "out").rglob("*") if path.is_file())
    assert "exams 물음".encode() not in text and "forum 물음".encode() not in text


def test_the_terminal_says_what_stayed(mixed: Project) -> None:
    out = mixed.run("export", "recipe.yaml", "--store", "store", "--to", "out").out
    assert "left out: 3 rows of class B (exams 3)" in out and "left out: 2 rows of class unknown (forum 2)" in out


@pytest.mark.parametrize(("terms", "rows"), [("apache-2.0", 8), ("proprietary", 0)])
def test_what_a_model_wrote_leaves_only_where_its_terms_allow(project: Project, terms: str, rows: int) -> None:
    said = yaml.safe_load(TRACES)
    said["models"]["author"]["terms"] = terms
    project.write("recipe.yaml", json.dumps(said))
    project.build()
    if not rows:
        assert "no row of `dataset` may be redistributed: 8 of class unknown" in refusal(project)
        return
    assert export(project)["rows"] == rows
    front, prose = card(project.folder / "out")
    assert "| some/author | apache&#45;2&#46;0 | A |" in prose and "chain-of-thought" in front["tags"]


def test_a_dataset_without_open_rows_has_no_export(mixed: Project) -> None:
    mixed.write("recipe.yaml", RECIPE.replace("license: A", "license: B"))
    mixed.build()
    assert "no row of `prompts` may be redistributed: 8 of class B, 2 of class unknown" in refusal(mixed)
    assert not (mixed.folder / "out").exists()


def test_the_same_dataset_is_the_same_bytes(mixed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    export(mixed, to="one")
    mixed.build(store="another")
    ran = mixed.run("export", "recipe.yaml", "--store", "another", "--to", "two")
    assert ran.code == 0 and content(mixed.folder / "one") == content(mixed.folder / "two")


def test_many_rows_are_shards_with_the_rows_in_order(mixed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.export.dataset.GROUP_ROWS", 1)
    monkeypatch.setattr("runtime.export.dataset.SHARD_ROWS", 2)
    export(mixed)
    shards = sorted((mixed.folder / "out" / "data").iterdir())
    assert [path.name for path in shards] == [f"train-0000{at}-of-00003.parquet" for at in range(3)]
    ids = [row["row_id"] for path in shards for row in pq.read_table(path).to_pylist()]
    assert len(ids) == 5 and ids == sorted(ids)


def test_a_folder_that_is_not_empty_is_left_alone(mixed: Project) -> None:
    mixed.write("out/mine.txt", "mine")
    assert "is not empty" in refusal(mixed)
    assert "no export of ours" in refusal(mixed, "--force")
    assert "is a file" in refusal(mixed, "--force", to="recipe.yaml")
    assert content(mixed.folder / "out").keys() == {"mine.txt"}


def test_force_replaces_an_earlier_export_and_nothing_of_others(mixed: Project) -> None:
    export(mixed)
    before = content(mixed.folder / "out")
    assert "is not empty" in refusal(mixed)
    mixed.rows("open.jsonl", ["다른 물음이 여기 있습니다"])
    mixed.build()
    assert export(mixed, "--force")["rows"] == 1 and content(mixed.folder / "out") != before
    mixed.write("out/notes/mine.txt", "mine")
    assert "holds `notes/mine.txt`" in refusal(mixed, "--force")
    assert (mixed.folder / "out" / "notes" / "mine.txt").read_text() == "mine"


def test_a_failure_leaves_what_was_there(mixed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    export(mixed)
    before, names = content(mixed.folder / "out"), sorted(os.listdir(mixed.folder))

    def full(*_: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("runtime.export.dataset.dataset_card", full)
    assert "No space left on device" in refusal(mixed, "--force")
    assert content(mixed.folder / "out") == before and sorted(os.listdir(mixed.folder)) == names


def test_what_is_not_built_as_the_recipe_is_now_is_not_exported(mixed: Project) -> None:
    mixed.write("recipe.yaml", RECIPE.replace("min: 3", "min: 4"))
    told = export(mixed, code=1)
    assert "not built as the recipe is now" in told["error"] and "length: min 3 -> 4" in told["error"]
    assert told["hint"] == "build first: recipe build recipe.yaml --store store"
    assert not (mixed.folder / "out").exists()
    ran = mixed.run("export", "recipe.yaml", "--store", "nowhere", "--to", "out")
    assert ran.code == 1 and "is not built" in ran.err and not (mixed.folder / "nowhere").exists()


@pytest.mark.parametrize("edit", ["source", "recipe"])
def test_what_drifted_from_the_lock_is_not_exported(mixed: Project, edit: str) -> None:
    assert mixed.run("lock", "recipe.yaml", "--store", "store", "-q").code == 0
    assert export(mixed)["lock"] in (mixed.folder / "out" / "README.md").read_text("utf-8")
    if edit == "source":
        mixed.rows("exams.jsonl", ["다른 물음이 여기 있습니다"])
    else:
        mixed.write("recipe.yaml", RECIPE.replace("min: 3", "min: 18"))
    mixed.build()
    wanted = "the files of the source `exams` differ" if edit == "source" else "the output `prompts` is"
    assert wanted in refusal(mixed, to="again") and not (mixed.folder / "again").exists()


def test_names_and_descriptions_are_text_in_a_card(mixed: Project) -> None:
    name = "a|b ![x](http://evil) <script>alert(1)</script> @someone `c`"
    said = yaml.safe_load(RECIPE)
    said["sources"][name] = said["sources"].pop("open")
    said["description"] = "# Title\n---\nlicense: mit\n<img src=x onerror=alert(1)>"
    mixed.write("recipe.yaml", json.dumps(said, ensure_ascii=False))
    mixed.build()
    export(mixed)
    front, prose = card(mixed.folder / "out")
    assert front["license"] == "other" and "pretty_name" in front
    assert not any(each in prose for each in ("<script", "<img", "![", "](", "@someone", "http://", "\n# Title", "`c`"))
    cells = {line.count("|") for line in prose.splitlines() if "| one |" in line}
    assert cells == {6}


def test_a_name_that_is_no_output_is_told_like_any_mistake(mixed: Project) -> None:
    ran = mixed.run("export", "recipe.yaml", "--store", "store", "--to", "out", "--what", "promts")
    assert ran.code == 2 and "did you mean `prompts`?" in ran.err


def test_scores_are_no_dataset(mixed: Project) -> None:
    said = "models: {some: {id: some/model, license: mit}}\nevaluate: {models: [some], held_in: [ko_first_steps]}\n"
    mixed.write("recipe.yaml", RECIPE + said)
    assert "is a table of scores" in refusal(mixed, "--what", "evaluate")


@pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="datasets is not installed")
def test_datasets_loads_an_export(mixed: Project, tmp_path: Path) -> None:
    export(mixed)
    code = (
        "import sys, json, datasets; data = datasets.load_dataset(sys.argv[1]);"
        "print(json.dumps([list(data), data['train'].num_rows, sorted(data['train'][0])]))"
    )
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache"), "HF_DATASETS_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(mixed.folder / "out")],
        env=os.environ | offline,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    splits, rows, columns = json.loads(done.stdout.splitlines()[-1])
    assert (splits, rows) == (["train"], 5) and {"row_id", "prompt", "license"} <= set(columns)
