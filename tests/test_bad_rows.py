"""Rows that cannot be read are told with file and line, and restricted text stays off everything but a terminal."""

# ruff: noqa: E501 (recipes in one line)

from __future__ import annotations

import os
import pty
import re
import subprocess

import pytest

from tests.conftest import ROOT, Project
from tests.warm import python

BAD = """{"prompt": "a good row", "n": 1}
{"prompt": half a row
{"prompt": "a nested \\ud800 row", "n": 2}
{"prompt": {"deep": 1}, "n": 3}
[]
{"prompt": "the last row", "n": 4}
"""
READ = """
format: 1
recipe: test/bad
language: {{target: ko}}
sources: {{a: {{file: a.jsonl, category: one, license: {}, on_bad_row: {}, columns: {{prompt: prompt, n: {{field: n, as: integer}}}}}}}}
prompts: [unique]
"""


def test_an_item_that_nobody_can_be_judged_by_is_left_out_where_its_benchmark_says_so(project: Project) -> None:
    (project.folder / "items.jsonl").write_text('{"q": "what?", "o": ["x", "x"], "g": "x"}\n{"q": "who?", "o": ["x", "y"], "g": "y"}\n')
    items = "items: {file: items.jsonl, on_bad_row: quarantine, columns: {prompt: q, options: o, gold: {text: g}}}"
    said = f"benchmarks: {{held: {{{items}, task: choice, extract: choice_label, language: en, license: A}}}}"
    (project.folder / "a.jsonl").write_text('{"prompt": "a row", "n": 1}\n')
    project.write("recipe.yaml", READ.format("A", "stop") + f"{said}\ndecontaminate: {{against: [held]}}\n")
    stages = {stage["name"]: stage for stage in project.build(store=".recipe")["stages"]}
    assert (stages["benchmark.held"]["rows"], stages["benchmark.held"]["counts"]["quarantined"]) == (1, 1)


def test_a_quarantined_row_is_found_with_its_file_line_and_reason(project: Project) -> None:
    (project.folder / "a.jsonl").write_text(BAD)
    project.write("recipe.yaml", READ.format("A", "quarantine"))
    source = project.build(store=".recipe")["stages"][0]
    assert source["rows"] == 2 and source["counts"]["quarantined"] == 4
    found = project.run("why", "recipe.yaml", "--match", "a", "--json").json["quarantined"]
    assert [(each["name"], each["line"]) for each in found][:2] == [("a.jsonl", 2), ("a.jsonl", 3)] and all(
        each["reason"] for each in found
    )
    assert "quarantined from a: a.jsonl:2: it is not JSON" in project.run("why", "recipe.yaml", "--match", "half a row").out
    assert "quarantined: 4 rows of a" in project.run("build", "recipe.yaml").out


def test_stop_lists_every_bad_row_and_records_nothing(project: Project) -> None:
    (project.folder / "a.jsonl").write_text(BAD)
    project.write("recipe.yaml", READ.format("A", "stop"))
    ran = project.run("build", "recipe.yaml")
    assert ran.code == 1 and re.findall(r"a\.jsonl:(\d): \S", ran.err) == ["2", "3", "4", "5"]
    assert {stage["state"] for stage in project.run("plan", "recipe.yaml", "--json").json["stages"]} == {"run", "pending"}


@pytest.mark.parametrize("license", ["A", "B", "unknown"])
def test_restricted_text_is_printed_only_when_it_is_asked_for(project: Project, license: str) -> None:
    (project.folder / "a.jsonl").write_text(BAD)
    project.write("recipe.yaml", READ.format(license, "quarantine"))
    project.build(store=".recipe")
    for command in (
        ("why", "--match", "a"),
        ("why", "--match", "a", "--json"),
        ("build",),
        ("build", "--json"),
        ("show",),
        ("plan",),
    ):
        ran = project.run(command[0], "recipe.yaml", *command[1:])
        secret = "a good row" in ran.out + ran.err or "half a row" in ran.out + ran.err
        assert secret == (license == "A" and command[0] == "why"), command
        if command[0] == "why":
            assert "a good row" in project.run(command[0], "recipe.yaml", *command[1:], "--show-restricted").out


@pytest.mark.parametrize("action", ["stop", "quarantine"])
def test_the_reason_of_a_bad_row_quotes_no_restricted_text(project: Project, action: str) -> None:
    (project.folder / "a.jsonl").write_text('{"prompt": "x", "n": 1}\n{"prompt": "y", "n": "a secret"}\n')
    project.write("recipe.yaml", READ.format("B", action))
    ran, why = project.run("build", "recipe.yaml"), project.run("why", "recipe.yaml", "--match", "secret")
    assert "a secret" not in ran.out + ran.err + why.out + why.err


def test_a_terminal_is_shown_restricted_text(project: Project) -> None:
    project.write("recipe.yaml", READ.format("B", "quarantine"))
    (project.folder / "a.jsonl").write_text(BAD)
    project.build(store=".recipe")
    ours, theirs = pty.openpty()
    command = [python(), "-m", "runtime.cli.main", "why", "recipe.yaml", "--match", "good"]
    subprocess.run(
        command, stdout=theirs, stderr=theirs, cwd=project.folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True
    )
    os.close(theirs)
    assert b"prompt: a good row" in os.read(ours, 65536)
    os.close(ours)
