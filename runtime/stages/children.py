"""Expand stages: the children that an operator makes, as rows with ids, text and licences, beside the rows that stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from compiler.graph.nodes import Node
from operators.base.declare import LABELS, Measure
from operators.base.licence import CLASSES
from operators.grow.expand import Born, Expand, Parents
from runtime.stages.columns import LostRows
from runtime.stages.dear import dear_values
from runtime.stages.kind import Work
from runtime.stages.ledger import read_rows, write_children
from runtime.store.digest import Bytes, id_array, id_bytes
from runtime.store.record import ChildrenRecord
from runtime.store.store import StoreError
from runtime.tables.beside import Beside, seen
from runtime.tables.combine import combine_trees
from runtime.tables.ids import child_ids, hash_column, sorted_order
from runtime.tables.memo import Memo
from runtime.tables.objects import beside_column
from runtime.tables.table import ARROW, Table
from runtime.tables.write import describe, taken, write_frame

Places = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


def expand_table(
    work: Work, node: Node, table: Table, objects: Mapping[int, Beside], memos: Mapping[int, Memo]
) -> ChildrenRecord:
    """The record of a table with its rows' children. Raises LostRows and StoreError."""
    operator, store = node.operator, work.store
    assert isinstance(operator, Expand)
    given, parents = read_parents(work, node, table, objects, memos)
    children = operator.expand(parents, node.entries, node.seed)
    complain_children(node, parents, children)
    tree, ids = table.tree, np.zeros((0, 16), np.uint8)
    described = None
    if len(children.parents):
        digests = changed_digests(operator, children)
        ids = child_ids(taken(parents.row_id, children.parents), operator.name + operator.salt, children.copies, digests)
        complain_repeated(node, table, ids)
        cells = {name: column.cast(ARROW[node.columns[name]]) for name, column in children.cells.items()}
        origin, donors = given[children.parents], given[children.donors]
        cells["license"] = joined_licences(table.frame("license"), origin, donors, children.donated)
        own = write_children(store, table, node.columns, origin, ids, cells)
        tree, described = combine_trees(store, [tree, own], node.columns)
    described = described or describe(table)
    refused = sorted(children.refused)
    places = np.array([place for place, _ in refused], np.int64)
    reasons = pa.array([reason for _, reason in refused], pa.string()).dictionary_encode()
    return ChildrenRecord(
        kind=operator.name,
        **described.body(),
        rows=tree["rows"],
        table=tree,
        lineage=write_frame(store, lineage(parents, children, ids)),
        refused=write_frame(store, {"row_id": id_array(taken(parents.row_id, places)), "reason": reasons}),
        told={
            "looked_at": len(given),
            "refused": dict(sorted(Counter(reason for _, reason in refused).items())),
            "figures": dict(children.figures),
        },
        counts={"in": table.rows, "born": len(ids), "out": tree["rows"], "dropped": []},
        funnel=funnel_of(table, given[children.parents]),
    )


def read_parents(
    work: Work, node: Node, table: Table, objects: Mapping[int, Beside], memos: Mapping[int, Memo]
) -> tuple[Places, Parents]:
    """(the places of the rows that the operator is given, these rows with what it reads of them)."""
    operator = node.operator
    assert isinstance(operator, Expand)
    labels = {name: table.frame(name) for name in LABELS}
    mask = operator.looks_at(labels)
    places = np.flatnonzero(mask)
    columns = read_rows(table, operator.reads(), mask)
    columns |= {name: column.take(pa.array(places)) for name, column in labels.items()}
    for role, measure in operator.measures().items():
        made = node.carried[role]
        assert made.node is not None
        if made.node in objects:
            values = beside_column(work.store, objects[made.node].object, made.name)
        else:
            values = values_of(work, made.node, measure.values.index(made.name), table, objects, memos[made.node], mask)
        columns[role] = values.take(pa.array(places))
    row_id, item_id = (taken(id_bytes(table.frame(name)), places) for name in ("row_id", "item_id"))
    return places, Parents(row_id, item_id, columns)


def values_of(
    work: Work, measure: int, value: int, table: Table, objects: Mapping[int, Beside], memo: Memo, mask: Mask
) -> pa.Array:
    """One value of a dear measure, for the rows in `mask`; null for others, which nobody measures."""
    node = work.graph.nodes[measure]
    assert isinstance(node.operator, Measure)
    viewed, reads = seen(work.store, table, node, objects)
    made = [
        dear_values(viewed, part, reads["in"], memo, node.operator, node.entries, mask[first:last])[value]
        for part, (first, last) in enumerate(pairwise(table.bounds))
    ]
    return pa.concat_arrays(made)


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


def complain_repeated(node: Node, table: Table, ids: Bytes) -> None:
    """Raises StoreError where two children have one id, or a child that of a row that is there."""
    both = np.concatenate([id_bytes(table.frame("row_id")), ids])
    order = sorted_order(both)
    twice = int((both[order][1:] == both[order][:-1]).all(axis=1).sum())
    if twice:
        raise StoreError(
            f"`{node.label}` makes {twice:,} children that are there already: the same text of the same parent",
            "a step that stands twice needs another `salt` the second time",
        )


def joined_licences(column: pa.Array, parents: Places, donors: Places, donated: Places) -> pa.Array:
    """The class of each child: the most closed of its parent's and its donors'."""
    encoded = column.dictionary_encode()
    place_of = np.array([CLASSES.index(each) for each in encoded.dictionary.to_pylist()], np.int64)
    classes = place_of[encoded.indices.to_numpy()]
    joined = classes[parents]
    np.maximum.at(joined, np.repeat(np.arange(len(parents)), donated), classes[donors])
    return pa.DictionaryArray.from_arrays(pa.array(joined.astype(np.int32)), pa.array(CLASSES))


def lineage(rows: Parents, children: Born, ids: Bytes) -> dict[str, pa.Array]:
    """Each child by its id, with its parent and its donors; what `why` reads."""
    order = sorted_order(ids)
    starts = np.concatenate([[0], np.cumsum(children.donated)])
    chosen = [children.donors[starts[at] : starts[at + 1]] for at in order.tolist()]
    flat = np.concatenate([np.zeros(0, np.int64), *chosen])
    bounds = np.concatenate([[0], np.cumsum([len(each) for each in chosen])]).astype(np.int64)
    donors = id_array(taken(rows.row_id, flat)).storage
    return {
        "row_id": id_array(taken(ids, order)),
        "parent": id_array(taken(rows.row_id, children.parents[order])),
        "donors": pa.LargeListArray.from_arrays(pa.array(bounds), donors),
    }


def funnel_of(table: Table, parents: Places) -> dict[str, list[int]]:
    """Source -> rows that stay, and children that are born beside them."""
    encoded = table.frame("source").cast(pa.string()).dictionary_encode()
    codes, names = encoded.indices.to_numpy(), encoded.dictionary.to_pylist()
    rows, children = np.bincount(codes, minlength=len(names)), np.bincount(codes[parents], minlength=len(names))
    return {name: [int(rows[at]), int(children[at])] for at, name in sorted(enumerate(names), key=lambda pair: str(pair[1]))}
