"""What a set decision says of rows that may be missing holds in every case: all cases of small tables are tried."""

from __future__ import annotations

import itertools
import random
import uuid
from typing import Any

import duckdb
import pytest

from operators.base.bounds import Between
from operators.base.declare import SetDecision
from operators.sets.keep import Keep
from operators.sets.mixture import Mixture
from operators.sets.sample import Sample
from operators.sets.unique import Unique
from operators.text.sqltext import ident, literal

OPERATORS: dict[str, SetDecision] = {
    "keep": Keep(),
    "unique": Unique(),
    "unique by two": Unique(by=("prompt", "other")),
    "sample of rows": Sample(rows=3),
    "sample of items": Sample(rows=2, unit="item"),
    "sample of a share": Sample(share="0.5"),  # type: ignore[arg-type]
    "mixture of rows": Mixture(take={"x": 2, "y": 1}),
    "mixture of a column": Mixture(take={"x": 5, "y": 2}, by="n"),
    "mixture with copies": Mixture(take={"x": 4, "y": 2}, repeat={"x": 2, "y": 3}),
}

#: Operators of which each row is told no more than is true, and no less.
TIGHT = {"keep", "unique", "sample of rows", "sample of items", "sample of a share", "mixture of rows"}

Row = dict[str, Any]
Kept = frozenset[tuple[str, int]]


def small_table(chance: random.Random) -> list[Row]:
    """Up to five rows, some of which may be missing."""
    return [
        {
            "row_id": f"{chance.getrandbits(128):032x}",
            "item_id": f"{chance.randint(0, 3):032x}",
            "category": chance.choice(["x", "y", "z"]),
            "source": "s",
            "n": chance.choice([1, 2, 3, None, -1]),
            "prompt as compared": chance.choice(["0" * 32, "1" * 32, None]),
            "other as compared": chance.choice(["0" * 32, "2" * 32, None]),
            "sure": chance.random() < 0.5,
        }
        for _ in range(chance.randint(1, 5))
    ]


CONNECTION = duckdb.connect()
COLUMNS = {"row_id": "UUID", "item_id": "UUID", "category": "VARCHAR", "source": "VARCHAR", "n": "BIGINT"}
COLUMNS |= {"prompt as compared": "UUID", "other as compared": "UUID", "sure": "BOOLEAN"}


def asked(rows: list[Row], query: str) -> list[tuple[Any, ...]]:
    """A query over a table of these rows called `rows`."""
    cells = [", ".join(f"{literal(row[name])}::{kind}" for name, kind in COLUMNS.items()) for row in rows]
    nothing = ", ".join(f"NULL::{kind}" for kind in COLUMNS.values())
    values = " UNION ALL ".join(f"SELECT {each}" for each in cells) or f"SELECT {nothing} WHERE FALSE"
    return CONNECTION.execute(f"WITH rows({', '.join(map(ident, COLUMNS))}) AS MATERIALIZED ({values}) {query}").fetchall()


def kept(operator: SetDecision, rows: list[Row]) -> Kept:
    copy = "copy" if operator.tells_copy else "0"
    told = asked(rows, f"SELECT row_id, {copy} FROM ({operator.verdicts('rows', 7, None)}) WHERE kept")
    return frozenset((str(row), number) for row, number in told)


def worlds(rows: list[Row]) -> list[list[Row]]:
    """The tables that it may be: the rows that are sure, with any of the others."""
    sure, others = [row for row in rows if row["sure"]], [row for row in rows if not row["sure"]]
    return [[*sure, *some] for size in range(len(others) + 1) for some in itertools.combinations(others, size)]


