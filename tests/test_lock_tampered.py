"""A lock that was changed by anything but `recipe lock` is told; one that another installation made the same is no drift."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path
from typing import Any

import pytest

from compiler.graph.lock import read_lock
from compiler.text.canonical import digest_of
from compiler.text.diagnostics import RecipeError
from tests.conftest import Project, Ran
from tests.scratch import repository


@pytest.fixture
def locked(project: Project) -> Project:
    text = (project.folder / "recipe.yaml").read_text("utf-8")
    project.write("recipe.yaml", text + "  - unique: {normalise: [nfc]}\n")
    assert project.run("lock", "recipe.yaml", "--store", "store", "-q").code == 0
    return project


def lock_path(project: Project) -> Path:
    return project.folder / "recipe.lock"


def change(project: Project, edit: Any) -> None:
    """Another content under a checksum that fits."""
    said = json.loads(lock_path(project).read_text("utf-8"))
    del said["checksum"]
    edit(said)
    lock_path(project).write_text(json.dumps({**said, "checksum": digest_of(said)}, ensure_ascii=False), "utf-8")


def locked_build(project: Project, *arguments: str) -> Ran:
    return project.run("build", "recipe.yaml", "--store", "store", "--locked", *arguments)


def test_every_flipped_bit_of_a_lock_is_told(locked: Project) -> None:
    path = lock_path(locked)
    whole = path.read_bytes()
    passed = []
    with open(path, "r+b", buffering=0) as file:
        for place in range(len(whole)):
            for bit in range(8) if place % 7 == 0 else (place % 8,):
                os.pwrite(file.fileno(), bytes([whole[place] ^ 1 << bit]), place)
                try:
                    read_lock(path, "recipe.lock")
                    passed.append((place, bit, whole[place : place + 1]))
                except RecipeError as error:
                    assert all(each.span is not None and each.hint for each in error.diagnostics)
            os.pwrite(file.fileno(), whole[place : place + 1], place)
    assert passed == [] and path.read_bytes() == whole


@pytest.mark.parametrize("part", ["tables", "outputs", "operators", "profiles", "sources", "a.jsonl", "length", "key", "unique"])
def test_a_byte_of_each_part_that_is_another_is_refused_by_every_command(locked: Project, part: str) -> None:
    whole = lock_path(locked).read_bytes()
    at = whole.index(part.encode())
    lock_path(locked).write_bytes(whole[:at] + bytes([whole[at] ^ 2]) + whole[at + 1 :])
    for command in ("build", "plan", "check", "diff"):
        ran = locked.run(command, "recipe.yaml", *(["--set", "seed=2"] if command == "diff" else []))
        assert ran.code == 2 and "recipe.lock:" in ran.err and "written by `recipe lock` alone" in ran.err, (command, ran.err)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda text: text[:200], "this is no JSON"),
        (lambda text: text.replace('"frozen"', '"frosen"'), "`frosen` is no part of a lock; `frozen` is"),
        (lambda text: text.replace('"format": 4', '"format": 3'), "another format: 3, and 4 is read here"),
        (lambda text: text.replace('"rows": ', '"rows": -'), "a whole number has to stand here"),
        (lambda text: text.replace('"rows": ', '"rows": 1.'), "a whole number has to stand here"),
        (lambda text: text.replace('"recipe": "test/plain"', '"recipe": "test/plain", "recipe": "x"'), "stands here twice"),
        (lambda text: text.replace('"checksum": "', '"checksum": "0'), "a digest, 64 hexadecimal digits, has to stand here"),
        (lambda text: "\n".join(line for line in text.split("\n") if "checksum" not in line), "`checksum` is missing here"),
        (lambda text: text.replace('"test/plain"', "NaN"), "this is no JSON"),
        (lambda text: text.replace('"test/plain"', "9" * 9999), "this is no JSON"),
        (lambda text: "[" * 100_000, "nested deeper than"),
        (lambda text: text.replace('"test/plain"', '"test/plane"'), "its checksum is that of another content"),
        (lambda text: text.encode() + b"\xff", "not UTF-8"),
    ],
)
def test_a_lock_that_was_edited_is_told_at_its_place(locked: Project, edit: Any, told: str) -> None:
    made = edit(lock_path(locked).read_text("utf-8"))
    lock_path(locked).write_bytes(made if isinstance(made, bytes) else made.encode())
    ran = locked_build(locked)
    assert ran.code == 2 and told in ran.err and "recipe.lock:" in ran.err and "`recipe lock`" in ran.err, ran.err


def test_a_conflict_that_git_left_is_told_as_one(locked: Project) -> None:
    text = lock_path(locked).read_text("utf-8")
    lock_path(locked).write_text(text.replace(' "recipe"', '<<<<<<< HEAD\n "recipe"'), "utf-8")
    ran = locked_build(locked)
    assert ran.code == 2 and "git left a conflict in the lock" in ran.err and "take either side as a whole" in ran.err


def test_blanks_and_line_ends_mean_nothing(locked: Project) -> None:
    text = lock_path(locked).read_text("utf-8")
    lock_path(locked).write_bytes(text.replace("\n", "\r\n").encode())
    assert locked_build(locked).code == 0


def test_a_lock_with_ten_thousand_files_is_read(locked: Project) -> None:
    change(locked, lambda said: said["sources"]["a"].update(files=[[f"{n}.jsonl", "0" * 64, n] for n in range(10_000)]))
    assert read_lock(lock_path(locked), "recipe.lock") is not None


def test_a_stage_that_came_out_otherwise_under_its_key_is_refused(locked: Project) -> None:
    change(locked, lambda said: said["tables"]["prompts/unique"].update(digest="0" * 64))
    ran = locked_build(locked)
    assert ran.code == 1 and "the stage `prompts/unique` is" in ran.err and "in the lock under the same key" in ran.err


def test_an_operator_of_another_version_is_refused(locked: Project) -> None:
    change(locked, lambda said: said["operators"].update(unique=99))
    ran = locked_build(locked)
    assert ran.code == 1 and "the operator `unique` is version" in ran.err


def test_another_version_of_pyarrow_breaks_no_lock_and_is_told(locked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "99.1.0" if name == "pyarrow" else installed(name))
    for store in ("store", "another"):
        ran = locked.run("build", "recipe.yaml", "--store", store, "--locked")
        assert ran.code == 0 and "as the lock says, under another key" in ran.out + ran.err, ran.out + ran.err
    monkeypatch.undo()
    assert "under another key" not in locked_build(locked).out


def test_a_revision_whose_lock_cannot_be_read_is_compared_without_it(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    made = repository(tmp_path / "project")
    made.rows("a.jsonl", ["하나 둘 셋", "넷 다섯 여섯"])
    made.write("recipe.yaml", "format: 1\nrecipe: t/x\nlanguage: {target: ko}\nsources: {a: {file: a.jsonl, category: o, license: A}}\nprompts: [length: {min: 1}]\n")  # fmt: skip  # noqa: E501
    made.write("recipe.lock", '{"format": 3}\n')
    made.commit()
    assert made.run("lock", "recipe.yaml", "-q").code == 0
    text = (made.folder / "recipe.yaml").read_text()
    made.write("recipe.yaml", text.replace("min: 1", "min: 2"))
    ran = made.run("diff", "HEAD", "recipe.yaml")
    assert ran.code == 0 and "HEAD:recipe.lock:1:12: the lock has another format: 3" in ran.out
    assert "length: min 1 -> 2" in ran.out
