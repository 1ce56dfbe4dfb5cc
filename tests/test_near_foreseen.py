"""Near duplicates that are foreseen: what a diff says of them before a build holds in every case."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.build.run import Wishes, run_build
from runtime.build.session import Session
from runtime.forecast.predictor import Predictor
from runtime.stages.expected.expected import Expected
from runtime.store.digest import id_bytes
from runtime.tables.table import open_table
from tests.conftest import Project
from tests.test_near_duplicates import some_texts

CROWDED = 3
"""Rows of a band that a row is compared with at most: fewer than share one here."""


def recipe(talks: bool, sources: list[str], least: int, most: int, compared: int, sample: int) -> dict[str, Any]:
    column = "user" if talks else "prompt"
    steps = [
        {"name": "before", "length": {"in": column, "min": least, "max": most}},
        {"near_duplicates": {"by": column, "threshold": 0.6, "max_share": 1, "most_compared": compared}},
        {"sample": {"rows": sample}},
    ]
    columns = {"messages": "messages"} if talks else {"prompt": "prompt"}
    file = {"category": "one", "license": "A", "columns": columns}
    return {
        "format": 1,
        "recipe": "test/near",
        "language": {"target": "ko"},
        "sources": {name: {"file": f"{name}.jsonl", **file} for name in sources},
        "tables": {"rows": {"from": sources, "steps": steps}},
    }


def expected(session: Session, before: Session | None) -> Expected:
    made = Predictor(session, None if before is None else Predictor(before))
    return made.expect(made.graph.outputs["rows"])


def built(session: Session) -> set[bytes]:
    run_build(session, Wishes(quiet=True))
    made = Predictor(session)
    record = made.store.find(str(made.addresses.key(made.graph.outputs["rows"])))
    assert record is not None
    return {row.tobytes() for row in id_bytes(open_table(made.store, record.table).frame("row_id"))}


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(2, 20))])
def test_what_is_said_of_rows_before_a_build_holds(seed: int, project: Project) -> None:
    chance, texts, talks = random.Random(seed), some_texts(60), seed % 2 == 1
    for name, some in (("a", texts[:40]), ("b", texts[30:])):
        said = [{"prompt": text, "messages": [{"role": "user", "content": text}]} for text in some]
        project.rows(f"{name}.jsonl", said)
    before, exact = None, 0
    for place in range(6):
        made = recipe(
            talks,
            chance.choice([["a"], ["a", "b"], ["a", "b"]]),
            chance.choice([1, 1, 24, 28]),
            chance.choice([99, 99, 36, 34]),
            chance.choice([CROWDED, 100]) if seed % 2 else 100,
            chance.choice([1000, 1000, 12]),
        )
        path = Path(project.folder, f"{place}.yaml")
        path.write_text(json.dumps(made), "utf-8")
        session = Session(str(path), allow=(str(project.folder),), store_folder=str(project.folder / "store"))
        told = expected(session, before)
        possible = [row.tobytes() for row in id_bytes(told.frame.frame("row_id")).copy()]
        sure = np.ones(len(possible), bool) if told.sure is None else told.sure
        there = built(session)
        assert {row for row, each in zip(possible, sure, strict=True) if each} <= there
        assert len(there - set(possible)) <= sum(told.unseen.values())
        assert told.counts.rows.low <= len(there) <= told.counts.rows.high
        exact += told.exact
        before = session
    assert exact or seed  # of the first one some are foretold exactly
