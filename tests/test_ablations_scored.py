"""The scores of variants: on the same items, with their errors, ties and differences, and by held-in benchmarks alone."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.stages.paired import Answered, compare_pairs, draws, items_of
from tests.conftest import Project
from tests.teacher import Teacher, configure, teaching
from tests.test_evaluate import RECIPE, judged, prepared

VARIANTS = {
    "warm": {},
    "again": {"evaluate.seed": 0},
    "weaker": {"models.strong.id": "test/weak", "evaluate.seed": 5},
    "fewer": {"benchmarks.sums.items.file": "few.jsonl"},
}


def given(*right: int, trials: int = 1) -> Answered:
    """Answers to as many items, of each of which so many are right."""
    return {(bytes([at]), trial): (int(trial < count), 1, 0) for at, count in enumerate(right) for trial in range(trials)}


def test_a_difference_is_that_of_the_shares_of_right_answers() -> None:
    one, other = given(3, 2, 0, 1, trials=3), given(1, 1, 1, 0)
    found = compare_pairs(one, other, items_of(one), 7)
    assert math.isclose(found.difference, 100 * (6 / 12 - 3 / 4))
    assert found.low <= found.difference <= found.high


def test_equal_answers_have_no_difference() -> None:
    found = compare_pairs(given(1, 0, 1), given(1, 0, 1), items_of(given(1, 0, 1)), 7)
    assert (found.difference, found.low, found.high, found.chance) == (0, 0, 0, 1)


def test_the_interval_is_that_of_the_normal_law_where_items_are_many() -> None:
    rng = random.Random(3)
    rows = [(rng.random() < 0.6, rng.random() < 0.5) for _ in range(250)]
    one, other = (given(*(int(row[side]) for row in rows)) for side in (0, 1))
    found = compare_pairs(one, other, items_of(one), 7)
    deltas = [row[0] - row[1] for row in rows]
    mean = sum(deltas) / 250
    error = 196 * math.sqrt(sum((each - mean) ** 2 for each in deltas) / 250 / 250)
    assert found.low == pytest.approx(100 * mean - error, abs=1) and found.high == pytest.approx(100 * mean + error, abs=1)


def test_resamples_follow_from_the_seed_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [row for block in draws(5, "x") for row in block.tolist()]
    monkeypatch.setattr("runtime.stages.paired.CELLS", 35)
    assert [row for block in draws(5, "x") for row in block.tolist()] == whole
    assert [row for block in draws(5, "y") for row in block.tolist()] != whole
    assert {item for row in whole for item in row} == {*range(5)} and len(whole) == 10_000


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Teacher]:
    pytest.importorskip("math_verify", reason="answers are compared by math-verify")
    with teaching(judged) as running:
        configure(tmp_path, running, monkeypatch)
        yield running


@pytest.fixture
def bench(project: Project, lab: Teacher) -> Project:
    made = prepared(project)
    made.write("few.jsonl", "".join(Path(made.folder / "sums.jsonl").read_text().splitlines(True)[:4]))
    ablations = {"ablations": {"judge": {"match": "items", "variants": VARIANTS}}}
    made.write("recipe.yaml", RECIPE + json.dumps(ablations)[1:-1] + "\n")
    return made


def test_variants_are_compared_on_the_items_that_all_were_judged_by(bench: Project, lab: Teacher) -> None:
    said = ("build", "recipe.yaml", "--ablation", "judge", "--target", "evaluate")
    ran = bench.run(*said, "--json")
    assert ran.code == 0, ran.out + ran.err
    strong = next(line for line in ran.json["compared"] if line["model"] == "strong")
    assert {name: score["items"] for name, score in strong["scores"].items()} == dict.fromkeys(VARIANTS, 4)
    assert strong["scores"]["warm"]["mean"] == 100 > strong["scores"]["weaker"]["mean"]
    assert strong["less_first"]["again"]["difference"] == 0 > strong["less_first"]["weaker"]["difference"]
    asked = lab.asked.total()
    again = bench.run(*said)
    assert lab.asked.total() == asked and "less `warm` on the same items" in again.out
    (line,) = [each for each in again.out.splitlines() if each.startswith("sums") and "strong" in each and " * " in each]
    assert line.split()[:4] == ["sums", "strong", "4", "3"]


def test_a_variant_equal_to_the_recipe_asks_for_no_answer(bench: Project, lab: Teacher) -> None:
    bench.build("recipe.yaml", "--target", "evaluate", store=".recipe")
    asked = lab.asked.total()
    bench.run("build", "recipe.yaml", "--target", "ablations.judge.warm.evaluate", "--quiet")
    bench.run("build", "recipe.yaml", "--target", "ablations.judge.again.evaluate", "--quiet")
    assert lab.asked.total() == asked


def test_what_is_held_out_compares_no_variants(bench: Project) -> None:
    ran = bench.run("build", "recipe.yaml", "--ablation", "judge", "--target", "evaluate.held_out")
    assert ran.code == 2 and "variants are compared by held-in benchmarks alone" in ran.err
