"""Builds: the same recipe gives the same bytes, and nothing is done twice."""

from __future__ import annotations

from tests.conftest import Project


def test_a_second_build_runs_nothing(project: Project) -> None:
    first = project.build()
    second = project.build()
    assert first["ran"] and not second["ran"]
    assert first["outputs"] == second["outputs"]


def test_a_threshold_edit_reads_no_source(project: Project) -> None:
    project.build()
    report = project.build("recipe.yaml", "--set", "prompts.length.min=10")
    assert report["ran"] == ["prompts", "output prompts"]


def test_a_repeated_row_is_a_child_with_an_id_of_its_own(project: Project) -> None:
    project.write("recipe.yaml", """
        format: 1
        recipe: test/repeat
        language: {target: ko}
        sources: {a: {file: a.jsonl, category: one, license: A}}
        prompts: [{unique: {}}]
        mixture: {take: {one: 9}, repeat: {one: 2}, shortage: error}
        """)
    rows = project.table()
    assert len(rows) == 9 and len({row["row_id"] for row in rows}) == 9
    assert len({row["item_id"] for row in rows}) == 5


def test_the_general_form_builds_the_same_bytes(project: Project) -> None:
    lowered = project.run("show", "recipe.yaml", "--lowered")
    project.write("general.yaml", lowered.out)
    assert project.digest("general.yaml") == project.digest("recipe.yaml")
