"""A build may die or fail at any touch of the disk: nothing wrong is left behind, and the next build ends as if untouched."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runtime.build.verify import verify
from runtime.store.store import Store
from tests.conftest import Project
from tests.fault_layers import KILLED, Full
from tests.faults import CODE, build_with, complaints, each_of, everything, in_child
from tests.warm import python

LONG = bool(os.environ.get("RECIPE_LONG"))

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(importlib.util.find_spec("kiwipiepy") is None, reason="the memo's measure needs kiwipiepy"),
]


@pytest.fixture(scope="module")
def quick_folder() -> Iterator[Path]:
    """A folder in memory where there is one: thousands of syncs cost nothing there."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="recipe-faults-", dir=base))
    os.chmod(folder, 0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Seen:
    """One build watched at every point, and what came of the stores that faults left."""

    points: dict[str, list[tuple[str, str]]]
    wrong_as_left: dict[str, list[str]]
    clean: dict[str, Any]
    looked: dict[str, dict[str, Any]]
    killed: list[dict[str, Any]]
    filled: list[dict[str, Any]]

    def wrong(self, way: str) -> dict[str, list[str]]:
        """Copy of the store -> what is wrong with it or with the build after it."""
        found = {name: complaints(each["found"], self.clean) for name, each in self.looked.items() if name.startswith(f"{way}/")}
        return {name: wrong for name, wrong in found.items() if wrong}


def copies(points: list[tuple[str, str]], way: str) -> list[str]:
    return list(dict.fromkeys(f"{way}/{copy}" for _, copy in points))


@pytest.fixture(scope="module")
def seen(quick_folder: Path) -> Seen:
    project = everything(quick_folder / "project")
    watched = each_of(project, [("watch", way) for way in ("kill", "torn", "hasty")])
    points: dict[str, list[tuple[str, str]]] = {way: said for _, (way, said) in watched}
    left = {way: copies(points[way], way) for way in points}
    wrong = {way: [name for name in left[way] if is_wrong(project.folder / name)] for way in points}
    # Unless all are asked for, stores that differ only in tmp, which the next build clears, are built in once.
    kill = left["kill"] if LONG else list({kept(project.folder / name): name for name in left["kill"]}.values())[::3]
    torn = left["torn"] if LONG else left["torn"][::48]
    looks = ["kill-store", *kill, *torn, *wrong["hasty"][:4]]
    kills = range(0, len(points["kill"]) - 1, 1 if LONG else 75)
    fills = range(0, sum(action == "write" for action, _ in points["kill"]), 7 if LONG else 20)
    jobs = [*(("look", each) for each in looks), *(("kill", each) for each in kills), *(("fill", each) for each in fills)]
    came = each_of(project, jobs)
    looked = {said["store"]: said for kind, said in came if kind == "look"}
    return Seen(
        points,
        wrong,
        looked.pop("kill-store")["found"],
        looked,
        [said for kind, said in came if kind == "kill"],
        [said for kind, said in came if kind == "fill"],
    )


def kept(store: Path) -> tuple[tuple[str, int], ...]:
    """What lies in a store outside tmp, and whether anything lies in tmp."""
    paths = sorted(each for each in store.rglob("*") if each.parent.name != "tmp" and each.parent.parent.name != "tmp")
    return (("tmp", any(store.glob("*/tmp/*"))), *((str(each.relative_to(store)), each.lstat().st_size) for each in paths))


def is_wrong(store: Path) -> bool:
    return (store / "v4" / "names").is_dir() and bool(verify(Store(store)))


# -- death


def test_a_build_touches_the_disk_in_every_way_that_is_tried(seen: Seen) -> None:
    assert {action for action, _ in seen.points["kill"]} == {"write", "fsync", "rename", "link", "mkdir", "symlink", "end"}
    assert len(seen.points["kill"]) > 400


def test_a_death_at_any_point_leaves_nothing_wrong(seen: Seen) -> None:
    assert (seen.wrong_as_left["kill"], seen.wrong("kill")) == ([], {})


def test_a_write_torn_in_half_leaves_nothing_wrong(seen: Seen) -> None:
    assert (seen.wrong_as_left["torn"], seen.wrong("torn")) == ([], {})


def test_a_process_that_really_dies_leaves_nothing_wrong(seen: Seen) -> None:
    assert {each["code"] for each in seen.killed} == {KILLED}
    assert [complaints(each["found"], seen.clean) for each in seen.killed] == [[]] * len(seen.killed)


def test_a_store_that_writes_records_before_objects_is_found_out(seen: Seen) -> None:
    assert len(seen.wrong("hasty")) == 4


# -- a disk that is full


def test_a_full_disk_ends_the_build_with_one_clear_line(seen: Seen) -> None:
    assert len(seen.filled) >= (50 if LONG else 15)
    for each in seen.filled:
        assert each["code"] == 1, each
        assert json.loads(each["said"])["error"].startswith(("No space left on device", "the store"))


def test_with_room_again_the_build_ends_as_if_untouched(seen: Seen) -> None:
    assert [complaints(each["found"], seen.clean) for each in seen.filled] == [[]] * len(seen.filled)


def command(project: Project, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    return subprocess.run(
        [*before, sys.executable if before else python(), "-m", "runtime.cli.main", *arguments],
        cwd=project.folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(CODE)},
    )


def sized(folder: Path, rows: int) -> Project:
    """A project of cheap stages."""
    (folder / ".recipe").mkdir(parents=True)
    project = Project(folder)
    project.rows("a.jsonl", [f"물은 왜 {number} 번째로 끓나요? {number * 7919 % 100003}" for number in range(rows)])
    project.write(
        "recipe.yaml",
        """
        format: 1
        recipe: test/sized
        language: {target: ko}
        sources: {a: {file: a.jsonl, category: one, license: A}}
        prompts: [{length: {min: 3}}, {unique: {}}]
        """,
    )
    return project


def test_a_real_disk_that_fills_up_is_told_and_mended_by_room(tmp_path: Path, mounted: Path) -> None:
    project = sized(tmp_path / "project", 20000)  # somewhat too many, which nobody foresees
    wanted = project.digest()
    store = str(mounted / "store")
    full = command(project, "build", "recipe.yaml", "-q", "--store", store)
    assert full.returncode == 1 and full.stderr.startswith("error: No space left on device"), full.stderr
    assert "Traceback" not in full.stderr and len(full.stderr.splitlines()) <= 2
    subprocess.run(["mount", "-o", "remount,size=64m", str(mounted)], check=True)
    assert project.digest(store=store) == wanted
    assert verify(Store(Path(store))) == []


# -- a store that may not be written


def refused(ran: subprocess.CompletedProcess[str]) -> bool:
    """Whether a command was refused in the way it should be."""
    said = ran.stderr.splitlines()
    return ran.returncode == 1 and said[0].startswith("error: ") and len(said) <= 2 and "--store" in said[-1]


def test_a_store_of_somebody_else_is_refused(quick_folder: Path) -> None:
    if os.geteuid() or not shutil.which("setpriv"):
        pytest.skip("becoming another user needs root and setpriv; the next tests refuse in other ways")
    project = sized(quick_folder / "other", 20)
    project.build()
    as_nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    if subprocess.run([*as_nobody, sys.executable, "-c", "import pyarrow, blake3"], capture_output=True).returncode:
        pytest.skip("another user cannot read this installation")
    for store in ("store", "new"):
        ran = command(project, "build", "recipe.yaml", "-q", "--store", store, "--set", "prompts.length.min=4", before=as_nobody)
        assert refused(ran), ran.stderr


def test_a_read_only_mount_is_refused(mounted: Path, tmp_path: Path) -> None:
    project = sized(tmp_path / "project", 20)
    project.build(store=str(mounted / "store"))
    subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
    ran = command(project, "build", "recipe.yaml", "-q", "--store", str(mounted / "store"), "--set", "prompts.length.min=4")
    assert refused(ran), ran.stderr


def test_a_layer_that_may_not_write_is_refused(tmp_path: Path) -> None:
    project = sized(tmp_path / "project", 20)
    assert in_child(lambda: build_with(project, "store", Full(error=errno.EROFS))) == 1
    assert json.loads((project.folder / "store.out").read_text())["hint"] == "choose another store with --store"
