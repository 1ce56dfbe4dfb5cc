"""Builds that are killed, interrupted, or run beside other builds and beside gc."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from runtime.build.verify import verify
from runtime.store.store import Store
from tests.conftest import Project
from tests.faults import CODE
from tests.warm import python

LONG = bool(os.environ.get("RECIPE_LONG"))
pytestmark = pytest.mark.long

REVIEWS = """
    format: 1
    recipe: test/reviews
    language: {target: ko, anchor: en}
    seed: 7
    sources:
      reviews: {file: reviews.parquet, category: daily, license: A, columns: {prompt: review}}
    prompts:
      - language_share: {of: target, min: 0.3}
      - length: {min: 10, max: 8192}
      - unique: {}
    """

SHARED = """
    format: 1
    recipe: test/%s
    language: {target: ko, anchor: en}
    seed: 7
    sources:
      a: {file: a.jsonl, category: one, license: A}
      b: {file: b.jsonl, category: two, license: A}
    prompts:
      - language_share: {of: target, min: 0.2}
      - length: {min: %d}
      - unique: {}
    """


def started(project: Project, recipe: str = "recipe.yaml", store: str = "store") -> subprocess.Popen[str]:
    """A build in a process of its own."""
    return subprocess.Popen(
        [python(), "-m", "runtime.cli.main", "build", recipe, "-q", "--store", store],
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": str(CODE), "RECIPE_THREADS": "2"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_until(build: subprocess.Popen[str], come: Callable[[], bool]) -> None:
    """Wait until a build has got somewhere, or has ended."""
    while build.poll() is None and not come():
        time.sleep(0.002)


def whole(project: Project, store: str = "store") -> bool:
    return verify(Store(project.folder / store)) == []


# -- a build of 100,000 rows, or in its long form of 400,000, killed and interrupted


@pytest.fixture
def reviews(data: Path, tmp_path: Path) -> Project:
    (tmp_path / ".recipe").mkdir()
    reviews = pq.read_table(data / "nsmc" / "reviews.parquet")
    pq.write_table(reviews if LONG else reviews.slice(0, 100_000), tmp_path / "reviews.parquet")
    project = Project(tmp_path)
    project.write("recipe.yaml", REVIEWS)
    return project


def is_partial(store: Path) -> bool:
    """Whether a build has begun to write and has not got as far as its output's name."""
    # Not glob, which fails where the build takes a folder away that it is about to look into.
    begun = any(files for name in ("tmp", "objects", "results") for _, _, files in os.walk(store / "v4" / name))
    return begun and not (store / "v4" / "names" / "test" / "reviews" / "last-build.json").exists()


def seconds_to_build(project: Project, store: str) -> float:
    """How long a build writes to its store, from the first file to the last."""
    build = started(project, store=store)
    wait_until(build, lambda: is_partial(project.folder / store))
    before = time.monotonic()
    wait_until(build, lambda: not is_partial(project.folder / store))
    duration = time.monotonic() - before
    assert build.wait() == 0
    return duration


def test_a_build_killed_at_any_time_is_built_again_the_same(reviews: Project) -> None:
    duration = seconds_to_build(reviews, "measured")
    wanted = reviews.digest(store="measured")
    chosen, kills = random.Random(20251006), 50 if LONG else 5
    left = 0
    for number in range(kills):
        store = f"store-{number}"
        build = started(reviews, store=store)
        if number % 8:  # one in eight may die before it has written anything
            wait_until(build, partial(is_partial, reviews.folder / store))
        time.sleep(0 if number == 1 else chosen.uniform(0, duration))
        build.kill()
        build.communicate()
        left += is_partial(reviews.folder / store)
        assert reviews.digest(store=store) == wanted
        assert whole(reviews, store)
        shutil.rmtree(reviews.folder / store)
    print(f"{kills} kills within {duration:.2f} s, {left} of them left a partial store")
    assert left >= (30 if LONG else 1)


def reading(store: Path) -> bool:
    return any((store / "v4" / "tmp").glob("*")) if (store / "v4" / "tmp").is_dir() else False


def read(store: Path) -> bool:
    return any((store / "v4" / "results").glob("*/*.json"))


