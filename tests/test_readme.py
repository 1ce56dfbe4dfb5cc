"""The README shows what the commands print."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

from tests.conftest import ROOT, Project

TEXT = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
PARTS = [part for block in BLOCKS for part in re.split(r"^(?=\$ recipe )", block, flags=re.MULTILINE)]
#: What a model writes is compared where one is installed: test_embedded.py.
SHOWN = [part for part in PARTS if part.startswith("$ recipe") and "tiny" not in part.splitlines()[0]]


def test_there_are_screens_to_compare() -> None:
    assert len(SHOWN) == 3


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.split()[2])
def test_a_screen_of_the_readme_is_what_is_printed(shown: str, project: Project) -> None:
    assert project.run("build", str(ROOT / "recipes/ko/quickstart.yaml"), "--store", "store", "-q").code == 0
    line, _, wanted = shown.partition("\n")
    command, _, cut = line.removeprefix("$ recipe ").partition(" | ")
    arguments = [str(ROOT / part) if part.startswith("recipes/") else part for part in shlex.split(command)]
    ran = project.run(*arguments, "--store", "store")
    said = ran.out.replace(str(ROOT) + "/", "").replace("store/v4", ".recipe/v4").replace(" --store store", "")
    printed = without_times(said.strip("\n")).splitlines()
    number = int(cut.partition(" -")[2] or 0)
    printed = printed[:number] if cut.startswith("head") else printed[-number:]
    assert [text.rstrip() for text in printed] == without_times(wanted.strip("\n")).splitlines()


def test_the_lines_for_a_notebook_run(project: Project) -> None:
    (lines,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    there = lines.replace('"recipes/', f'"{ROOT}/recipes/').replace('.yaml")', '.yaml", store="store")')
    (project.folder / "cells.py").write_text(f"{there}print(table)\n", "utf-8")
    ran = subprocess.run([sys.executable, "-P", "cells.py"], cwd=project.folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0 and ran.stdout.splitlines()[-1].startswith("dataset: "), ran.stderr


def without_times(text: str) -> str:
    """What a stage took differs from run to run."""
    return re.sub(r"\d+\.\d\d s last time", "... s last time", text)
