"""Decide stages: a run of decisions and a set decision become a ledger, which is also the keep-list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from compiler.graph.nodes import Node
from operators.base.bounds import exactly
from operators.plugins import package_of
from runtime.stages.columns import LostRows
from runtime.stages.relation import Relation
from runtime.store.digest import Bytes, id_bytes
from runtime.store.record import Counts, DecisionRecord
from runtime.store.running import scratch
from runtime.store.store import Store, StoreError
from runtime.tables.beside import Beside
from runtime.tables.births import Births, batches_with_ids, rows_at_a_time
from runtime.tables.combine import combine_trees
from runtime.tables.cursors import Mask
from runtime.tables.ids import child_ids, combined
from runtime.tables.objects import referring
from runtime.tables.table import Table, carry, open_table
from runtime.tables.write import TableWriter, describe, taken, write_frame

Ints = np.ndarray[Any, Any]
Again = tuple[Ints, Ints]
"""Places of rows, and numbers of copies, in as few bytes as do: they are held for all rows of a table."""


class Shortage(StoreError):
    """A mixture that asks for more than there is."""

    def __init__(self, label: str, groups: list[tuple[str, int, int]], unit: str) -> None:
        listed = "; ".join(f"`{name}` has {have:,} of {want:,}" for name, want, have in groups)
        hint = "take less, add sources, or say `shortage: up_to`"
        super().__init__(f"the mixture `{label}` is short of {unit}: {listed}", hint)


class Wiped(StoreError):
    """A set decision that would drop more of a source than it declares."""

    def __init__(self, label: str, sources: Mapping[str, tuple[int, int]]) -> None:
        listed = "; ".join(f"{went:,} of the {came:,} rows of `{source}`" for source, (went, came) in sources.items())
        hint = "look at them with `recipe why`, after a build with `max_share: 1`; then say how much may go"
        super().__init__(f"`{label}` would drop {listed}: that is more than its `max_share`", hint)


def decide(relation: Relation) -> DecisionRecord:
    """The record of a set decision with the run of decisions before it: runs its query, accounts for every row."""
    store, stage, table = relation.store, relation.stage, relation.table
    with scratch(store.root) as folder:
        fates = run_query(relation, folder)
    complain_shortage(relation, fates)
    complain_wiped(relation, fates)
    kept, ledger = sum(fates.kept), referring(fates.ledger)
    carried = carried_table(store, stage.node, table, relation.objects)
    tree: dict[str, Any] = {"kind": "filtered", "of": carried.tree, "ledger": ledger, "rows": kept}
    if len(table.spread) > 1:
        tree["spread"] = fates.kept
    repeated = repeated_rows(store, carried, fates.again, stage.operator.name)
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
        message = f"the SQL of `{relation.stage.node.label}` does not run: {error}"
        if packages := packages_of(relation):
            named = " and ".join(f"`{each}`" for each in packages)
            raise StoreError(message, f"it is of operators of {named}: this is a mistake there, not in the recipe") from error
        raise AssertionError(message) from error
    finally:
        relation.close()


def packages_of(relation: Relation) -> list[str]:
    """The packages whose operators give parts of the query of a stage."""
    kinds = [type(each.operator) for each in (*relation.stage.run, relation.stage.node)]
    return sorted({found for each in kinds if (found := package_of(each)) is not None})


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
        self.again: list[Again] = []
        """Of each part the rows that stand in the result again, by their places there, and the number of each copy."""

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
        again, places = ~first & (dropped == 0), np.cumsum(first) - 1
        numbers = copies[again]
        self.again.append((places[again].astype(np.int32), numbers.astype(np.min_scalar_type(numbers.max(initial=0)))))
        self.count(rows, dropped, places, first)

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


def repeated_rows(store: Store, table: Table, again: list[Again], operator: str) -> dict[str, Any] | None:
    """The tree of the rows that stand in the result more than once, as children with ids of their own."""
    rows = rows_at_a_time(store, table)
    with closing(Births(store, table.columns)) as births:
        for (first, _), (places, copies) in zip(pairwise(table.bounds), again, strict=True):
            if not len(places):
                continue
            begin, end = first + int(places[0]), first + int(places[-1]) + 1
            for batch in batches_with_ids(table, [*table.columns], rows, begin, end):
                low, high = np.searchsorted(places, [batch.first - first, batch.first - first + batch.rows])
                parents = places[low:high].astype(np.int64) + (first - batch.first)
                ids = child_ids(taken(batch.ids["row_id"], parents), operator, copies[low:high])
                births.add(batch, parents, {"row_id": ids}, {})
        if not births.rows:
            return None
        writer = TableWriter(store, table.columns, {})
        for _ in births.written(writer):
            pass
        return writer.written()[0]


def complain_shortage(relation: Relation, fates: Fates) -> None:
    """Raises Shortage where a mixture that may not fall short does; a preview may."""
    operator = relation.stage.operator
    if relation.scale is not None or operator.grouped_by() is None:
        return
    have = {name: exactly(rows) for name, rows in fates.groups.items()}
    short = [(name, wanted, had.low) for name, (wanted, had) in operator.short_of(have).items()]
    if short:
        raise Shortage(relation.stage.node.label, short, operator.weighed_by() or "rows")


def complain_wiped(relation: Relation, fates: Fates) -> None:
    """Raises Wiped where more of a source goes than its set decision lets go; a preview may fall below."""
    rows = {source: (int(each[-1]), int(each[0] + each[-1])) for source, each in sorted(fates.funnel.items())}
    wiped = relation.stage.operator.wiped(rows)
    if wiped and relation.scale is None:
        raise Wiped(relation.stage.node.label, wiped)


def counts_of(table: Table, fates: Fates, born: int) -> Counts:
    """Rows in, born, out and dropped by each decision."""
    by = fates.dropped.tolist()
    counts: Counts = {"in": table.rows, "born": born, "out": by[0] + born, "dropped": by[1:]}
    assert counts["in"] + born == counts["out"] + sum(by[1:])
    return counts
