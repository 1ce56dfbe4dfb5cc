"""Decide stages: a run of decisions and a set decision become a ledger, which is also the keep-list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from compiler.graph.nodes import Node
from compiler.graph.stages import DecideStage
from operators.base.bounds import exactly
from operators.base.declare import SetDecision
from operators.base.scope import Columns
from runtime.stages.columns import LostRows
from runtime.stages.relation import Relation
from runtime.store.digest import Bytes, Described, id_array, id_bytes, table_digest
from runtime.store.record import Counts, DecisionRecord, Record
from runtime.store.store import Store, StoreError
from runtime.tables.beside import Beside
from runtime.tables.ids import child_ids, combined, connect, digest_name, hash_column, places_of, sorted_order
from runtime.tables.table import ARROW, TEXT, Table, carry, empty_column, open_table
from runtime.tables.write import small_columns, taken, write_based, write_frame


class Shortage(StoreError):
    """A mixture that asks for more than there is."""

    def __init__(self, label: str, groups: list[tuple[str, int, int]], unit: str) -> None:
        listed = "; ".join(f"`{name}` has {have:,} of {want:,}" for name, want, have in groups)
        hint = "take less, add sources, or say `shortage: up_to`"
        super().__init__(f"the mixture `{label}` is short of {unit}: {listed}", hint)


def decide(relation: Relation) -> DecisionRecord:
    """The record of a set decision with the run of decisions before it: runs its query, accounts for every row."""
    store, stage, table = relation.store, relation.stage, relation.table
    made = run_query(relation)
    ids, copies, fates, detail = account_for(stage.node.label, table, made)
    complain_shortage(stage, relation.columns, made, relation.scale)
    first = copies == 0
    again = ~first & (fates == 0)
    dropped = fates[first]
    frame = {
        "row_id": table.frame("row_id"),
        "dropped_by": pa.array(dropped, pa.int16()),
        "detail": detail.filter(pa.array(first)),
        **relation.dear,
    }
    ledger, kept = write_frame(store, frame), int((dropped == 0).sum())
    carried = carried_table(store, stage.node, table, relation.objects)
    tree: dict[str, Any] = {"kind": "filtered", "of": carried.tree, "ledger": ledger, "rows": kept}
    repeated = repeated_rows(store, open_table(store, tree), ids[again], copies[again])
    if repeated is not None:
        tree, described = combine_trees(store, [tree, repeated], carried.columns)
    else:
        described = table_digest(open_table(store, tree).frame, carried.columns, small_columns(carried.columns))
    reasons = len(stage.labels)
    measured = (relation.objects.get(each.measure) for each in stage.run)
    return DecisionRecord(
        kind=stage.operator.name,
        rows=tree["rows"],
        **described.body(),
        table=tree,
        ledger=ledger,
        measured=[None if each is None else each.object for each in measured],
        dear=sorted(relation.dear),
        counts=counts_of(table, dropped, tree["rows"] - kept, reasons),
        funnel=funnel_of(table, dropped, reasons),
    )


def run_query(relation: Relation) -> pa.Table:
    """The fates of all rows, by the stage's query."""
    try:
        return relation.fates()
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except duckdb.Error as error:
        raise AssertionError(f"the SQL of `{relation.stage.node.label}` does not run: {error}") from error
    finally:
        relation.connection.close()


def account_for(label: str, table: Table, made: pa.Table) -> tuple[Bytes, np.ndarray[Any, Any], np.ndarray[Any, Any], pa.Array]:
    """The fates in row_id order, if they are those of exactly the rows that went in. Raises LostRows."""
    ids = id_bytes(combined(made.column("row_id")))
    copies = combined(made.column("copy")).to_numpy().astype(np.int64)
    order = sorted_order(ids)
    if copies.any():
        order = order[np.argsort(copies[order], kind="stable")]
    ids, copies = taken(ids, order), copies[order]
    dropped = combined(made.column("dropped_by")).to_numpy()[order].astype(np.int16)
    detail = combined(
        made.column("detail").cast(pa.uuid()) if made.schema.field("detail").type != pa.uuid() else made.column("detail")
    )
    given = id_bytes(table.frame("row_id"))
    returned = ids[copies == 0]
    if len(returned) != len(given) or not np.array_equal(returned, given):
        lost, foreign, twice = anti_join(given, returned)
        raise LostRows(f"`{label}` does not account for its rows: {lost} lost, {foreign} not its own, {twice} told twice")
    return ids, copies, dropped, detail.take(pa.array(order))


def anti_join(given: Bytes, returned: Bytes) -> tuple[int, int, int]:
    """(ids given and not returned, returned and not given, returned more than once)."""
    before = [row.tobytes() for row in given]
    after = [row.tobytes() for row in returned]
    return len(set(before) - set(after)), len(set(after) - set(before)), len(after) - len(set(after))


def carried_table(store: Store, node: Node, table: Table, objects: Mapping[int, Beside]) -> Table:
    """The base table with the columns that go on from this node."""
    if not any(made.moved(name) for name, made in node.carried.items()) and set(node.carried) == set(table.columns):
        return table
    columns = {name: made.kind for name, made in node.carried.items()}
    origin: dict[str, list[Any]] = {}
    for name, made in node.carried.items():
        maker = None if made.node is None else objects[made.node]
        origin[name] = [maker and maker.object, made.name, maker and maker.text]
    return carry(store, table, columns, origin)


def repeated_rows(store: Store, kept: Table, parents: Bytes, copies: np.ndarray[Any, Any]) -> dict[str, Any] | None:
    """The tree of the rows that stand in the table more than once, as children with ids of their own."""
    if not len(parents):
        return None
    places = places_of(id_bytes(kept.frame("row_id")), parents)
    return write_children(store, kept, kept.columns, places, child_ids(parents, "mixture", copies), {})


