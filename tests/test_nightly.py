"""The nightly steps go on where they ended, and say what they left out."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

STEPS = ("install", "vllm", "overhead", "fuzz", "readers", "marked", "seeds", "everywhere")
#: In the place of python3: an environment whose programs say what they were asked, and fail at what `FAILS` names.
STAND_IN = """#!/bin/sh
mkdir -p "$3/bin"
for name in pip python; do
  printf '#!/bin/sh\\ncase "$*" in *"${FAILS:-nothing}"*) exit 1;; esac\\necho "torch ran: %s $*"\\n' "$name" > "$3/bin/$name"
  chmod +x "$3/bin/$name"
done
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    if shutil.which("git") is None or shutil.which("bash") is None:
        pytest.skip("there is no git or no bash")
    (tmp_path / "clone" / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "nightly", tmp_path / "clone" / ".ci" / "nightly")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_text(STAND_IN, "utf-8")
    (tmp_path / "bin" / "python3").chmod(0o755)
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", *command], cwd=tmp_path / "clone", check=True)
    return tmp_path / "clone"


def nightly(clone: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    path = f"{clone.parent / 'bin'}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(clone), "TMPDIR": str(clone.parent), **variables}
    ran = subprocess.run([".ci/nightly", *arguments], cwd=clone, env=environment, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr


def test_every_step_ends_with_its_line(clone: Path) -> None:
    code, said = nightly(clone)
    assert code == 0 and "skipped" not in said, said
    assert [line.split(" | ")[0] for line in said.splitlines()[-len(STEPS) :]] == [f"| {step}" for step in STEPS]
    assert "| torch ran: python -m tests.fuzz --all --count 20000 --processes 1 |" in said.splitlines()[-5]
    assert "| torch ran: python -m tests.fuzz_readers --count 20000 --processes 1 |" in said.splitlines()[-4]


def test_steps_that_are_done_for_a_commit_are_left_out_and_named(clone: Path) -> None:
    kept = str(clone.parent / "kept")
    code, said = nightly(clone, NIGHTLY=kept, FAILS="beside_vllm")
    assert code == 1 and "all passed" not in said
    code, said = nightly(clone, NIGHTLY=kept)
    assert code == 0 and said.count("skipped, it is done for") == 2 and "== overhead\n" in said, said
    assert said.count("| torch ran: ") == len(STEPS)
    (clone / "more").write_text("", "utf-8")
    subprocess.run(["git", "add", "-A"], cwd=clone, check=True)
    code, said = nightly(clone, NIGHTLY=kept)
    assert code == 0 and "skipped" not in said, "another commit, or one with changes, is done anew"


def test_it_begins_where_it_is_told_to(clone: Path) -> None:
    kept = str(clone.parent / "kept")
    code, said = nightly(clone, "--from", "fuzz", NIGHTLY=kept)
    assert code == 0 and "== install\n" in said and "== vllm: skipped" in said and "== fuzz\n" in said, said
    code, said = nightly(clone, "--from", "fuzz", NIGHTLY=kept)
    assert code == 0 and "== install: skipped" in said and "== fuzz\n" in said, said
    assert nightly(clone, "--from", "nothing") == (2, f"there is no step `nothing`: {' '.join(STEPS)}\n")
