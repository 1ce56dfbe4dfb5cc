"""A store that cannot be written serves what is built in it, and says so where something would have to be made."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, Project, Ran
from tests.scratch import ENVIRONMENT, repository
from tests.teacher import TRACES, configure, teaching

#: Root writes where nobody may, unless it lays down the right to.
PLAIN = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]
ABLE = os.geteuid() != 0 or shutil.which("setpriv") is not None
pytestmark = pytest.mark.skipif(not ABLE, reason="setpriv is not installed, and root may write everywhere")


SERVED = [
    "build recipe.yaml",
    "build recipe.yaml --locked",
    "plan recipe.yaml",
    "diff recipe.yaml",
    "diff recipe.yaml --set prompts.length.min=20",
    "why recipe.yaml --match 3번",
    "verify recipe.yaml",
    "show recipe.yaml --near length",
    "export recipe.yaml --to out --force",
    "report recipe.yaml --json",
    "store ls",
    "store verify",
    "store completions ls",
    "store push pushed --measures",
    "status",
]


REFUSED = ["build recipe.yaml --set prompts.length.min=20", "store gc"]
EACH = """
import json, sys
from pathlib import Path
from tests.conftest import Project
for command in sys.argv[2:]:
    ran = Project(Path(sys.argv[1])).run(*command.split(), "--store", "store")
    print(json.dumps([ran.code, ran.out, ran.err]))
"""


def run(project: Project, *commands: str) -> dict[str, Ran]:
    """What commands say in a process that may not write where the modes of files forbid it."""
    before = PLAIN if os.geteuid() == 0 else []
    program = [*before, sys.executable, "-c", EACH, str(project.folder), *commands]
    environment = os.environ | ENVIRONMENT | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(program, cwd=project.folder, env=environment, capture_output=True, text=True, check=True)
    return {command: Ran(*json.loads(line)) for command, line in zip(commands, done.stdout.splitlines(), strict=True)}


def forbid(folder: Path, forbidden: bool) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode & ~0o222 if forbidden else mode | 0o200)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ran]]:
    """What commands say in a repository whose recipe is built and locked in a store that cannot be written."""
    folder = tmp_path_factory.mktemp("served")
    made = repository(folder)
    made.rows("a.jsonl", [f"{n}번 문제: {n}에 {n}을 더하면 얼마인가요?" for n in range(12)])
    made.write("recipe.yaml", TRACES.rstrip() + "\n  think: {language_share: {of: target, min: 0.0}}\n")
    with pytest.MonkeyPatch.context() as patched, teaching() as teacher:
        configure(folder, teacher, patched)
        assert made.run("lock", "recipe.yaml", "--store", "store", "-q").code == 0
        made.commit()
        forbid(folder / "store", True)
        yield run(made, *SERVED, *REFUSED)
        forbid(folder / "store", False)


@pytest.mark.parametrize("command", SERVED)
def test_a_store_that_cannot_be_written_serves_what_is_built(told: dict[str, Ran], command: str) -> None:
    ran = told[command]
    assert ran.code == 0, (command, ran.out + ran.err)


@pytest.mark.parametrize("command", REFUSED)
def test_what_has_to_be_written_is_told(told: dict[str, Ran], command: str) -> None:
    ran = told[command]
    assert ran.code == 1 and "Traceback" not in ran.err and "--store" in ran.err, ran.err
