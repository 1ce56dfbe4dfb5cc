"""What an expand stage will make: its rows stay as they are, and of their children only the possible number is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce

import numpy as np
import pyarrow as pa

from compiler.graph.nodes import Node
from operators.base.bounds import MANY, Between, exactly
from operators.base.declare import LABELS
from operators.base.licence import CLASSES, join
from operators.grow.expand import Expand, holds
from runtime.stages.expected.counts import (
    ALL,
    KINDS,
    Counts,
    Groups,
    SourceLabels,
    Sources,
    classes,
    label_counts,
    settled,
    summed,
)
from runtime.stages.expected.expected import Expected
from runtime.stages.expected.frames import Mask, Unknown, small_name


def with_children(node: Node, base: Expected, sources: Sources, before: Sources) -> Expected:
    """The rows of a table with children beside them, whose ids are digests of text that nobody has made yet.

    `before` are the sources of the table, `sources` those with the licences that children may have.
    """
    operator = node.operator
    assert isinstance(operator, Expand)
    children = operator.children(node.entries)
    mask = holds(operator.only, {name: base.frame.frame(name) for name in LABELS})
    readable, known = readable_rows(operator, base)
    mask &= readable
    certain = mask & known if base.sure is None else mask & known & base.sure
    by: dict[str, Groups] = {ALL: {"": exactly(0)}, **{kind: {} for kind in KINDS}}
    for kind in KINDS:
        least, most = (rows_by_label(base, kind, parents) for parents in (certain, mask))
        for name, rows in most.items():
            by[kind][name] = Between(children.low * least.get(name, 0), min(children.high * rows, MANY))
    for source, rows in base.unseen.items():
        for kind, names in groups_of(operator, source, before):
            for name in names:
                by[kind][name] = by[kind].get(name, exactly(0)).plus(Between(0, rows).times(children.high))
    by_source = by["source"]
    by[ALL][""] = reduce(Between.plus, by_source.values(), exactly(0))
    if operator.mixes:  # whose text a child takes is not known before, nor then its licence
        may = {each for source, labels in sources.items() if by_source.get(source, exactly(0)).high for each in labels.licences}
        by["license"] = {each: Between(0, by[ALL][""].high) for each in CLASSES if each in may}
    further = by[ALL][""].high
    unseen = {**base.unseen}
    for source, rows_born in by_source.items():
        if rows_born.high:
            unseen[source] = min(unseen.get(source, 0) + rows_born.high, MANY)
    return replace(
        base,
        columns=node.columns,
        counts=settled(summed([base.counts, Counts(by)]), sources),
        unseen=unseen,
        further=min(base.further + further, MANY),
        unknown=min(base.unknown + further, MANY),
        digest=None,
        record=None,
        inputs=None,
        decided=None,
        short={},
    )


def rows_by_label(base: Expected, kind: str, mask: Mask) -> dict[str, int]:
    """Label -> how many of some rows have it."""
    return {name: low for name, (low, _) in label_counts(base.frame.frame(kind), mask).items() if low}


def readable_rows(operator: Expand, base: Expected) -> tuple[Mask, bool]:
    """(the rows of which no column that the operator reads is known to be null, whether all of that is known)."""
    mask, known = np.ones(base.frame.rows, dtype=bool), True
    for name in operator.reads():
        try:
            column = base.frame.frame(small_name(name, base.columns))
            mask &= ~np.asarray(column.is_null().to_numpy(zero_copy_only=False))
        except Unknown:
            known = False
    return mask, known


def groups_of(operator: Expand, source: str, sources: Sources) -> Iterator[tuple[str, list[str]]]:
    """(kind, groups that children of unread rows of a source may be in); nothing where none of them has any."""
    labels = {kind: [source] if kind == "source" else [*sources[source].groups(kind)] for kind in KINDS}
    for kind in LABELS:
        wanted = None if operator.only is None else getattr(operator.only, kind)
        if wanted is not None and not set(labels[kind]) & set((wanted,) if isinstance(wanted, str) else wanted):
            return
    yield from labels.items()


def licences_after(operator: Expand, sources: Sources) -> Sources:
    """The sources of a table with children: where these take text of others, their licence is that of both."""
    if not operator.mixes:
        return sources
    listed = [(source, kind, each) for source, own in sources.items() for kind in own.categories for each in own.licences]
    labels = {
        name: pa.array([row[at] for row in listed], pa.string()) for at, name in enumerate(("source", "category", "license"))
    }
    parents, givers = holds(operator.only, labels), operator.looks_at(labels)
    donors = {each for (_, _, each), gives in zip(listed, givers, strict=True) if gives}
    mixed: dict[str, SourceLabels] = dict(sources)
    for (source, _, own), has_children in zip(listed, parents, strict=True):
        if has_children:
            joined = (join([own, each]) for each in donors)
            mixed[source] = mixed[source]._replace(licences=classes(*mixed[source].licences, *joined))
    return mixed
