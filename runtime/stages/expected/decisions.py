"""A set decision on rows that are foreseen: the very SQL of a build where all is known, else what holds in every case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from compiler.graph.sql import bounded_sql, decide_sql
from compiler.graph.stages import DecideStage
from operators.base.bounds import MANY, Between, exactly
from operators.base.declare import LABELS, Measure, SetDecision
from runtime.stages.expected.frames import Frame, Mask, Places
from runtime.stages.expected.values import Values
from runtime.store.digest import id_bytes
from runtime.tables.ids import combined, connect, places_of, sorted_order
from runtime.tables.objects import nulled
from runtime.tables.write import taken


@dataclass(frozen=True)
class DecisionInputs:
    """What a set decision reads: its base table as far as it is known, and the values of its run of decisions."""

    stage: DecideStage
    base: Frame
    sure: Mask | None
    """Which rows of the base are certainly there; None where all are."""
    likely: Mask | None
    """The rows of one way that it may turn out: whoever is not known to pass fails, and nobody comes unseen."""
    unseen: Mapping[str, int]
    """Source -> the most rows of it that nobody has read."""
    values: tuple[Values, ...]
    """Those of each decision of the run."""
    columns: Mapping[str, pa.Array]
    """Those that the set decision reads."""
    blind: Mask | None
    """The rows of which it does not know all columns that it reads."""


@dataclass(frozen=True)
class Decided:
    """What became of the rows of a base table, all of them known."""

    dropped: np.ndarray[Any, Any]
    """For each row: 0, or the number of the decision that drops it; the set decision comes last."""
    places: Places
    """The rows that are dropped, in any order."""
    detail: pa.Array
    """For each of `places`: the rank, or the row kept instead."""
    parents: Places
    """The places of the rows that stand in the result again."""
    copies: np.ndarray[Any, Any]
    short: Mapping[str, tuple[int, Between]]
    """Group -> (wanted, had), where the build would stop."""

    def counts(self, decisions: int) -> list[int]:
        """How many rows each of the first decisions drops."""
        return [int(rows) for rows in np.bincount(self.dropped, minlength=decisions + 1)[1 : decisions + 1]]

    def detail_of(self, place: int) -> str | None:
        """The rank of a row that is dropped, or the row kept instead, as hexadecimal digits."""
        detail = self.detail[int(np.flatnonzero(self.places == place)[0])].as_py()
        return None if detail is None else str(detail.hex)


@dataclass(frozen=True)
class Bounded:
    """What may become of the rows of a base table, in every case."""

    arriving: Places
    """The rows that come to the set decision in the likely way."""
    lacking: int
    """Rows of the likely way that lack a value on which it depends."""
    kept: Places
    """The places of the rows that may be in the result, in row_id order, one for each copy."""
    copies: np.ndarray[Any, Any]
    sure: Mask
    """Which of them are in the result for certain."""
    likely: Mask
    """Which of them are in the result in the likely way."""
    between: Between
    """The fewest and the most of them together."""
    places: int | None
    """How many rows of the result one row more or less can change besides itself."""


def decide_known(given: DecisionInputs) -> Decided | Bounded:
    """The fate of the rows, exact where every value that matters is known."""
    connection, rows = connect(), given.base.rows
    try:
        name = given.stage.graph.nodes[given.stage.graph.base(given.stage.node.rows)].label
        columns: dict[str, pa.Array] = {each: given.base.frame(each) for each in ("row_id", "item_id", *LABELS)}
        columns |= given.columns
        columns |= {".at": pa.array(np.arange(rows)), "blind": mask_column(given.blind, rows, False)}
        columns |= {"sure": mask_column(given.sure, rows), "likely": mask_column(given.likely, rows)}
        partly, unknown = partly_known(connection, name, given, columns)
        connection.register(name, pa.table(columns))
        alive = bounded_sql(given.stage, partly)
        blind = given.blind is not None and connection.sql(f"SELECT 1 FROM ({alive}) WHERE blind LIMIT 1").fetchall()
        if partly or blind or given.sure is not None or any(given.unseen.values()):
            return bounded_fates(connection, given, partly, unknown)
        return exact_fates(connection, given, columns)
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    finally:
        connection.close()


def mask_column(mask: Mask | None, rows: int, otherwise: bool = True) -> pa.Array:
    """A mask as a column; None stands for one value in every row."""
    return pa.array(np.full(rows, otherwise) if mask is None else mask)


def partly_known(
    connection: duckdb.DuckDBPyConnection, name: str, given: DecisionInputs, columns: dict[str, pa.Array]
) -> tuple[frozenset[int], Mask]:
    """(decisions that lack a value of a row that reaches them, the rows that lack one); adds to `columns`."""
    partly: set[int] = set()
    unknown = np.zeros(given.base.rows, dtype=bool)
    for place, (decision, values) in enumerate(zip(given.stage.run, given.values, strict=True)):
        assert isinstance(decision.operator, Measure)
        if values.known is not None:
            connection.register(name, pa.table(columns))
            alive = np.zeros(given.base.rows, dtype=bool)
            query = f'SELECT ".at" FROM ({bounded_sql(given.stage, frozenset(partly), place)})'
            alive[combined(connection.sql(query).to_arrow_table().column(".at")).to_numpy()] = True
            lacking = alive & ~values.known
            if lacking.any():
                partly.add(place)
                unknown |= lacking
                columns[f"{decision.label}.known"] = pa.array(values.known)
        for each in decision.operator.values:
            columns[f"{decision.label}.{each}"] = nulled(values.columns[each])
    return frozenset(partly), unknown


def exact_fates(connection: duckdb.DuckDBPyConnection, given: DecisionInputs, columns: Mapping[str, pa.Array]) -> Decided:
    query, have = decide_sql(given.stage), {}
    if given.stage.operator.grouped_by() is not None:
        connection.execute(f"CREATE TEMP TABLE fates AS {query}")
        query, made = "FROM fates", connection.sql("FROM fates").to_arrow_table()
        have = {
            group: exactly(rows)
            for group, rows in groups_of(given.stage.operator, columns, made, len(given.stage.run) + 1).items()
        }
    # A row that is not among them is kept; only a build has to see that every row is accounted for.
    fates = connection.sql(f"SELECT * FROM ({query}) WHERE dropped_by > 0 OR copy > 0").to_arrow_table()
    ids, copies, by = (
        id_bytes(combined(fates.column("row_id"))),
        *(combined(fates.column(c)).to_numpy() for c in ("copy", "dropped_by")),
    )
    base = id_bytes(given.base.frame("row_id"))
    first, again = np.flatnonzero((copies == 0) & (by > 0)), np.flatnonzero((copies > 0) & (by == 0))
    dropped, places = np.zeros(given.base.rows, dtype=np.int16), places_of(base, taken(ids, first))
    dropped[places] = by[first]
    detail = combined(fates.column("detail")).take(pa.array(first))
    again_at = places_of(base, taken(ids, again))
    return Decided(dropped, places, detail, again_at, copies[again], given.stage.operator.short_of(have))


def bounded_fates(connection: duckdb.DuckDBPyConnection, given: DecisionInputs, partly: frozenset[int], unknown: Mask) -> Bounded:
    operator, seed = given.stage.operator, given.stage.node.seed
    connection.execute(f"CREATE TEMP TABLE kept AS {bounded_sql(given.stage, partly)}")
    connection.execute("CREATE TEMP TABLE arriving AS SELECT * FROM kept WHERE passes AND likely AND NOT blind")
    # A row of which the decision does not know what it reads may be any row, so it is one that nobody has seen.
    blind = dict(connection.sql("SELECT source, count(*) FROM kept WHERE blind GROUP BY source").fetchall())
    strangers = unseen_by(given, blind)
    possible = (
        f"{operator.bounded('(SELECT * FROM kept WHERE NOT blind)', seed, strangers)} UNION ALL"
        f" SELECT row_id, copy, FALSE, TRUE FROM ({operator.possible('(SELECT * FROM kept WHERE blind)')})"
    )
    at, copies, surely, possibly = fetch_places(connection, given.base, possible, "surely", "possibly")
    copy, most = "copy" if operator.tells_copy else "0 AS copy", 1 + copies.max(initial=0)
    verdicts = f"SELECT row_id, {copy}, kept FROM ({operator.verdicts('arriving', seed, None)})"
    there, numbers, kept = fetch_places(connection, given.base, verdicts, "kept")
    likely = np.isin(at * most + copies, (there * most + numbers)[kept])
    counting, changing = operator.kept_between("(SELECT * FROM kept WHERE NOT blind)"), operator.displaces("kept")
    low, high = connection.sql(counting).fetchall()[0] if counting is not None else (0, MANY)
    lacking = connection.sql("SELECT count(*) FROM kept WHERE passes AND likely AND blind").fetchall()[0][0]
    arriving = combined(connection.sql('SELECT ".at" FROM arriving ORDER BY ".at"').to_arrow_table().column(".at")).to_numpy()
    return Bounded(
        arriving=arriving,
        lacking=lacking + int((unknown & (given.likely if given.likely is not None else True)).sum()),
        kept=at[possibly],
        copies=copies[possibly],
        sure=surely[possibly],
        likely=likely[possibly],
        between=Between(low, min(high + sum(strangers.values()), MANY)),
        places=None if changing is None else connection.sql(changing).fetchall()[0][0],
    )


def fetch_places(connection: duckdb.DuckDBPyConnection, base: Frame, query: str, *masks: str) -> list[np.ndarray[Any, Any]]:
    """The places in the base of the rows of a query, their copies, and some masks over them; by row_id, first copies first."""
    made = connection.sql(query).to_arrow_table()
    ids, copies = id_bytes(combined(made.column("row_id"))), combined(made.column("copy")).to_numpy()
    order = sorted_order(ids)
    order = order[np.argsort(copies[order], kind="stable")]
    columns = [combined(made.column(each)).to_numpy(zero_copy_only=False).astype(bool)[order] for each in masks]
    return [places_of(id_bytes(base.frame("row_id")), taken(ids, order)), copies[order], *columns]


def unseen_by(given: DecisionInputs, blind: Mapping[str, int]) -> dict[str, int]:
    """The most rows of which nothing is known, by the groups that the operator counts in."""
    kind = given.stage.operator.grouped_by()
    labels = {node.label: node.operator for _, node in given.stage.graph if not node.inputs}
    groups: dict[str, int] = {}
    for source in {**given.unseen, **blind}:
        group = "" if kind is None else source if kind == "source" else str(getattr(labels[source], kind))
        groups[group] = min(groups.get(group, 0) + given.unseen.get(source, 0) + blind.get(source, 0), MANY)
    return groups


def groups_of(operator: SetDecision, columns: Mapping[str, pa.Array], made: pa.Table, last: int) -> dict[str, int]:
    """Group -> how much of it came to a set decision, which is the `last` of its stage, in what it counts in."""
    kind, weight = operator.grouped_by(), operator.weighed_by()
    if kind is None:
        return {}
    rows = {"row_id": columns["row_id"], "group": columns[kind]} | ({} if weight is None else {"weight": columns[weight]})
    connection = connect()
    try:
        connection.register("rows", pa.table(rows))
        connection.register("fates", made)
        return dict(
            connection.sql(
                f'SELECT "group", coalesce(sum({"1" if weight is None else "weight"}), 0)::BIGINT'
                f' FROM rows JOIN fates USING (row_id) WHERE dropped_by IN (0, {last}) GROUP BY "group"'
            ).fetchall()
        )
    finally:
        connection.close()
