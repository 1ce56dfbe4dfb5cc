"""What a recipe may be called on the command line, and what is said of what is none."""

from __future__ import annotations

import pytest

from tests.conftest import Project


@pytest.mark.parametrize("named", [".", "./", "../{folder}", "recipe", "recipe.yaml"])
def test_a_folder_means_the_recipe_in_it_and_an_ending_may_be_left_out(project: Project, named: str) -> None:
    ran = project.run("check", named.format(folder=project.folder.name))
    assert ran.code == 0 and "ok test/plain" in ran.out, ran.err


@pytest.mark.parametrize("command", ["check", "plan", "build", "lock", "show", "explain", "verify", "why", "export"])
@pytest.mark.parametrize("named", ["", "/", "..", "nothing", "nothing.yaml"])
def test_what_is_no_recipe_is_told_by_every_command(project: Project, command: str, named: str) -> None:
    options = {"why": ["--match", "a"], "export": ["--to", "there"]}.get(command, [])
    (project.folder / "in").mkdir()
    inner = Project(project.folder / "in")
    (inner.folder.parent / "recipe.yaml").unlink()
    ran = inner.run(command, named, *options)
    assert ran.code == 2 and "there is no recipe" in ran.err, ran.out + ran.err


def test_a_mistake_in_a_folders_recipe_stands_in_its_file(project: Project) -> None:
    project.write("recipe.yaml", "format: 1\nrecipe: a/b\nsources: {}\nprompts: [lenght]\n")
    assert "--> recipe.yaml:4:11" in project.run("check", ".").err


def test_what_a_person_does_next_is_of_the_same_store_and_settings(project: Project) -> None:
    assert project.run("build", "recipe.yaml", "--store", "there").out.endswith("next: recipe lock recipe.yaml --store there\n")
    ran = project.run("build", "recipe.yaml", "--set", "prompts.length.min=4")
    assert ran.out.endswith("next: a lock is of what is written: write what --set says into recipe.yaml to lock this\n")


def test_a_profile_that_lacks_something_is_told_once(project: Project) -> None:
    (project.folder / "languages").mkdir()
    project.write("languages/ko.yaml", "language: ko\n")
    ran = project.run("check", "recipe.yaml")
    assert ran.code == 2 and "needs `name`" in ran.err and "Field required" not in ran.err and "1 error" in ran.err
    project.write("languages/ko.yaml", "")
    assert "the file says nothing" in project.run("check", "recipe.yaml").err


def test_a_source_without_a_licence_is_told_beside_what_else_is_wrong_with_it(project: Project) -> None:
    text = (project.folder / "recipe.yaml").read_text("utf-8")
    project.write("recipe.yaml", text.replace("a.jsonl", "b.jsonl").replace(", license: A", ""))
    ran = project.run("check", "recipe.yaml")
    assert ran.code == 2 and "2 errors" in ran.err and "no file matches `b.jsonl`" in ran.err and "needs `license`" in ran.err
