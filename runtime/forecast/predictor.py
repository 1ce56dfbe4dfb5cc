"""What each cut of a graph will hold, cut by cut: from its record, or worked out from what is known of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from compiler.graph.facts import Facts
from compiler.graph.lock import Lock
from compiler.graph.nodes import Graph
from compiler.graph.plan import Addresses, Result, cuts_below
from compiler.graph.stages import SourceStage, of_kind
from runtime.stages.expected.counts import Feed, Feeds
from runtime.stages.expected.expected import Expected
from runtime.stages.expected.frames import Selected, Unknown
from runtime.stages.expected.values import KnownValues
from runtime.stages.table import kind_at
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
        self.known = KnownValues(self.store, self.graph, self.facts, self.addresses)
        self.made: dict[int, Expected] = {}
        self.fed: dict[int, Feeds] = {}
        self.unreadable: set[str] = set()
        self.feeds = {
            stage.node.label: Feed(stage.operator.category, (stage.operator.license,))
            for stage in of_kind(SourceStage, self.graph)
        }

    def feeds_at(self, index: int) -> Feeds:
        """Source -> category and licences of its rows in a table."""
        if index not in self.fed:
            self.fed[index] = kind_at(self.graph, index).feeds(self)
        return self.fed[index]

    def expect(self, index: int) -> Expected:
        """What a cut will hold."""
        if index not in self.made:
            record = self.recorded(index)
            made = self.from_record(index, record) if record is not None else kind_at(self.graph, index).foresee(self)
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
        record = self.store.find(key)
        return record if record is not None and all(map(self.here, small_objects(record.table))) else None

    def here(self, reference: str) -> bool:
        return self.store.object_path(reference.removeprefix("object:")).exists()

    def from_record(self, index: int, record: Record) -> Expected:
        table = open_table(self.store, record.table)
        frame = Selected(table)
        counts = kind_at(self.graph, index).counts(self, frame)
        return Expected(frame, table.columns, counts, digest=record.digest, record=record)
