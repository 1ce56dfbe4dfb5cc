"""Decide stages: a run of decisions and a set decision become a ledger, which is also the keep-list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from compiler.graph.nodes import Node
from operators.base.bounds import exactly
from operators.base.scope import Columns
from runtime.stages.columns import LostRows
from runtime.stages.relation import Relation
from runtime.store.digest import Bytes, id_bytes
from runtime.store.record import Counts, DecisionRecord
from runtime.store.running import scratch
from runtime.store.store import Store, StoreError
from runtime.tables.beside import Beside
from runtime.tables.combine import combine_trees
from runtime.tables.cursors import Mask
from runtime.tables.ids import child_ids, combined, digest_name, hash_column, places_of
from runtime.tables.objects import referring
from runtime.tables.table import ARROW, TEXT, Table, carry, open_table
from runtime.tables.write import describe, taken, write_based, write_frame

Ints = np.ndarray[Any, Any]


class Shortage(StoreError):
    """A mixture that asks for more than there is."""

    def __init__(self, label: str, groups: list[tuple[str, int, int]], unit: str) -> None:
        listed = "; ".join(f"`{name}` has {have:,} of {want:,}" for name, want, have in groups)
        hint = "take less, add sources, or say `shortage: up_to`"
        super().__init__(f"the mixture `{label}` is short of {unit}: {listed}", hint)


def decide(relation: Relation) -> DecisionRecord:
    """The record of a set decision with the run of decisions before it: runs its query, accounts for every row."""
    store, stage, table = relation.store, relation.stage, relation.table
    with scratch(store.root) as folder:
        fates = run_query(relation, folder)
    complain_shortage(relation, fates)
    kept, ledger = sum(fates.kept), referring(fates.ledger)
    carried = carried_table(store, stage.node, table, relation.objects)
    tree: dict[str, Any] = {"kind": "filtered", "of": carried.tree, "ledger": ledger, "rows": kept}
    if len(table.spread) > 1:
        tree["spread"] = fates.kept
    repeated = repeated_rows(store, open_table(store, tree), *fates.repeated())
    if repeated is not None:
        tree, described = combine_trees(store, [tree, repeated], carried.columns)
    else:
        described = describe(open_table(store, tree))
    measured = (relation.objects.get(each.measure) for each in stage.run)
    return DecisionRecord(
        kind=stage.operator.name,
        rows=tree["rows"],
        **described.body(),
        table=tree,
        ledger=ledger,
        measured=[None if each is None else each.object for each in measured],
        dear=sorted(fates.dear),
        counts=counts_of(table, fates, tree["rows"] - kept),
        funnel={name: rows.tolist() for name, rows in sorted(fates.funnel.items())},
    )


def run_query(relation: Relation, folder: Path) -> Fates:
    """The fates of all rows, by the stage's query; a folder is there for what does not fit into memory."""
    fates = Fates(relation)
    with querying(relation):
        relation.prepare(folder)
        for part, made in enumerate(relation.fates()):
            fates.add(relation.rows(part), made, relation.dear[part])
    return fates


@contextmanager
def querying(relation: Relation) -> Iterator[None]:
    """While DuckDB works: what it lacks is told to people, and what it holds is let go of."""
    try:
        yield
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except (duckdb.OutOfMemoryException, duckdb.IOException, OSError) as error:
        # What Arrow passes on of DuckDB is an OSError without a number; one of the operating system is told as it is.
        if getattr(error, "errno", None) is not None or (lack := lacking(relation, str(error))) is None:
            raise
        raise lack from error
    except duckdb.Error as error:
        raise AssertionError(f"the SQL of `{relation.stage.node.label}` does not run: {error}") from error
    finally:
        relation.close()


def lacking(relation: Relation, text: str) -> StoreError | None:
    """What is said where memory does not do, or the disk for what is beyond it, by the text of an error; None for another."""
    label, memory = relation.stage.node.label, relation.store.bound.memory
    if "temp_directory" in text or "offload" in text or "No space left" in text:
        return StoreError(f"the disk has no room for what `{label}` spills", "make room, or choose another store with --store")
    if "Out of Memory" in text:
        return StoreError(f"`{label}` does not fit into {memory >> 20} MB", f"build with --memory {2 * memory >> 20}MB, or more")
    return None


