"""A recipe reads nothing outside its project, whatever it calls it, unless the command line allows it."""

# ruff: noqa: E501 (recipes in one line)

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.conftest import Project

HEAD = "format: 1\nrecipe: test/fenced\nlanguage: {target: ko, anchor: en}\n"
ONE = "sources: {a: {file: a.jsonl, category: one, license: A}}\nprompts: [unique]\n"


def quoted(name: str) -> str:
    return json.dumps(name)


@pytest.fixture
def fenced(tmp_path: Path) -> Project:
    """A project beside a file that it may not read."""
    project = Project(tmp_path / "project")
    (project.folder / ".recipe").mkdir(parents=True)
    project.rows("a.jsonl", ["hello"])
    (tmp_path / "secret.jsonl").write_text('{"prompt": "secret"}\n')
    (tmp_path / "secret.yaml").write_text("seed: 41\n")
    (tmp_path / "languages").mkdir()
    (tmp_path / "languages" / "xx.yaml").write_text("secret: 1\n")
    for link, target in (
        ("link.jsonl", "secret.jsonl"),
        ("folder", "."),
        ("link.yaml", "secret.yaml"),
        ("languages", "languages"),
    ):
        (project.folder / link).symlink_to(tmp_path / target)
    return project


@pytest.mark.parametrize("path", [
    "../secret.jsonl", "/etc/hostname", "/proc/self/environ", "../*.jsonl", "link.jsonl", "folder/secret.jsonl", "*.jsonl", "*/secret.jsonl",
    "*/../../secret.jsonl", "**/../../secret.jsonl", "pkg:../../secret.jsonl", "pkg:/etc/hostname", "pkg:*/../../x", "a/../../secret.jsonl",
])  # fmt: skip
def test_a_source_reads_nothing_outside_the_project(fenced: Project, path: str) -> None:
    fenced.write(
        "recipe.yaml",
        HEAD + f"sources: {{a: {{file: {quoted(path)}, format: jsonl, category: one, license: A}}}}\nprompts: [unique]\n",
    )
    for command in ("check", "build", "plan", "lock"):
        ran = fenced.run(command, "recipe.yaml")
        assert (
            ran.code == 2 and "leads out of the project" in ran.err and "recipe.yaml:4:" in ran.err and "--allow-path" in ran.err
        )
    if path == "../secret.jsonl":
        assert fenced.run("build", "recipe.yaml", "--allow-path", "..").code == 0


@pytest.mark.parametrize(
    "path", ["../secret.yaml", "/etc/hostname", "link.yaml", "folder/secret.yaml", "pkg:../../secret", "pkg:/etc/hostname"]
)
def test_extends_reads_nothing_outside_the_project(fenced: Project, path: str) -> None:
    fenced.write(
        "recipe.yaml",
        HEAD + f"extends: {path}\n" + ONE,
    )
    ran = fenced.run("check", "recipe.yaml")
    assert ran.code == 2 and "leads out of the project" in ran.err and "recipe.yaml:4:" in ran.err
    if path == "../secret.yaml":
        assert fenced.run("check", "recipe.yaml", "--allow-path", "..").code == 0


@pytest.mark.parametrize("code", ["xx", "../../languages/xx", "folder/languages/xx", "", "x" * 300, "a\0b"])
def test_a_language_reads_nothing_outside_the_project(fenced: Project, code: str) -> None:
    fenced.write(
        "recipe.yaml",
        f"format: 1\nrecipe: t/x\nlanguage: {{target: {quoted(code)}}}\nsources: {{a: {{file: a.jsonl, category: one, license: A}}}}\n"
        "prompts: [unique]\n",
    )
    ran = fenced.run("check", "recipe.yaml")
    said = "`languages/xx.yaml` leads out of the project" if code == "xx" else "there is no language profile"
    assert ran.code == 2 and said in ran.err and "secret" not in ran.err


@pytest.mark.parametrize("name", ["/tmp/hostile-output", "/", "a/b", "한" * 100])
def test_a_table_cannot_be_put_outside_the_store(project: Project, name: str) -> None:
    project.write(
        "table.yaml",
        HEAD + f"sources: {{a: {{file: a.jsonl, category: one, license: A}}}}\ntables: {{{quoted(name)}: {{from: a}}}}\n",
    )
    ran = project.run("build", "table.yaml")
    assert ran.code == 2 and "cannot be a folder's name" in ran.err and not os.path.lexists("/tmp/hostile-output")
