"""A condition on columns that hold no text is known before it is built: a table that is stored has their values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Project

RECIPE = """format: 1
recipe: test/rated
language: {target: ko}
sources:
  a:
    file: a.jsonl
    category: reviews
    license: A
    columns:
      prompt: prompt
      rating: {field: rating, as: integer, missing: null}
      score: {field: score, as: number, missing: null}
      liked: {field: liked, as: boolean, missing: null}
  b: {file: b.jsonl, category: other, license: A}
prompts:
  - length: {min: 1}
  - measure: {long: {length: {}}}
"""

ROWS: list[dict[str, Any]] = [
    {
        "prompt": f"물은 왜 끓나요 {'하' * (number % 9)}{number}",
        "rating": None if number % 7 == 0 else number % 6,
        "score": None if number % 5 == 0 else number / 100,
        "liked": None if number % 4 == 0 else number % 3 == 0,
    }
    for number in range(1050)
]

#: A condition -> which rows of `a` it keeps; those of `b` have none of the columns.
CONDITIONS = {
    "rating >= 4": lambda row: row["rating"] is not None and row["rating"] >= 4,
    "rating IS NULL": lambda row: row["rating"] is None,
    "coalesce(rating, 5) = 5": lambda row: row["rating"] in (None, 5),
    "score < 2.5": lambda row: row["score"] is not None and row["score"] < 2.5,
    "liked": lambda row: row["liked"] is True,
    "NOT liked AND rating IN (1, 2)": lambda row: row["liked"] is False and row["rating"] in (1, 2),
    "category = 'reviews' AND source <> 'b'": lambda row: True,
    "rating::VARCHAR || 'x' = '4x'": lambda row: row["rating"] == 4,
    "10 // rating = 2": lambda row: row["rating"] in (4, 5),
    "long > 14 AND rating > 0": lambda row: (row["rating"] or 0) > 0 and len(row["prompt"]) > 14,
}


@pytest.fixture
def rated(project: Project) -> Project:
    project.rows("a.jsonl", ROWS)
    project.rows("b.jsonl", ["하나", "둘"])
    project.write("recipe.yaml", RECIPE)
    project.build(store=".recipe")
    return project


def foreseen(project: Project, condition: str) -> Any:
    """(whether it is exact, the rows there will be at least and at most)."""
    project.write("edit.yaml", RECIPE + f"  - where: {json.dumps(condition)}\n")
    ran = project.run("diff", "recipe.yaml", "edit.yaml", "--store", ".recipe", "--json")
    assert ran.code == 0, ran.out + ran.err
    (recipe,) = ran.json
    (rows,) = recipe["rows"]
    return rows["exact"], rows["after"]["all"]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_on_small_columns_is_foreseen_exactly(rated: Project, condition: str) -> None:
    wanted = sum(CONDITIONS[condition](row) for row in ROWS) + (2 if condition == "rating IS NULL" else 0)
    wanted += 2 if condition == "coalesce(rating, 5) = 5" else 0
    assert foreseen(rated, condition) == (True, [wanted, wanted])
    assert rated.build("edit.yaml", store=".recipe")["outputs"][0]["rows"] == wanted


def test_a_condition_that_reads_text_or_that_no_build_can_compute_stays_an_interval(rated: Project) -> None:
    assert foreseen(rated, "rating >= 4 AND length(prompt) > 14") == (False, [0, 1052])
