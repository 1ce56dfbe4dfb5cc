"""Builds that ask a teacher and are killed, interrupted, or run beside each other: what was paid for once is never paid again."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import pytest

from tests.conftest import Project
from tests.faults import CODE
from tests.teacher import TRACES, Handler, Teacher, configure, teaching
from tests.test_faults_together import LONG, wait_until, whole
from tests.warm import python

pytestmark = pytest.mark.long


class Watching:
    """A teacher that notes, by the seed that each request has alone, what comes in and when it is answered."""

    def __init__(self, teacher: Teacher) -> None:
        self.teacher = teacher
        self.came: list[int] = []
        self.answered: dict[int, float] = {}
        self.open = threading.Event()
        """While it is not set, nothing is answered."""
        self.open.set()
        self.turn = threading.Condition()
        self.most: int | None = None
        """How many are answered before the others have to wait."""
        self.waiting: set[int] = set()
        teacher.fault = self.note

    def note(self, handler: Handler, request: dict[str, Any], attempt: int) -> bool:
        with self.teacher.guard:
            self.came.append(request["seed"])
        self.open.wait(600)
        with self.turn:
            self.waiting.add(request["seed"])
            self.turn.wait_for(lambda: self.most is None or len(self.answered) < self.most, 600)
            self.waiting.remove(request["seed"])
            self.answered[request["seed"]] = time.monotonic()
        return False

    def hold_at(self, most: int | None) -> None:
        """Let so many be answered, and then no other."""
        with self.turn:
            self.most = most
            self.turn.notify_all()

    @property
    def paid(self) -> int:
        """How many answers were given."""
        return sum(self.teacher.asked.values())

    def forget(self) -> None:
        self.came.clear()
        self.answered.clear()
        self.teacher.asked.clear()
        self.teacher.tried.clear()


@pytest.fixture
def watching() -> Iterator[Watching]:
    with teaching() as teacher:
        made = Watching(teacher)
        yield made
        made.open.set()


def asking(project: Project, prompts: int) -> Project:
    project.rows("a.jsonl", [f"question {number:04d}: 물은 왜 끓나요?" for number in range(prompts)])
    project.write("recipe.yaml", TRACES)
    return project


def started(
    project: Project, *options: str, recipe: str = "recipe.yaml", store: str = "store", module: str = "runtime.cli.main"
) -> subprocess.Popen[str]:
    """A build in a process of its own."""
    return subprocess.Popen(
        [python(), "-m", module, "build", recipe, "--store", store, *options],
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": str(CODE), "RECIPE_THREADS": "2"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def killed(build: subprocess.Popen[str]) -> None:
    build.kill()
    build.communicate()


def in_memo(project: Project, query: str, store: str = "store") -> list[Any]:
    """What a query of the completions finds, as another process sees them while the build runs."""
    path = project.folder / store / "memos" / "v1" / "completions" / "completions.sqlite"
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as memo:
        return [value for (value,) in memo.execute(query)]
    return []  # it is not made yet


def journalled(project: Project, store: str = "store") -> set[int]:
    """The seeds of the completions on disk: a request's seed is the first 31 bits of its address."""
    found = in_memo(project, "SELECT address FROM completions", store)
    return {int.from_bytes(address[:4], "big") >> 1 for address in found}


# -- killed


