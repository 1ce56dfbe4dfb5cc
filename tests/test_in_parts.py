"""A table lies in one part or in many, its rows pass through memory or over the disk: the bytes of what is made stay."""

from __future__ import annotations

import json
import random
import re
import shutil
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from operators.base.scope import Columns
from runtime.store.bound import BASE, SMALLEST, Bound, cgroup_limits, parse_size
from runtime.store.digest import id_bytes
from runtime.store.parts import unsealed
from runtime.store.store import Store
from runtime.store.trees import PART_COUNTS, is_tree, references
from runtime.tables.births import Births, batches_with_ids
from runtime.tables.cursors import FilteredCursor
from runtime.tables.ids import child_ids, hash_rows
from runtime.tables.spill import Spill
from runtime.tables.table import bytes_a_row, open_table
from runtime.tables.write import TableWriter
from tests.conftest import ROOT, Project
from tests.test_determinism import HEAD, STEPS, some_rows

TIMES = re.compile(r'"seconds": [0-9.]+')
TIMED = re.compile(r", [0-9.]+ s last time")
NARROW = (
    ("runtime.stages.expected.laid", "LARGE", 10),
    ("runtime.stages.expected.laid", "HELD", 5000),
    ("runtime.stages.expected.frames", "ROWS", 16),
    ("runtime.review.fates", "ROWS", 16),
)
QUICKSTART = str(ROOT / "recipes" / "ko" / "quickstart.yaml")


def recorded(store: Path) -> dict[str, dict[str, Any]]:
    """Key -> what a stage made, of a whole store."""
    bodies = (unsealed(path.read_bytes()) for path in (store / "v4" / "results").glob("*/*.json"))
    return {body["key"]: body for body in bodies if body is not None}


def told(store: Path) -> dict[str, Any]:
    """The same without where it lies and how long it took."""
    named = ("kind", "digest", "ids", "columns", "rows", "counts", "funnel", "shards", "bad", "scores")
    return {key: {name: body[name] for name in named if name in body} for key, body in recorded(store).items()}


