"""An output without rows fails a build and a lock, unless the command line says that it may be empty."""

from __future__ import annotations

import pytest

from tests.conftest import Project

NONE = ("--set", "prompts.length.min=9999")
TWO = """
format: 1
recipe: test/two
language: {target: ko, anchor: en}
sources: {a: {file: a.jsonl, category: one, license: A}}
tables:
  some: {from: [a], steps: []}
  none: {from: [a], steps: [{length: {min: 9999}}]}
outputs: [some, none]
"""


def test_a_build_that_keeps_no_row_fails_and_shows_where_they_went(project: Project) -> None:
    ran = project.run("build", "recipe.yaml", "--store", "store", *NONE)
    assert ran.code == 1 and "-length  kept" in ran.out and "next:" not in ran.out
    assert ran.err.endswith(
        "error: 0 rows are kept in `prompts`, so that nothing is named\n"
        "hint: the funnel of `recipe build recipe.yaml` tells where its rows went; if it may be empty, say --allow-empty\n"
    )


def test_what_was_named_before_stays_when_a_build_keeps_no_row(project: Project) -> None:
    path = project.folder / project.build()["outputs"][0]["path"]
    before = (path / "_manifest.json").read_bytes()
    ran = project.run("build", "recipe.yaml", "--store", "store", "--json", *NONE)
    assert ran.code == 1 and ran.json["empty"] == ["prompts"] and ran.json["outputs"][0]["path"] is None
    assert (path / "_manifest.json").read_bytes() == before


def test_an_empty_output_is_built_where_it_may_be_empty_and_nothing_is_made_twice(project: Project) -> None:
    assert project.run("build", "recipe.yaml", "--store", "store", "-q", *NONE).code == 1
    report = project.build("recipe.yaml", "--allow-empty", *NONE)
    assert (report["empty"], report["outputs"][0]["rows"], report["ran"]) == ([], 0, [])
    assert (project.folder / report["outputs"][0]["path"]).exists()


def test_one_empty_output_of_two_fails_the_build(project: Project) -> None:
    project.write("two.yaml", TWO)
    assert project.run("build", "two.yaml", "--store", "store", "--json").json["empty"] == ["none"]
    assert project.run("build", "two.yaml", "--store", "store", "--target", "some").code == 0


@pytest.mark.parametrize("text", ["", '{"prompt": null}\n'], ids=["no row", "no prompt"])
def test_a_lock_pins_no_empty_output_unless_it_may_be_empty(project: Project, text: str) -> None:
    project.write("a.jsonl", '{"prompt": "짧"}\n' + text)
    refused = project.run("lock", "recipe.yaml", "--store", "store", "-q")
    assert refused.code == 1 and "0 rows are kept in `prompts`" in refused.err
    assert not (project.folder / "recipe.lock").exists()
    ran = project.run("build", "recipe.yaml", "--store", "store", "--allow-empty")
    assert "recipe lock recipe.yaml --store store --allow-empty" in ran.out
    assert project.run("lock", "recipe.yaml", "--store", "store", "-q", "--allow-empty").code == 0
    assert (project.folder / "recipe.lock").exists()


def test_previews_plans_and_diffs_may_be_empty(project: Project) -> None:
    for command in (["build", "recipe.yaml", "--sample", "2"], ["plan", "recipe.yaml"], ["diff", "recipe.yaml"]):
        assert project.run(*command, "--store", "store", *NONE).code == 0


def test_an_expansion_that_mixes_rows_may_have_none(project: Project) -> None:
    columns = "license: A, columns: {prompt: prompt, options: o, gold: {index: g}}"
    text = (project.folder / "recipe.yaml").read_text("utf-8").replace("license: A", columns)
    project.rows("a.jsonl", [{"prompt": "어느 것?", "o": ["가", "나"], "g": 0}])
    project.write("recipe.yaml", text + "  - merge_options: {only: {category: one}}\n")
    assert project.build("recipe.yaml", "--allow-empty", *NONE)["outputs"][0]["rows"] == 0
