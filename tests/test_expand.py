"""Rows that are born beside others: their ids, licences, counts and lineage, and what is said of them before a build."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest

from operators.base.declare import Only
from operators.grow.expand import Born, Parents, holds
from operators.grow.style_directives import StyleDirectives
from runtime.build.run import Wishes, run_build
from runtime.build.session import Session
from runtime.forecast.predictor import Predictor
from runtime.stages.children import joined_licences
from runtime.stages.columns import LostRows
from runtime.store.digest import id_bytes
from runtime.tables.table import open_table
from tests.conftest import Project
from tests.predicting import uncounted

ROWS: list[dict[str, Any]] = [{"prompt": f"{place}번 문제는 무엇인가요", "other": f"o{place}"} for place in range(40)]
ROWS.append({"prompt": None, "other": "x"})
TEXTS = ["짧게 답하세요.", "상자에 답하세요.", "한 줄로."]


def recipe(*steps: Any, seed: int = 7, **more: Any) -> str:
    source = {"license": "B", "columns": {"prompt": "prompt", "other": "other"}}
    sources = {
        "a": {"file": "a.jsonl", "category": "exams", **source},
        "b": {"file": "b.jsonl", "category": "daily", **source, "license": "A"},
    }
    said = {"format": 1, "recipe": "test/born", "language": {"target": "ko"}, "seed": seed, "sources": sources}
    return json.dumps(said | {"prompts": list(steps)} | more, ensure_ascii=False)


def styled(**more: Any) -> dict[str, Any]:
    return {"style_directives": {"texts": TEXTS, **more}}


@pytest.fixture
def bed(project: Project) -> Project:
    project.rows("a.jsonl", ROWS)
    project.rows("b.jsonl", [{"prompt": f"오늘 {place}시에 뭐 하지", "other": "b"} for place in range(9)])
    return project


def rows_of(bed: Project, said: str, **more: Any) -> list[dict[str, Any]]:
    bed.write("recipe.yaml", said)
    return bed.table(**more)


def lines(row: dict[str, Any]) -> list[str]:
    return str(row["prompt"]).split("\n")


def test_every_row_stays_and_its_child_has_a_directive_on_a_line_of_its_own(bed: Project) -> None:
    before, after = rows_of(bed, recipe()), rows_of(bed, recipe(styled()))
    ids = {row["row_id"]: row for row in before}
    assert [row for row in after if row["row_id"] in ids] == before
    born = [row for row in after if row["row_id"] not in ids]
    questions = {row["item_id"]: row for row in before}
    assert len(born) == 49 and {len(lines(row)) for row in born} == {2}
    for row in born:
        parent = questions[row["item_id"]]
        assert {parent["prompt"]} == set(lines(row)) - set(TEXTS)
        assert all(row[name] == parent[name] for name in ("source", "category", "license", "other"))
    assert {lines(row)[0] in TEXTS for row in born} == {True, False}, "both places are chosen"


def test_ids_of_children_are_hashes_of_parent_and_changed_text(bed: Project) -> None:
    after = rows_of(bed, recipe(styled(place="after")))
    ids = {row["prompt"]: row["row_id"] for row in after}
    for row in after:
        if row["prompt"] and len(lines(row)) == 2:
            digest = hashlib.sha256(row["prompt"].encode()).digest()[:16]
            said = f"{UUID(bytes=ids[lines(row)[0]])}/style_directives/{UUID(bytes=digest)}/0"
            assert hashlib.sha256(said.encode()).digest()[:16] == row["row_id"]


def test_only_the_rows_that_are_meant_have_children(bed: Project) -> None:
    after = rows_of(bed, recipe(styled(only={"category": "daily"}, per_row=3)))
    born = [row for row in after if row["prompt"] and len(lines(row)) == 2]
    assert {row["category"] for row in born} == {"daily"} and len(born) == 27 and len({row["prompt"] for row in born}) == 27


def test_only_means_in_arrow_what_it_means_in_sql() -> None:
    import duckdb

    labels = {"source": ["a", "b", "a"], "category": ["x", "x", "y"], "license": ["A", "B", "B"]}
    columns = {name: pa.array(cells).dictionary_encode() for name, cells in labels.items()}
    connection = duckdb.connect()
    connection.register("rows", pa.table(labels))
    for only in (Only(), Only(source="a"), Only(category=("x", "z"), license="B"), Only(source=("a", "b"), category="y")):
        told = [row[0] for row in connection.sql(f"SELECT {only.sql()} FROM rows").fetchall()]
        assert holds(only, columns).tolist() == told
    assert holds(None, columns).all()


def test_a_further_directive_moves_about_a_quarter_of_the_rows(bed: Project) -> None:
    bed.rows("a.jsonl", [{"prompt": f"문제 {place}", "other": "x"} for place in range(2000)])
    before, after = (
        {row["prompt"] for row in rows_of(bed, recipe(styled(texts=texts, place="before")))}
        for texts in (TEXTS, [*TEXTS, "표로 답하세요."])
    )
    came = after - before
    assert all("표로" in prompt for prompt in came), "a row that changes takes the new directive"
    assert 400 < len(came) < 600


def test_counts_and_the_funnel_tell_of_born_rows(bed: Project) -> None:
    bed.write("recipe.yaml", recipe(styled(only={"category": "exams"}), {"length": {"min": 1}}))
    report = bed.build()
    (stage,) = [each for each in report["stages"] if each["name"] == "prompts/style_directives"]
    assert stage["counts"] == {"in": 50, "born": 40, "out": 90, "dropped": []}
    (funnel,) = report["funnel"]
    assert funnel["rows"] == {"a": 41, "b": 9} and funnel["steps"][0] == {"step": "style_directives", "born": {"a": 40, "b": 0}}
    assert funnel["left"] == {"a": 80, "b": 9}
    shown = bed.run("build", "recipe.yaml", "--store", "store")
    assert "+style_directives" in shown.out and "40 born of 41 rows; no child: no text in `prompt` 1" in shown.out


def test_why_tells_parent_and_child_of_each_other(bed: Project) -> None:
    after = rows_of(bed, recipe(styled(place="after"), {"length": {"min": 1}}))
    ids = {row["prompt"]: row["row_id"].hex() for row in after}
    child = next(prompt for prompt in ids if prompt and "\n" in prompt)
    parent = child.split("\n")[0]
    life = bed.run("why", "recipe.yaml", ids[child], "--store", "store", "--show-restricted")
    assert f"prompts/style_directives: born of {ids[parent][:12]}" in life.out and "read, category" in life.out
    life = bed.run("why", "recipe.yaml", ids[parent], "--store", "store")
    assert f"parent of {ids[child][:12]}" in life.out
    (nothing,) = [row for row in rows_of(bed, recipe(styled())) if row["prompt"] is None]
    assert "no child: no text in `prompt`" in bed.run("why", "recipe.yaml", nothing["row_id"].hex(), "--store", "store").out


def test_a_step_that_stands_twice_needs_a_salt(bed: Project) -> None:
    twice = [{"name": name, **styled(**more)} for name, more in (("one", {}), ("two", {}))]
    bed.write("recipe.yaml", recipe(*twice))
    refused = bed.run("build", "recipe.yaml", "--store", "store")
    assert refused.code != 0 and "another `salt`" in refused.err
    salted = [{"name": "one", **styled()}, {"name": "two", **styled(salt="again")}]
    assert len(rows_of(bed, recipe(*salted))) == 50 + 49 + 98


def test_shuffled_rows_and_other_threads_give_the_same_children(bed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    bed.write("recipe.yaml", recipe(styled(per_row=2)))
    digest = bed.digest()
    bed.rows("a.jsonl", random.Random(3).sample(ROWS, len(ROWS)))
    monkeypatch.setenv("RECIPE_THREADS", "1")
    assert bed.digest(store="other") == digest
    bed.write("recipe.yaml", recipe(styled(per_row=2), seed=8))
    assert bed.digest(store="other") != digest


def test_a_built_table_repeats_to_the_byte_and_is_kept_by_gc(bed: Project) -> None:
    bed.write("recipe.yaml", recipe(styled()))
    bed.build()
    told = bed.run("verify", "recipe.yaml", "--store", "store")
    assert told.code == 0 and "5 stages: 5 the same" in told.out
    assert bed.run("store", "gc", "--store", "store").code == 0
    assert bed.run("store", "verify", "--store", "store").code == 0 and not bed.build()["ran"]


def test_a_child_has_the_most_closed_licence_of_its_parent_and_all_its_donors() -> None:
    column = pa.array(["A", "B", "unknown", "A"]).dictionary_encode()
    made = joined_licences(column, np.array([0, 0, 1, 3]), np.array([3, 1, 2]), np.array([0, 2, 1, 0]))
    assert made.to_pylist() == ["A", "B", "unknown", "A"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"parents": np.array([99])},
        {"cells": {}},
        {"cells": {"prompt": pa.array(["x", "y"], pa.large_string())}},
        {"donors": np.array([1]), "donated": np.array([1])},
        {"donors": np.array([1])},
    ],
    ids=["a parent of another table", "no cells", "too many cells", "donors of one that mixes nothing", "donors of no child"],
)
def test_an_operator_that_does_not_account_for_its_children_fails_the_build(
    bed: Project, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    def expand(self: StyleDirectives, rows: Parents, entries: Any, seed: int) -> Born:
        none = np.zeros(1, np.int64)
        told = {"parents": none, "cells": {"prompt": pa.array(["x"], pa.large_string())}, "donors": none[:0], "donated": none}
        return Born(copies=none, **(told | wrong))

    bed.write("recipe.yaml", recipe(styled()))
    monkeypatch.setattr(StyleDirectives, "expand", expand)
    with pytest.raises(LostRows):
        run_build(Session(str(bed.folder / "recipe.yaml"), store_folder=str(bed.folder / "store")), Wishes(quiet=True))


EDITS = [
    recipe(styled(only={"category": "exams"}), {"unique": {"by": "other"}}, seed=8),
    recipe(styled(per_row=2), {"unique": {"by": "prompt"}}, {"sample": {"rows": 30}}),
    recipe({"where": "prompt LIKE '%1%' OR category = 'daily'"}, styled(texts=["가"])),
    recipe({"length": {"min": 12}}, styled(only={"license": "A"}), styled(salt="x") | {"name": "more"}),
    recipe(styled(only={"source": "b"}), mixture={"take": {"exams": 20, "daily": 12}}),
    recipe({"normalise": {"form": "NFKD"}}, styled(), {"sample": {"share": 0.5}}),
]


@pytest.mark.parametrize("edit", EDITS, ids=range(len(EDITS)))
def test_what_is_said_before_a_build_holds_what_is_built(bed: Project, edit: str) -> None:
    rows_of(bed, recipe(styled(), {"unique": {"by": "prompt"}}))
    path = bed.write("edited.yaml", edit)
    session = Session(str(path), store_folder=str(bed.folder / "store"))
    predicted = Predictor(session)
    cuts = {index: predicted.expect(index) for index, node in session.graph if node.cut}
    possible = {index: {row.tobytes() for row in id_bytes(each.frame.frame("row_id"))} for index, each in cuts.items()}
    run_build(session, Wishes(quiet=True))
    store = session.open_store()
    predicted = Predictor(session)
    for index, expected in cuts.items():
        record = store.find(str(predicted.addresses.key(index)))
        assert record is not None
        table = open_table(store, record.table)
        assert uncounted(expected, table) == [], session.graph.nodes[index].label
        strangers = {row.tobytes() for row in id_bytes(table.frame("row_id"))} - possible[index]
        assert len(strangers) <= sum(expected.unseen.values())


def test_a_diff_tells_how_many_children_there_will_be(bed: Project) -> None:
    rows_of(bed, recipe({"length": {"min": 1}}))
    bed.write("edited.yaml", recipe({"length": {"min": 1}}, styled(per_row=2)))
    told = bed.run("diff", "recipe.yaml", "edited.yaml", "--store", "store")
    assert "49 -> 147 rows" in told.out


def test_children_are_pushed_without_text(bed: Project, tmp_path: Path) -> None:
    bed.write("recipe.yaml", recipe(styled()))
    bed.build()
    pushed = bed.run("store", "push", str(tmp_path / "far"), "--measures", "--store", "store")
    assert pushed.code == 0, pushed.err
    held = b"".join(path.read_bytes() for path in (tmp_path / "far").rglob("*") if path.is_file())
    assert b"style_directives" in held and "문제는 무엇인가요".encode() not in held