def spread_of(body: dict[str, Any]) -> int:
    tree = body["table"]
    return len(references(tree.get("frame") or tree.get("ledger")))


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of the quickstart, built as it comes."""
    store = tmp_path_factory.mktemp("once") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RECIPE_PARTS", raising=False)
        Project(ROOT).build(QUICKSTART, store=str(store))
    return store


OFTEN = [(4, 2), (16, 4)]
NIGHTLY = [(parts, threads) for parts in (1, 4, 16, 256) for threads in (1, 2, 4) if (parts, threads) not in OFTEN]


@pytest.mark.parametrize("way", [*OFTEN, *(pytest.param(way, marks=pytest.mark.nightly) for way in NIGHTLY)], ids=str)
def test_every_stage_of_the_quickstart_is_the_same_in_any_number_of_parts(
    way: tuple[int, int], once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, threads = way
    monkeypatch.setenv("RECIPE_PARTS", str(parts))
    monkeypatch.setenv("RECIPE_THREADS", str(threads))
    Project(ROOT).build(QUICKSTART, store=str(tmp_path / "store"))
    assert told(tmp_path / "store") == told(once)
    assert {spread_of(body) for body in recorded(tmp_path / "store").values() if body["kind"] == "source"} == {parts}


@pytest.mark.parametrize("parts", ["1", "4"])
def test_every_stage_of_the_quickstart_is_the_same_where_all_rows_pass_over_the_disk(
    parts: str, once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECIPE_PARTS", parts)
    monkeypatch.setattr(Bound, "run", 5_000)
    Project(ROOT).build(QUICKSTART, store=str(tmp_path / "store"))
    assert told(tmp_path / "store") == told(once)
    assert not list((tmp_path / "store" / "v4" / "tmp").iterdir())


@pytest.fixture
def rows(project: Project) -> Project:
    """A recipe with a map, measures, a condition, forms, a sample and a mixture that repeats rows."""
    project.rows("one.jsonl", some_rows())
    project.write("recipe.yaml", HEAD.replace("FILES", "one.jsonl") + STEPS)
    return project


@pytest.mark.parametrize("parts", [2, 16, *(pytest.param(many, marks=pytest.mark.nightly) for many in (64, 256))])
def test_maps_conditions_samples_and_repeated_rows_are_the_same_in_parts(
    parts: int, rows: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = rows.digest()
    monkeypatch.setenv("RECIPE_PARTS", str(parts))
    assert rows.digest(store="parts") == one
    assert told(rows.folder / "parts") == told(rows.folder / "store")


@pytest.mark.parametrize("parts", ["1", "4"])
def test_children_and_their_lineage_are_the_same_in_parts_and_over_the_disk(
    parts: str, rows: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    styled = "  - style_directives: {texts: [짧게., 길게.], per_row: 2}\n"
    said = (rows.folder / "recipe.yaml").read_text("utf-8")
    rows.write("recipe.yaml", said.replace("prompts:\n", "prompts:\n" + styled))
    one = rows.digest()
    monkeypatch.setenv("RECIPE_PARTS", parts)
    monkeypatch.setattr(Bound, "run", 5_000)
    assert rows.digest(store="parts") == one
    assert told(rows.folder / "parts") == told(rows.folder / "store")
    born = [body for store in ("store", "parts") for body in recorded(rows.folder / store).values() if "lineage" in body]
    assert len(born) == 2 and born[0]["counts"]["born"] > 50
    assert all(born[0][name] == born[1][name] for name in ("lineage", "refused", "told"))


def test_a_table_in_one_part_serves_a_build_in_four(rows: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    one = rows.digest()
    for key, body in recorded(rows.folder / "store").items():
        if body["kind"] == "source":
            (rows.folder / "store" / "v4" / "results" / key[:2] / f"{key}.json").unlink()
    monkeypatch.setenv("RECIPE_PARTS", "4")
    assert rows.digest() == one
    edited = rows.digest("recipe.yaml", "--set", "prompts.length.max=50")
    assert edited == rows.digest("recipe.yaml", "--set", "prompts.length.max=50", store="fresh")


def test_what_is_made_anew_gets_the_parts_that_it_had(rows: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECIPE_PARTS", "4")
    one = rows.digest()
    source = next(body for body in recorded(rows.folder / "store").values() if body["kind"] == "source")
    lost = references(source["table"]["text"])[2].removeprefix("object:")
    (rows.folder / "store" / "v4" / "objects" / lost[:2] / lost).unlink()
    monkeypatch.setenv("RECIPE_PARTS", "16")
    assert rows.digest("recipe.yaml", "--set", "prompts.length.max=50") == rows.digest(
        "recipe.yaml", "--set", "prompts.length.max=50", store="fresh"
    )
    assert rows.digest() == one
    again = next(body for body in recorded(rows.folder / "store").values() if body["kind"] == "source")
    assert again["table"] == source["table"]


def test_why_show_diff_and_verify_read_a_table_in_parts(rows: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = (
        ("why", "recipe.yaml", "--match", "sky", "--json"),
        ("diff", "recipe.yaml", "--set", "prompts.length.max=50", "--json"),
        ("show", "recipe.yaml", "--json"),
    )
    said = []
    for parts in ("1", "16"):
        monkeypatch.setenv("RECIPE_PARTS", parts)
        store = f"store-{parts}"
        rows.build(store=store)
        outs = [rows.run(*command, "--store", store).out.replace(store, "STORE") for command in commands]
        said.append([TIMES.sub("", out) for out in outs])
        assert rows.run("verify", "recipe.yaml", "-q", "--store", store).code == 0
    assert all(said[0]) and said[0] == said[1]


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows are many: they lie over the disk, and are looked at sixteen at a time."""
    for module, name, value in NARROW:
        monkeypatch.setattr(f"{module}.{name}", value)


