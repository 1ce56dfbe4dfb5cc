"""Budgets: no request is sent that might pass one, what is under way is kept, and the next build pays nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from operators.asks.asks import Budget, Reply
from runtime.completions.engines.configuration import Prices
from runtime.completions.engines.engine import Answer, Request
from runtime.completions.spending import Meter, Spending
from tests.conftest import Project
from tests.teacher import TRACES, Teacher, by_request, configure, teaching
from tests.test_faults_together import wait_until
from tests.test_teacher_kills import killed, started

PROMPTS = [f"{n}번 문제: {n}에 {n}을 더하면 얼마인가요?" for n in range(10, 30)]


@pytest.fixture
def teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Teacher]:
    with teaching() as running:
        configure(tmp_path, running, monkeypatch, prices={"input": 0, "output": 1000000}, concurrency=4)
        yield running


@pytest.fixture
def traces(project: Project, teacher: Teacher) -> Project:
    project.rows("a.jsonl", PROMPTS)
    return project


def write(traces: Project, budget: dict[str, Any] | None, step: dict[str, Any] | None = None) -> None:
    """The recipe with a budget of its own, and one of the step that asks."""
    recipe = yaml.safe_load(TRACES)
    recipe |= {"budget": budget} if budget is not None else {}
    recipe["cot"]["teacher"] |= {"budget": step} if step is not None else {}
    traces.write("recipe.yaml", yaml.safe_dump(recipe, allow_unicode=True))


def request(number: int, longest: int = 100) -> Request:
    return Request(bytes([number]) * 32, (("user", "x" * 36),), {"max_tokens": longest}, 0)


def answer(number: int, tokens: int | None, seconds: float = 1.0) -> Answer:
    reply = Reply("", None, "stop", tokens, tokens)
    return Answer(bytes([number]) * 32, reply, None, seconds)


def test_what_is_under_way_counts_with_all_that_it_may_take() -> None:
    meter = Meter(Spending(), "a", Budget(tokens=250))
    assert meter.admit(request(1)) and meter.admit(request(2)) and not meter.admit(request(3)) and meter.over is None
    meter.settle(answer(1, 10))
    assert meter.admit(request(3)) and not meter.admit(request(4))
    meter.settle(answer(2, 100))
    meter.settle(answer(3, None))  # a server that tells no tokens
    assert not meter.admit(request(4)) and meter.over is not None
    assert (meter.over.whose, meter.over.what, meter.over.spent, meter.over.needed) == ("a", "tokens", 210, 100)


def test_money_is_that_of_prompt_and_completion_by_the_endpoints_prices() -> None:
    spending = Spending(Budget(money=Decimal("0.0004")))
    meter = Meter(spending, "a", None, Prices(input=Decimal(1), output=Decimal(2)))  # 100 x 1 + 100 x 2 of a million
    assert meter.admit(request(1)) and not meter.admit(request(2)) and meter.over is None
    meter.settle(answer(1, 50))
    assert spending.whole.money == Decimal("0.00015") and not meter.admit(request(2))
    assert meter.over is not None and meter.over.whose is None


def test_hours_are_those_that_pass_of_each_gpu_and_the_longest_answer_must_still_fit() -> None:
    now = [0.0]
    meter = Meter(Spending(), "a", Budget(hours=Decimal(1)), gpus=4, clock=lambda: now[0])
    assert meter.admit(request(1))
    now[0] = 500.0
    meter.settle(answer(1, 1, seconds=300.0))
    assert meter.admit(request(2))  # 4 x (500 + 300) s
    now[0] = 601.0
    assert not meter.admit(request(3)) and meter.over is not None and meter.over.what == "hours"


def test_stages_spend_from_one_budget_of_the_recipe() -> None:
    spending = Spending(Budget(tokens=250))
    first, second = Meter(spending, "a"), Meter(spending, "b")
    assert first.admit(request(1))
    first.settle(answer(1, 100))
    assert second.admit(request(2)) and not second.admit(request(3))
    second.settle(answer(2, 100))
    assert not second.admit(request(3)) and second.over is not None and second.over.whose is None


@pytest.mark.parametrize("of_step", [True, False])
def test_a_build_stops_before_a_budget_is_passed_and_the_next_goes_on(traces: Project, teacher: Teacher, of_step: bool) -> None:
    budget = {"tokens": 150}
    write(traces, *((None, budget) if of_step else (budget, None)))
    ran = traces.run("build", "recipe.yaml", "--store", "store")
    whose = "`traces/generate`" if of_step else "the recipe"
    assert ran.code == 1 and f"error: the budget of {whose} is spent:" in ran.err, ran.err
    assert "`traces/generate`" in ran.err and "go on with as much again: recipe build recipe.yaml --store store" in ran.err
    asked = sum(teacher.asked.values())
    tokens = traces.run("store", "completions", "stats", "--store", "store", "--json").json
    spent = sum(each["completion_tokens"] for each in (tokens if isinstance(tokens, list) else tokens["completions"]))
    assert 0 < asked < 20 and 86 < spent <= 150 and f"{spent} tokens of 150" in ran.err
    assert f"the {asked} completions that came are in the store" in ran.err
    write(traces, *((None, {"tokens": 10000}) if of_step else ({"tokens": 10000}, None)))
    assert traces.run("build", "recipe.yaml", "--store", "store").code == 0
    assert sum(teacher.asked.values()) == 20 and max(teacher.tried.values()) == 1


def test_a_budget_is_in_no_key_and_its_fields_are_checked(traces: Project, teacher: Teacher) -> None:
    write(traces, None)
    digest = traces.digest()
    write(traces, {"tokens": 0, "money": 0, "hours": 0, "completions": 0})
    assert traces.digest() == digest  # nothing is asked, so that nothing is spent
    write(traces, {"tokens": -1, "mony": 2})
    ran = traces.run("check", "recipe.yaml")
    assert ran.code == 2 and "must be at least 0" in ran.err and "did you mean `money`?" in ran.err


def test_money_without_prices_and_completions_that_are_too_many_refuse_before_anything_is_sent(
    traces: Project, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(traces, {"completions": 10})
    ran = traces.run("build", "recipe.yaml", "--store", "store")
    assert ran.code == 1 and "needs 20 completions and the budget of the recipe is 10" in ran.err
    configure(traces.folder, teacher, monkeypatch)
    write(traces, {"money": 10})
    ran = traces.run("build", "recipe.yaml", "--store", "store")
    assert ran.code == 1 and "has a budget of money, and what `traces/generate` costs is not known" in ran.err
    assert "`prices`" in ran.err and not teacher.tried


def test_a_budget_holds_over_a_shared_store_and_leaves_nothing_claimed(
    traces: Project, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("obstore")
    monkeypatch.setenv("RECIPE_CACHE", str(traces.folder / "cache"))
    write(traces, {"tokens": 150})
    (traces.folder / "bucket").mkdir()
    shared = ["--store", f"file://{traces.folder / 'bucket'}"]
    ran = traces.run("build", "recipe.yaml", *shared)
    asked = sum(teacher.asked.values())
    assert ran.code == 1 and "the budget of the recipe is spent:" in ran.err and 0 < asked < 20, ran.err
    write(traces, None)
    assert traces.run("build", "recipe.yaml", *shared).code == 0
    assert sum(teacher.asked.values()) == 20 and max(teacher.tried.values()) == 1


def test_tools_and_calls_of_a_request_count_as_its_text_does() -> None:
    meter = Meter(Spending(Budget(money=Decimal("0.0004"))), "a", None, Prices(input=Decimal(1), output=Decimal(0)))
    turns = (("tools", "x" * 100), ("assistant", "", "x" * 200), ("user", "x" * 36))  # 64 + 336 of a million
    assert meter.admit(Request(bytes(32), turns, {"max_tokens": 1}, 0)) and meter.held[0] == 400


@pytest.mark.long
@pytest.mark.parametrize("where", ["plain", "shared"])
@pytest.mark.parametrize("of_step", [True, False])
def test_builds_killed_and_beside_each_other_pay_nothing_twice_and_stop_before_their_budgets(
    traces: Project, teacher: Teacher, monkeypatch: pytest.MonkeyPatch, where: str, of_step: bool
) -> None:
    if where == "shared":
        pytest.importorskip("obstore")
        monkeypatch.setenv("RECIPE_CACHE", str(traces.folder / "cache"))
        (traces.folder / "bucket").mkdir()
    store = "store" if where == "plain" else f"file://{traces.folder / 'bucket'}"
    traces.rows("a.jsonl", [f"{n}번 문제: {n}에 {n}을 더하면 얼마인가요?" for n in range(100, 160)])
    teacher.seconds = 0.05
    budget = {"tokens": 300}
    write(traces, *((None, budget) if of_step else (budget, None)))
    build = started(traces, store=store)
    wait_until(build, lambda: sum(teacher.asked.values()) >= 5)
    killed(build)
    teacher.tried.clear()  # what was under way when it was killed may be asked for again
    both = [started(traces, store=store) for _ in range(2)]
    said = [build.communicate(timeout=100)[1] for build in both]
    assert [build.returncode for build in both] == [1, 1], said
    assert all("is spent:" in each and "Traceback" not in each for each in said), said
    tokens = len(by_request({"messages": [{"content": "1 2 3"}]}).split())
    assert 0 < len(teacher.tried) <= 2 * (300 // tokens) and max(teacher.tried.values()) == 1
    write(traces, None)
    last = traces.run("build", "recipe.yaml", "--store", store)
    assert last.code == 0 and max(teacher.tried.values()) == 1, last.err
