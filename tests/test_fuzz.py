"""A thousand mutants of what is committed: no traceback, no mistake without its place, nothing long or large."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.fuzz import MEGABYTES, SECONDS, complaint, fuzz, recipes, tried
from tests.mutants import lay_out, mutant, origins

COUNT = 1000


def test_mutants_are_checked_and_told_in_place() -> None:
    told = list(fuzz(0, COUNT, recipes(everything=False)))
    assert [each for each in told if each["wrong"]] == []
    # Mutants are worth trying where some of them still are recipes.
    codes = Counter(each["code"] for each in told)
    assert len(told) == COUNT and codes[0] > COUNT / 20 and codes[2] > COUNT / 3, codes


def test_everything_committed_is_mutated_and_a_mutant_is_its_number(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    lay_out(one)
    lay_out(two)
    names = {origin.path.as_posix() for origin in origins(one)}
    assert {"recipes/ko/yi-sang-hq.yaml", "recipes/languages/fa.yaml", "cases/unknown-key/recipe.yaml"} <= names
    assert any(origin.builds for origin in origins(one))
    assert [mutant(one, each).content for each in range(50)] == [mutant(two, each).content for each in range(50)]


@pytest.mark.parametrize(
    ("code", "said", "seconds", "wrong"),
    [
        (None, "", 0.1, "boom"),
        (3, "", 0.1, "exit code 3"),
        (0, "", SECONDS + 1, "CPU seconds"),
        (2, '{"diagnostics": [{"line": null}]}', 0.1, "no place"),
        (2, '{"diagnostics": []}', 0.1, "no place"),
        (2, "error: what", 0.1, "no JSON"),
    ],
)
def test_what_may_not_happen_is_a_finding(code: int | None, said: str, seconds: float, wrong: str) -> None:
    assert wrong in str(complaint(["check"], code, said, "boom", seconds, 90.0))
    assert complaint(["check"], 2, '{"diagnostics": [{"line": 1}]}', "", 0.1, MEGABYTES) is None
    assert "it held" in str(complaint(["check"], 0, "", "", 0.1, MEGABYTES + 1))


def test_a_worker_that_dies_is_a_finding_and_the_next_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(tmp_path / "there")
    monkeypatch.setattr("sys.executable", str(killed(tmp_path)))
    told = list(tried(tmp_path / "there", 0, 3, recipes(everything=False)))
    assert [(each["done"], bool(each["wrong"])) for each in told] == [(0, True), (1, True), (2, True)]


def killed(folder: Path) -> Path:
    """A program that says which mutant it is at, and dies."""
    program = folder / "python"
    program.write_text('#!/bin/sh\necho "{\\"at\\": $5, \\"command\\": \\"check\\"}"\nkill -9 $$\n', "utf-8")
    program.chmod(0o755)
    return program
