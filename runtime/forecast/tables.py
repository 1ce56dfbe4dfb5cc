"""What each cut of a graph will hold, cut by cut: from its record, or worked out from what is known of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from compiler.graph.facts import Facts
from compiler.graph.keys import identity
from compiler.graph.lock import Lock
from compiler.graph.nodes import Graph, Node
from compiler.graph.plan import Addresses, Result, cuts_below
from operators.asks.asks import Asks
from operators.asks.attach import Attach
from operators.base.bounds import MANY, Between, exactly
from operators.base.declare import LABELS, SetDecision
from operators.declared.aggregate import Aggregate
from operators.declared.source import Source
from operators.grow.expand import Expand
from operators.learn.train import Train
from operators.sets.combine import Combine
from operators.sets.output import Output
from runtime.forecast.asked import asked_about, attached_to, licensed
from runtime.forecast.born import licences_after, with_children
from runtime.forecast.counts import Feed, Feeds, source_counts, tally, united, unlabelled_counts
from runtime.forecast.decisions import Decided, Stage, decide_known
from runtime.forecast.expected import Expected, joined, known_column
from runtime.forecast.frames import Frame, Held, Joined, Relabelled, Renamed, Unknown
from runtime.forecast.outcome import kept, kept_between
from runtime.forecast.values import Known, kept_name
from runtime.store.digest import table_digest
from runtime.store.record import Record
from runtime.store.store import Store
from runtime.store.trees import small_objects
from runtime.tables.table import open_table
from runtime.tables.write import small_columns

SMALL = 200_000
"""Rows that are hashed without a second thought."""


@dataclass
class Predictor:
    """One graph against a store; nothing is written and no text is read."""

    store: Store
    graph: Graph
    facts: Facts
    files: Mapping[str, list[Path]]
    lock: Lock | None
    other: Predictor | None = None
    """The graph it is compared with: a source that differs in its labels alone has the other's rows."""

    def __post_init__(self) -> None:
        self.addresses = Addresses(self.graph, self.facts, self.store.result_of)
        self.known = Known(self.store, self.graph, self.facts, self.addresses)
        self.made: dict[int, Expected] = {}
        self.fed: dict[int, Feeds] = {}
        self.unreadable: set[str] = set()
        self.feeds = {
            node.label: Feed(node.operator.category, (node.operator.license,))
            for _, node in self.graph
            if isinstance(node.operator, Source)
        }

    def feeds_at(self, index: int) -> Feeds:
        """Source -> category and licences of its rows in a table."""
        if index not in self.fed:
            node = self.graph.nodes[index]
            match node.operator:
                case Source():
                    feeds: Feeds = {node.label: self.feeds[node.label]}
                case Attach():
                    feeds = licensed(self.feeds_at(node.inputs[0]), node.operator)
                case Expand():
                    feeds = licences_after(node.operator, self.feeds_at(node.inputs[0]))
                case Combine():
                    feeds = united([self.feeds_at(each) for each in node.inputs])
                case _:
                    feeds = self.feeds_at(self.graph.base(node.inputs[0]))
            self.fed[index] = feeds
        return self.fed[index]

    def expect(self, index: int) -> Expected:
        """What a cut will hold."""
        if index not in self.made:
            record = self.recorded(index)
            made = self.from_record(index, record) if record is not None else self.worked_out(index)
            table = self.graph.nodes[index].aspect == "table"  # what a checkpoint is follows from no rows
            if table and made.exact and made.digest is None and self.may_be_known(made):
                # Its digest leads to the results of whatever reads it.
                with suppress(Unknown):
                    told = table_digest(made.frame.frame, made.columns, small_columns(made.columns))
                    digests = {name: str(each["digest"]) for name, each in told.columns.items()}
                    self.addresses.results.setdefault(index, Result(told.digest, told.ids, digests))
                    made = replace(made, digest=told.digest)
            self.made[index] = made
        return self.made[index]

    def may_be_known(self, made: Expected) -> bool:
        """Whether it is worth hashing rows to find results that were made of them: a small table, or one as large as before."""
        before = () if self.other is None else self.other.made.values()
        return made.frame.rows <= SMALL or any(each.frame.rows == made.frame.rows for each in before)

    def recorded(self, index: int) -> Record | None:
        """The record of a cut whose ids and small columns are in the store."""
        key = self.addresses.key(index)
        if key is None:
            for below in cuts_below(self.graph, index):
                self.expect(below)
            key = self.addresses.key(index)
        record = self.store.find(key) if key is not None else None
        return record if record is not None and all(map(self.here, small_objects(record.table))) else None

    def here(self, reference: str) -> bool:
        return self.store.object_path(reference.removeprefix("object:")).exists()

    def from_record(self, index: int, record: Record) -> Expected:
        table = open_table(self.store, record.table)
        frame, node = Held(table), self.graph.nodes[index]
        if isinstance(node.operator, Source):  # all its rows have the same labels
            counts = source_counts(node.label, self.feeds[node.label], exactly(table.rows))
        elif isinstance(node.operator, Asks):  # completions alone have no labels yet
            counts = unlabelled_counts(exactly(table.rows))
        else:
            counts = tally(frame, None, {}, self.feeds_at(index))
        return Expected(frame, table.columns, counts, digest=record.digest, record=record)

    def worked_out(self, index: int) -> Expected:
        node = self.graph.nodes[index]
        match node.operator:
            case Source():
                return self.source(index, node, node.operator)
            case Combine():
                return joined([self.expect(each) for each in node.inputs], node.columns, self.feeds_at(index))
            case Output():
                return self.expect(node.inputs[0])
            case Asks():
                return asked_about(node, self.expect(node.inputs[0]))
            case Train():
                return self.expect(node.inputs[0])
            case Aggregate():
                most = 64 * len(node.operator.judged)
                counts = source_counts(node.label, Feed("evaluation", (node.license,)), Between(0, most))
                return Expected(
                    Joined([], node.columns), node.columns, counts, unseen={node.label: most}, further=most, unknown=most
                )
            case Attach():
                completions, base = self.expect(node.inputs[1]), self.expect(node.inputs[0])
                if completions.record is not None and base.digest is None:
                    # They are told by the places of rows of a table that is not here: as good as not asked for yet.
                    completions = asked_about(self.graph.nodes[node.inputs[1]], base)
                return attached_to(self.store, node, completions, base, self.feeds_at(index))
            case Expand():
                below = node.inputs[0]
                return with_children(node, self.expect(below), self.feeds_at(index), self.feeds_at(below))
            case SetDecision():
                return self.decision(index, node)
        raise AssertionError(f"`{node.operator.name}` makes no table")

    # -- sources

    def source(self, index: int, node: Node, operator: Source) -> Expected:
        labels = {"source": node.label, "category": operator.category, "license": operator.license}
        twin = self.other.same_rows(node, self.facts) if self.other is not None else None
        if twin is not None:
            frame = Relabelled(open_table(self.store, twin.table), labels)
            return Expected(frame, node.columns, tally(frame, None, {}, self.feeds))
        rows = self.rows_of(node, operator)
        counts = source_counts(node.label, self.feeds[node.label], rows)
        unseen = {node.label: rows.high} if rows.high else {}
        return Expected(Joined([], node.columns), node.columns, counts, unseen=unseen, further=rows.high, unknown=rows.high)

    def same_rows(self, node: Node, facts: Facts) -> Record | None:
        """The record of this graph's source with the same rows: it differs in labels at most."""
        for index, mine in self.graph:
            if isinstance(mine.operator, Source) and mine.label == node.label:
                said = [unlabelled(each, known) for each, known in ((mine, self.facts), (node, facts))]
                leaves = [known.leaves[node.label] for known in (self.facts, facts)]
                written = [sorted((digest, *mine.operator.written(name)) for name, digest, _ in leaf.files) for leaf in leaves]
                if said[0] == said[1] and leaves[0].digest == leaves[1].digest and written[0] == written[1]:
                    return self.recorded(index)
        return None

    def rows_of(self, node: Node, operator: Source) -> Between:
        """How many rows the files of a source hold, by the lock or by reading them."""
        leaf = self.facts.leaves[node.label]
        locked = self.lock.sources.get(node.label) if self.lock else None
        if locked is not None and locked.digest == leaf.digest and locked.pattern == operator.file:
            return exactly(locked.rows)
        if not self.files.get(node.label):
            return Between(0, MANY)
        from runtime.sources.probe import count_rows
        from runtime.sources.readers.files import Unreadable

        try:
            return exactly(count_rows(operator, self.files[node.label]))
        except Unreadable:  # a build stops there, and says why
            self.unreadable.add(node.label)
            return Between(0, MANY)

    # -- combinations and decisions

    def decision(self, index: int, node: Node) -> Expected:
        base = self.expect(self.graph.base(node.inputs[0]))
        stage, columns = self.stage(index, node, base), self.carried(node, base)
        fates = decide_known(stage)
        return (
            kept(stage, fates, columns, self.feeds_at(index))
            if isinstance(fates, Decided)
            else kept_between(stage, base, fates, columns, self.feeds_at(index))
        )

    def stage(self, index: int, node: Node, base: Expected) -> Stage:
        operator = node.operator
        assert isinstance(operator, SetDecision)
        run = [self.graph.nodes[at].inputs[-1] for at in self.graph.run(node.inputs[0])]
        values = tuple(self.known.values(at, base) for at in run)
        columns: dict[str, pa.Array] = {}
        blind = np.zeros(base.frame.rows, dtype=bool)
        for name in operator.reads():
            made = node.carried[name]
            if made.node is None:
                columns[name], known = known_column(base, made.name)
            else:
                found = self.known.values(made.node, base)
                columns[name], known = found.column(kept_name(made)), found.known
            blind |= False if known is None else ~known
        for source in node.inputs[1:]:
            form = self.graph.nodes[source].form
            if form is not None:
                found = self.known.values(source, base)
                columns[form] = found.columns[form]
                blind |= False if found.known is None else ~found.known
        unread = blind if blind.any() else None
        return Stage(self.graph, index, base.frame, base.sure, base.likely, base.unseen, values, columns, unread)

    def carried(self, node: Node, base: Expected) -> Frame:
        """The base table with the columns that go on from a node."""
        origin: dict[str, str | pa.Array | None] = {}
        for name, made in node.carried.items():
            origin[name] = made.name if made.node is None else None
            if made.node is not None:
                with suppress(Unknown):
                    origin[name] = self.known.values(made.node, base).whole(kept_name(made))
        return Renamed(base.frame, origin, node.columns)


def unlabelled(node: Node, facts: Facts) -> dict[str, Any]:
    """What decides a source's rows, without the labels that they get."""
    said = identity(node.operator, facts, {}, "result")
    return {**said, "parameters": {name: each for name, each in said["parameters"].items() if name not in LABELS}}
