"""Predictions of random edits over real data are what the builds then make, or contain it; broken predictors are noticed."""

from __future__ import annotations

import importlib.util
import os
import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import runtime.stages.expected.decisions as decisions
from operators.base.bounds import Between
from runtime.build.run import Wishes, run_build
from runtime.build.session import Session
from runtime.stages.expected.counts import Counts
from runtime.stages.expected.expected import Expected
from tests.predicting import KNOWN, Outcome, Predict, Recipe, Words, complaints, play, predict
from tests.test_in_parts import NARROW

LONG = bool(os.environ.get("RECIPE_LONG"))
RUNS, EDITS = (4, 50) if LONG else (2, 30)
pytestmark = pytest.mark.long
KIWI = importlib.util.find_spec("kiwipiepy") is not None


def played(folder: Path, seed: int, edits: int, predict: Predict = predict, dear: bool = False) -> Iterator[Outcome]:
    """A sequence of random edits from one recipe that is built."""
    recipe = Recipe(folder, random.Random(seed), dear)
    session = recipe.session()
    run_build(session, Wishes(quiet=True))
    all_edits = recipe.edits()
    order = recipe.chance.sample(all_edits, len(all_edits)) + recipe.chance.choices(all_edits, k=edits)
    for edit in order[:edits]:
        session, outcome = play(recipe, edit, session, predict)
        yield outcome


@pytest.fixture(scope="module")
def outcomes(data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    assert data.is_dir()
    with pytest.MonkeyPatch.context() as patch:
        if not LONG:  # 40 s of segmenting, of which a prediction sees numbers alone
            patch.setattr("operators.kernels.segments.kiwi", lambda workers: Words())
        return [
            outcome
            for seed in range(RUNS)
            for outcome in played(tmp_path_factory.mktemp("edits"), seed, EDITS, dear=KIWI and seed == 0)
        ]


def test_every_random_edit_is_predicted_right(outcomes: list[Outcome], record_property: Callable[[str, Any], None]) -> None:
    assert len(outcomes) == RUNS * EDITS
    wrong = [(outcome.edit, complaint) for outcome in outcomes for complaint in complaints(outcome)]
    assert wrong == []
    exact = sum(outcome.expected.exact for outcome in outcomes)
    moved = sum(outcome.moved for outcome in outcomes)
    width = statistics.median(outcome.width for outcome in outcomes)
    others = statistics.median(outcome.width for outcome in outcomes if not outcome.expected.exact)
    record_property(
        "shown",
        f"{exact} of {len(outcomes)} edits exact, {moved} moved rows;"
        f" the median interval is {width:g} rows wide, {others:g} where not exact",
    )
    assert moved >= len(outcomes) * 0.5 and exact >= len(outcomes) * 0.6


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(RUNS))
def test_random_edits_are_predicted_right_in_parts_and_some_rows_at_a_time(
    data: Path, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECIPE_PARTS", "4")
    for module, name, value in NARROW:
        monkeypatch.setattr(f"{module}.{name}", value)
    outcomes = list(played(tmp_path, seed, EDITS))
    assert [(outcome.edit, complaint) for outcome in outcomes for complaint in complaints(outcome)] == []


@pytest.mark.parametrize("edit", sorted(KNOWN))
def test_an_edit_over_known_values_is_exact(outcomes: list[Outcome], edit: str) -> None:
    mine = [outcome.expected.exact for outcome in outcomes if outcome.edit == edit]
    assert mine and all(mine)


def noticed(folder: Path, predict: Predict, *wanted: str) -> bool:
    """Whether all of this is said of a broken predictor in a short sequence of edits."""
    missing = set(wanted)
    for outcome in played(folder, 5, 24, predict):
        said = complaints(outcome)
        missing -= {each for each in missing if any(each in complaint for complaint in said)}
        if not missing:
            return True
    return False


def test_a_predictor_that_always_answers_nothing_to_all_is_noticed(data: Path, tmp_path: Path) -> None:
    def shrug(before: Session, after: Session) -> Expected:
        told = predict(before, after)
        by = {kind: {name: Between(0, 10**6) for name in groups} for kind, groups in told.counts.by.items()}
        return replace(told, counts=Counts(by), unseen={"any": 10**6})

    assert noticed(tmp_path, shrug, "all values are known, and it is not exact", "rows with an unknown value")


def test_a_predictor_that_takes_the_unknown_for_known_is_noticed(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = decisions.partly_known

    def bold(*given: Any) -> Any:
        _, unknown = whole(*given)
        return frozenset(), unknown & False

    monkeypatch.setattr(decisions, "partly_known", bold)
    assert noticed(tmp_path, predict, "claimed exact, and the rows are others")


def test_a_predictor_that_tells_of_yesterday_is_noticed(data: Path, tmp_path: Path) -> None:
    """A stale answer: that of the recipe before the edit."""
    assert noticed(tmp_path, lambda before, after: predict(before, before), "claimed exact, and the rows are others")
