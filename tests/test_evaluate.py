"""Evaluations: answers are asked for once, scored, and told with their error; held-out benchmarks are looked at once."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from runtime.stages.scores import Score, scores_of, scores_text
from tests.conftest import Project
from tests.teacher import Teacher, configure, teaching
from tests.test_faults_together import wait_until
from tests.test_teacher_kills import journalled, killed, started

pytest.importorskip("math_verify", reason="answers are compared by math-verify")

ITEMS = [{"question": f"{n}에 {n + 1}을 더하면?", "answer": str(2 * n + 1)} for n in range(10, 20)]
RECIPE = """
format: 1
recipe: test/judged
language: {target: ko, anchor: en}
models:
  weak: {id: test/weak, license: mit, terms: mit, endpoint: lab}
  strong: {id: test/strong, license: mit, terms: mit, endpoint: lab}
sources: {a: {file: a.jsonl, category: one, license: A}}
prompts: [{length: {min: 3}}]
benchmarks:
  sums: {items: {file: sums.jsonl, columns: {prompt: question, gold_answer: answer}}, task: math, extract: first_boxed,
         language: ko, license: A}
  secret: {items: {file: secret.jsonl, columns: {prompt: question, gold_answer: answer}}, task: math, extract: first_boxed,
           language: ko, license: A}
evaluate: {held_in: [sums], held_out: [secret], models: [weak, strong], trials: 3, max_tokens: 64}
"""


def judged(request: dict[str, Any]) -> str:
    """The strong model is right; the weak one is now and then, by the sample's seed."""
    numbers = list(map(int, re.findall(r"\d+", request["messages"][-1]["content"])))
    seed = sha256(json.dumps(request, sort_keys=True).encode()).digest()[0]
    right = request["model"] == "test/strong" or seed < 64
    return f"<think>\\boxed{{0}}</think>답은 \\boxed{{{sum(numbers[:2]) + (0 if right else 1)}}}입니다."


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Teacher]:
    with teaching(judged) as running:
        configure(tmp_path, running, monkeypatch)
        yield running


def prepared(project: Project) -> Project:
    project.rows("a.jsonl", ["물은 왜 끓나요?"])
    project.rows("sums.jsonl", ITEMS)
    project.rows("secret.jsonl", [{**each, "question": each["question"] + "?"} for each in ITEMS])
    project.write("recipe.yaml", RECIPE)
    return project


@pytest.fixture
def bench(project: Project, lab: Teacher) -> Project:
    return prepared(project)


class Evaluated(NamedTuple):
    """A project whose evaluation is built, which nobody may change."""

    folder: Path
    report: dict[str, Any]
    asked: Counter[str]
    """What its own teacher was asked, and how often."""


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    made = prepared(Project(tmp_path_factory.mktemp("evaluated")))
    (made.folder / ".recipe").mkdir()
    with teaching(judged) as running, pytest.MonkeyPatch.context() as patch:
        configure(made.folder, running, patch)
        return Evaluated(made.folder, made.build("recipe.yaml", "--target", "evaluate"), running.asked)


@pytest.fixture
def again(evaluated: Evaluated, lab: Teacher, tmp_path: Path) -> Project:
    """A copy of it, with a teacher that was asked nothing."""
    return Project(shutil.copytree(evaluated.folder, tmp_path / "project", symlinks=True))


def changed(**fields: Any) -> str:
    said = yaml.safe_load(RECIPE)
    for name, value in fields.items():
        part = said
        *way, last = name.split("__")
        for key in way:
            part = part[key]
        part[last] = value
    return json.dumps(said, ensure_ascii=False)


def means(report: dict[str, Any], name: str = "evaluate.held_in") -> dict[str, float]:
    return {each["model"]: each["mean"] for each in report["scores"][name]["means"]}


def test_each_model_answers_each_item_once_for_each_trial(evaluated: Evaluated) -> None:
    found = means(evaluated.report)
    assert (len(evaluated.asked), max(evaluated.asked.values())) == (2 * 10 * 3, 1)
    assert found["strong"] == 100 and 0 < found["weak"] < 100


