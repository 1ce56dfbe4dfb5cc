"""docs/architecture.md keeps its word: it is short, and the operator it adds as a diff can be added so."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def test_the_tour_is_at_most_two_pages() -> None:
    prose = re.sub(r"````diff.*?````", "", TEXT, flags=re.DOTALL)
    assert len(prose.splitlines()) <= 110


def test_every_path_the_tour_names_is_there() -> None:
    named = set(re.findall(r"`((?:operators|compiler|runtime|docs|tests)/[\w./]*)`", TEXT)) - {"operators/measures/lines.py"}
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_an_operator_is_one_class_in_one_file_one_entry_and_one_case(tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("there is no git to apply the diff with")
    for folder in ("operators", "compiler", "runtime", "recipes", "tests", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", ".recipe"))
    diff = re.search(r"````diff\n(.*?)````", TEXT, re.DOTALL)
    assert diff is not None
    touched = re.findall(r"^\+\+\+ b/(\S+)", diff[1], re.MULTILINE)
    assert touched == ["operators/public.py", "operators/measures/lines.py", "tests/cases/lines.md"]

    def run(*command: str, text: str | None = None) -> None:
        done = subprocess.run(command, cwd=tmp_path, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    run("git", "init", "-q")
    run("git", "apply", "-", text=diff[1])
    run(sys.executable, "-m", "compiler.docs", "--write")
    run(sys.executable, "-m", "tests.test_golden", "--write")
    tried = [f"tests/{name}.py" for name in ("test_cases", "test_golden", "test_keys", "test_keys_reads", "test_definitions")]
    shape = "lines or declarations or record_holds or every_declared_field or documented"
    run(sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *tried, "tests/test_shape.py", "-k", shape)
