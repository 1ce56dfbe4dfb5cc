"""What an expand stage will make: its rows stay as they are, and of their children only how many there may be is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from compiler.graph import Node
from operators.bounds import MANY, Between, exactly
from operators.declare import LABELS
from operators.expand import Expand, holds
from operators.licence import CLASSES
from runtime.predict.counts import ALL, KINDS, Counts, Feeds, Groups, label_counts, settled, summed
from runtime.predict.expected import Expected
from runtime.predict.frames import Unknown, small_name
from runtime.predict.values import Mask


def with_children(node: Node, base: Expected, feeds: Feeds, before: Feeds) -> Expected:
    """The rows of a table with children beside them, whose ids are digests of text that nobody has made yet.

    `before` are the feeds of the table, `feeds` those with the licences that children may have.
    """
    operator = node.operator
    assert isinstance(operator, Expand)
    children = operator.children(node.entries)
    mask = holds(operator.only, {name: base.frame.frame(name) for name in LABELS})
    filled, known = readable(operator, base)
    mask &= filled
    certain = mask & known if base.sure is None else mask & known & base.sure
    by: dict[str, Groups] = {ALL: {"": exactly(0)}, **{kind: {} for kind in KINDS}}
    for kind in KINDS:
        for name, high in told(base, kind, mask).items():
            by[kind][name] = Between(children.low * told(base, kind, certain).get(name, 0), min(children.high * high, MANY))
    for source, rows in base.unseen.items():
        for kind, names in groups_of(operator, source, before):
            for name in names:
                by[kind][name] = by[kind].get(name, exactly(0)).plus(Between(0, rows).times(children.high))
    born = by["source"]
    by[ALL][""] = sum_of(born)
    if operator.mixes:  # whose text a child takes is not known before, nor then its licence
        by["license"] = dict.fromkeys(CLASSES, Between(0, by[ALL][""].high))
    most = by[ALL][""].high
    unseen = {**base.unseen}
    for source, each in born.items():
        if each.high:
            unseen[source] = min(unseen.get(source, 0) + each.high, MANY)
    return replace(
        base,
        columns=node.columns,
        counts=settled(summed([base.counts, Counts(by)]), feeds),
        unseen=unseen,
        further=min(base.further + most, MANY),
        unknown=min(base.unknown + most, MANY),
        digest=None,
        record=None,
        stage=None,
        decided=None,
        short={},
    )


def told(base: Expected, kind: str, mask: Mask) -> dict[str, int]:
    """Label -> how many of some rows have it."""
    return {name: low for name, (low, _) in label_counts(base.frame.frame(kind), mask).items() if low}


def sum_of(groups: Groups) -> Between:
    whole = exactly(0)
    for rows in groups.values():
        whole = whole.plus(rows)
    return whole


def readable(operator: Expand, base: Expected) -> tuple[Mask, bool]:
    """(the rows of which no column that the operator reads is known to be null, whether all of that is known)."""
    mask, known = np.ones(base.frame.rows, dtype=bool), True
    for name in operator.reads():
        try:
            column = base.frame.frame(small_name(name, base.columns))
            mask &= ~np.asarray(column.is_null().to_numpy(zero_copy_only=False))
        except Unknown:
            known = False
    return mask, known


def groups_of(operator: Expand, source: str, feeds: Feeds) -> Iterator[tuple[str, list[str]]]:
    """(kind, groups that children of rows of a source may be in, of which nobody has read one); nothing where none has any."""
    labels = {"source": source, **feeds.get(source, {})}
    for kind in LABELS:
        wanted = None if operator.only is None else getattr(operator.only, kind)
        if wanted is not None and kind in labels and labels[kind] not in ((wanted,) if isinstance(wanted, str) else wanted):
            return
    for kind in KINDS:
        yield kind, [labels[kind]] if kind in labels else [*CLASSES]


def licences_after(operator: Expand, feeds: Feeds) -> Feeds:
    """The feeds of a table with children: where these take text of others, no source has one licence alone."""
    if not operator.mixes:
        return feeds
    return {source: {kind: name for kind, name in feed.items() if kind != "license"} for source, feed in feeds.items()}