def check(name: str, operator: SetDecision, rows: list[Row], unseen: list[Row]) -> None:
    """Over all worlds, with the rows that nobody has seen or without."""
    strangers: dict[str, int] = {}
    for row in unseen:
        group = "" if operator.grouped_by() is None else row["category"]
        strangers[group] = strangers.get(group, 0) + 1
    told = {
        (str(row), copy): (surely, possibly)
        for row, copy, surely, possibly in asked(rows, operator.bounded("rows", 7, strangers))
    }
    tables = worlds([*rows, *({**row, "sure": False} for row in unseen)])
    cases = [kept(operator, world) for world in tables]
    assert {row for row, _ in told} == {dashed(row) for row in rows}, f"{name}: a row is not told of"
    own = {(str(row), copy) for row, copy in told}
    always, ever = frozenset.intersection(*cases), frozenset.union(*cases)
    assert {each for each, (surely, _) in told.items() if surely} <= always, f"{name}: not every sure row is kept in every case"
    assert {each for each in ever if each in own} <= {each for each, (_, possibly) in told.items() if possibly}
    assert {each for each in ever if each[0] in {row for row, _ in own}} <= own, f"{name}: a copy was not thought possible"
    if name in TIGHT and not unseen:
        assert {each for each, (surely, _) in told.items() if surely} == always
        assert {each for each, (_, possibly) in told.items() if possibly} == {each for each in ever if each in own}
    numbers = [len(case) for case in cases]
    between = operator.kept_between("rows")
    if between is not None:
        fewest, most = asked(rows, between)[0]
        assert fewest <= min(numbers) and max(numbers) <= most + len(unseen)
        assert unseen or (fewest, most) == (min(numbers), max(numbers))
    for world, case in zip(tables, cases, strict=True):
        for group in ("x", "y", "z") if operator.grouped_by() else ("",):
            mine = {dashed(row) for row in world if group in ("", row["category"])}
            limits = operator.limits(group, Between(len(mine), len(mine)))
            assert limits.low <= sum(row in mine for row, _ in case) <= limits.high, (name, group, limits)


def dashed(row: Row) -> str:
    """An id as DuckDB prints it."""
    return str(uuid.UUID(row["row_id"]))


@pytest.mark.parametrize("name", OPERATORS)
def test_what_is_told_of_a_row_holds_in_every_case(name: str) -> None:
    chance = random.Random(name)
    for _ in range(12):
        check(name, OPERATORS[name], small_table(chance), [])


@pytest.mark.parametrize("name", OPERATORS)
def test_it_also_holds_where_rows_come_that_nobody_has_seen(name: str) -> None:
    chance = random.Random(name)
    for _ in range(8):
        check(name, OPERATORS[name], small_table(chance)[:4], small_table(chance)[:2])


@pytest.mark.parametrize("name", OPERATORS)
def test_one_row_more_changes_no_more_rows_than_is_said(name: str) -> None:
    chance, operator = random.Random(name), OPERATORS[name]
    for _ in range(12):
        rows = small_table(chance)
        query = operator.displaces("rows")
        if query is None:
            continue
        places = asked(rows, query)[0][0]
        for row in rows:
            before, after = kept(operator, [each for each in rows if each is not row]), kept(operator, rows)
            mine = {each for each in after if each[0].replace("-", "") == row["row_id"]}
            assert len(before - after) <= places and len(after - before - mine) <= places


class Bold(Unique):
    """A twin that is sure of every row."""

    def bounded(self, relation: str, seed: int, unseen: Any) -> str:
        return f"SELECT row_id, 0 AS copy, sure AS surely, TRUE AS possibly FROM {relation}"


class Shy(Sample):
    """A twin that forgets the rows which only may be there."""

    def bounded(self, relation: str, seed: int, unseen: Any) -> str:
        return f"SELECT * FROM ({super().bounded(relation, seed, unseen)}) WHERE surely"


@pytest.mark.parametrize("name, twin", [("unique", Bold()), ("sample of rows", Shy(rows=3))])
def test_a_bold_answer_and_a_forgetful_one_are_noticed(name: str, twin: SetDecision) -> None:
    with pytest.raises(AssertionError):
        chance = random.Random(name)
        for _ in range(12):
            check(name, twin, small_table(chance), [])


def test_an_operator_that_says_nothing_of_itself_is_told_right_all_the_same() -> None:
    class Silent(Mixture):
        bounded = SetDecision.bounded

    chance = random.Random(3)
    for _ in range(12):
        check("silent", Silent(take={"x": 2}, repeat={"x": 2}), small_table(chance), [])
