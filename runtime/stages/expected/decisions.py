"""A set decision on rows that are foreseen: the very SQL of a build where all is known, else what holds in every case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from compiler.graph.sql import bounded_sql, decide_sql
from compiler.graph.stages import DecideStage
from operators.base.bounds import MANY, Between, exactly
from operators.base.declare import LABELS, Measure, SetDecision
from operators.text.sqltext import ident
from runtime.stages.expected.frames import Frame, Mask, Places, Window, by_prefix, windows
from runtime.stages.expected.laid import Laid
from runtime.stages.expected.values import Values
from runtime.store.digest import id_bytes
from runtime.tables.ids import combined
from runtime.tables.objects import whole
from runtime.tables.order import places_of, sorted_order
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
    columns: Mapping[str, Window]
    """Those that the set decision reads."""
    blind: Mask | None
    """The rows of which it does not know all columns that it reads."""
    foreign: bool = False
    """Whether some of these columns were found among other rows."""


@dataclass(frozen=True)
class Decided:
    """What became of the rows of a base table, all of them known."""

    dropped: np.ndarray[Any, Any]
    """For each row: 0, or the number of the decision that drops it; the set decision comes last."""
    detail: pa.Array
    """For each row that is dropped: the rank, or the row kept instead."""
    parents: Places
    """The places of the rows that stand in the result again."""
    copies: np.ndarray[Any, Any]
    short: Mapping[str, tuple[int, Between]]
    """Group -> (wanted, had), where the build would stop."""
    wiped: Mapping[str, tuple[int, int]]
    """Source -> (rows that go, rows that came), where the build would stop."""

    def counts(self, decisions: int) -> list[int]:
        """How many rows each of the first decisions drops."""
        return [int(rows) for rows in np.bincount(self.dropped, minlength=decisions + 1)[1 : decisions + 1]]

    def detail_of(self, place: int) -> str | None:
        """The rank of a row that is dropped, or the row kept instead, as hexadecimal digits."""
        detail = self.detail[int(np.count_nonzero(self.dropped[:place]))].as_py()
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
    graph, rows = given.stage.graph, given.base.rows
    laid = Laid(graph.nodes[graph.base(given.stage.node.rows)].label, rows)
    try:
        laid.columns |= {each: partial(given.base.window, each) for each in ("row_id", "item_id", *LABELS)}
        laid.columns |= given.columns
        laid.columns |= {".at": lambda first, last: pa.array(np.arange(first, last)), "blind": masking(given.blind, False)}
        laid.columns |= {"sure": masking(given.sure), "likely": masking(given.likely)}
        partly, unknown = partly_known(laid, given)
        laid.lay()
        alive = bounded_sql(given.stage, partly)
        blind = given.blind is not None and laid.connection.sql(f"SELECT 1 FROM ({alive}) WHERE blind LIMIT 1").fetchall()
        if partly or blind or given.foreign or given.sure is not None or any(given.unseen.values()):
            return bounded_fates(laid.connection, given, partly, unknown)
        return exact_fates(laid, given)
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    finally:
        laid.close()


def masking(mask: Mask | None, otherwise: bool = True) -> Window:
    """A mask as a column; None stands for one value in every row."""
    return lambda first, last: pa.array(np.full(last - first, otherwise) if mask is None else mask[first:last])


def partly_known(laid: Laid, given: DecisionInputs) -> tuple[frozenset[int], Mask]:
    """(decisions that lack a value of a row that reaches them, the rows that lack one); adds columns to what is laid out."""
    partly: set[int] = set()
    unknown = np.zeros(given.base.rows, dtype=bool)
    for place, (decision, values) in enumerate(zip(given.stage.run, given.values, strict=True)):
        assert isinstance(decision.operator, Measure)
        if values.known is not None:
            laid.lay()
            alive = np.zeros(given.base.rows, dtype=bool)
            query = f'SELECT ".at" FROM ({bounded_sql(given.stage, frozenset(partly), place)})'
            alive[combined(laid.connection.sql(query).to_arrow_table().column(".at")).to_numpy()] = True
            lacking = alive & ~values.known
            if lacking.any():
                partly.add(place)
                unknown |= lacking
                laid.columns[f"{decision.label}.known"] = masking(values.known)
        for each in decision.operator.values:
            laid.columns[f"{decision.label}.{each}"] = partial(values.window, each)
    return frozenset(partly), unknown


def exact_fates(laid: Laid, given: DecisionInputs) -> Decided:
    query, have = decide_sql(given.stage), {}
    if given.stage.operator.grouped_by() is not None:
        laid.connection.execute(f"CREATE TEMP TABLE fates AS {query}")
        query = "FROM fates"
        have = {group: exactly(rows) for group, rows in groups_of(laid, given.stage.operator, len(given.stage.run) + 1).items()}
    dropped = np.zeros(given.base.rows, dtype=np.int16)
    details, parents, numbers = [], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    # A row that is not among them is kept; only a build has to see that every row is accounted for.
    parts = laid.query(f"SELECT * FROM ({query}) WHERE dropped_by > 0 OR copy > 0")
    for (start, base), fates in zip(by_prefix(given.base, laid.parts), parts, strict=True):
        ids = id_bytes(combined(fates.column("row_id")))
        copies, by = (combined(fates.column(name)).to_numpy() for name in ("copy", "dropped_by"))
        first, again = np.flatnonzero((copies == 0) & (by > 0)), np.flatnonzero((copies > 0) & (by == 0))
        if len(first):
            dropped[start + places_of(base, taken(ids, first))] = by[first]
        details.append(combined(fates.column("detail")).take(pa.array(first)))
        if len(again):
            parents.append(start + places_of(base, taken(ids, again)))
            numbers.append(copies[again].astype(np.int64))
    detail = whole(pa.chunked_array(details))
    operator = given.stage.operator
    wiped = operator.wiped(by_source(given, dropped)) if operator.counts_sources else {}
    return Decided(dropped, detail, np.concatenate(parents), np.concatenate(numbers), operator.short_of(have), wiped)


def by_source(given: DecisionInputs, dropped: np.ndarray[Any, Any]) -> dict[str, tuple[int, int]]:
    """Source -> (rows that the set decision drops, rows that came to it)."""
    last, rows = len(given.stage.run) + 1, dict[str, tuple[int, int]]()
    for first, end in windows(given.base.rows):
        labels, fates = given.base.window("source", first, end).dictionary_encode(), dropped[first:end]
        codes = labels.indices.to_numpy(zero_copy_only=False)
        for code, name in enumerate(labels.dictionary.to_pylist()):
            went, came = rows.get(name, (0, 0))
            own = fates[codes == code]
            rows[name] = went + int((own == last).sum()), came + int(((own == 0) | (own == last)).sum())
    return rows


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


def groups_of(laid: Laid, operator: SetDecision, last: int) -> dict[str, int]:
    """Group -> how much of it came to a set decision, which is the `last` of its stage, in what it counts in."""
    kind, weight = operator.grouped_by(), operator.weighed_by()
    assert kind is not None
    counted = f"coalesce(sum({'1' if weight is None else ident(weight)}), 0)::BIGINT"
    rows = f"{ident(laid.name)} JOIN fates USING (row_id) WHERE dropped_by IN (0, {last})"
    return dict(laid.connection.sql(f"SELECT {ident(kind)}, {counted} FROM {rows} GROUP BY {ident(kind)}").fetchall())
