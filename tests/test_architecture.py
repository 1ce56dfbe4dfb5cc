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


DIFFS = re.findall(r"````diff\n(.*?)````", TEXT, re.DOTALL)
TOUCHED = [re.findall(r"^\+\+\+ b/(\S+)", diff, re.MULTILINE) for diff in DIFFS]


def test_every_path_the_tour_names_is_there() -> None:
    named = set(re.findall(r"`((?:operators|compiler|runtime|docs|tests)/[\w./]*)`", TEXT)) - {
        each for told in TOUCHED for each in told
    }
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_a_walk_has_at_most_ten_steps() -> None:
    walks = re.findall(r"^## The way of one .*?\n\n(.*?)\n\n", TEXT, re.DOTALL | re.MULTILINE)
    assert [len(walk.splitlines()) <= 10 for walk in walks] == [True, True]


def test_an_operator_is_a_class_a_line_and_a_case_and_a_kind_of_stage_a_file_and_a_line_more() -> None:
    operator, kind = TOUCHED
    assert operator == ["operators/public.py", "operators/measures/lines.py", "tests/cases/lines.md"]
    both = ["operators/public.py", "operators/sets/tally.py"]
    assert kind == [*both, "runtime/stages/table.py", "runtime/stages/tally.py", "tests/cases/tally.md"]


def test_what_the_tour_adds_can_be_added_so(tmp_path: Path) -> None:
    """Both diffs at once; then all that tries operators tries the new ones, and nothing else needs an entry."""
    if shutil.which("git") is None:
        pytest.skip("there is no git to apply the diffs with")
    for folder in ("operators", "compiler", "runtime", "recipes", "tests", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns(".recipe"))

    def run(*command: str, text: str | None = None) -> None:
        done = subprocess.run(command, cwd=tmp_path, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    run("git", "init", "-q")
    for diff in DIFFS:
        run("git", "apply", "-", text=diff)
    run(sys.executable, "-m", "compiler.docs", "--write")
    run(sys.executable, "-m", "tests.test_golden", "--write")
    names = ("test_cases", "test_golden", "test_keys", "test_keys_reads", "test_definitions", "test_shape")
    tried = [f"tests/{name}.py" for name in names]
    fresh = "lines or tally or declarations or record_holds or every_declared_field or documented"
    run(sys.executable, "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider", *tried, "-k", fresh)
