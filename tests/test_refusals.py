"""A server that refuses: one request, which is that request's fate, or all, which ends the build; what was paid is kept."""

from __future__ import annotations

import re
import shlex
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.completions.engines.openai import GRACE
from runtime.completions.refusals import FIRST, IN_A_ROW, Refusals
from tests.conftest import Project
from tests.nights import few
from tests.teacher import TRACES, Handler, Teacher, configure, teaching
from tests.test_faults_together import wait_until
from tests.test_teacher_faults import ask, kept, number_of
from tests.test_teacher_kills import in_memo, killed, started

ONE = [400, 403, 404, 413, 422, 451]
WINDOW = 8
LATER = 0.1
TOLERANT = TRACES.replace("max_tokens: 64", "max_tokens: 64, max_failures: 50%")

Chosen = Callable[[int], bool]


@pytest.fixture
def teacher() -> Iterator[Teacher]:
    with teaching() as made:
        yield made


@pytest.fixture
def traces(project: Project, teacher: Teacher, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A recipe that asks the teacher about 40 prompts, eight at a time, in the project's own store."""
    ask(project, 40)
    configure(project.folder, teacher, monkeypatch, concurrency=WINDOW, timeout=30)
    return project


def refusing(teacher: Teacher, code: int, chosen: Chosen = lambda number: True, later: float = LATER) -> None:
    """Let the teacher refuse the chosen prompts at once; its other answers come later."""

    def maybe(handler: Handler, request: dict[str, Any], attempt: int) -> bool:
        if chosen(number_of(request)):
            handler.say(code, {"error": {"message": "no"}})
            return True
        time.sleep(later)
        return False

    teacher.fault = maybe


def paid(teacher: Teacher) -> int:
    """How many answers were given; none of them twice."""
    assert set(teacher.asked.values()) <= {1}
    return len(teacher.asked)


def refused(project: Project, store: str = ".recipe") -> int:
    """How many requests the store holds as refused."""
    return len(in_memo(project, "SELECT address FROM refusals", store))


def again(project: Project, said: str) -> list[str]:
    """The command that a failure names."""
    found = re.search(r"(?:again|go on): (recipe build [^;\n]*)", said)
    assert found is not None, said
    return shlex.split(found[1])[1:]


# -- one request


@pytest.mark.parametrize("code", few(ONE, 3))
def test_a_refusal_of_one_request_throws_no_other_away(traces: Project, teacher: Teacher, code: int) -> None:
    refusing(teacher, code, lambda number: number in (3, 7))
    ran = traces.run("build", "recipe.yaml")
    assert ran.code == 1 and f"2 of the 40 requests of `traces/generate` failed: refused: 2 x HTTP {code}" in ran.err
    assert "38 completions are in the store" in ran.err and "Traceback" not in ran.err
    assert paid(teacher) == len(kept(traces)) == 38 and refused(traces) == 2
    assert set(teacher.tried.values()) == {1}


@pytest.mark.parametrize("code", few(ONE, 3, 1))
def test_what_was_refused_is_asked_again_when_that_is_said_and_not_before(traces: Project, teacher: Teacher, code: int) -> None:
    refusing(teacher, code, lambda number: number in (3, 7))
    first = traces.run("build", "recipe.yaml")
    for _ in range(3):
        told = traces.run("build", "recipe.yaml")
        assert told.code == 1 and f"refused: 2 x HTTP {code}" in told.err
    assert sum(teacher.tried.values()) == 40
    command = again(traces, first.err)
    assert command[-1] == "--retry-refused"
    assert traces.run(*command).code == 1 and sum(teacher.tried.values()) == 42 and refused(traces) == 2
    teacher.fault = None
    assert traces.run(*command).code == 0 and refused(traces) == 0
    assert sum(teacher.tried.values()) == 44 and paid(teacher) == 40
    mended = traces.digest(store=".recipe")
    teacher.asked.clear()
    assert traces.digest(store="quiet") == mended


def test_a_refusal_counts_as_a_failure_and_names_a_row(traces: Project, teacher: Teacher) -> None:
    ask(traces, 40, TOLERANT)
    refusing(teacher, 451, lambda number: number == 3)
    ran = traces.run("build", "recipe.yaml")
    assert ran.code == 0, ran.err
    found = re.search(r"39 new, 1 FAILED \(refused: 1 x HTTP 451 \(such as row ([0-9a-f]{12})\)\)", ran.out)
    assert found is not None, ran.out
    why = traces.run("why", "recipe.yaml", "--match", "question 0003")
    assert found[1] in why.out and "HTTP 451" in why.out


def test_why_tells_a_refusal_that_stopped_the_build(traces: Project, teacher: Teacher) -> None:
    refusing(teacher, 413, lambda number: number == 3)
    assert traces.run("build", "recipe.yaml").code == 1
    why = traces.run("why", "recipe.yaml", "--match", "question 0003")
    assert "HTTP 413 (refused; asked again with --retry-refused)" in why.out


def test_a_plan_tells_what_was_refused_before_and_does_not_count_it_as_new(traces: Project, teacher: Teacher) -> None:
    refusing(teacher, 413, lambda number: number == 3)
    assert traces.run("build", "recipe.yaml").code == 1
    ran = traces.run("plan", "recipe.yaml")
    assert "40 completions of test/teacher needed, 39 in the store, 1 refused before, 0 new" in ran.out, ran.out


def test_another_recipe_of_the_store_is_served_the_refusal(traces: Project, teacher: Teacher) -> None:
    refusing(teacher, 403, lambda number: number == 3)
    assert traces.run("build", "recipe.yaml").code == 1
    traces.write("second.yaml", TOLERANT.replace("test/traces", "test/second").replace("min: 3", "min: 4"))
    ran = traces.run("build", "second.yaml")
    assert ran.code == 0 and "0 new, 1 FAILED (refused: 1 x HTTP 403" in ran.out, ran.err
    assert sum(teacher.tried.values()) == 40


def test_what_was_refused_and_let_pass_is_asked_again_in_a_recorded_stage(traces: Project, teacher: Teacher) -> None:
    ask(traces, 40, TOLERANT)
    refusing(teacher, 403, lambda number: number < 4)
    assert traces.build(store=".recipe")["outputs"][0]["rows"] == 36
    teacher.fault = None
    assert traces.build(store=".recipe")["outputs"][0]["rows"] == 36
    assert traces.build("recipe.yaml", "--retry-refused", store=".recipe")["outputs"][0]["rows"] == 40
    assert traces.build(store=".recipe")["outputs"][0]["rows"] == 40 and paid(teacher) == 40


def test_a_build_with_refused_rows_can_be_verified(traces: Project, teacher: Teacher) -> None:
    ask(traces, 40, TOLERANT)
    refusing(teacher, 403, lambda number: number < 4)
    traces.build(store=".recipe")
    ran = traces.run("verify", "recipe.yaml")
    assert ran.code == 0, ran.out + ran.err
    assert sum(teacher.tried.values()) == 40


@pytest.mark.parametrize(("window", "later"), [(4, 0.1), (32, 0.3)])
def test_many_refusals_that_come_before_all_answers_are_still_those_of_their_requests(
    traces: Project, teacher: Teacher, monkeypatch: pytest.MonkeyPatch, window: int, later: float
) -> None:
    ask(traces, 150)
    configure(traces.folder, teacher, monkeypatch, concurrency=window, timeout=30)
    refusing(teacher, 403, lambda number: number % 3 == 0, later)
    for _ in range(3):
        ran = traces.run("build", "recipe.yaml")
        assert ran.code == 1 and "50 of the 150 requests" in ran.err and "refused: 50 x HTTP 403" in ran.err
    assert paid(teacher) == len(kept(traces)) == 100 and refused(traces) == 50
    assert sum(teacher.tried.values()) == 150


def test_a_new_source_whose_rows_are_all_refused_does_not_keep_a_build_from_ending(traces: Project, teacher: Teacher) -> None:
    traces.build(store=".recipe")
    refusing(teacher, 451, lambda number: number >= 40)
    ask(traces, 50, TOLERANT)
    assert traces.build(store=".recipe")["outputs"][0]["rows"] == 40
    assert refused(traces) == 10 and paid(teacher) == 40


# -- all requests


@pytest.mark.parametrize("code", few([401, 402, *ONE], 3, 1))
def test_what_refuses_everything_is_not_asked_for_everything(traces: Project, teacher: Teacher, code: int) -> None:
    ask(traces, 300)
    refusing(teacher, code)
    for _ in range(2):
        ran = traces.run("build", "recipe.yaml")
        assert ran.code == 1 and f"HTTP {code}: " in ran.err and "Traceback" not in ran.err
        assert "look at your configuration" in ran.err and again(traces, ran.err) == ["build", "recipe.yaml"]
    assert sum(teacher.tried.values()) <= 2 * (FIRST + 2 * WINDOW)
    assert refused(traces) == 0 == paid(teacher)
    teacher.fault = None
    assert traces.run(*again(traces, ran.err)).code == 0 and paid(teacher) == 300


@pytest.mark.parametrize("code", few([401, *ONE], 3))
def test_a_few_requests_that_are_all_refused_are_no_fate_where_the_model_never_answered(
    traces: Project, teacher: Teacher, code: int
) -> None:
    ask(traces, 3)
    refusing(teacher, code)
    assert traces.run("build", "recipe.yaml").code == 1 and refused(traces) == 0
    teacher.fault = None
    assert traces.build(store=".recipe")["outputs"][0]["rows"] == 3


@pytest.mark.parametrize("code", few([401, 403, 404], 2))
def test_a_key_that_is_revoked_half_way_loses_no_answer_that_is_under_way(traces: Project, teacher: Teacher, code: int) -> None:
    ask(traces, 300)
    came: list[int] = []

    def until(number: int) -> bool:
        with teacher.guard:
            came.append(number)
            return len(came) > 100

    refusing(teacher, code, until)
    ran = traces.run("build", "recipe.yaml")
    assert ran.code == 1 and f"HTTP {code}: " in ran.err
    assert paid(teacher) == len(kept(traces)) == 100, "those under way when it was refused are awaited"
    assert f"the {paid(teacher)} completions that came are in the store" in ran.err
    assert len(came) <= 100 + IN_A_ROW + 2 * WINDOW and refused(traces) == 0
    teacher.fault = None
    assert traces.run(*again(traces, ran.err)).code == 0 and paid(teacher) == 300


def test_a_single_401_among_answers_that_come_later_loses_none(traces: Project, teacher: Teacher) -> None:
    refusing(teacher, 401, lambda number: number == 7, later=0.5)
    before = 0
    for _ in range(4):  # a gateway that says 401 for one prompt: the build ends, and nothing is paid again
        assert traces.run("build", "recipe.yaml").code == 1
        assert paid(teacher) == len(kept(traces)) >= before
        before = paid(teacher)


# -- killed, interrupted, side by side


def test_a_kill_between_refusals_and_answers_pays_for_nothing_twice(
    project: Project, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(project, 120)
    configure(project.folder, teacher, monkeypatch, concurrency=4, timeout=30)
    refusing(teacher, 403, lambda number: number % 4 == 0, later=0.05)
    for goal in (20, 40):
        build = started(project)
        wait_until(build, lambda: len(teacher.asked) >= goal)  # noqa: B023 - it is done waiting before the next round
        killed(build)
    on_disk, were_refused, tried = len(kept(project, "store")), refused(project, "store"), sum(teacher.tried.values())
    assert on_disk >= 30
    for _ in range(2):
        ran = project.run("build", "recipe.yaml", "--store", "store")
        assert ran.code == 1 and "refused: 30 x HTTP 403" in ran.err
    assert len(kept(project, "store")) == len(teacher.asked) == 90 and refused(project, "store") == 30
    assert sum(teacher.tried.values()) - tried == 120 - on_disk - were_refused


def interrupted(project: Project, teacher: Teacher, times: int, answered: bool) -> float:
    """The seconds a build goes on that is interrupted so often while it waits for answers, and then has them or not."""
    answers = threading.Event()
    teacher.fault = lambda handler, request, attempt: not answers.wait(600)
    build = started(project)
    wait_until(build, lambda: len(teacher.tried) >= WINDOW)
    since = time.monotonic()
    for _ in range(times):
        build.send_signal(signal.SIGINT)
        time.sleep(1)
    if answered:
        answers.set()
    _, said = build.communicate()
    seconds = time.monotonic() - since
    answers.set()
    assert build.returncode == 130 and "Traceback" not in said, said
    return seconds


def test_what_is_under_way_at_ctrl_c_is_awaited_for_it_is_paid(traces: Project, teacher: Teacher) -> None:
    interrupted(traces, teacher, 1, answered=True)
    assert paid(teacher) == len(kept(traces, "store")) == WINDOW
    teacher.fault = None
    assert traces.build()["outputs"][0]["rows"] == 40 and paid(teacher) == 40


def test_ctrl_c_twice_awaits_nothing(traces: Project, teacher: Teacher) -> None:
    assert interrupted(traces, teacher, 2, answered=False) < GRACE and not kept(traces, "store")


def test_two_builds_at_once_ask_once_for_what_is_refused(
    project: Project, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(project, 120)
    configure(project.folder, teacher, monkeypatch, concurrency=4, timeout=30)
    refusing(teacher, 403, lambda number: number % 4 == 0, later=0.05)
    builds = [started(project)]
    # The second one begins when some are refused, and others are not yet.
    wait_until(builds[0], lambda: refused(project, "store") > 3)
    builds.append(started(project))
    said = [build.communicate(timeout=600)[1] for build in builds]
    assert [build.returncode for build in builds] == [1, 1]
    assert all("refused: 30 x HTTP 403" in each for each in said), said
    assert set(teacher.tried.values()) == {1} and paid(teacher) == 90


# -- which is which


def told(*outcomes: int, may_fail: int = 0, model_known: bool = False) -> Refusals:
    """What is made of requests that are answered (200), refused, or fail (500), in the order in which they were sent."""
    made = Refusals(may_fail, 0, lambda: model_known)
    for place, status in enumerate(outcomes):
        made.note_sent(bytes([place]))
        if status == 200:
            made.note_answer(bytes([place]))
        elif status == 500:
            made.note_failure(bytes([place]))
        else:
            made.note_refusal(bytes([place]), status)
    return made


def test_the_first_requests_refused_alike_tell_of_all() -> None:
    assert told(*[403] * (FIRST - 1)).everything is None
    assert told(*[403] * FIRST).everything == 403
    assert told(*[403, 500, 500] * FIRST).everything == 403
    assert told(*[403, 404] * IN_A_ROW).everything is None
    assert told(200, *[403] * FIRST).everything is None
    assert told(*[403] * FIRST, model_known=True).everything is None
    assert told(*[403] * IN_A_ROW, model_known=True).everything == 403
    assert told(200, *[403] * IN_A_ROW).everything == 403
    assert told(*[200] * 60, 401).everything == 401


def test_refusals_that_may_be_tell_nothing() -> None:
    assert told(*[403] * 90, may_fail=90).everything is None
    assert told(*[403] * 91, may_fail=90).everything == 403


def test_a_refusal_is_its_own_once_a_later_request_is_answered() -> None:
    made = Refusals(0, 0, lambda: False)
    for place in range(20):
        made.note_sent(bytes([place]))
    assert all(made.note_refusal(bytes([place]), 403) == [] for place in range(1, 20) if place != 12)
    assert made.everything is None, "the first of them is still under way"
    assert made.note_answer(bytes([12])) == [], "it was sent before any was refused"
    assert made.note_refusal(bytes([0]), 403) == []
    made.note_sent(bytes([20]))
    assert made.note_answer(bytes([20])) == [bytes([place]) for place in (*range(1, 12), *range(13, 20), 0)]
    assert made.end() == []


def test_an_answer_to_a_later_request_takes_back_that_all_are_refused() -> None:
    made = Refusals(0, 0, lambda: False)
    for place in range(FIRST + 1):
        made.note_sent(bytes([place]))
    for place in range(FIRST):
        made.note_refusal(bytes([place]), 403)
    assert made.everything == 403
    made.note_answer(bytes([FIRST]))
    assert made.everything is None and len(made.end()) == FIRST


def test_what_is_asked_again_and_refused_tells_nothing_of_the_others() -> None:
    addresses = [bytes([place]) for place in range(60)]
    made = Refusals(0, 0, lambda: True, again=frozenset(addresses))
    for each in addresses:
        made.note_sent(each)
        assert made.note_refusal(each, 403) == [each]
    assert made.everything is None


def test_the_documentation_names_the_numbers() -> None:
    text = (Path(__file__).parent.parent / "docs" / "models.md").read_text("utf-8")
    assert f"the first {FIRST}" in text and f"{IN_A_ROW} in a row" in text
