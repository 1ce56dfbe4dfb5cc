"""Rows that are forgotten: they enter the key of their source, and their source reads them no more."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import PLAIN, PROMPTS, Project


def made(tmp_path: Path, rows: list[str], forgotten: str = "") -> Project:
    project = Project(tmp_path)
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / ".recipe").mkdir()
    project.rows("a.jsonl", rows)
    project.write("recipe.yaml", PLAIN)
    if forgotten:
        project.write("recipe.forgotten", forgotten)
    return project


def digest_in(project: Project) -> str:
    assert project.run("build", "recipe.yaml", "--quiet").code == 0
    [[_, last]] = json.loads(project.run("store", "ls", "--json").out)["recipes"]["test/plain"].items()
    return str(last["digest"])


def id_of(project: Project, text: str) -> str:
    found = json.loads(project.run("why", "recipe.yaml", "--match", text, "--json").out)["rows"]
    return str(found[0]["row_id"])


def test_a_forgotten_row_is_read_no_more_and_the_digest_is_that_of_files_without_it(tmp_path: Path) -> None:
    project, without = made(tmp_path / "a", PROMPTS), made(tmp_path / "b", [each for each in PROMPTS if "파란" not in each])
    before = digest_in(project)
    row = id_of(project, "파란")
    project.write("recipe.forgotten", f"# by id\n{row} a\n")
    assert "1 forgotten row not read" in project.run("build", "recipe.yaml").out
    assert digest_in(project) == digest_in(without) != before
    told = project.run("why", "recipe.yaml", row[:12])
    assert told.code == 0 and "a: FORGOTTEN" in told.out


def test_all_copies_of_a_forgotten_row_go(tmp_path: Path) -> None:
    project, without = made(tmp_path / "a", PROMPTS), made(tmp_path / "b", [each for each in PROMPTS if each != PROMPTS[0]])
    digest_in(project)
    project.write("recipe.forgotten", f"{id_of(project, PROMPTS[0])} a\n")
    assert digest_in(project) == digest_in(without)


def test_a_line_that_names_no_row_of_the_recipe_is_a_mistake_at_its_place(tmp_path: Path) -> None:
    project = made(tmp_path, PROMPTS, "12345 a\n" + "0" * 32 + " b\n")
    told = project.run("check", "recipe.yaml")
    assert told.code == 2
    assert "recipe.forgotten:1:1" in told.err and "recipe.forgotten:2:1" in told.err and "no source `b`" in told.err


def test_an_id_that_no_row_has_is_told(tmp_path: Path) -> None:
    told = made(tmp_path, PROMPTS, "0" * 32 + " a\n").run("build", "recipe.yaml")
    assert told.code == 0 and "1 of the forgotten ids no row of its files has" in told.out


def test_a_diff_tells_of_forgotten_rows_though_all_is_built(tmp_path: Path) -> None:
    project = made(tmp_path, PROMPTS)
    digest_in(project)
    project.write("other.yaml", PLAIN)
    project.write("other.forgotten", f"{id_of(project, '파란')} a\n")
    for unbuilt in (True, False):
        told = project.run("diff", "recipe.yaml", "other.yaml").out
        assert "source a: forgotten rows 0 -> 1" in told
        assert unbuilt or "1 leave" in told
        assert project.run("build", "other.yaml", "--quiet").code == 0