def write_children(
    store: Store, table: Table, columns: Columns, parents: np.ndarray[Any, Any], ids: Bytes, cells: Mapping[str, pa.Array]
) -> dict[str, Any]:
    """The tree of rows with new ids: some cells of their own, all others as their parents have them, by places in the table."""
    mask = np.zeros(table.rows, dtype=bool)
    mask[parents] = True
    among = pa.array(np.cumsum(mask)[parents] - 1)
    inherited = read_rows(table, [name for name in columns if name not in cells], mask)
    content = {name: column.take(among) for name, column in inherited.items()} | {**cells}
    own = {"row_id": ids, "item_id": taken(id_bytes(table.frame("item_id")), parents)}
    for name, kind in columns.items():
        if kind in TEXT and name in cells:
            own[digest_name(name)] = hash_column(cells[name], kind)
        elif kind in TEXT:
            own[digest_name(name)] = taken(id_bytes(table.frame(digest_name(name)).storage.fill_null(bytes(16))), parents)
    tree, _ = write_based(store, [pa.table(content)], own, columns, {})
    return tree


def read_rows(table: Table, names: tuple[str, ...] | list[str], mask: np.ndarray[Any, Any]) -> dict[str, pa.Array]:
    """Columns of some rows; of the others no text stays in memory."""
    parts: dict[str, list[pa.Array]] = {name: [] for name in names}
    places = np.flatnonzero(mask)
    for start, batch in table.batches(list(names), last=int(places[-1]) + 1) if len(places) and names else ():
        rows = len(next(iter(batch.values())))
        for name, column in batch.items():
            parts[name].append(column.filter(pa.array(mask[start : start + rows])))
    return {name: pa.concat_arrays(each) if each else pa.array([], ARROW[table.columns[name]]) for name, each in parts.items()}


def combine_trees(store: Store, trees: list[dict[str, Any]], columns: Mapping[str, Any]) -> tuple[dict[str, Any], Described]:
    """Write the frame of all rows of several tables: (tree, what it is). Raises StoreError for equal ids."""
    parts = [open_table(store, tree) for tree in trees]
    ids = np.concatenate([id_bytes(part.frame("row_id")) for part in parts])
    order = sorted_order(ids)
    if (ids[order][1:] == ids[order][:-1]).all(axis=1).any():
        raise StoreError(
            "two tables of one `from` hold the same rows",
            "a row stands in a table once: combine sources, or tables that are disjoint",
        )
    places = pa.array(order)
    frame: dict[str, pa.Array] = {"row_id": id_array(ids[order])}
    frame["item_id"] = id_array(np.concatenate([id_bytes(part.frame("item_id")) for part in parts])[order])
    for name, small in small_columns(columns).items():
        kind = columns[name]
        arrays = [part.frame(small) if name in part.columns else empty_column(part.rows, kind) for part in parts]
        if kind == "label":
            arrays = [array.cast(pa.string()) for array in arrays]
            frame[small] = pa.concat_arrays(arrays).dictionary_encode().take(places)
        else:
            frame[small] = pa.concat_arrays(arrays).take(places)
    described = table_digest(frame.__getitem__, columns, small_columns(columns))
    number = np.concatenate([np.full(part.rows, place, dtype=np.uint16) for place, part in enumerate(parts)])[order]
    frame[".part"] = pa.array(number)
    tree = {"kind": "combined", "parts": trees, "columns": dict(columns), "rows": len(order), "frame": write_frame(store, frame)}
    return tree, described


def combined_tables(store: Store, node: Node, trees: list[dict[str, Any]]) -> Record:
    """The record of all rows of several tables."""
    tree, described = combine_trees(store, trees, node.columns)
    counts: Counts = {"in": tree["rows"], "born": 0, "out": tree["rows"], "dropped": []}
    return Record(kind="combine", **described.body(), rows=tree["rows"], table=tree, counts=counts)


def complain_shortage(stage: DecideStage, columns: Mapping[str, pa.Array], made: pa.Table, scale: tuple[int, int] | None) -> None:
    """Raises Shortage where a mixture that may not fall short does; a preview may."""
    if scale is not None:
        return
    operator = stage.operator
    have = {name: exactly(rows) for name, rows in groups_of(operator, columns, made, len(stage.labels)).items()}
    short = [(name, wanted, had.low) for name, (wanted, had) in operator.short_of(have).items()]
    if short:
        raise Shortage(stage.node.label, short, operator.weighed_by() or "rows")


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


def counts_of(table: Table, dropped: np.ndarray[Any, Any], born: int, reasons: int) -> Counts:
    """Rows in, born, out and dropped by each decision."""
    by = np.bincount(dropped, minlength=reasons + 1).tolist()
    counts: Counts = {"in": table.rows, "born": born, "out": by[0] + born, "dropped": by[1:]}
    assert counts["in"] + born == counts["out"] + sum(by[1:])
    return counts


def funnel_of(table: Table, dropped: np.ndarray[Any, Any], reasons: int) -> dict[str, list[int]]:
    """Source -> rows kept and rows dropped by each decision."""
    encoded = table.frame("source").dictionary_encode()
    codes = encoded.indices.to_numpy()
    names = encoded.dictionary.to_pylist()
    table_of = np.bincount(codes.astype(np.int64) * (reasons + 1) + dropped, minlength=len(names) * (reasons + 1))
    rows = {name: table_of[at * (reasons + 1) : (at + 1) * (reasons + 1)].tolist() for at, name in enumerate(names)}
    return dict(sorted(rows.items()))
