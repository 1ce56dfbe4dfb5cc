"""Flipped bytes of the completions and of the memo are told or do no harm; so is a clock that was set back."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.teacher import TRACES, Teacher, configure, teaching

FLIPS = 20 if os.environ.get("RECIPE_LONG") else 8
pytestmark = pytest.mark.long
"""Of each file; a night may try more."""
RECIPE = TRACES.rstrip() + "\n  think: {language_share: {of: target, min: 0.0}}\n"
PROMPTS = [f"{n}번 문제: {n}에 {n}을 더하면 얼마인가요?" for n in range(8)]


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, Teacher, str]]:
    """(a project whose completions are kept, its teacher, the digest of its traces)."""
    project = Project(tmp_path_factory.mktemp("taught"))
    project.rows("a.jsonl", PROMPTS)
    project.write("recipe.yaml", RECIPE)
    with pytest.MonkeyPatch.context() as patched, teaching() as teacher:
        configure(project.folder, teacher, patched, attempts=1, timeout=60)
        report = project.build()
        assert report["outputs"][0]["rows"] == len(PROMPTS)
        yield project, teacher, report["outputs"][0]["digest"]


def completions_of(project: Project, store: str) -> Path:
    return project.folder / store / "memos" / "v1" / "completions" / "completions.sqlite"


def only_completions(project: Project, store: str) -> Path:
    """A store with the completions of another and nothing else."""
    shutil.rmtree(project.folder / store, ignore_errors=True)
    path = completions_of(project, store)
    path.parent.mkdir(parents=True)
    for each in completions_of(project, "store").parent.iterdir():
        shutil.copy(each, path.parent / each.name)
    with sqlite3.connect(path) as connection:  # all in one file
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path


def flipped(path: Path, chance: random.Random, most: int | None = None) -> str:
    """Flip one bit of a file, where something is written; which one."""
    content = bytearray(path.read_bytes())
    written = [place for place, byte in enumerate(content[:most]) if byte]
    place, bit = chance.choice(written), 1 << chance.randrange(8)
    content[place] ^= bit
    path.write_bytes(content)
    return f"bit {bit} of byte {place}"


@pytest.mark.parametrize("where", ["anywhere", "the header"])
def test_a_flipped_bit_of_the_completions_is_told_or_does_no_harm(taught: tuple[Project, Teacher, str], where: str) -> None:
    project, teacher, digest = taught
    told = asked = 0
    for number in range(FLIPS):
        path = only_completions(project, "flipped")
        which = flipped(path, random.Random(number), None if where == "anywhere" else 120)
        before = sum(teacher.asked.values())
        for command in (["build", "recipe.yaml"], ["store", "verify"], ["plan", "recipe.yaml"], ["store", "completions", "ls"]):
            ran = project.run(*command, "--store", "flipped", "--json")
            assert "Traceback" not in ran.err and ran.code in (0, 1), (number, which, command, ran.err)
            if command[0] == "build" and ran.code == 0:
                assert ran.json["outputs"][0]["digest"] == digest, (number, which)
            told += command[0] == "build" and ran.code
        asked += sum(teacher.asked.values()) - before
    assert told + asked


def test_a_clock_that_is_set_back_breaks_nothing(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    project.rows("a.jsonl", PROMPTS)
    project.write("recipe.yaml", RECIPE)
    clock = time.time
    with teaching() as teacher:
        configure(tmp_path, teacher, monkeypatch)
        digest = project.digest()
        for shift in (-3e8, -1.5e9, 3e8):
            monkeypatch.setattr(time, "time", lambda shift=shift: clock() + shift)
            for path in (project.folder / "store").rglob("*"):
                os.utime(path, (clock() + 1e6, clock() + 1e6), follow_symlinks=False)  # all of it is from tomorrow
            assert project.digest() == digest
            assert project.run("store", "gc", "--store", "store").code == 0
            assert project.run("store", "verify", "--store", "store").code == 0
            assert project.digest("recipe.yaml", "--set", "cot.teacher.temperature=0.5") != digest
            assert project.run("lock", "recipe.yaml", "--store", "store", "-q").code == 0
            assert project.run("build", "recipe.yaml", "--store", "store", "--locked", "-q").code == 0
        assert set(teacher.asked.values()) == {1}
