"""An operator that loses, doubles or renames a row fails the build, and nothing is recorded."""

# ruff: noqa: E501 (recipes in one line)

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from operators.base.declare import Map, Measure, SetDecision
from tests.conftest import Project


class LossyMeasure(Measure):
    """Loses a row."""

    name: ClassVar[str] = "wrong"
    values: ClassVar[tuple[str, ...]] = ("n",)
    cut: ClassVar[slice] = slice(None, -1)

    def measure(self, texts: Any, entries: Any) -> Any:
        return [texts.lengths()[self.cut]]

    def condition(self, value: Any) -> str:
        return f"{value['n']} >= 0"


class LossyMap(Map):
    """Loses a row."""

    name: ClassVar[str] = "wrong"

    def change(self, column: Any, entries: Any) -> Any:
        return [column[:-1]]


class Rewritten(SetDecision):
    """Tells of other rows than it was given."""

    name: ClassVar[str] = "wrong"
    sql: ClassVar[str]

    def verdicts(self, relation: str, seed: int, scale: tuple[int, int] | None) -> str:
        return self.sql.format(
            rows=f"(SELECT row_id, TRUE AS kept, NULL::UUID AS detail FROM {relation})",
            first=f"(SELECT min(row_id) FROM {relation})",
        )


def doubled(texts: Any) -> Any:
    import numpy as np

    return [np.repeat(texts.lengths(), 2)]


WRONG: dict[str, tuple[type, str]] = {
    "a measure that loses a row": (LossyMeasure, "was given 7 rows and gave back [6]"),
    "a measure that doubles rows": (
        type("Doubled", (LossyMeasure,), {"measure": lambda self, texts, entries: doubled(texts)}),
        "gave back [14]",
    ),
    "a dear measure that loses a row": (type("Dear", (LossyMeasure,), {"cost": "dear"}), "gave back"),
    "a map that loses a row": (LossyMap, "was given 7 rows and gave back [6"),
    "a decision that loses a row": (
        type("Lost", (Rewritten,), {"sql": "SELECT * FROM {rows} WHERE row_id <> {first}"}),
        "1 lost, 0 not its own, 0 told twice",
    ),
    "a decision that doubles a row": (
        type("Twice", (Rewritten,), {"sql": "SELECT * FROM {rows} UNION ALL SELECT * FROM {rows} WHERE row_id = {first}"}),
        "0 lost, 0 not its own, 1 told twice",
    ),
    "a decision that renames a row": (
        type(
            "Named",
            (Rewritten,),
            {
                "sql": "SELECT CASE WHEN row_id = {first} THEN '00000000-0000-0000-0000-000000000000'::UUID ELSE row_id END AS row_id, "
                "kept, detail FROM {rows}"
            },
        ),
        "1 lost, 1 not its own, 0 told twice",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_operator_that_does_not_account_for_its_rows_fails_the_build(
    project: Project, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    from compiler import compile as compiling
    from operators import catalog

    operator, message = WRONG[what]
    shipped = compiling.shipped_schema

    def with_wrong(package: Path, name: str) -> dict[str, Any]:
        schema: dict[str, Any] = json.loads(json.dumps(shipped(package, name)))
        if name == "recipe":
            (step,) = (each for each in schema["$defs"]["step"]["anyOf"] if each["type"] == "object")
            step["properties"]["wrong"] = {}
        return schema

    monkeypatch.setattr(compiling, "shipped_schema", with_wrong)
    for known in (catalog.CATALOG, catalog.OPERATORS, *((catalog.MEASURES,) if issubclass(operator, Measure) else ())):
        monkeypatch.setitem(known, "wrong", operator)
    project.write(
        "recipe.yaml",
        """
        format: 1
        recipe: test/wrong
        language: {target: ko}
        sources: {a: {file: a.jsonl, category: one, license: A}}
        prompts: [{wrong: {}}]
        """,
    )
    ran = project.run("build", "recipe.yaml")
    assert ran.code == 1 and message in ran.err and "nothing was recorded" in ran.err, ran.err
    states = {stage["name"]: stage["state"] for stage in project.run("plan", "recipe.yaml", "--json").json["stages"]}
    assert (
        all(state != "reuse" for name, state in states.items() if name != "a")
        and not (project.folder / ".recipe/v4/names/test").exists()
    )
