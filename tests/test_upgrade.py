"""What was paid for outlives the layout of a store: completions and measured values of an earlier version are moved."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest

from runtime.store.layout import BEFORE, FORMAT, MEMOS, paid_in
from runtime.store.store import Store
from tests.conftest import ROOT, Project
from tests.fault_layers import KILLED, Deadly
from tests.faults import CODE, in_child
from tests.teacher import TRACES, Teacher, configure, teaching
from tests.test_read_only import ABLE, forbid, run
from tests.warm import python

EARLIER = "1f41f49"
"""The last commit whose stores have all of it in the folder of their format."""
THINK = "\n  think: {language_share: {of: target, min: 0.0}}\n"
RECIPE = TRACES.replace("- length: {min: 3}", "- length: {min: 3}\n  - morphemes: {min: 2, workers: 1}").rstrip() + THINK
PROMPTS = [f"{number}번 문제: 물은 왜 {number}도에서 끓나요?" for number in range(12)]

Older = tuple[Project, Teacher, str]


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Older]:
    """(a project whose store `whole` is laid out as before, its teacher, the digest of its traces)."""
    project = Project(tmp_path_factory.mktemp("older"))
    project.rows("a.jsonl", PROMPTS)
    project.write("recipe.yaml", RECIPE)
    with pytest.MonkeyPatch.context() as patched, teaching() as teacher:
        configure(project.folder, teacher, patched, attempts=1)
        digest = project.digest(store="whole")
        assert sum(teacher.tried.values()) == len(PROMPTS)
        lay_out_as_before(project.folder / "whole")
        yield project, teacher, digest


def lay_out_as_before(store: Path) -> None:
    (store / BEFORE).mkdir(exist_ok=True)
    for each in (store / MEMOS).iterdir():
        each.rename(store / BEFORE / each.name)
    shutil.rmtree(store / "memos")


@pytest.fixture
def older(taught: Older) -> Older:
    """The same with a store of its own, that may be changed."""
    project, teacher, _ = taught
    shutil.rmtree(project.folder / "store", ignore_errors=True)
    shutil.copytree(project.folder / "whole", project.folder / "store", symlinks=True)
    teacher.tried.clear()
    return taught


def paid(store: Path) -> tuple[set[bytes], set[str]]:
    """(the addresses of all completions, the names of all journals) wherever they lie."""
    addresses: set[bytes] = set()
    for path in store.rglob("completions.sqlite"):
        with closing(sqlite3.connect(path)) as memo:
            addresses |= {address for (address,) in memo.execute("SELECT address FROM completions")}
    return addresses, {path.name for path in store.rglob("*.journal")}


def without_results(store: Path) -> None:
    """As after a change of the format of results: none of them is there."""
    for kind in ("results", "beside", "objects", "names", "outputs"):
        shutil.rmtree(store / FORMAT / kind)


def is_moved(store: Path) -> bool:
    return not paid_in(store / BEFORE) and paid_in(store / MEMOS) == ["completions", "memo"]


@pytest.mark.parametrize("forgotten", [False, True], ids=["with its results", "without its results"])
def test_a_build_on_an_older_store_asks_no_model_and_measures_nothing(older: Older, forgotten: bool) -> None:
    project, teacher, digest = older
    before = paid(project.folder / "store")
    if forgotten:
        without_results(project.folder / "store")
    report = project.build()
    assert report["outputs"][0]["digest"] == digest and not teacher.tried
    assert is_moved(project.folder / "store") and paid(project.folder / "store") == before
    assert project.run("store", "verify", "--store", "store").out == "clean: store\n"


def test_a_store_that_the_version_before_wrote_asks_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = subprocess.run(
        ["git", "archive", EARLIER, "operators", "compiler", "runtime", "recipes"], cwd=ROOT, capture_output=True, check=False
    )
    if packed.returncode:
        pytest.skip(f"the commit {EARLIER} is not in this checkout")
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(tmp_path / "before", filter="data")
    project = Project(tmp_path)
    project.rows("a.jsonl", PROMPTS)
    project.write("recipe.yaml", RECIPE)
    with teaching() as teacher:
        configure(tmp_path, teacher, monkeypatch, attempts=1)
        command = [sys.executable, "-m", "runtime.cli.main", "build", "recipe.yaml", "--store", "store", "-q"]
        subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path / "before")}, check=True)
        assert paid_in(tmp_path / "store" / BEFORE) == ["completions", "memo"] and sum(teacher.tried.values()) == len(PROMPTS)
        ran = project.run("build", "recipe.yaml", "--store", "store")
        assert ran.code == 1 and "is in the format v3; this version reads v4" in ran.err and "no model is asked again" in ran.err
        told = project.run("store", "upgrade", "--store", "store")
        assert told.code == 0 and told.out == "moved completions and measured values, in store\n"
        assert project.build()["outputs"][0]["rows"]
        assert sum(teacher.tried.values()) == len(PROMPTS) and is_moved(tmp_path / "store")


def test_an_upgrade_moves_what_was_paid_for_and_asks_no_model(older: Older) -> None:
    project, teacher, _ = older
    before = paid(project.folder / "store")
    ran = project.run("store", "upgrade", "--store", "store")
    assert (ran.code, ran.out) == (0, "moved completions and measured values, in store\n")
    assert is_moved(project.folder / "store") and paid(project.folder / "store") == before and not teacher.tried
    ran = project.run("store", "upgrade", "--store", "store")
    assert (ran.code, ran.out) == (0, "nothing to move: store is as this version lays it out\n")


READING = ["plan recipe.yaml --set prompts.length.min=4", "diff recipe.yaml --set prompts.length.min=8", "store completions ls"]


@pytest.mark.parametrize("command", READING)
def test_who_only_reads_finds_it_where_it_was(older: Older, command: str) -> None:
    project, _, _ = older
    told = project.run(*command.split(), "--store", "store")
    assert told.code == 0 and paid_in(project.folder / "store" / BEFORE) == ["completions", "memo"]
    project.run("store", "upgrade", "--store", "store")
    assert project.run(*command.split(), "--store", "store").out == told.out


def test_an_upgrade_that_is_killed_anywhere_loses_nothing(older: Older) -> None:
    """Also where completions of both versions are to be brought together."""
    project, teacher, digest = older
    store, start = project.folder / "store", project.folder / "start"
    twice(project)
    shutil.rmtree(start, ignore_errors=True)
    shutil.copytree(store, start, symlinks=True)
    before, points = paid(start), 0
    while True:
        shutil.rmtree(store)
        shutil.copytree(start, store, symlinks=True)

        def moving(number: int = points) -> int:
            Store(store, Deadly(number)).prepare()
            return 0

        ended = in_child(moving)
        assert paid(store) == before, points
        if ended == 0:
            break
        assert ended == KILLED
        Store(store).prepare()
        assert is_moved(store) and paid(store) == before
        points += 1
    assert points >= 5
    without_results(store)
    assert project.digest() == digest and not teacher.tried


def twice(project: Project) -> None:
    """Let an older version have gone on after a newer one: some of it lies in both places, some in one of them."""
    store = project.folder / "store"
    shutil.copytree(store / BEFORE / "completions", store / MEMOS / "completions")
    for place, rest in ((store / MEMOS, "< 2"), (store / BEFORE, ">= 4")):
        with closing(sqlite3.connect(place / "completions" / "completions.sqlite", isolation_level=None)) as memo:
            memo.execute(f"DELETE FROM completions WHERE rowid % 6 {rest}")
    first = next((store / BEFORE / "memo").glob("*/*/*.journal"))
    other = store / MEMOS / first.relative_to(store / BEFORE)
    other.parent.mkdir(parents=True)
    shutil.copy(first, other.with_name("0" * 32 + "-" + first.name.partition("-")[2]))


def test_what_lies_in_two_places_is_told_to_who_reads_and_brought_together_by_who_writes(older: Older) -> None:
    project, teacher, digest = older
    twice(project)
    ran = project.run("plan", "recipe.yaml", "--store", "store", "--set", "prompts.length.min=4")
    assert ran.code == 1 and "lie in two places" in ran.err and "recipe store upgrade" in ran.err
    held = paid(project.folder / "store")
    assert project.run("store", "upgrade", "--store", "store").code == 0
    assert is_moved(project.folder / "store") and paid(project.folder / "store") == held
    assert project.digest() == digest and not teacher.tried


def test_two_builds_that_come_upon_an_older_store_at_once_ask_no_model(older: Older) -> None:
    project, teacher, digest = older
    without_results(project.folder / "store")
    command = [python(), "-m", "runtime.cli.main", "build", "recipe.yaml", "--store", "store", "-q"]
    environment = {**os.environ, "PYTHONPATH": str(CODE)}
    both = [subprocess.Popen(command, cwd=project.folder, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for each in both:
        _, told = each.communicate()
        assert each.returncode == 0, told
    assert not teacher.tried and is_moved(project.folder / "store") and project.digest() == digest


def test_nothing_is_moved_while_a_build_runs_that_may_write_to_it(older: Older) -> None:
    project, teacher, _ = older
    with open(project.folder / "store" / FORMAT / "running" / "0123", "w") as running:
        fcntl.flock(running, fcntl.LOCK_EX)
        for command in (["build", "recipe.yaml"], ["store", "upgrade"]):
            ran = project.run(*command, "--store", "store")
            assert ran.code == 1 and "a build is running" in ran.err and "wait until it has ended" in ran.err
    assert paid_in(project.folder / "store" / BEFORE) == ["completions", "memo"] and not teacher.tried


def test_completions_that_are_damaged_are_told_and_left_where_they_are(older: Older) -> None:
    project, teacher, _ = older
    twice(project)
    path = project.folder / "store" / BEFORE / "completions" / "completions.sqlite"
    path.write_bytes(b"rubbish" * 1000)
    ran = project.run("build", "recipe.yaml", "--store", "store")
    assert ran.code == 1 and "cannot be brought over" in ran.err and not teacher.tried
    assert path.read_bytes() == b"rubbish" * 1000


@pytest.mark.skipif(not ABLE, reason="setpriv is not installed, and root may write everywhere")
def test_an_older_store_that_cannot_be_written_is_read_where_it_lies(older: Older) -> None:
    project, teacher, _ = older
    forbid(project.folder / "store", True)
    try:
        upgraded = "store upgrade"
        told = run(project, "build recipe.yaml", *READING, upgraded)
        assert [(command, ran.err) for command, ran in told.items() if ran.code and command != upgraded] == []
        ran = told[upgraded]
        assert ran.code == 1 and "cannot be written" in ran.err and "Traceback" not in ran.err
    finally:
        forbid(project.folder / "store", False)
    assert paid_in(project.folder / "store" / BEFORE) == ["completions", "memo"] and not teacher.tried


# -- other formats


def test_a_format_that_is_newer_is_told_and_never_read(older: Older) -> None:
    project, teacher, _ = older
    store = project.folder / "store"
    (store / "memos" / "v2").mkdir(parents=True)
    for command in (["build", "recipe.yaml"], ["plan", "recipe.yaml"], ["store", "upgrade"], ["store", "verify"]):
        ran = project.run(*command, "--store", "store")
        assert ran.code == 1 and "are in the format v2; this version reads v1" in ran.err and "newer version" in ran.err
    shutil.rmtree(store / "memos")
    (store / FORMAT).rename(store / "v5")
    for command in (["build", "recipe.yaml"], ["plan", "recipe.yaml"], ["store", "upgrade"], ["store", "pull", "store"]):
        ran = project.run(*command, "--store", "store")
        assert ran.code == 1 and "is in the format v5; this version reads v4" in ran.err and "newer version" in ran.err
    assert not teacher.tried and not (store / FORMAT).exists()


def test_results_of_a_newer_format_beside_ours_change_nothing(older: Older) -> None:
    project, teacher, digest = older
    (project.folder / "store" / "v5").mkdir()
    assert project.digest() == digest and not teacher.tried


def test_an_older_format_is_told_and_begun_anew_by_an_upgrade(tmp_path: Path) -> None:
    project = Project(tmp_path)
    (tmp_path / "store" / "v2" / "results").mkdir(parents=True)
    project.rows("a.jsonl", PROMPTS)
    project.write(
        "recipe.yaml", RECIPE.partition("models:")[0] + "sources:" + RECIPE.partition("sources:")[2].partition("cot:")[0]
    )
    ran = project.run("build", "recipe.yaml", "--store", "store")
    assert ran.code == 1 and "is in the format v2; this version reads v4" in ran.err and "recipe store upgrade" in ran.err
    assert project.run("store", "upgrade", "--store", "store").code == 0
    assert project.build()["outputs"][0]["rows"] == len(PROMPTS)


def test_an_empty_folder_of_an_earlier_version_is_no_layout(tmp_path: Path) -> None:
    store, before = Store(tmp_path / "store"), tmp_path / "store" / BEFORE
    (before / "memo").mkdir(parents=True)
    assert store.memos == tmp_path / "store" / MEMOS
    (before / "memo" / "ab").mkdir()
    assert store.memos == before
