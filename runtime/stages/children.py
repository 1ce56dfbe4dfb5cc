"""Expand stages: the children that an operator makes, as rows with ids, text and licences, beside the rows that stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from compiler.graph.nodes import Graph, Node
from operators.base.declare import LABELS
from operators.base.licence import CLASSES
from operators.grow.expand import Born, Expand, Parents
from runtime.stages.columns import LostRows
from runtime.stages.dear import DearCells
from runtime.store.digest import Bytes, id_array
from runtime.store.record import ChildrenRecord
from runtime.store.store import Store
from runtime.tables.beside import Beside, seen
from runtime.tables.births import Batch, Births, Places, batches_with_ids, rows_at_a_time
from runtime.tables.combine import combine_trees
from runtime.tables.ids import child_ids, hash_column
from runtime.tables.memo import Memo
from runtime.tables.objects import whole
from runtime.tables.table import ARROW, Table
from runtime.tables.write import BESIDE_ROWS, TableWriter, describe, even_batches, taken, write_columns, write_frame

DONORS = "lineage.donors"
"""The donors of a child, on their way beside its cells; no column of a recipe has a dot."""
LINEAGE = pa.schema([("row_id", pa.uuid()), ("parent", pa.uuid()), ("donors", pa.large_list(pa.binary(16)))])
"""Each child by its id, with its parent and its donors; what `why` reads."""
READY_FOR = 16
"""So many children of a row are made room for; one that has more has them all the same."""


class Children(NamedTuple):
    """Children of rows of a table, in the order of their parents."""

    parents: Places
    """The places of the parents."""
    ids: Mapping[str, Bytes]
    """`row_id`, and that of the `parent`."""
    cells: Mapping[str, pa.Array]
    """What differs from the parent, the licence, and the ids of the donors."""

    def within(self, batch: Batch) -> Children:
        """Those of a batch, with places in it."""
        low, high = np.searchsorted(self.parents, [batch.first, batch.first + batch.rows]).tolist()
        cells = {name: each.slice(low, high - low) for name, each in self.cells.items()}
        return Children(self.parents[low:high] - batch.first, {name: each[low:high] for name, each in self.ids.items()}, cells)


@dataclass
class Told:
    """What is told of an expansion, gathered as children are made."""

    looked_at: int = 0
    refused: list[Bytes] = field(default_factory=list)
    """The ids of the rows that were to have children and have none."""
    reasons: list[str] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)
    by_source: Counter[str] = field(default_factory=Counter)
    """Source -> children."""

    def add(self, rows: Parents, children: Born) -> None:
        """Count what came of some rows."""
        refused = sorted(children.refused)
        self.looked_at += len(rows.row_id)
        self.refused.append(taken(rows.row_id, np.array([place for place, _ in refused], np.int64)))
        self.reasons += [reason for _, reason in refused]
        self.figures.update(children.figures)


class DearRole(NamedTuple):
    """A dear measure that an operator reads of the rows that it looks at, which nobody else measures."""

    cells: DearCells
    value: int
    """Which of its values is read."""


def dear_roles(
    graph: Graph, node: Node, table: Table, objects: Mapping[int, Beside], memos: Mapping[int, Memo]
) -> dict[str, DearRole]:
    """Role -> the dear measure that it is, of those whose values do not lie beside the table."""
    operator, found = node.operator, {}
    assert isinstance(operator, Expand)
    for role, measure in operator.measures().items():
        made = node.carried[role]
        assert made.node is not None
        if made.node not in objects:
            column = graph.nodes[made.node]
            viewed, reads = seen(memos[made.node].store, table, column, objects)
            cells = DearCells(viewed, reads["in"], memos[made.node], measure, column.entries)
            found[role] = DearRole(cells, measure.values.index(made.name))
    return found


def expand_table(
    store: Store, node: Node, table: Table, objects: Mapping[int, Beside], dear: Mapping[str, DearRole]
) -> ChildrenRecord:
    """The record of a table with its rows' children. Raises LostRows and StoreError."""
    operator, told = node.operator, Told()
    with closing(Births(store, node.columns)) as births:
        for batch, children in children_of(store, node, table, objects, dear, told):
            births.add(batch, *children)
            told.by_source.update(batch.columns["source"].take(pa.array(children.parents)).to_pylist())
        tree, described, lineage = table.tree, None, None
        if births.rows:
            own, lineage = written_children(store, node, births)
            tree, described = combine_trees(store, [tree, own], node.columns, there_already(node))
    described = described or describe(table)
    refused = np.concatenate([np.zeros((0, 16), np.uint8), *told.refused])
    return ChildrenRecord(
        kind=operator.name,
        **described.body(),
        rows=tree["rows"],
        table=tree,
        lineage=lineage or write_columns(store, LINEAGE, [[pa.array([], each.type) for each in LINEAGE]]),
        refused=write_frame(
            store, {"row_id": id_array(refused), "reason": pa.array(told.reasons, pa.string()).dictionary_encode()}
        ),
        told={
            "looked_at": told.looked_at,
            "refused": dict(sorted(Counter(told.reasons).items())),
            "figures": dict(told.figures),
        },
        counts={"in": table.rows, "born": births.rows, "out": tree["rows"], "dropped": []},
        funnel=funnel_of(table, told),
    )


