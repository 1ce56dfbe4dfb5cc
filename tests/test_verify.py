"""`recipe verify`: everything is made again elsewhere, and what comes out different is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from operators.measures.length import Length
from tests.conftest import Project


def verified(project: Project, *arguments: str) -> tuple[int, str]:
    ran = project.run("verify", "recipe.yaml", "--store", "store", "-q", *arguments)
    return ran.code, ran.out + ran.err


def test_what_was_built_comes_out_the_same_by_class(project: Project) -> None:
    project.build()
    code, said = verified(project)
    assert code == 0 and said.splitlines() == ["bitwise   3 stages: 3 the same", "numeric   0 stages", "recorded  0 stages"]


def test_what_was_never_built_is_said_to_be(project: Project) -> None:
    code, said = verified(project)
    assert code == 0 and "3 never built before" in said and not (project.folder / "store").exists()


def test_the_lock_is_asked_where_the_store_is_empty(project: Project) -> None:
    assert project.run("lock", "recipe.yaml", "--store", "store", "-q").code == 0
    ran = project.run("verify", "recipe.yaml", "--store", "another", "--json")
    assert ran.code == 0 and {stage["where"] for stage in ran.json["stages"]} == {"the lock"}


def test_an_operator_that_gives_something_else_than_before_is_noticed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed code under an unchanged version: the very thing that a key cannot see."""
    project.build()
    monkeypatch.setattr(Length, "condition", lambda self, value: f"{value['characters']} > 9")
    code, said = verified(project)
    assert code == 1 and "prompts is " in said and "in the store" in said


def test_a_project_without_its_data_is_told(project: Project) -> None:
    project.build()
    (project.folder / "a.jsonl").unlink()
    code, said = verified(project)
    assert code == 2 and "no file matches `a.jsonl`" in said


def test_nothing_is_left_of_the_temporary_store(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    project.build()
    assert verified(project)[0] == 0 and list((tmp_path / "tmp").iterdir()) == []