@pytest.mark.parametrize("moment", [reading, read], ids=["while a source is read", "after a source is read"])
def test_an_interrupted_build_says_how_to_go_on_and_goes_on(reviews: Project, moment: Callable[[Path], bool]) -> None:
    build = started(reviews)
    wait_until(build, lambda: moment(reviews.folder / "store"))
    build.send_signal(signal.SIGINT)
    _, said = build.communicate()
    assert build.returncode == 130, said
    assert "run the same command again" in said and "Traceback" not in said
    report = reviews.build()
    assert moment is reading or "reviews" in report["reused"]
    assert report["outputs"][0]["digest"] == reviews.digest(store="alone")
    assert whole(reviews)


@pytest.mark.skipif(not LONG, reason="RECIPE_LONG=1 interrupts 40 builds")
def test_a_build_interrupted_at_any_time_shows_no_traceback(reviews: Project) -> None:
    wanted, chosen = reviews.digest(store="alone"), random.Random(7)
    for number in range(40):
        store = f"store-{number}"
        build = started(reviews, store=store)
        wait_until(build, (reviews.folder / store / "v4" / "gate").exists)
        time.sleep(chosen.uniform(0, 2))
        build.send_signal(signal.SIGINT)
        _, said = build.communicate()
        # Python ends itself with SIGINT, which a shell shows as 130 too, where it comes as the process is ending anyway.
        assert build.returncode in (0, -signal.SIGINT) or (build.returncode == 130 and "run the same command again" in said), said
        assert "Traceback" not in said
        assert reviews.digest(store=store) == wanted
        shutil.rmtree(reviews.folder / store)


# -- builds side by side


@pytest.fixture
def two(tmp_path: Path) -> Project:
    """Two recipes that share their sources."""
    (tmp_path / ".recipe").mkdir()
    project = Project(tmp_path)
    project.rows("a.jsonl", [f"물은 왜 {number % 2900} 번째로 끓나요?" for number in range(3000)])
    project.rows("b.jsonl", [f"하늘 {number} 은 왜 파란가요? why is it blue?" for number in range(1000)])
    project.write("first.yaml", SHARED % ("first", 3))
    project.write("second.yaml", SHARED % ("second", 20))
    return project


@pytest.mark.parametrize(
    "recipes", [("first.yaml", "first.yaml"), ("first.yaml", "second.yaml")], ids=["of one recipe", "of two recipes"]
)
def test_two_builds_in_one_store_come_out_as_if_alone(two: Project, recipes: tuple[str, ...]) -> None:
    alone = {recipe: two.digest(recipe, store="alone") for recipe in sorted(set(recipes))}
    for number in range(10 if LONG else 3):
        store = f"store-{number}"
        builds = [(recipe, started(two, recipe, store)) for recipe in recipes]
        for recipe, build in builds:
            out, said = build.communicate()
            assert build.returncode == 0, said
            assert alone[recipe][:12] in out
        assert whole(two, store)
        assert {recipe: two.digest(recipe, store=store) for recipe in alone} == alone


COLLECT = """
import sys
from pathlib import Path
from runtime.store.gc import collect
from runtime.store.store import Store
store, stop = Store(Path("store")), Path("stop")
passed = removed = 0
while not stop.exists():
    done = collect(store)
    passed, removed = passed + 1, removed + done.objects
print(passed, removed)
"""


def test_builds_end_well_with_gc_running_in_a_loop_beside_them(two: Project) -> None:
    two.build("second.yaml")
    environment = {**os.environ, "PYTHONPATH": str(CODE)}
    gc = subprocess.Popen([sys.executable, "-c", COLLECT], cwd=two.folder, env=environment, text=True, stdout=subprocess.PIPE)
    try:
        for number in range(60 if LONG else 12):
            setting = ("--set", f"prompts.length.min={3 + number % 4 * 10}")
            report = two.build("first.yaml", *setting)
            assert report["outputs"][0]["digest"] == two.digest("first.yaml", *setting, store="alone")
            assert whole(two)
    finally:
        (two.folder / "stop").touch()
        passed, removed = map(int, gc.communicate()[0].split())
    assert gc.returncode == 0 and passed > 10 and removed > 0
    assert not two.build("second.yaml")["ran"]