def test_a_build_killed_half_way_keeps_what_it_paid_for(
    project: Project, watching: Watching, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    asking(project, 200)
    configure(project.folder, watching.teacher, monkeypatch, concurrency=2)
    watching.teacher.seconds = 0.02
    build = started(project)
    wait_until(build, lambda: watching.paid >= 100)
    killed(build)
    kept = len(journalled(project))
    record_property("shown", f"{watching.paid} were answered, {kept} of them are on disk")
    assert watching.paid < 200 and kept >= 90
    watching.forget()
    assert project.build()["outputs"][0]["rows"] == 200
    assert watching.paid == 200 - kept


def test_a_build_killed_again_and_again_asks_for_nothing_that_is_on_disk(
    project: Project, watching: Watching, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    kills = 30 if LONG else 4
    asking(project, 60 * kills)
    configure(project.folder, watching.teacher, monkeypatch, concurrency=4)
    wanted = project.digest(store="undisturbed")
    watching.forget()
    watching.teacher.seconds = 0.005
    chosen, partial, mark, had = random.Random(20251125), 0, 0, set[int]()
    for _ in range(kills):
        build = started(project)
        goal = watching.paid + chosen.randint(0, 75)  # most of these come again, and are new to the server
        wait_until(build, lambda: watching.paid >= goal)  # noqa: B023 - it is done waiting before the next round
        time.sleep(chosen.uniform(0, 0.1))
        killed(build)
        assert not had & set(watching.came[mark:])
        mark, before, had = len(watching.came), had, journalled(project)
        assert before <= had
        partial += before < had
    assert project.digest() == wanted
    assert not had & set(watching.came[mark:])
    assert whole(project) and journalled(project) == journalled(project, "undisturbed")
    record_property("shown", f"{kills} kills, {partial} of them left more than before, {watching.paid} paid for {60 * kills}")
    assert partial >= kills // 2


def test_a_build_that_died_with_claims_does_not_stop_the_next(
    project: Project, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking(project, 40)
    configure(project.folder, watching.teacher, monkeypatch, concurrency=4)
    watching.open.clear()
    build = started(project)
    wait_until(build, lambda: len(watching.came) >= 4)
    killed(build)
    assert len(in_memo(project, "SELECT address FROM claims")) >= 4
    watching.open.set()
    assert project.build()["outputs"][0]["rows"] == 40
    assert in_memo(project, "SELECT address FROM claims") == []


def test_a_build_that_waits_for_one_that_dies_asks_itself(
    project: Project, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking(project, 12)  # one build claims all of them
    configure(project.folder, watching.teacher, monkeypatch, concurrency=4, timeout=600)
    watching.open.clear()
    first = started(project)
    wait_until(first, lambda: len(watching.came) >= 4)
    second = started(project)
    wait_until(second, lambda: len(list((project.folder / "store" / "v4" / "running").iterdir())) == 2)
    time.sleep(0.5)
    assert len(watching.came) == 4, "the second build asks for nothing that the first has claimed"
    killed(first)
    watching.open.set()
    out, said = second.communicate(timeout=600)
    assert second.returncode == 0, said
    assert "12 rows" in out and len(journalled(project)) == 12


# -- interrupted


def test_an_interrupted_build_keeps_what_is_finished(
    project: Project, watching: Watching, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    asking(project, 200)
    configure(project.folder, watching.teacher, monkeypatch, concurrency=4)
    watching.teacher.seconds = 0.02
    build = started(project)
    wait_until(build, lambda: watching.paid >= 100)
    build.send_signal(signal.SIGINT)
    _, said = build.communicate(timeout=600)
    assert build.returncode == 130, said
    assert "run the same command again" in said and "Traceback" not in said
    kept = len(journalled(project))
    record_property("shown", f"{watching.paid} were answered, {kept} of them are on disk")
    assert watching.paid - 8 <= kept < 200  # four at a time: what was on its way is lost, and what came since
    assert in_memo(project, "SELECT address FROM claims") == []
    watching.forget()
    assert project.build()["outputs"][0]["rows"] == 200
    assert watching.paid == 200 - kept


def test_an_interrupted_build_does_not_wait_for_a_server_that_does_not_answer(
    project: Project, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking(project, 40)
    configure(project.folder, watching.teacher, monkeypatch, concurrency=4, timeout=6000)
    watching.open.clear()
    build = started(project, module="tests.impatient")
    wait_until(build, lambda: len(watching.came) >= 4)
    build.send_signal(signal.SIGINT)
    _, said = build.communicate(timeout=600)
    assert build.returncode == 130 and "Traceback" not in said, said


@pytest.mark.skipif(not LONG, reason="RECIPE_LONG=1 interrupts 30 builds")
def test_a_build_interrupted_at_any_time_while_it_asks_shows_no_traceback(
    project: Project, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking(project, 100)
    configure(project.folder, watching.teacher, monkeypatch, concurrency=4)
    wanted, chosen = project.digest(store="undisturbed"), random.Random(11)
    watching.teacher.seconds = 0.01
    for number in range(30):
        watching.forget()
        build = started(project, store=f"store-{number}")
        wait_until(build, lambda: watching.paid >= 1)
        time.sleep(chosen.uniform(0, 0.6))
        build.send_signal(signal.SIGINT)
        _, said = build.communicate(timeout=600)
        assert build.returncode in (0, 130, -signal.SIGINT) and "Traceback" not in said, said
        assert project.digest(store=f"store-{number}") == wanted


# -- on disk while the batch still runs


def test_every_completion_is_on_disk_while_the_batch_waits_for_the_next(
    project: Project, watching: Watching, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    asking(project, 60)
    configure(project.folder, watching.teacher, monkeypatch, concurrency=4, timeout=600)
    watching.hold_at(1)
    build, waited = started(project), list[float]()
    for most in (1, 2, 20, 40):
        watching.hold_at(most)
        wait_until(build, lambda: len(watching.waiting) == 4 and len(watching.answered) == most)  # noqa: B023 - waited for here
        wait_until(build, lambda: journalled(project) == set(watching.answered))
        assert build.poll() is None
        waited.append(time.monotonic() - max(watching.answered.values()))
    watching.hold_at(None)
    assert build.communicate()[0] and build.returncode == 0
    record_property("shown", f"on disk {max(waited):.2f} s after the last answer at most, with four requests under way")


# -- side by side


@pytest.fixture
def two(project: Project) -> Project:
    """Two recipes that ask the same of the same prompts, and keep different traces."""
    asking(project, 150)
    project.write("second.yaml", TRACES.replace("test/traces", "test/second").replace("min: 3", "min: 4"))
    return project


@pytest.mark.parametrize(
    "recipes", [("recipe.yaml", "recipe.yaml"), ("recipe.yaml", "second.yaml")], ids=["of one recipe", "of two recipes"]
)
def test_two_builds_at_once_pay_for_each_completion_once(
    two: Project, watching: Watching, monkeypatch: pytest.MonkeyPatch, recipes: tuple[str, ...], record_property: Any
) -> None:
    configure(two.folder, watching.teacher, monkeypatch, concurrency=4, timeout=120)
    alone = {recipe: two.digest(recipe, store="alone") for recipe in sorted(set(recipes))}
    watching.teacher.seconds = 0.02
    shared = 0
    for number in range(10 if LONG else 2):
        watching.forget()
        store = f"store-{number}"
        builds = [(recipe, started(two, recipe=recipe, store=store)) for recipe in recipes]
        for recipe, build in builds:
            out, said = build.communicate(timeout=600)
            assert build.returncode == 0, said
            assert alone[recipe][:12] in out
            shared += "by another build" in out
        assert len(watching.came) == len(set(watching.came)) == watching.paid == 150
        assert whole(two, store)
    record_property("shown", f"{shared} builds were given completions that the other paid for")
    assert shared


def test_five_builds_that_begin_at_once_in_a_new_store_pay_for_each_completion_once(
    two: Project, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(two.folder, watching.teacher, monkeypatch, concurrency=4, timeout=120)
    builds = [started(two, recipe=recipe) for recipe in ("recipe.yaml", "second.yaml") * 2 + ("recipe.yaml",)]
    said = [build.communicate(timeout=600)[1] for build in builds]
    assert [build.returncode for build in builds] == [0] * 5, "".join(said)
    assert len(watching.came) == watching.paid == 150


OPEN = """
import multiprocessing, sys, tempfile
from pathlib import Path
from runtime.completions.memo import CompletionMemo
from runtime.store.store import Store

def work(folder, number, together):
    memo = CompletionMemo(Store(Path(folder)))
    together.wait()
    assert memo.present([b"x" * 32]) == set()
    assert memo.claim([bytes([number]) * 32], "a build") == ["mine"]
    memo.close()

fork = multiprocessing.get_context("fork")
for turn in range(40):
    with tempfile.TemporaryDirectory() as folder:
        together = fork.Barrier(6)
        processes = [fork.Process(target=work, args=(folder, number, together)) for number in range(6)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        if any(process.exitcode for process in processes):
            sys.exit(1)
"""


def test_a_new_memo_can_be_opened_by_many_processes_at_once() -> None:
    environment = {**os.environ, "PYTHONPATH": str(CODE)}
    ran = subprocess.run([sys.executable, "-c", OPEN], env=environment, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr


def test_what_one_build_could_not_get_the_other_asks_for(
    two: Project, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(two.folder, watching.teacher, monkeypatch, concurrency=4, attempts=1, timeout=30)
    refused = set[int]()

    def once(handler: Handler, request: dict[str, Any], attempt: int) -> bool:
        if request["seed"] % 5 == 0 and attempt == 1:
            refused.add(request["seed"])
            handler.say(500, {})
            return True
        return False

    watching.teacher.fault, watching.teacher.seconds = once, 0.02
    builds = [started(two), started(two, recipe="second.yaml")]
    said = [build.communicate(timeout=600)[1] for build in builds]
    assert all("Traceback" not in each for each in said)
    assert refused and set(watching.teacher.asked.values()) == {1}
    watching.teacher.fault = None
    assert {recipe: two.build(recipe)["outputs"][0]["rows"] for recipe in ("recipe.yaml", "second.yaml")} == {
        "recipe.yaml": 150,
        "second.yaml": 150,
    }
    assert watching.paid == 150