def test_a_second_run_asks_for_nothing(evaluated: Evaluated, again: Project, lab: Teacher) -> None:
    second = again.build("recipe.yaml", "--target", "evaluate")
    assert not lab.asked and second["ran"] == [] and means(evaluated.report) == means(second)


def test_another_extraction_asks_for_nothing_and_scores_anew(again: Project, lab: Teacher) -> None:
    again.write("recipe.yaml", changed(benchmarks__sums__extract="last_answer_tag"))
    report = again.build("recipe.yaml", "--target", "evaluate")
    assert not lab.asked and means(report) == {"weak": 0, "strong": 0}


def test_more_trials_ask_for_the_new_ones_alone(evaluated: Evaluated, again: Project, lab: Teacher) -> None:
    again.write("recipe.yaml", changed(evaluate__trials=4))
    again.build("recipe.yaml", "--target", "evaluate")
    assert (len(lab.asked), max(lab.asked.values())) == (2 * 10, 1) and not set(lab.asked) & set(evaluated.asked)


def test_an_evaluation_that_is_killed_asks_for_nothing_that_is_on_disk(bench: Project, lab: Teacher) -> None:
    wanted = means(bench.build("recipe.yaml", "--target", "evaluate", store="undisturbed"))
    lab.asked.clear()
    lab.seconds = 0.05
    build = started(bench, "--target", "evaluate")
    wait_until(build, lambda: sum(lab.asked.values()) >= 20 and len(journalled(bench)) > 0)
    killed(build)
    kept = len(journalled(bench))
    assert 0 < kept < 60
    lab.asked.clear()
    report = bench.build("recipe.yaml", "--target", "evaluate")
    assert (sum(lab.asked.values()), means(report)) == (60 - kept, wanted)


def test_a_score_keeps_its_evidence(again: Project) -> None:
    told = again.run("why", "recipe.yaml", "--store", "store", "--target", "evaluate", "--match", ITEMS[0]["question"]).out
    assert "benchmark.sums: read" in told and "evaluate.strong.sums/answers: asked" in told
    child = re.findall(r"strong.sums/answers: asked, the row ([0-9a-f]{12})", told)[0]
    answer = again.run("why", "recipe.yaml", "--store", "store", "--target", "evaluate", child).out
    assert "answer: 21" in answer and "correct: 1" in answer and "gold_answer: 21" in answer


def test_held_out_before_freeze_is_an_error_that_draws_the_path(bench: Project) -> None:
    ran = bench.run("build", "recipe.yaml", "--store", "store", "--target", "evaluate.held_out")
    assert ran.code == 2 and "recipe.yaml:" in ran.err and "recipe freeze" in ran.err


def test_a_held_out_benchmark_that_reaches_a_table_is_an_error_with_its_path(bench: Project) -> None:
    bench.write("recipe.yaml", changed()[:-1] + ', "tables": {"leak": {"from": "benchmark.secret"}}, "outputs": ["leak"]}')
    ran = bench.run("check", "recipe.yaml")
    assert ran.code == 2 and "`secret` reaches `leak`" in ran.err and "benchmark.secret -> leak" in ran.err


def test_held_out_scores_are_looked_at_once(bench: Project, lab: Teacher) -> None:
    bench.build()
    assert bench.run("lock", "recipe.yaml", "--store", "store", "-q").code == 0
    assert bench.run("freeze", "recipe.yaml", "--store", "store").code == 0
    held_out = ("--target", "evaluate.held_out")
    bench.build("recipe.yaml", *held_out)
    asked = len(lab.asked)
    bench.build("recipe.yaml", *held_out)  # the same look
    bench.write("recipe.yaml", changed(evaluate__temperature=0.1))
    refused = bench.run("build", "recipe.yaml", "--store", "store", *held_out)
    assert refused.code == 1 and "--again" in refused.err and len(lab.asked) == asked
    told = bench.run("build", "recipe.yaml", "--store", "store", *held_out, "--again")
    assert told.code == 0 and "secret (looked at 2 times)" in told.out


