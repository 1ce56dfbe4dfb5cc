"""Recorded traces of real data under the rules of the reference pipeline: the fate of every row, some of them checked by hand.

`recipes/traces/expected.csv` holds, for each set and each reason, the ten rows with the lowest ids (or all) with what
somebody who read the text, or counted in plain Python, says of them. Where the code says otherwise, `but` is what it says.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project

RECIPES = Path(__file__).resolve().parent / "recipes" / "traces"
CHECKED = 10

#: Set -> rows of its files, as the data's README states them; each is a prompt and a recorded completion.
SETS = {
    "deepseek_ko": 1200,
    "deepseek_en": 300,
    "gpt_oss_ko": 700,
    "exaone_ko": 300,
    "huatuo": 198,
    "thai_qwen3_next": 95,
    "thai_deepseek": 164,
    "thai_kimi": 164,
    "thai_qwq": 164,
    "thai_typhoon": 164,
    "kt_ai_ko": 1503,
    "kt_ai_en": 1503,
    "kt_ai_mwp": 3720,
}


@dataclass
class Made:
    """A set that was built: its report, and the fate of every row."""

    stages: dict[str, dict[str, Any]]
    steps: list[str]
    """The steps of its tables, in order."""
    fates: dict[str, str]
    """Row id -> `kept`, or the step that dropped it."""

    @property
    def table(self) -> dict[str, int]:
        """What stands in the funnel: rows in, rows born, dropped by each step, kept."""
        counted = Counter(self.fates.values())
        rows_in = self.stages["prompts/unique"]["counts"]["in"] if "unique" in self.steps else len(self.fates)
        dropped = {step: counted[step] for step in self.steps}
        return {"in": rows_in, "born": len(self.fates) - rows_in, **dropped, "kept": counted["kept"]}

    @property
    def unasked(self) -> int:
        """Recorded completions that no row asked for."""
        return int(self.stages["written"]["rows"] - self.stages["traces/generate"]["rows"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Callable[[str], Made]:
    known: dict[str, Made] = {}

    def make(name: str) -> Made:
        if name not in known:
            folder, recipe = tmp_path_factory.mktemp(name), str(RECIPES / f"{name}.yaml")
            ran = Project(folder).run("build", recipe, "--allow-path", str(data), "--store", str(folder / "store"), "--json")
            assert ran.code == 0, ran.err
            known[name] = Made({stage["name"]: stage for stage in ran.json["stages"]}, *fates(recipe, data, folder / "store"))
        return known[name]

    return make


def fates(recipe: str, data: Path, folder: Path) -> tuple[list[str], dict[str, str]]:
    """(the steps that drop rows, row id -> what became of it), as the ledgers tell."""
    from runtime.build.session import Session
    from runtime.life.why import Ledgers
    from runtime.store.record import AttachedRecord, DecisionRecord
    from runtime.tables.objects import read_table

    session = Session(recipe, allow=(str(data),), store_folder=str(folder))
    store = session.open_store()
    steps: list[str] = []
    told: dict[str, str] = {}
    for index, record in Ledgers(session).records():
        node = session.graph.nodes[index]
        if isinstance(record, AttachedRecord):
            asked = read_table(store, record.asked)
            rows = zip(asked["row_id"].to_pylist(), asked["parent"].to_pylist(), asked["reason"].to_pylist(), strict=True)
            steps.append("generate")
            for row, parent, reason in rows:
                told.pop(parent.hex, None)  # it lives on in what was born of it
                told[row.hex] = "kept" if reason is None else "generate"
        elif isinstance(record, DecisionRecord):
            ledger = read_table(store, record.ledger)
            run = [session.graph.nodes[at].label for at in session.graph.run(node.inputs[0])]
            steps += [*run, *([node.label] if node.operator.name == "unique" else [])]
            for row, dropped in zip(ledger["row_id"].to_pylist(), ledger["dropped_by"].to_pylist(), strict=True):
                told[row.hex] = "kept" if dropped == 0 else [*run, node.label][dropped - 1]
    return steps, told


def expected() -> dict[str, list[dict[str, str]]]:
    """Set -> the rows that were checked by hand."""
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    with (RECIPES / "expected.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            rows[row["set"]].append(row)
    return rows


@pytest.mark.parametrize("name", SETS)
def test_a_set_accounts_for_all_its_rows(made: Callable[[str], Made], name: str) -> None:
    table, counts = made(name).table, made(name).stages["traces"]["counts"]
    told = [each for step, each in table.items() if step not in ("in", "born")]
    assert table["in"] == SETS[name] == made(name).stages["written"]["rows"]
    assert table["in"] + table["born"] == sum(told) and table["kept"] == counts["out"]
    for stage in made(name).stages.values():
        dropped = stage["counts"]["dropped"]
        whole = sum(dropped) if isinstance(dropped, list) else dropped
        assert stage["counts"]["in"] + stage["counts"]["born"] == stage["counts"]["out"] + whole, stage["name"]


@pytest.mark.parametrize("name", SETS)
def test_every_recorded_completion_is_asked_for(made: Callable[[str], Made], name: str) -> None:
    assert made(name).unasked == 0


@pytest.mark.parametrize("name", SETS)
def test_rows_have_the_fate_that_a_reader_gave_them(made: Callable[[str], Made], name: str) -> None:
    fates = made(name).fates
    rows = expected()[name]
    said = {row["row"]: row["but"] or row["reason"] for row in rows}
    assert {row: fates.get(row) for row in said} == said
    assert all(row["but"] != row["reason"] for row in rows)


@pytest.mark.parametrize("name", SETS)
def test_the_rows_that_were_read_are_the_lowest_of_each_reason(made: Callable[[str], Made], name: str) -> None:
    lowest: dict[str, list[str]] = defaultdict(list)
    for row, reason in sorted(made(name).fates.items()):
        lowest[reason].append(row)
    wanted = {row for rows in lowest.values() for row in rows[:CHECKED]}
    assert {row["row"] for row in expected()[name]} == wanted


def test_the_funnel_of_all_sets(made: Callable[[str], Made], record_property: Callable[[str, object], None]) -> None:
    names = [*made("deepseek_ko").table, "unasked", "read", "read otherwise"]
    lines = [["set", *names]]
    for name in SETS:
        read = expected()[name]
        told = {"unasked": made(name).unasked, "read": len(read), "read otherwise": sum(bool(row["but"]) for row in read)}
        table = made(name).table | told
        lines.append([name, *(str(table[each]) if each in table else "-" for each in names)])
    assert set(names) >= {step for name in SETS for step in made(name).table}
    wide = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = ["  ".join(cell.rjust(width) for cell, width in zip(line, wide, strict=True)) for line in lines]
    record_property("shown", "\n" + "\n".join(shown))
    assert len(lines) == len(SETS) + 1
