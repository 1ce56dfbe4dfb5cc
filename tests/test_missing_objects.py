"""A diff against a store that lacks an object: rows and columns of two tables are never laid beside each other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Project, Ran
from tests.teacher import configure, teaching

ROWS = [{"prompt": f"{place}번 문제는 무엇인가요" + "?" * (place % 7)} for place in range(40)]
STEPS: list[Any] = [
    {"length": {"min": 3}},
    {"style_directives": {"texts": ["짧게 답하세요.", "한 줄로."]}},
    {"name": "second", "length": {"min": 14}},
    {"normalise": {"form": "NFC"}},
    {"unique": {"by": "prompt"}},
    {"sample": {"rows": 30}},
]
EDITS = ["prompts.second.min=18", "prompts.length.min=12", "prompts.sample.rows=20", "mixture.take.exams=10", "seed=9"]
TAUGHT: dict[str, Any] = {
    "models": {"teacher": {"id": "test/teacher", "license": "mit", "terms": "mit", "endpoint": "lab"}},
    "cot": {"teacher": {"model": "teacher", "temperature": 0.6, "max_tokens": 64}},
    "traces": [{"name": "long", "length": {"in": "completion", "min": 9}}],
}
TAUGHT_EDITS = ["traces.long.min=70", "mixture.take.exams=3", "prompts.second.min=18"]


def recipe(steps: list[Any], **more: Any) -> str:
    source = {"file": "a.jsonl", "category": "exams", "license": "A", "columns": {"prompt": "prompt"}}
    said = {"format": 1, "recipe": "test/lacking", "language": {"target": "ko", "anchor": "en"}, "sources": {"a": source}}
    return json.dumps(said | {"prompts": steps, "mixture": {"take": {"exams": 25}, "shortage": "up_to"}} | more)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("lacking"))
    project.rows("a.jsonl", ROWS)
    project.write("recipe.yaml", recipe(STEPS))
    project.build()
    return project


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A recipe whose teacher is asked about rows that were born."""
    project = Project(tmp_path_factory.mktemp("taught"))
    project.rows("a.jsonl", ROWS[:12])
    project.write("recipe.yaml", recipe(STEPS[:3], **TAUGHT))
    with pytest.MonkeyPatch.context() as patched, teaching() as teacher:
        configure(project.folder, teacher, patched)
        project.build()
        yield project


def diff(project: Project, store: str, edit: str) -> Ran:
    return project.run("diff", "recipe.yaml", "--set", edit, "--store", store, "--json")


def counts(ran: Ran) -> tuple[list[int], list[int], bool]:
    """(all rows before, all rows after, whether they are exact) of the dataset."""
    (found,) = ran.json
    (rows,) = (each for each in found["rows"] if each["output"] == "dataset")
    return rows["before"]["all"], rows["after"]["all"], rows["exact"]


def lacking(project: Project, every: int) -> Iterator[str]:
    """A copy of the store without an object, for every so many-th object of it."""
    for path in sorted((project.folder / "store" / "v4" / "objects").glob("*/*"))[::every]:
        shutil.copytree(project.folder / "store", project.folder / path.name, symlinks=True)
        (project.folder / path.name / path.relative_to(project.folder / "store")).unlink()
        yield path.name
        shutil.rmtree(project.folder / path.name)


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.nightly)])
@pytest.mark.parametrize(("kind", "edits"), [("built", EDITS), ("taught", TAUGHT_EDITS)])
def test_whatever_object_is_missing_a_diff_holds_the_truth_or_says_to_build_again(
    kind: str, edits: list[str], every: int, request: pytest.FixtureRequest
) -> None:
    project: Project = request.getfixturevalue(kind)
    truth = {edit: counts(diff(project, "store", edit)) for edit in edits}
    wide = told = 0
    for store in lacking(project, every):
        for edit in edits:
            ran = diff(project, store, edit)
            assert ran.code == 0 or (ran.code == 1 and "build again" in ran.out), (store, edit, ran.out + ran.err)
            told += ran.code
            if ran.code == 0:
                for found, true in zip(counts(ran)[:2], truth[edit][:2], strict=True):
                    assert found[0] <= true[0] and true[1] <= found[1], (store, edit, found, true)
                wide += not counts(ran)[2]
    assert wide > told


def test_what_a_diff_says_to_build_again_is_made_again(built: Project) -> None:
    before = diff(built, "store", EDITS[2]).json
    shutil.copytree(built.folder / "store", built.folder / "again", symlinks=True)
    for path in (built.folder / "again" / "v4" / "objects").glob("*/*"):
        path.unlink()
    built.build(store="again")
    assert [each["rows"] for each in diff(built, "again", EDITS[2]).json] == [each["rows"] for each in before]