def test_what_ties_overlap_and_errors_are_those_of_the_mean() -> None:
    rows = [
        {"model": model, "benchmark": "b", "trial": at, "items": 10, "correct": right, "cut_off": 0}
        for model, rights in (("one", (5, 6, 7)), ("two", (6, 7, 7)), ("three", (1, 1, 1)))
        for at, right in enumerate(rights, 1)
    ]
    one, two, three = scores_of(rows)
    assert (one.mean, round(one.error or 0, 2)) == (60.0, 5.77)
    assert one.overlaps(two) and not three.overlaps(two)
    assert scores_text([one, two, three]).count(" *") == 3  # two marks and the line that explains them


@pytest.mark.parametrize("items", [7, 30, 40, 41, 97])
def test_intervals_that_touch_overlap_whatever_their_last_bits(items: int) -> None:
    """One right answer in three trials has a mean that is its own standard error, and so touches none at all."""
    rows = [
        {"model": model, "benchmark": "b", "trial": at, "items": items, "correct": right, "cut_off": 0}
        for model, rights in (("none", (0, 0, 0)), ("one", (0, 1, 0)))
        for at, right in enumerate(rights, 1)
    ]
    none, one = scores_of(rows)
    assert none.overlaps(one) and one.overlaps(none)


def test_one_trial_has_no_error() -> None:
    assert Score("m", "b", 1, 10, 40.0, None, 0).text() == "40.0"


def test_a_benchmark_without_files_says_how_to_obtain_them(bench: Project) -> None:
    said = yaml.safe_load(RECIPE)
    said["benchmarks"]["sums"] |= {"items": {}, "obtain": "ask the authors"}
    bench.write("recipe.yaml", json.dumps(said, ensure_ascii=False))
    assert bench.run("check", "recipe.yaml").code == 0
    ran = bench.run("build", "recipe.yaml", "--store", "store", "--target", "evaluate")
    assert ran.code == 2 and "ask the authors" in ran.err


def test_an_unknown_benchmark_or_model_is_told_at_its_place(bench: Project) -> None:
    bench.write("recipe.yaml", RECIPE.replace("held_in: [sums]", "held_in: [summs]"))
    ran = bench.run("check", "recipe.yaml")
    assert ran.code == 2 and "no benchmark `summs`" in ran.err
    bench.write("recipe.yaml", RECIPE.replace("models: [weak, strong]", "models: [weak, strng]"))
    ran = bench.run("check", "recipe.yaml")
    assert ran.code == 2 and "did you mean `strong`?" in ran.err


def test_items_may_have_a_solution_of_their_own(bench: Project, lab: Teacher) -> None:
    own = "gold_answer: answer, solution: question, answer: answer}"
    bench.write("recipe.yaml", RECIPE.replace("gold_answer: answer}", own, 1))
    ran = bench.run("build", "recipe.yaml", "--store", "store", "--target", "evaluate")
    assert ran.code == 0 and "strong" in ran.out, ran.err


def test_a_benchmark_needs_a_rule_of_extraction(bench: Project) -> None:
    bench.write("recipe.yaml", RECIPE.replace(" extract: first_boxed,\n         language", "\n         language", 1))
    ran = bench.run("check", "recipe.yaml")
    assert ran.code == 2 and "the benchmark `sums` needs `extract`" in ran.err


def test_other_bytes_than_a_benchmark_declares_are_an_error(bench: Project) -> None:
    bench.write("recipe.yaml", changed(benchmarks__sums__digest="0" * 64))
    ran = bench.run("build", "recipe.yaml", "--store", "store", "--target", "evaluate")
    assert ran.code == 2 and "the benchmark `sums`" in ran.err and "recipe.yaml:" in ran.err


def test_a_diff_tells_what_changed_of_an_evaluation(bench: Project) -> None:
    bench.write("before.yaml", RECIPE)
    bench.write("recipe.yaml", changed(evaluate__trials=4))
    ran = bench.run("diff", "before.yaml", "recipe.yaml", "--store", "store")
    assert "trials 3 -> 4" in ran.out, ran.out + ran.err
