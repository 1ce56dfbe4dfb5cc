"""Mutations that derive from the class of a step: its first example, over rows of many kinds, with one field otherwise."""

from __future__ import annotations

from typing import Any

from operators.base.declare import Step, role_of
from operators.catalog import STEPS
from tests.conftest import Project
from tests.examples import examples_of, rows_for, said_of
from tests.mutations import LISTED, Mutation, recipe
from tests.variants import variants


def columns_of(step: type[Step]) -> dict[str, Any]:
    """How the columns of its rows are read."""
    names = dict.fromkeys(name for row in tried_rows(step) for name in row)
    columns: dict[str, Any] = {name: {"field": name, "as": "integer"} if name == "n" else name for name in names}
    return columns | ({"gold": {"index": "gold"}} if "gold" in columns else {})


def tried_rows(step: type[Step]) -> list[dict[str, Any]]:
    """The rows of its examples, and those that it is asked of for the record."""
    return [row for example in examples_of(step) for row in example["in"]] + rows_for(step)


def derived(step: type[Step], field: str) -> Mutation:
    """A mutation of one field; what comes after it is chosen when it is built."""
    said, name = said_of(step), f"tried/{step.name}.jsonl"
    source = {"file": name, "license": "A", "columns": columns_of(step)}
    sources = {"a": source | {"category": "one"}, "b": source | {"category": "two"}}
    choices = tuple(recipe({step.name: each}, sources=sources) for each in variants(step, said, field, "a"))
    told = f"nothing is known of the type of `{step.name}.{field}`: list a mutation of it in tests/mutations.py"
    assert choices, told
    before = recipe({step.name: said}, sources=sources)
    return Mutation(f"{step.name}.{field}", before, choices[0], step.name, role_of(step, field), choices=choices)


def put_tried(project: Project) -> None:
    """The files that these read."""
    for step in STEPS:
        rows = tried_rows(step)
        names = dict.fromkeys(name for row in rows for name in row)
        project.rows(f"tried/{step.name}.jsonl", [dict.fromkeys(names) | row for row in rows])


#: All mutations: those that are listed, and one for each other field of a step.
MUTATIONS = [
    *LISTED,
    *(
        derived(step, field)
        for step in STEPS
        for field in step.model_fields
        if f"{step.name}.{field}" not in {each.field for each in LISTED}
    ),
]
BOUND = [each for each in MUTATIONS if each.role not in ("tuning", "label")]
