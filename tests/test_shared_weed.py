"""A shared store on SeaweedFS: builds and the server are killed in the middle, and the result is what a folder gives."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, Project
from tests.machines import Machines, asking, ended, wait_for
from tests.teacher import Teacher, configure, teaching
from tests.test_teacher_kills import killed
from tests.weed import Weed, weeding

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weed]:
    with pytest.MonkeyPatch.context() as patch, weeding(tmp_path_factory.mktemp("weed"), patch) as made:
        yield made


@pytest.fixture
def url(weed: Weed, tmp_path: Path) -> str:
    return f"s3://bucket/{tmp_path.name}"


@pytest.fixture
def teacher() -> Iterator[Teacher]:
    with teaching() as made:
        yield made


def expected(project: Project) -> str:
    """The digest that a store in a folder gives; its completions are those of the same teacher."""
    return project.digest(store="folder")


def test_the_quickstart_has_its_digest(project: Project, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = str(ROOT / "recipes/ko/quickstart.yaml")
    for machine, ran in (("one", 11), ("two", 0)):
        monkeypatch.setenv("RECIPE_CACHE", str(project.folder / machine))
        report = project.build(recipe, "--show-restricted", store=url)
        assert report["outputs"][0]["digest"].startswith("b4b1ce25c59e") and len(report["ran"]) == ran
    assert project.run("store", "verify", "--remote", "--store", url).code == 0


@pytest.mark.parametrize("parts", [4, 256])
def test_tables_in_parts_have_the_same_digest(project: Project, url: str, monkeypatch: pytest.MonkeyPatch, parts: int) -> None:
    monkeypatch.setenv("RECIPE_PARTS", str(parts))
    recipe = str(ROOT / "recipes/ko/quickstart.yaml")
    for machine in ("one", "two"):
        monkeypatch.setenv("RECIPE_CACHE", str(project.folder / machine))
        assert project.digest(recipe, "--show-restricted", store=url).startswith("b4b1ce25c59e")
    edit = ("--set", "prompts.length.min=60", "--show-restricted")
    assert project.digest(recipe, *edit, store=url) == project.digest(recipe, *edit, store="folder")


def test_two_machines_ask_for_nothing_twice(
    project: Project, url: str, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking(project, 300)
    configure(project.folder, teacher, monkeypatch, concurrency=2)
    teacher.seconds = 0.02
    machines = Machines(project, url, monkeypatch)
    reports = [ended(build) for build in [machines.start("one"), machines.start("two")]]
    assert set(teacher.tried.values()) == {1} and len(teacher.tried) == 300
    assert {report["outputs"][0]["digest"] for report in reports} == {expected(project)}


def test_a_server_that_dies_and_comes_back_costs_nothing(
    project: Project, weed: Weed, url: str, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short while is waited for, mostly; else the build says so, and the next one goes on with what was paid for."""
    asking(project, 300)
    configure(project.folder, teacher, monkeypatch, concurrency=1)
    teacher.seconds = 0.02
    machines = Machines(project, url, monkeypatch)
    build = machines.start("one")
    wait_for(lambda: sum(teacher.asked.values()) >= 60)
    weed.stop()
    out, err = build.communicate(timeout=300)
    assert build.returncode == 1 and url in out and "Traceback" not in out + err, out + err
    paid = sum(teacher.asked.values())
    weed.start()
    assert ended(machines.start("one"))["outputs"][0]["rows"] == 300
    assert paid < 300 and sum(teacher.asked.values()) == 300
    build = machines.start("two")
    time.sleep(0.5)
    weed.stop()
    time.sleep(1.0)
    weed.start()
    out, err = build.communicate(timeout=300)
    if build.returncode:
        assert url in out and "Traceback" not in out + err, out + err
    assert ended(machines.start("two"))["outputs"][0]["digest"] == expected(project)
    assert sum(teacher.asked.values()) == 300 + 300  # the folder asked for all, once more


@pytest.mark.parametrize("scheme", ["s3", "file"])
def test_builds_killed_at_random_points_end_in_the_same_digest(
    project: Project,
    url: str,
    scheme: str,
    teacher: Teacher,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    """Twenty kills on two machines: an address is asked for again only where its answer was under way, or not sent yet."""
    url = url if scheme == "s3" else f"file://{project.folder}/shared"
    asking(project, 300)
    configure(project.folder, teacher, monkeypatch, concurrency=2)
    teacher.seconds = 0.05
    machines, chosen = Machines(project, url, monkeypatch), random.Random(17)
    for number in range(20):
        build = machines.start(("one", "two")[number % 2])
        time.sleep(chosen.uniform(0.3, 4.0))
        killed(build)
    reports = [ended(build) for build in [machines.start("one"), machines.start("two")]]
    twice = sum(teacher.tried.values()) - len(teacher.tried)
    record_property("shown", f"20 kills, 300 requests, {twice} of them sent twice")
    assert len(teacher.tried) == 300 and twice <= 20 * (2 + 0.6 * 2 / teacher.seconds)
    assert {report["outputs"][0]["digest"] for report in reports} == {expected(project)}
    assert project.run("store", "verify", "--remote", "--store", url).code == 0
