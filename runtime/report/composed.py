"""What a dataset is made of: rows by source and category, groups of mixtures, letters by script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from compiler.graph.nodes import Graph
from compiler.graph.stages import DecideStage, SourceStage, of_kind
from operators.base.scope import ColumnType
from operators.kernels.text import Texts
from runtime.build.built import Built
from runtime.export.built_output import count_rows
from runtime.report.measured import Ranges
from runtime.report.report import Kind, Mixed, Scripts
from runtime.store.record import Record
from runtime.store.store import Store
from runtime.tables.table import open_table

SAMPLED = 2000
"""Rows whose scripts are looked at: those of the lowest ids, which hash their text, so that it decides nothing."""


def kinds_of(store: Store, graph: Graph, built: Built, output: Record) -> Iterator[Kind]:
    """Every source and category with its rows as read and as kept, the largest first."""
    read, kept = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for stage in of_kind(SourceStage, graph):
        for (source, category, _), rows in count_rows(store, built.records[stage.index].table).items():
            read[source, category] += rows
    for (source, category, _), rows in count_rows(store, output.table).items():
        kept[source, category] += rows
    for each in sorted({*read, *kept}, key=lambda each: (-read[each], each)):
        yield Kind(*each, read[each], kept[each])


def mixed_in(store: Store, graph: Graph, built: Built) -> Iterator[Mixed]:
    """What each mixture wanted of each group, and got."""
    for stage in of_kind(DecideStage, graph):
        wanted = stage.operator.takes()
        if not wanted:
            continue
        group, unit = stage.operator.grouped_by(), stage.operator.weighed_by()
        assert group is not None
        table = open_table(store, built.records[stage.index].table)
        names = table.frame(group).cast(pa.string())
        weights = pa.array(np.ones(len(names), np.int64)) if unit is None else table.frame(unit)
        sums = pa.table({"group": names, "weight": weights}).group_by("group").aggregate([("weight", "sum")])
        got = dict(zip(sums["group"].to_pylist(), sums["weight_sum"].to_pylist(), strict=True))
        for name, amount in sorted(wanted.items(), key=lambda each: (-each[1], each[0])):
            yield Mixed(stage.name, name, amount, int(got.get(name) or 0), unit or "rows")


def scripts_of(store: Store, record: Record, target: Ranges | None, anchor: Ranges | None) -> Iterator[Scripts]:
    """The letters of a sample of the rows, by column of text and category; those in both scripts count for the target."""
    if target is None:
        return
    table = open_table(store, record.table)
    both = (target, tuple(sorted({*target, *(anchor or ())})))
    for column in (name for name, kind in table.columns.items() if kind == TEXT):
        found: dict[str, list[np.ndarray[tuple[int], np.dtype[np.int64]]]] = {}
        for first, cells in table.batches([column], first=0, last=SAMPLED):
            texts = Texts(cells[column])
            counts = [texts.share(ranges, "letters") for ranges in both]
            numbers = np.maximum(np.stack([counts[0][1], counts[0][0], counts[1][0]]), 0)
            labels = table.frame("category").cast(pa.string()).slice(first, texts.rows)
            for name in sorted(set(labels.to_pylist()), key=str):
                own = np.asarray(pc.fill_null(pc.equal(labels, name), False))
                found.setdefault(str(name), []).append(np.array([own.sum(), *numbers[:, own].sum(axis=1)]))
        for name, parts in sorted(found.items()):
            rows, letters, of_target, of_both = (int(each) for each in np.sum(parts, axis=0))
            if letters:
                yield Scripts(column, name, rows, letters, of_target, of_both - of_target, letters - of_both)


TEXT: ColumnType = "text"


def licences_of(store: Store, record: Record) -> Mapping[str, int]:
    """Licence class -> rows."""
    counts = Counter[str]()
    for (_, _, licence), rows in count_rows(store, record.table).items():
        counts[licence] += rows
    return dict(sorted(counts.items()))
