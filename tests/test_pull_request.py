"""One pull request from end to end, by the very scripts of the workflows in docs/github, in a scratch repository."""

from __future__ import annotations

import html
import json
import os
import re
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.scratch import ENVIRONMENT, Repository, repository
from tests.warm import python

RECIPE = """
format: 1
recipe: test/review
language: {target: ko, anchor: en}
seed: 7
sources:
  forum: {file: data/forum.jsonl, category: daily, license: A}
  exams: {file: data/exams.jsonl, category: exams, license: B}
prompts:
  - length: {min: 5}
  - unique
mixture: {take: {daily: 20, exams: 10}}
"""


def workflow(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "github" / f"{name}.yaml").read_text("utf-8"))
    return loaded


def script(name: str, step: str) -> str:
    """What a named step of a workflow runs."""
    (job,) = workflow(name)["jobs"].values()
    (run,) = [each["run"] for each in job["steps"] if each.get("name") == step]
    return str(run)


@dataclass
class Runner:
    """A machine that runs the scripts of a workflow, as GitHub does: `bash -e`."""

    folder: Path
    tools: Path

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        paths = {"PATH": f"{self.tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        said = os.environ | ENVIRONMENT | paths | environment
        shell = ["bash", "-e", "-c", script]
        return subprocess.run(shell, cwd=self.folder, env=said, capture_output=True, text=True, check=False)


def tool(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(text, "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with `recipe`, and with a `gh` that writes down what it is asked and answers as GitHub would."""
    folder = tmp_path / "tools"
    folder.mkdir()
    tool(folder, "recipe", f'#!/bin/sh\nexec {python()} -m runtime.cli.main "$@"\n')
    tool(
        folder,
        "gh",
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        "log = os.environ['GH_LOG']\n"
        "body = [open(each.split('@', 1)[1], encoding='utf-8').read() for each in sys.argv if each.startswith('body=@')]\n"
        "open(log, 'a', encoding='utf-8').write(json.dumps([sys.argv[1:], *body]) + '\\n')\n"
        "if sys.argv[2].endswith('/pulls'): print(os.environ.get('GH_NUMBER', '12'))\n"
        "if sys.argv[2].endswith('/comments') and '--paginate' in sys.argv: print(os.environ.get('GH_BEFORE', ''))\n",
    )
    return folder


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    """The project on its author's machine: recipe and lock are in git, data and store are not."""
    made = repository_in(tmp_path / "author")
    made.write(".gitignore", ".recipe/\ndata/\nmeasures/\nout/\n")
    made.rows("data/forum.jsonl", [f"{number} 번째 질문은 왜 이렇게 긴가요" + "?" * (number % 9) for number in range(40)])
    made.rows("data/exams.jsonl", [f"다음 중 옳은 것은 {number}" for number in range(15)])
    made.write("recipe.yaml", RECIPE)
    assert made.run("lock", "recipe.yaml", "-q").code == 0
    made.commit("first")
    assert made.run("store", "push", "measures", "--measures").code == 0
    return made


def repository_in(folder: Path) -> Repository:
    folder.mkdir()
    return repository(folder)


def checkout(origin: Repository, folder: Path, measures: bool = True) -> Path:
    """What the runner checks out: no data, and the measures that were pushed."""
    subprocess.run(["git", "clone", "-q", str(origin.folder), str(folder)], env=os.environ | ENVIRONMENT, check=True)
    if measures:
        (folder / "measures").symlink_to(origin.folder / "measures")
    return folder


def edited(origin: Repository, old: str, new: str) -> None:
    origin.write("recipe.yaml", (origin.folder / "recipe.yaml").read_text("utf-8").replace(old, new))
    origin.commit()


DIFF, POST = ("recipe-diff", "Tell what the edit does"), ("recipe-comment", "Post it")


def test_a_pull_request_from_the_edit_to_the_build(origin: Repository, tmp_path: Path, tools: Path) -> None:
    base = origin.git("rev-parse", "HEAD")
    origin.git("checkout", "-q", "-b", "edit")

    # The first try has a mistake: it is shown at its line, and the comment says so.
    edited(origin, "length: {min: 5}", "lenght: {min: 5}")
    runner = Runner(checkout(origin, tmp_path / "first"), tools)
    ran = runner.run(script(*DIFF), BASE=base, MEASURES="measures")
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert re.search(r"^::error file=recipe.yaml,line=10,endLine=10,col=5,", ran.stdout, re.MULTILINE)
    assert "does not compile" in (runner.folder / "out/comment.md").read_text()

    # The second one tells which rows it moves, on a machine without any of the data.
    edited(origin, "lenght: {min: 5}", "length: {min: 22}")
    runner = Runner(checkout(origin, tmp_path / "second"), tools)
    ran = runner.run(script(*DIFF), BASE=base, MEASURES="measures")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not (runner.folder / "data").exists()
    assert re.search(r"^::notice file=recipe.yaml,line=10,endLine=10,col=19,.*min 5 -> 22", ran.stdout, re.MULTILINE)
    comment = (runner.folder / "out/comment.md").read_text("utf-8")
    assert comment.startswith("**recipe&#46;yaml**: 1 change;") and "the build stops" in comment

    # So the mixture takes less; the comment is posted by the second workflow.
    edited(origin, "{daily: 20, exams: 10}", "{daily: 15, exams: 0}")
    runner = Runner(checkout(origin, tmp_path / "third"), tools)
    assert runner.run(script(*DIFF), BASE=base, MEASURES="measures").returncode == 0
    comment = (runner.folder / "out/comment.md").read_text("utf-8")
    assert "the build stops" not in comment and "30 &#45;&#62; 15 rows &#40;exact&#41;" in comment
    posted = post(tmp_path / "post", tools, comment)
    assert posted[-1][0][:4] == ["api", "--method", "POST", "repos/o/r/issues/12/comments"]
    assert "30 &#45;&#62; 15 rows" in posted[-1][1].replace("\u200b", "")

    # The author accepts what changed by name, and the locked build passes and is what was foretold.
    refused = origin.run("build", "recipe.yaml", "--locked", "-q")
    assert refused.code == 1 and "recipe lock recipe.yaml --update dataset" in refused.err
    assert origin.run("lock", "recipe.yaml", "--update", "dataset", "-q").code == 0
    origin.commit("accepted")
    built = origin.run("build", "recipe.yaml", "--locked", "--json")
    assert built.code == 0 and built.json["outputs"][0]["rows"] == 15


def post(folder: Path, tools: Path, comment: str | None, **environment: str) -> list[Any]:
    """Run the second workflow on what the first one left; what GitHub was asked."""
    (folder / "found").mkdir(parents=True, exist_ok=True)
    if comment is not None:
        (folder / "found" / "comment.md").write_text(comment, "utf-8")
    log = folder / "gh.log"
    said = {"GH_TOKEN": "t", "REPO": "o/r", "HEAD": "abc", "GH_LOG": str(log)} | environment
    ran = Runner(folder, tools).run(script(*POST), **said)
    asked = [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []
    return [*asked, [["exit", str(ran.returncode)]]] if ran.returncode else asked


def test_a_comment_that_is_there_already_is_written_anew(tmp_path: Path, tools: Path) -> None:
    asked = post(tmp_path, tools, "text", GH_BEFORE="77")
    assert asked[-1][0][:4] == ["api", "--method", "PATCH", "repos/o/r/issues/comments/77"]


def test_what_a_stranger_left_is_text_and_nothing_else(tmp_path: Path, tools: Path) -> None:
    """A pull request may change the first workflow, and then leaves whatever it likes."""
    evil = (
        "@team &#64;team &#64;&#116;eam see #1 ![x](http://e.example/p.png) [a](https://e.example) <img src=x>"
        " <details><script> www.e.example\n[b]: ftp://e"
    )
    body = post(tmp_path, tools, evil)[-1][1]
    assert not re.search(r"@\w|#\d|!\[|\]\(|\]:|https?:|ftp:|www\.|<img|<script", html.unescape(body)), body
    assert "<details>" in body and body.startswith("<!-- recipe-diff -->\n")


@pytest.mark.parametrize("number", ["", "12; rm -rf x", "null", "../3"])
def test_the_pull_request_is_the_one_that_github_names(tmp_path: Path, tools: Path, number: str) -> None:
    asked = post(tmp_path, tools, "text", GH_NUMBER=number)
    assert asked[-1] == [["exit", "1"]] and len(asked) == 2


def test_a_comment_that_is_no_file_or_too_long_is_not_posted(tmp_path: Path, tools: Path) -> None:
    (tmp_path / "long").mkdir()
    assert post(tmp_path / "long", tools, "x" * 60_001)[-1] == [["exit", "1"]]
    (tmp_path / "link" / "found").mkdir(parents=True)
    (tmp_path / "link" / "found" / "comment.md").symlink_to("/etc/hostname")
    assert post(tmp_path / "link", tools, None)[-1] == [["exit", "1"]]


def test_the_first_workflow_has_no_secrets_and_the_second_runs_nothing_of_the_request() -> None:
    first, second = (workflow(name) for name in ("recipe-diff", "recipe-comment"))
    text = (ROOT / "docs/github/recipe-diff.yaml").read_text()
    assert first["permissions"] == {"contents": "read"} and "secrets." not in text and "github.token" not in text
    assert "pull_request_target" not in text and "persist-credentials: false" in text
    uses = [step["uses"].partition("@")[0] for job in second["jobs"].values() for step in job["steps"] if "uses" in step]
    assert uses == ["actions/download-artifact"] and second["permissions"] == {"actions": "read", "pull-requests": "write"}
    for each in (first, second):  # what GitHub puts into a script is code there: values come by the environment alone
        runs = [step["run"] for job in each["jobs"].values() for step in job["steps"] if "run" in step]
        assert not any("${{" in run for run in runs)


def test_without_measures_the_comment_says_that_it_does_not_know(origin: Repository, tmp_path: Path, tools: Path) -> None:
    base = origin.git("rev-parse", "HEAD")
    edited(origin, "length: {min: 5}", "length: {min: 6}")
    runner = Runner(checkout(origin, tmp_path / "runner", measures=False), tools)
    ran = runner.run(script(*DIFF), BASE=base, MEASURES="measures")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "not all values are known" in (runner.folder / "out/comment.md").read_text("utf-8")


def test_the_hook_and_the_difftool_of_the_page_work(origin: Repository, tools: Path) -> None:
    page = (ROOT / "docs" / "review.md").read_text("utf-8")
    (hook,) = yaml.safe_load(re.search(r"```yaml pre-commit\n(.*?)```", page, re.DOTALL)[1])["repos"]  # type: ignore[index]
    runner = Runner(origin.folder, tools)
    assert runner.run(hook["hooks"][0]["entry"]).returncode == 0
    origin.write("recipe.yaml", RECIPE.replace("- unique", "- uniqe"))
    assert runner.run(hook["hooks"][0]["entry"]).returncode == 2
    origin.write("recipe.yaml", RECIPE.replace("seed: 7", "seed: 8"))
    lines = re.search(r"```sh difftool\n(.*?)```", page, re.DOTALL)[1]  # type: ignore[index]
    ran = runner.run(lines, GIT_CONFIG_GLOBAL=str(origin.folder / ".recipe" / "gitconfig"))
    assert ran.returncode == 0 and "seed 7 -> 8" in ran.stdout, ran.stdout + ran.stderr