def children_of(
    store: Store,
    node: Node,
    table: Table,
    objects: Mapping[int, Beside],
    dear: Mapping[str, DearRole],
    told: Told,
) -> Iterator[tuple[Batch, Children]]:
    """The rows of a table, batch by batch, with the children that they have.

    An operator that mixes rows is given all that it looks at: these are in memory, with what it reads of them.
    """
    operator = node.operator
    assert isinstance(operator, Expand)
    if not table.rows:
        return
    carried = {name: made for name, made in node.carried.items() if name not in dear}
    viewed, names = seen(store, table, replace(node, carried=carried), objects)
    roles: dict[str, str | DearRole] = {role: dear.get(role) or names[role] for role in operator.measures()}
    if not operator.mixes:
        rows = rows_at_a_time(store, viewed, min(operator.children(node.entries).high, READY_FOR))
        for batch in batches_with_ids(viewed, [*viewed.columns], rows):
            yield batch, made_of(node, *parents_in(operator, roles, batch), told).within(batch)
        return
    reads = [*dict.fromkeys((*operator.reads(), *LABELS, *(each for each in roles.values() if isinstance(each, str))))]
    rows = rows_at_a_time(store, viewed)
    given, parents = together(parents_in(operator, roles, batch) for batch in batches_with_ids(viewed, reads, rows))
    children = made_of(node, given, parents, told)
    del parents
    if len(children.parents):
        for batch in batches_with_ids(viewed, [*viewed.columns], rows):
            yield batch, children.within(batch)


def parents_in(operator: Expand, roles: Mapping[str, str | DearRole], batch: Batch) -> tuple[Places, Parents]:
    """(the places in the table of the rows of a batch that the operator is given, these rows with what it reads of them)."""
    places = np.flatnonzero(operator.looks_at({name: batch.columns[name] for name in LABELS}))
    chosen = pa.array(places)
    columns = {name: batch.columns[name].take(chosen) for name in (*operator.reads(), *LABELS)}
    for role, read in roles.items():
        if isinstance(read, str):
            columns[role] = batch.columns[read].take(chosen)
        else:
            values = read.cells.values_at(places + batch.first, batch.first, batch.first + batch.rows)
            columns[role] = pa.array(values[:, read.value])
    return places + batch.first, Parents(taken(batch.ids["row_id"], places), taken(batch.ids["item_id"], places), columns)


def together(batches: Iterable[tuple[Places, Parents]]) -> tuple[Places, Parents]:
    """The rows of all batches as one."""
    places, parents = zip(*batches, strict=True)
    names = parents[0].columns
    columns = {name: whole(pa.chunked_array([each.columns[name] for each in parents])) for name in names}
    rows, items = np.concatenate([each.row_id for each in parents]), np.concatenate([each.item_id for each in parents])
    return np.concatenate(places), Parents(rows, items, columns)