@pytest.mark.parametrize(
    "edit",
    [
        "prompts.length.max=50",
        "prompts.normalise.form=NFC",
        "prompts.sample.share=0.5",
        "mixture.take.one=40",
        "mixture.repeat.one=1",
    ],
)
def test_what_is_said_of_an_edit_is_the_same_in_parts_and_some_rows_at_a_time(
    edit: str, rows: Project, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    rows.build()
    usual = rows.run("diff", "recipe.yaml", "--set", edit, "--store", "store").out
    monkeypatch.setenv("RECIPE_PARTS", "4")
    rows.build(store="parts")
    request.getfixturevalue("narrow")
    found = rows.run("diff", "recipe.yaml", "--set", edit, "--store", "parts").out
    assert TIMED.sub("", found) == TIMED.sub("", usual) and "rows" in usual


# -- rows that do not fit into memory


COLUMNS: Columns = {"prompt": "text", "options": "list of text", "gold": "integer"}


def content(count: int, seed: int) -> pa.Table:
    """Rows of which many are equal, and some are null."""
    chance = random.Random(seed)
    prompts = [chance.choice([None, *(f"질문 {at % 40}" for at in range(80))]) for _ in range(count)]
    options = [chance.choice([None, ["하나", "둘"], [f"{at % 3}", "셋"]]) for at in range(count)]
    golds = [chance.choice([None, 0, 1]) for _ in range(count)]
    schema = pa.schema([("prompt", pa.large_string()), ("options", pa.large_list(pa.large_string())), ("gold", pa.int64())])
    return pa.table({"prompt": prompts, "options": options, "gold": golds}, schema=schema)


def written(folder: Path, tables: list[pa.Table], said: int | None, parts: int | None) -> tuple[Store, Any, Any, int]:
    """(store, tree, digests, runs) of rows that are written within a bound."""
    store = Store(folder)
    store.prepare()
    store.bound = Bound(said, parts)
    spill = Spill(store)
    for table in tables:
        spill.add(table, hash_rows("a", table, COLUMNS))
    tree, described = spill.write({**COLUMNS, "source": "label"}, {"source": "a"})
    runs = len(spill.runs)
    spill.close()
    assert not list((store.root / "tmp").iterdir())
    return store, tree, described, runs


@pytest.mark.parametrize("parts", (None, 1, 8, 256))
def test_rows_that_are_spilled_are_the_table_of_those_that_are_not(parts: int | None, tmp_path: Path) -> None:
    tables = [content(150, seed) for seed in range(4)]
    _, _, whole, none = written(tmp_path / "whole", tables, None, 1)
    store, tree, spilled, many = written(tmp_path / "spilled", tables, 100_000, parts)
    assert none == 0 and many > 3
    assert spilled == whole
    table = open_table(store, tree)
    assert is_tree(tree) and table.rows == 600 == len({bytes(each.as_py().bytes) for each in table.frame("row_id")})
    assert len(table.spread) in (PART_COUNTS if parts is None else (parts,))


@pytest.mark.parametrize("parts", (1, 4))
def test_rows_that_are_born_pass_over_the_disk_and_are_the_same(parts: int, tmp_path: Path) -> None:
    found = []
    for said in (None, 200_000):
        store, tree, _, _ = written(tmp_path / str(said), [content(900, 3)], said, parts)
        table = open_table(store, tree)
        with closing(Births(store, table.columns)) as births:
            for batch in batches_with_ids(table, [*table.columns], 100):
                parents = np.repeat(np.arange(batch.rows), 3)
                own = pa.array([f"{at}번째 아이" for at in range(len(parents))], pa.large_string())
                ids = child_ids(batch.ids["row_id"][parents], "born", np.arange(len(parents)))
                births.add(batch, parents, {"row_id": ids}, {"prompt": own})
            writer = TableWriter(store, table.columns, {})
            assert sum(len(order) for _, _, order in births.written(writer)) == 2700
            assert bool(births.spill.runs) == (said is not None)
        found.append(writer.written()[1])
        assert not list((store.root / "tmp").iterdir())
    assert found[0] == found[1]


def test_equal_rows_are_told_apart_without_holding_them_all(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.prepare()
    store.bound = Bound(20 << 20)
    table = pa.table({"prompt": pa.array(["같은 줄"] * 50_000, pa.large_string())})
    ids = hash_rows("a", table, {"prompt": "text"})
    with closing(Spill(store)) as spill:
        for _ in range(8):
            spill.add(table, {name: each.copy() for name, each in ids.items()})
        assert len(spill.runs) > 6
        tracemalloc.start()
        spill.number()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        if spill.tables:
            spill.flush()
        rows = [id_bytes(batch.column(".row_id")) for run in spill.runs for batch in run.kept(0, 256)]
    assert len({each.tobytes() for each in np.concatenate(rows)}) == 400_000 == sum(map(len, rows))
    assert peak < 25 << 20, f"{peak / 1e6:.0f} MB for 400,000 ids of 16 bytes"


def test_a_table_is_read_from_any_row_on(tmp_path: Path) -> None:
    tables = [content(300, seed) for seed in range(2)]
    names = ["prompt", "options", "gold", "source"]
    (one, tree, _, _), (many, parts, _, _) = (written(tmp_path / str(count), tables, None, count) for count in (1, 16))
    wanted = [batch for _, batch in open_table(one, tree).batches(names, 600)][0]
    for first, last, size in ((0, 600, 7), (1, 600, 64), (299, 302, 1), (599, 600, 5), (37, 411, 1000), (600, 600, 3)):
        found = {name: [] for name in names}
        for start, batch in open_table(many, parts).batches(names, size, first, last):
            assert start == first + len(found["prompt"])
            for name in names:
                found[name] += batch[name].to_pylist()
        assert found == {name: wanted[name].to_pylist()[first:last] for name in names}


def test_rows_that_are_dropped_are_read_no_more_at_a_time_than_are_asked_for() -> None:
    kept, sizes = np.zeros(90_000, dtype=bool), list[int]()
    kept[[7, *range(20_000, 90_000, 37)]] = True

    class Numbers:
        def __init__(self, at: int) -> None:
            self.at = at

        def read(self, rows: int) -> list[pa.Array]:
            sizes.append(rows)
            self.at += rows
            return [pa.array(np.arange(self.at - rows, self.at))]

    spread = [30_000, 0, 60_000]
    parts = [kept[:30_000], kept[:0], kept[30_000:]]
    cursor = FilteredCursor(Numbers, parts.__getitem__, spread, [int(part.sum()) for part in parts], 0)
    found = [at for rows in (1, 5, 300, 1500, 0) for at in cursor.read(rows)[0].to_pylist()]
    assert found == np.flatnonzero(kept)[:1806].tolist() and max(sizes) <= 1500


def test_a_row_with_columns_beside_it_is_as_long_as_the_text_of_both(tmp_path: Path) -> None:
    store, tree, _, _ = written(tmp_path, [content(300, 1)], None, 1)
    origin = {"prompt": ["object", "prompt", tree["text"]], "gold": [None, "gold", None]}
    carried = {"kind": "carried", "of": tree, "columns": {"prompt": "text", "gold": "integer"}, "from": origin}
    assert bytes_a_row(store, carried) == 2 * bytes_a_row(store, tree) > 2


@pytest.mark.parametrize("length", [1, 30, 3000])
def test_row_groups_end_at_the_same_rows_however_many_are_read_at_a_time(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime.stages import shards

    monkeypatch.setattr(shards, "GROUP_LENGTH", 1 << 20)
    texts = pa.table({"text": pa.array(["x" * (length + at % 7) for at in range(150_000 // length + 70_000)])})
    found = []
    for step in (64 * shards.PIECE_ROWS, shards.READ_ROWS, shards.GROUP_ROWS):
        group = shards.RowGroup(["text"])
        sizes = [len(full) for start in range(0, len(texts), step) for full in group.add(texts.slice(start, step))]
        found.append([*sizes, len(group.joined()) if group.pieces else 0])
    assert found[0] == found[1] == found[2] and sum(found[0]) == len(texts)


# -- the bound


@pytest.mark.parametrize(
    ("text", "size"), [("600MB", 600 << 20), ("2G", 2 << 30), ("1.5 GiB", 3 << 29), ("1048576", 1 << 20), ("512k", 1 << 19)]
)
def test_a_size_is_written_as_people_write_it(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("groups", "limits", "found"),
    [
        ("0::/jobs/mine/step\n", {"jobs/mine": "700", "": "max"}, [700]),
        ("0::/jobs/mine/step\n", {"jobs/mine/step": "max", "jobs": "900", "": "5000"}, [900, 5000]),
        ("0::/\n", {"": "300"}, [300]),
        ("0::/../../other\n", {"": "300"}, [300]),
        ("5:cpu:/a\n3:memory:/a/b\n", {"memory/a": "400", "cpu/a": "1"}, [400]),
    ],
)
def test_the_limit_of_every_group_above_ours_counts(
    groups: str, limits: dict[str, str], found: list[int], tmp_path: Path
) -> None:
    (tmp_path / "cgroup").write_text(groups)
    for folder, text in limits.items():
        (tmp_path / "fs" / folder).mkdir(parents=True, exist_ok=True)
        name = "memory.limit_in_bytes" if "memory" in groups else "memory.max"
        (tmp_path / "fs" / folder / name).write_text(text + "\n")
    assert cgroup_limits(tmp_path / "cgroup", tmp_path / "fs") == found


@pytest.mark.parametrize("text", ["", "much", "-1GB", "1e9", "2GB of it", "١GB", "9" * 40])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        parse_size(text)


def test_a_bound_that_is_too_small_says_what_is_not(rows: Project) -> None:
    ran = rows.run("build", "recipe.yaml", "--memory", "100MB")
    assert ran.code == 1 and f"the least that works is {SMALLEST >> 20} MB" in ran.err
    assert rows.run("build", "recipe.yaml", "--memory", f"{SMALLEST >> 20}MB", "-q").code == 0
    assert rows.run("build", "recipe.yaml", "--memory", "soon").code == 2


def test_what_goes_on_keeps_the_bound() -> None:
    from runtime.build.session import Session

    assert Session("a.yaml", memory=600 << 20).command() == "recipe build a.yaml --memory 600MB"


def test_parts_follow_from_the_size_of_a_table() -> None:
    bound = Bound(2 << 30)
    assert [bound.parts_for(size) for size in (0, 1, bound.part, bound.part + 1, 3 * bound.part, 1 << 50)] == [1, 1, 1, 2, 4, 256]


def test_tasks_share_the_room_and_lay_tables_in_the_parts_of_one_process() -> None:
    one, many = Bound(2 << 30), Bound(2 << 30, tasks=2, processes=3)
    assert many.part == one.part and many.parts_for(10 * one.part) == one.parts_for(10 * one.part)
    assert 0 < 2 * many.room + 3 * BASE <= 2 << 30


# -- what somebody else says of parts


@pytest.mark.parametrize(
    "spread", ([3], [1, 2, 3], [-1, 4], ["1", 2], {"0": 3}, [True, 2]), ids=lambda spread: json.dumps(spread)
)
def test_a_tree_with_parts_that_no_table_has_is_none_of_ours(spread: Any, tmp_path: Path) -> None:
    _, tree, _, _ = written(tmp_path, [content(3, 0)], None, 2)
    assert is_tree(tree) and not is_tree({**tree, "spread": spread})


@pytest.mark.parametrize("change", ["no spread", "fewer texts", "a carried table"])
def test_a_tree_whose_objects_do_not_fit_its_parts_is_none_of_ours(change: str, tmp_path: Path) -> None:
    _, tree, _, _ = written(tmp_path, [content(9, 0)], None, 4)
    changed = {
        "no spread": {name: value for name, value in tree.items() if name != "spread"},
        "fewer texts": {**tree, "text": tree["text"][:2]},
        "a carried table": {"kind": "carried", "of": tree, "columns": {}, "from": {}, "spread": [1, 2]},
    }[change]
    assert is_tree(tree) and not is_tree(changed)


def test_a_pull_refuses_a_ledger_of_other_parts_than_its_table(rows: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime.export.sound import Objects
    from runtime.store.parts import Unsound

    monkeypatch.setenv("RECIPE_PARTS", "4")
    rows.build()
    bodies = recorded(rows.folder / "store").values()
    tree = next(body["table"] for body in bodies if body["table"]["kind"] == "filtered")
    halved = {**tree, "ledger": tree["ledger"][:2], "spread": [tree["rows"], 0]}
    assert is_tree(halved)
    with pytest.raises(Unsound):
        Objects(Store(rows.folder / "store"), set()).rows_of(halved)


def test_stores_with_other_parts_exchange_what_they_measured(rows: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for parts in ("1", "4"):
        monkeypatch.setenv("RECIPE_PARTS", parts)
        rows.build(store=parts)
        assert rows.run("store", "push", "shared", "--measures", "--store", parts).code == 0
    pulled = rows.run("store", "pull", "shared", "--store", "third")
    assert pulled.code == 0, pulled.err
    assert rows.run("store", "pull", "shared", "--store", "4").code == 0
    assert rows.digest(store="third") == rows.digest(store="1")


def test_values_beside_a_table_are_one_object_however_many_parts_it_has(rows: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for parts in ("1", "16"):
        monkeypatch.setenv("RECIPE_PARTS", parts)
        rows.build(store=parts)
        bodies = [unsealed(path.read_bytes()) for path in (rows.folder / parts / "v4" / "beside").glob("*/*.json")]
        seen.append({body["key"]: (body["object"], body["text"]) for body in bodies if body is not None})
    assert seen[0] and seen[0] == seen[1]


@pytest.mark.parametrize("change", ["other rows", "other order"])
def test_a_pull_refuses_parts_that_hold_other_rows_than_they_say(
    change: str, rows: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runtime.export.sound import complain_objects
    from runtime.store.parts import Unsound
    from runtime.store.record import Record

    monkeypatch.setenv("RECIPE_PARTS", "4")
    rows.build()
    store = Store(rows.folder / "store")
    body = next(body for body in recorded(rows.folder / "store").values() if body["kind"] == "source")
    complain_objects(store, Record.read(body), set())
    tree = body["table"]
    first, second, *rest = tree["spread"]
    if change == "other rows":
        tree["spread"] = [first + 1, second - 1, *rest]
    else:
        tree["spread"], tree["frame"] = [second, first, *rest], [tree["frame"][1], tree["frame"][0], *tree["frame"][2:]]
    with pytest.raises(Unsound, match="parts"):
        complain_objects(store, Record.read(body), set())


def test_nothing_is_left_of_a_build_that_ends_in_the_middle(
    rows: Project, new_project: Callable[[], Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECIPE_PARTS", "4")
    other = new_project()
    shutil.copyfile(rows.folder / "one.jsonl", other.folder / "one.jsonl")
    with open(other.folder / "one.jsonl", "a") as file:
        file.write("{\n")
    other.write("recipe.yaml", HEAD.replace("FILES", "one.jsonl") + STEPS)
    monkeypatch.setattr(Bound, "run", 10_000)
    assert other.run("build", "recipe.yaml").code == 1
    assert not list((other.folder / ".recipe" / "v4" / "tmp").iterdir())
