"""Rows near to others where their table changed: what was found of the rows that stood in an earlier one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from compiler.graph.facts import Facts
from compiler.graph.keys import value_key
from compiler.graph.nodes import Graph
from operators.base.pairs import CROWD, NEAR, Pairwise
from runtime.stages.expected.frames import Base, Mask, Unknown, small_name
from runtime.store.digest import id_bytes
from runtime.store.store import Damaged, Store
from runtime.tables.beside import find_measured
from runtime.tables.ids import combined
from runtime.tables.objects import read_table
from runtime.tables.order import halves
from runtime.tables.table import open_table


class Found(NamedTuple):
    """The row near to each row of a table, and its crowd, as they were in an earlier one."""

    near: pa.Array
    crowd: pa.Array
    known: Mask
    """The rows that stood there with the same text."""
    exact: bool = False
    """Whether they are those of this table too."""


def pairs_of_others(store: Store, graph: Graph, at: int, facts: Facts, base: Base, cells: pa.Array, seen: Mask | None) -> Found:
    """What is known of the pairs of a table by those of the earlier one that has most of its rows, with the same text.

    `cells` are the digests of what is compared, of the rows that are `seen` (None for all).

    Exact where it has no other rows than that one, lacks none that a row is near to, and no row was compared with some of its
    crowd alone.
    """
    node, rows = graph.nodes[at], base.frame.rows
    operator = node.operator
    assert isinstance(operator, Pairwise)
    best = Found(pa.nulls(rows, pa.uuid()), pa.nulls(rows, pa.int64()), np.zeros(rows, bool))
    try:
        own = base.frame.frame("row_id")
    except Unknown:
        return best
    for found in earlier(store, value_key(graph, at, facts), own, cells):
        found = found if seen is None else found._replace(known=found.known & seen)
        if found.known.sum() <= best.known.sum():
            continue
        there = found.near.is_null().to_numpy(zero_copy_only=False) | np.isin(halves_of(found.near), halves_of(own))
        most = np.max(found.crowd.to_numpy(), initial=0)
        best = found._replace(exact=bool(found.known.all() and there.all() and most <= operator.most()))
    return best


def earlier(store: Store, measure: str, own: pa.Array, cells: pa.Array) -> Iterator[Found]:
    """What is known by each earlier table."""
    for measured in find_measured(store, measure):
        try:
            viewed, found = open_table(store, measured.of), read_table(store, measured.object)
            ids = halves_of(viewed.frame("row_id"))
            theirs = viewed.frame(small_name(measured.reads["of"], viewed.columns))
        except Damaged:
            continue  # what it was found in is gone
        if not len(ids):
            continue
        mine = halves_of(own)
        place = np.minimum(np.searchsorted(ids, mine), len(ids) - 1)
        at = pa.array(place)
        known = (ids[place] == mine) & (bytes_of(theirs.take(at)) == bytes_of(cells)).all(axis=1)
        near, crowd = (combined(found.column(name)).take(at) for name in (NEAR, CROWD))
        yield Found(near, crowd, known)


def bytes_of(ids: pa.Array) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """(n, 16) the bytes of ids or cell digests; zeros for null."""
    return id_bytes(ids.storage.fill_null(bytes(16)) if ids.null_count else ids)


def halves_of(ids: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """The first halves of ids, which order them; ids that share theirs are hardly ever any."""
    return np.asarray(halves(bytes_of(ids))[0])