class Fates:
    """What became of the rows of a stage, part by part: the ledger is written, and the rest is counted."""

    def __init__(self, relation: Relation) -> None:
        self.relation, self.reasons = relation, len(relation.stage.labels)
        self.ledger: list[str] = []
        self.kept: list[int] = []
        """The rows of each part that are kept."""
        self.dropped = np.zeros(self.reasons + 1, dtype=np.int64)
        """Rows that are kept, and rows that each decision drops."""
        self.funnel: dict[str, Ints] = {}
        """The same for each source."""
        self.groups: Counter[str] = Counter()
        """Group -> how much of it came to the set decision, in what it counts in."""
        self.dear = set[str]()
        """The columns of the ledger with values of dear measures."""
        self.again: list[tuple[Bytes, Ints]] = [(np.zeros((0, 16), np.uint8), np.zeros(0, np.int64))]

    def add(self, rows: pa.Table, made: pa.Table, dear: Mapping[str, pa.Array]) -> None:
        """The fates of a part, in row_id order. Raises LostRows where they are not those of exactly its rows."""
        ids = id_bytes(combined(made.column("row_id")))
        copies = combined(made.column("copy")).to_numpy().astype(np.int64)
        dropped = combined(made.column("dropped_by")).to_numpy().astype(np.int16)
        first = copies == 0
        own = id_bytes(combined(rows.column("row_id")))
        returned = ids if first.all() else ids[first]
        if len(returned) != len(own) or not np.array_equal(returned, own):
            lost, foreign, twice = anti_join(own, returned)
            label = self.relation.stage.node.label
            raise LostRows(f"`{label}` does not account for its rows: {lost} lost, {foreign} not its own, {twice} told twice")
        detail = made.column("detail")
        detail = combined(detail if detail.type == pa.uuid() else detail.cast(pa.uuid()))
        columns = {"row_id": combined(rows.column("row_id")), "dropped_by": pa.array(dropped[first], pa.int16())}
        columns["detail"] = detail if first.all() else detail.filter(pa.array(first))
        self.ledger.append(write_frame(self.relation.store, columns | dict(dear)))
        self.kept.append(int((dropped[first] == 0).sum()))
        self.dear |= dear.keys()
        again = ~first & (dropped == 0)
        self.again.append((ids[again], copies[again]))
        self.count(rows, dropped, np.cumsum(first) - 1, first)

    def count(self, rows: pa.Table, dropped: Ints, places: Ints, first: Mask) -> None:
        """Count the rows of a part; `places` says which row each fate is of, `first` whether it is no copy's."""
        self.dropped += np.bincount(dropped[first], minlength=self.reasons + 1)
        for name, codes in by_name(rows, "source", places[first]):
            self.funnel.setdefault(name, np.zeros(self.reasons + 1, dtype=np.int64))
            self.funnel[name] += np.bincount(dropped[first][codes], minlength=self.reasons + 1)
        operator = self.relation.stage.operator
        kind, weight = operator.grouped_by(), operator.weighed_by()
        if kind is None or self.relation.scale is not None:
            return
        came = np.flatnonzero((dropped == 0) | (dropped == self.reasons))
        weights = None if weight is None else combined(rows.column(weight)).fill_null(0).to_numpy().astype(np.int64)
        for name, codes in by_name(rows, kind, places[came]):
            if codes.any():
                self.groups[name] += int(codes.sum() if weights is None else weights[places[came][codes]].sum())

    def repeated(self) -> tuple[Bytes, Ints]:
        """The parents of the rows that stand in the result again, and the number of each copy."""
        parents, copies = zip(*self.again, strict=True)
        return np.concatenate(parents), np.concatenate(copies)


def by_name(rows: pa.Table, column: str, places: Ints) -> Iterator[tuple[str, Mask]]:
    """(label, which of the rows at some places have it) of a column of labels."""
    labels = combined(rows.column(column))
    encoded = labels if isinstance(labels, pa.DictionaryArray) else labels.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)[places]
    for code, name in enumerate(encoded.dictionary.to_pylist()):
        yield name, codes == code


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


def complain_shortage(relation: Relation, fates: Fates) -> None:
    """Raises Shortage where a mixture that may not fall short does; a preview may."""
    operator = relation.stage.operator
    if relation.scale is not None or operator.grouped_by() is None:
        return
    have = {name: exactly(rows) for name, rows in fates.groups.items()}
    short = [(name, wanted, had.low) for name, (wanted, had) in operator.short_of(have).items()]
    if short:
        raise Shortage(relation.stage.node.label, short, operator.weighed_by() or "rows")


def counts_of(table: Table, fates: Fates, born: int) -> Counts:
    """Rows in, born, out and dropped by each decision."""
    by = fates.dropped.tolist()
    counts: Counts = {"in": table.rows, "born": born, "out": by[0] + born, "dropped": by[1:]}
    assert counts["in"] + born == counts["out"] + sum(by[1:])
    return counts
