"""Labels that rows say themselves: each is right by row, whatever the files are and wherever the row goes."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from operators.base.declare import LABELS
from operators.declared.source import Source
from runtime.export.between import complain_restricted, records_of
from runtime.sources import labelling
from runtime.sources.labelling import Labelling, count_labels
from runtime.store.bound import Bound
from runtime.store.store import Store, StoreError
from tests.conftest import Project
from tests.reading import declare, write_jsonl

MAP = {"cc-by-4.0": "A", "cc-by-nc-4.0": "B", "none": "unknown", "closed": "C"}
ROWS = [
    {"prompt": "물은 왜 끓나요", "lic": "cc-by-4.0", "kind": "science"},
    {"prompt": "하늘은 왜 파란가요", "lic": "cc-by-nc-4.0", "kind": "science"},
    {"prompt": "임금은 누구였나요", "lic": "none", "kind": "history"},
    {"prompt": "같은 글", "lic": "none", "kind": "history"},
    {"prompt": "같은 글", "lic": "cc-by-4.0", "kind": "science"},
    {"prompt": "같은 글", "lic": "cc-by-nc-4.0", "kind": "history"},
]


def recipe(*steps: Any, **more: Any) -> dict[str, Any]:
    """A recipe of one source whose rows say their licence and category."""
    source = {"file": "*.jsonl", "license": {"column": "lic", "map": MAP}, "category": {"column": "kind"}, **more}
    return {"format": 1, "recipe": "test/by-row", "sources": {"web": source}, "prompts": list(steps)}


def built(project: Project, said: dict[str, Any], *more: str) -> list[tuple[Any, ...]]:
    """(row id, prompt, licence, category) of each row of the output, in its order."""
    project.write("recipe.yaml", json.dumps(said))
    done = project.run("build", "recipe.yaml", "--quiet", *more)
    assert done.code == 0, done.err
    shards = sorted((project.folder / ".recipe").glob("v*/names/test/by-row/outputs/prompts/*.parquet"))
    rows = [row for shard in shards for row in pq.read_table(shard).to_pylist()]
    return [(row["row_id"], row["prompt"], row["license"], row["category"]) for row in rows]


def test_equal_rows_have_the_same_labels_however_the_files_are_cut(tmp_path: Path) -> None:
    found = []
    for number, order in enumerate([*permutations(range(6), 6)][::144]):
        project = Project(tmp_path / str(number))
        project.folder.mkdir()
        for at, rows in enumerate((order[:3], order[3:])):
            project.rows(f"{at}.jsonl", [ROWS[each] for each in rows])
        found.append(built(project, recipe()))
    assert all(each == found[0] for each in found)
    assert sorted((text, license) for _, text, license, _ in found[0] if text == "같은 글") == [
        ("같은 글", "A"),
        ("같은 글", "B"),
        ("같은 글", "unknown"),
    ]


def test_equal_rows_have_the_same_labels_where_rows_are_sorted_on_disk(tmp_path: Path) -> None:
    """Many runs of few rows give what one sort in memory gives."""
    from runtime.tables.spill import Spill

    tables = []
    for run in (1, 1 << 40):
        store = Store(tmp_path / str(run))
        store.bound = type("Small", (Bound,), {"run": run})(store.bound.memory)
        with store.building():
            tables.append(rows_of(store, Spill(store)))
    assert tables[0] == tables[1]


def rows_of(store: Store, rows: Any) -> list[dict[str, Any]]:
    """The rows of a table with labels of their own, added one by one."""
    import pyarrow as pa

    from runtime.tables.ids import hash_rows
    from runtime.tables.table import open_table

    columns: dict[str, Any] = {"prompt": "text"}
    labels = Labelling(declare({"prompt": "prompt"}, license={"column": "lic", "map": MAP}))
    for each in ROWS:
        said = pa.table({"prompt": pa.array([each["prompt"]], pa.large_string()), "license": [each["lic"]]})
        table = labels.label(said)
        rows.add(table, hash_rows("web", table, columns) | labels.ties(table))
    tree, _ = rows.write({**columns, **LABELS}, {"source": "web", "category": "x"})
    rows.close()
    table = open_table(store, tree)
    return [
        {"id": id.hex if hasattr(id, "hex") else id, "license": license}
        for id, license in zip(table.frame("row_id").to_pylist(), table.frame("license").to_pylist(), strict=True)
    ]


def test_labels_of_a_file_are_counted_as_they_are_read(tmp_path: Path) -> None:
    source = declare({"prompt": "prompt"}, license={"column": "lic", "map": MAP}, category={"column": "kind"})
    counts = count_labels(source, [write_jsonl(tmp_path, *ROWS)])
    assert counts == {("science", "A"): 2, ("science", "B"): 1, ("history", "unknown"): 2, ("history", "B"): 1}


def test_labels_that_are_all_different_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa

    monkeypatch.setattr(labelling, "MOST_VALUES", 100)
    strange = Labelling(declare({"prompt": "prompt"}, license={"column": "lic", "map": MAP}))
    for start in range(0, 1000, 50):
        strange.label(pa.table({"license": ["none of ours", *(f"{at} {'x' * 9000}" for at in range(start, start + 50))]}))
    assert sum(map(len, strange.strange["license"].rows)) < 100 * 250
    with pytest.raises(StoreError, match=r"`none of ours` \(20\), `0 x*…` \(1\), .*, and 80 more, and others in 901 rows$"):
        strange.complain("web")
    free = Labelling(declare({"prompt": "prompt"}, category={"column": "kind"}))
    with pytest.raises(StoreError, match="`kind` has more than 100 values, which are no categories"):
        free.label(pa.table({"category": [str(at) for at in range(101)]}))
    free = Labelling(declare({"prompt": "prompt"}, category={"column": "kind"}))
    free.label(pa.table({"category": ["x" * 9000]}))
    assert free.strange["category"].total() == 1


def test_a_mixture_takes_rows_by_the_category_that_they_say(project: Project) -> None:
    project.rows("a.jsonl", ROWS)
    said = recipe() | {"mixture": {"take": {"science": 2, "history": 1}}, "seed": 1}
    project.write("recipe.yaml", json.dumps(said))
    done = project.run("build", "recipe.yaml", "--quiet")
    assert done.code == 0, done.err
    said["mixture"] = {"take": {"science": 4}}
    project.write("recipe.yaml", json.dumps(said))
    assert "science" in project.run("build", "recipe.yaml", "--quiet").err


def test_a_difference_is_foretold_soundly_before_anything_is_built(project: Project) -> None:
    project.rows("a.jsonl", ROWS)
    project.write("old.yaml", json.dumps(recipe() | {"mixture": {"take": {"science": 1}}}))
    project.write("new.yaml", json.dumps(recipe() | {"mixture": {"take": {"science": 2}}}))
    done = project.run("diff", "old.yaml", "new.yaml", "--json")
    assert done.code == 0, done.err
    (output,) = json.loads(done.out)[0]["rows"]
    low, high = output["after"]["all"]
    assert low <= 2 <= high
    assert output["after"]["category"]["science"][1] >= 2


def test_rows_of_a_class_that_is_dropped_are_in_no_output_and_their_text_is_hidden(project: Project) -> None:
    project.rows("a.jsonl", [*ROWS, {"prompt": "쓸 수 없는 글", "lic": "closed", "kind": "history"}])
    license = {"column": "lic", "map": MAP, "drop": ["C", "unknown"]}
    rows = built(project, recipe(license=license))
    assert sorted(each for _, _, each, _ in rows) == ["A", "A", "B", "B"]
    told = project.run("why", "recipe.yaml", "--match", "쓸 수").out
    assert "license DROPPED" in told and "쓸 수" not in told
    done = project.run("check", "recipe.yaml", "--json")
    assert json.loads(done.out)["outputs"]["prompts"]["license"] == "B"


def test_a_build_with_a_closed_row_is_not_shared_without_a_word(project: Project) -> None:
    project.rows("a.jsonl", ROWS)
    built(project, recipe())
    store = Store(project.folder / ".recipe")
    ((_, build),) = store.builds()
    try:
        complain_restricted(store, build, list(records_of(store, build)))
    except StoreError as error:
        assert "may not be redistributed" in str(error)
    else:
        raise AssertionError("rows of class B and of unknown terms were let through")


@pytest.mark.parametrize(
    "more",
    [
        {"tables": {"own": {"from": "web", "steps": ["unique"]}}},
        {"tables": {"own": {"from": ["web", "b"], "steps": ["unique"]}}},
        {
            "models": {"m": {"id": "m", "license": "mit", "terms": "A"}},
            "cot": {"schema": "monolingual", "language": "target", "of": "web", "teacher": {"model": "m"}},
        },
    ],
)  # fmt: skip
def test_nothing_reads_a_source_past_what_is_dropped_for_its_licence(project: Project, more: dict[str, Any]) -> None:
    project.rows("a.jsonl", ROWS)
    license = {"column": "lic", "map": MAP, "drop": ["C", "unknown"]}
    said = recipe(license=license, file="a.jsonl") | {"language": {"target": "ko", "anchor": "en"}} | more
    said["sources"]["b"] = {"file": "a.jsonl", "category": "x", "license": "A"}
    project.write("recipe.yaml", json.dumps(said))
    done = project.run("show", "recipe.yaml", "--graph", "--json")
    assert done.code == 0, done.err
    nodes = json.loads(done.out)
    (source,) = [node["id"] for node in nodes if node["operator"].startswith("source") and node["name"] == "web"]
    readers = {node["name"] for node in nodes if source in node["inputs"]}
    assert readers == {"web.allowed/license"}


def test_what_a_row_says_that_cannot_be_read_nobody_knows_so_its_text_is_hidden_and_stays_here(project: Project) -> None:
    bad = {"prompt": [1], "lic": "closed", "kind": "science", "more": "닫힌 비밀"}
    project.rows("a.jsonl", [ROWS[0], bad])
    license = {"column": "lic", "map": {"cc-by-4.0": "A", "closed": "C"}}
    built(project, recipe(license=license, on_bad_row="quarantine"))
    told = project.run("why", "recipe.yaml", "--match", "닫힌").out
    assert "a.jsonl:2" in told and "비밀" not in told
    store = Store(project.folder / ".recipe")
    ((_, build),) = store.builds()
    with pytest.raises(StoreError, match="may not be redistributed"):
        complain_restricted(store, build, list(records_of(store, build)))
    project.write("recipe.yaml", json.dumps(recipe(license=license)))
    assert "비밀" not in project.run("build", "recipe.yaml", "--quiet").err
    assert Source.model_validate(recipe(license=license)["sources"]["web"]).written_class() == "A"
    quarantined = recipe(license=license, on_bad_row="quarantine")["sources"]["web"]
    assert Source.model_validate(quarantined).written_class() == "unknown"


def test_locked_counts_of_classes_hold_for_the_map_that_they_were_counted_by(project: Project) -> None:
    project.rows("a.jsonl", ROWS)
    opened = {"column": "lic", "map": dict.fromkeys(MAP, "A")}
    project.write("recipe.yaml", json.dumps(recipe(license=opened)))
    assert project.run("lock", "recipe.yaml").code == 0
    assert "licence" not in project.run("plan", "recipe.yaml").out
    project.write("recipe.yaml", json.dumps(recipe(license=opened | {"map": MAP | {"closed": "B"}})))
    told = project.run("plan", "recipe.yaml").out
    assert "rows of `web` may be trained on and not redistributed" in told and "not proven: no lock says" in told
