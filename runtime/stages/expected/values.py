"""Values that are known without measuring: under their key, in the memo, of equal cells of any table, of small columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from compiler.graph.facts import Facts
from compiler.graph.keys import memo_key, value_key
from compiler.graph.nodes import Graph, Made
from compiler.graph.plan import Addresses
from operators.base.declare import Map, Measure, SetDecision
from operators.base.mapped import mapped
from operators.base.pairs import CROWD, NEAR, Pairwise
from operators.measures.families import Condition
from operators.text.sqltext import ident
from runtime.stages.conditions import TooMuchText, evaluate
from runtime.stages.expected.frames import Base, Mask, Unknown, Window, small_name
from runtime.stages.expected.pairs import Found, pairs_of_others
from runtime.store.digest import id_bytes
from runtime.store.record import BesideRecord
from runtime.store.store import Damaged, Store, StoreError
from runtime.tables.beside import find_measured
from runtime.tables.ids import combined, connect, digest_name
from runtime.tables.memo import Memo
from runtime.tables.objects import SHARE, beside_window, nulled, object_name, read_table, share_of, whole
from runtime.tables.table import BATCH, TEXT, open_table


class Lazy(Mapping[str, pa.Array]):
    """Columns that are read when they are asked for, whole or some rows at a time."""

    def __init__(self, rows: int, windows: Mapping[str, Window]) -> None:
        self.rows, self.windows = rows, windows

    def __getitem__(self, name: str) -> pa.Array:
        return self.windows[name](0, self.rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self.windows)

    def __len__(self) -> int:
        return len(self.windows)


@dataclass(frozen=True)
class Values:
    """What is known of one columns node: its columns, and for which rows."""

    columns: Mapping[str, pa.Array]
    known: Mask | None = None
    """None where all are known."""
    foreign: bool = False
    """Whether they were found among other rows, and so hold only as far as an operator says."""

    def whole(self, name: str) -> pa.Array:
        """A column of which every cell is known; raises Unknown."""
        if self.known is not None:
            raise Unknown(name)
        return self.column(name)

    def column(self, name: str) -> pa.Array:
        """A column as others read it: null in the place of -1, and the share of two counts."""
        if name == SHARE:
            return share_of(*(nulled(self.columns[each]) for each in SHARE.split("/")))
        return nulled(self.columns[name])

    def window(self, name: str, first: int, last: int) -> pa.Array:
        """The same of the rows from one up to another."""
        if name == SHARE:
            return share_of(*(nulled(self.cells(each, first, last)) for each in SHARE.split("/")))
        return nulled(self.cells(name, first, last))

    def cells(self, name: str, first: int, last: int) -> pa.Array:
        """Some rows of a column as it lies in the store."""
        if isinstance(self.columns, Lazy):
            return self.columns.windows[name](first, last)
        return self.columns[name].slice(first, last - first)


@dataclass
class KnownValues:
    """The values of a graph's columns nodes, each looked up once."""

    store: Store
    graph: Graph
    facts: Facts
    addresses: Addresses
    by_node: dict[int, Values] = field(default_factory=dict)

    def values(self, at: int, base: Base) -> Values:
        """What is known of the node `at` beside a base table, row for row."""
        if at not in self.by_node:
            # The columns under its key are those of the table with that digest, however many rows another has.
            same = base.digest is not None and base.digest == self.addresses.address(self.graph.base(at))
            recorded = self.under_key(at) if same else None
            self.by_node[at] = recorded or self.without_record(at, base)
        return self.by_node[at]

    def without_record(self, at: int, base: Base) -> Values:
        """What other tables know of the same cells, or of the same rows."""
        if isinstance(self.graph.nodes[at].operator, Pairwise):
            near, crowd, known, exact = self.pairs(at, base)
            exact = exact and base.exact
            return Values({NEAR: near, CROWD: crowd}, None if known.all() else known, foreign=not exact)
        return self.of_equal_cells(at, base)

    def pairs(self, at: int, base: Base) -> Found:
        """What is known of a table's pairs by the cells that are compared, as far as these are known."""
        (made,) = self.graph.nodes[at].carried.values()
        try:
            values = None if made.node is None else self.values(made.node, base)
            cells = self.whole_cells(made, base) if values is None else values.column(kept_name(made))
            known = None if values is None else values.known
        except Unknown:
            cells, known = pa.nulls(base.frame.rows, pa.uuid()), np.zeros(base.frame.rows, bool)
        return pairs_of_others(self.store, self.graph, at, self.facts, base, cells, known)

    def whole_cells(self, made: Made, base: Base) -> pa.Array:
        """A column that a node reads, as it is compared; raises Unknown where not all of its cells are known."""
        if made.node is not None:
            return self.values(made.node, base).whole(kept_name(made))
        return base.frame.frame(small_name(made.name, base.columns))

    def names(self, at: int) -> tuple[str, ...]:
        """The columns that a node makes, as they lie in the store; of changed text, the cell digests."""
        node = self.graph.nodes[at]
        if node.form is not None:
            return tuple(node.columns)
        if isinstance(node.operator, Map):
            return tuple(digest_name(mapped(place)) for place in range(len(node.operator.makes())))
        assert isinstance(node.operator, Measure)
        return node.operator.values

    def under_key(self, at: int) -> Values | None:
        key = self.addresses.key(at)
        record = self.store.look_up(key, BesideRecord) if key is not None else None
        if record is None:
            return None
        try:
            self.store.read_path(object_name(record.object))
        except Damaged:
            return None
        # The form of `unique` is named after its column, and equal forms of other columns share a record.
        read = partial(beside_window, self.store, record.object)
        return Values(Lazy(record.rows, {name: partial(read, place) for place, name in enumerate(self.names(at))}))

    def of_equal_cells(self, at: int, base: Base) -> Values:
        node, names, rows = self.graph.nodes[at], self.names(at), base.frame.rows
        if isinstance(node.operator, SetDecision) and node.operator.verbatim(node.entries):
            with suppress(Unknown):
                return Values(
                    Lazy(rows, dict(zip(names, (self.read(made, base) for made in node.carried.values()), strict=True)))
                )
        nothing = Values({name: pa.nulls(rows, self.kind(at)) for name in names}, np.zeros(rows, dtype=bool))
        try:
            cells = {role: self.whole_cells(made, base) for role, made in node.carried.items()}
        except Unknown:
            return nothing
        if isinstance(node.operator, Condition) and not any(made.kind in TEXT for made in node.carried.values()):
            return evaluated(node.operator, cells) or nothing
        if isinstance(node.operator, Measure) and node.operator.cost == "dear":
            nothing = self.remembered(at, node.operator, cells["in"])
        return self.joined(at, cells, nothing)

    def read(self, made: Made, base: Base) -> Window:
        """What gives a column that a node reads; raises Unknown where not all of its cells are known."""
        if made.node is not None:
            values = self.values(made.node, base)
            if values.known is not None:
                raise Unknown(made.name)
            return partial(values.window, kept_name(made))
        name = small_name(made.name, base.columns)
        base.frame.window(name, 0, 0)
        return partial(base.frame.window, name)

    def kind(self, at: int) -> pa.DataType:
        return pa.int64() if isinstance(self.graph.nodes[at].operator, Measure) else pa.uuid()

    def remembered(self, at: int, operator: Measure, digests: pa.Array) -> Values:
        """The values of a dear measure that its memo holds."""
        memo = Memo(self.store, memo_key(self.graph.nodes[at], self.facts), len(operator.values))
        cells = id_bytes(digests.storage.fill_null(bytes(16)) if digests.null_count else digests)
        known, values = memo.look_up(cells)
        columns = {name: pa.array(np.ascontiguousarray(values[:, place])) for place, name in enumerate(operator.values)}
        return Values(columns, None if known.all() else known)

    def joined(self, at: int, cells: Mapping[str, pa.Array], values: Values) -> Values:
        """Add what other tables know of the same cells; a measure is a function of them."""
        measure = value_key(self.graph, at, self.facts)
        for measured in find_measured(self.store, measure):
            if values.known is None:
                break
            try:
                viewed, made = open_table(self.store, measured.of), read_table(self.store, measured.object)
                theirs = {role: viewed.frame(small_name(name, viewed.columns)) for role, name in measured.reads.items()}
            except Damaged:
                continue  # what it was measured on is gone
            if set(theirs) == set(cells):
                values = self.filled(values, cells, theirs, dict(zip(values.columns, map(whole, made.columns), strict=True)))
        return values

    def filled(self, values: Values, cells: Mapping[str, pa.Array], theirs: Mapping[str, pa.Array], made: Any) -> Values:
        """The values, with those of equal cells of another table where they are not known."""
        assert values.known is not None
        places = np.flatnonzero(~values.known)
        here = {f"c{number}": cells[role].take(pa.array(places)) for number, role in enumerate(cells)}
        other = {f"c{number}": theirs[role] for number, role in enumerate(cells)}
        connection = connect()
        try:
            connection.register("here", pa.table({".at": np.arange(len(places)), **here}))
            connection.register("theirs", pa.table(other | {f"v{number}": made[name] for number, name in enumerate(made)}))
            same = " AND ".join(f"here.{name} IS NOT DISTINCT FROM theirs.{name}" for name in here)
            chosen = ", ".join(f"any_value(v{number}) AS v{number}" for number in range(len(made)))
            matches = connection.sql(
                f"SELECT {ident('.at')} AS at, {', '.join(f'v{number}' for number in range(len(made)))} FROM here JOIN"
                f" (SELECT {', '.join(here)}, {chosen} FROM theirs GROUP BY {', '.join(here)}) AS theirs ON {same}"
            ).to_arrow_table()
        finally:
            connection.close()
        at = places[combined(matches.column("at")).to_numpy()]
        known = values.known.copy()
        known[at] = True
        columns = {
            name: put(values.columns[name], at, combined(matches.column(f"v{number}")))
            for number, name in enumerate(values.columns)
        }
        return Values(columns, None if known.all() else known)


def evaluated(operator: Condition, cells: Mapping[str, pa.Array]) -> Values | None:
    """A condition that reads no text, over cells that are known; None where a build could not compute it."""
    rows = len(next(iter(cells.values()), ()))
    try:
        batches = ({name: cell.slice(at, BATCH) for name, cell in cells.items()} for at in range(0, rows, BATCH))
        parts = [evaluate(operator, batch) for batch in batches]
    except (StoreError, TooMuchText):
        return None
    return Values({operator.values[0]: pa.concat_arrays([pa.array([], pa.int64()), *parts])})


def kept_name(made: Made) -> str:
    """What stands for a column in the store, beside its table."""
    return digest_name(made.name) if made.kind in ("text", "messages", "tools") else made.name


def put(column: pa.Array, places: np.ndarray[Any, Any], values: pa.Array) -> pa.Array:
    """The column with other values at some places."""
    order = np.arange(len(column))
    order[places] = len(column) + np.arange(len(places))
    return pa.concat_arrays([column, pc.cast(values, column.type)]).take(pa.array(order))