def made_of(node: Node, given: Places, rows: Parents, told: Told) -> Children:
    """The children that an operator makes of rows, which stand at some places of their table."""
    operator = node.operator
    assert isinstance(operator, Expand)
    children = operator.expand(rows, node.entries, node.seed)
    complain_children(node, rows, children)
    told.add(rows, children)
    parents = taken(rows.row_id, children.parents)
    ids = child_ids(parents, operator.name + operator.salt, children.copies, changed_digests(operator, children))
    cells = {name: column.cast(ARROW[node.columns[name]]) for name, column in children.cells.items()}
    cells["license"] = joined_licences(rows.columns["license"], children.parents, children.donors, children.donated)
    bounds = np.concatenate([[0], np.cumsum(children.donated)]).astype(np.int64)
    donors = id_array(taken(rows.row_id, children.donors)).storage
    cells[DONORS] = pa.LargeListArray.from_arrays(pa.array(bounds), donors)
    order = np.argsort(children.parents, kind="stable")
    places, own = pa.array(order), {"row_id": taken(ids, order), "parent": taken(parents, order)}
    return Children(given[children.parents[order]], own, {name: each.take(places) for name, each in cells.items()})


def written_children(store: Store, node: Node, births: Births) -> tuple[dict[str, Any], str]:
    """(the tree of all children, the object with their lineage)."""
    writer = TableWriter(store, node.columns, {})
    with even_batches(store, LINEAGE, [0, 1, 2], BESIDE_ROWS) as (add, made):
        for content, ids, order in births.written(writer):
            donors = whole(content.column(DONORS)).take(pa.array(order))
            add([id_array(ids["row_id"]), id_array(ids["parent"]), donors])
    return writer.written()[0], f"object:{made[0]}"


def there_already(node: Node) -> tuple[str, str]:
    """What is said where two children have one id, or a child that of a row that is there; and a hint."""
    return (
        f"`{node.label}` makes children that are there already: the same text of the same parent",
        "a step that stands twice needs another `salt` the second time",
    )


def complain_children(node: Node, rows: Parents, children: Born) -> None:
    """Raises LostRows for children without parents, donors or cells, and for rows that the operator was not given."""
    operator, many = node.operator, len(children.parents)
    assert isinstance(operator, Expand)
    lengths = {many, len(children.donated), len(children.copies), *(len(column) for column in children.cells.values())}
    outside = np.concatenate([children.parents, children.donors, [place for place, _ in children.refused]])
    if lengths != {many} or set(children.cells) != set(operator.changes()) or children.donated.sum() != len(children.donors):
        raise LostRows(f"`{node.label}` ({operator.name}) says {sorted(lengths)} different things of {many} children")
    if ((outside < 0) | (outside >= len(rows.row_id))).any() or (len(children.donors) and not operator.mixes):
        raise LostRows(f"`{node.label}` ({operator.name}) names parents or donors that it was not given")


def changed_digests(operator: Expand, children: Born) -> list[Bytes]:
    """The digests of the changed cells, column by column; that of a number is the digest of its digits."""
    columns = [children.cells[name] for name in sorted(operator.changes())]
    kinds = ["list of text" if pa.types.is_large_list(column.type) else "text" for column in columns]
    texts = [column if pa.types.is_nested(column.type) else column.cast(pa.large_string()) for column in columns]
    return [hash_column(column, kind) for column, kind in zip(texts, kinds, strict=True)]


def joined_licences(column: pa.Array, parents: Places, donors: Places, donated: Places) -> pa.Array:
    """The class of each child: the most closed of its parent's and its donors'."""
    encoded = column.dictionary_encode()
    place_of = np.array([CLASSES.index(each) for each in encoded.dictionary.to_pylist()], np.int64)
    classes = place_of[encoded.indices.to_numpy()]
    joined = classes[parents]
    np.maximum.at(joined, np.repeat(np.arange(len(parents)), donated), classes[donors])
    return pa.DictionaryArray.from_arrays(pa.array(joined.astype(np.int32)), pa.array(CLASSES))


def funnel_of(table: Table, told: Told) -> dict[str, list[int]]:
    """Source -> rows that stay, and children that are born beside them."""
    rows = Counter[str]()
    for part in range(len(table.spread)):
        rows.update({each["values"]: each["counts"] for each in table.column("source", part).value_counts().to_pylist()})
    return {name: [rows[name], told.by_source[name]] for name in sorted(rows, key=str)}
