"""What each cut of a graph will hold, cut by cut: from its record, or worked out from what is known of its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from compiler.graph.plan import Result, cuts_below
from compiler.graph.stages import SourceStage, of_kind
from operators.declared.by_row import LicenceByRow, categories_of
from operators.declared.source import Source
from runtime.build.session import Session
from runtime.sources.labelling import count_labels
from runtime.sources.readers.files import Unreadable
from runtime.stages.expected.counts import SourceLabels, Sources
from runtime.stages.expected.expected import Expected
from runtime.stages.expected.frames import Selected, Unknown
from runtime.stages.expected.values import KnownValues
from runtime.stages.table import kind_at
from runtime.store.digest import table_digest
from runtime.store.parts import OBJECT
from runtime.store.record import Record
from runtime.store.trees import small_objects
from runtime.tables.table import open_table
from runtime.tables.write import small_columns

SMALL = 200_000
"""Rows that are hashed without a second thought."""


@dataclass
class Predictor:
    """One graph against a store; nothing is written and no text is read."""

    session: Session
    other: Predictor | None = None
    """The graph it is compared with: a source that differs in its labels alone has the other's rows."""

    def __post_init__(self) -> None:
        session = self.session
        self.store, self.graph, self.facts = session.open_store(), session.graph, session.facts
        self.files: Mapping[str, list[Path]] = session.found.files
        self.lock, self.addresses = session.lock, session.addresses(self.store)
        self.known = KnownValues(self.store, self.graph, self.facts, self.addresses)
        self.expected: dict[int, Expected] = {}
        self.sources_by_node: dict[int, Sources] = {}
        self.unreadable: set[str] = set()
        self.sources = {
            stage.node.label: labels_of(stage.operator, self.files.get(stage.node.label, []))
            for stage in of_kind(SourceStage, self.graph)
        }

    def sources_at(self, index: int) -> Sources:
        """Source -> category and licences of its rows in a table."""
        if index not in self.sources_by_node:
            self.sources_by_node[index] = kind_at(self.graph, index).sources(self)
        return self.sources_by_node[index]

    def expect(self, index: int) -> Expected:
        """What a cut will hold."""
        if index not in self.expected:
            record = self.recorded(index)
            expected = self.from_record(index, record) if record is not None else kind_at(self.graph, index).foresee(self)
            table = self.graph.nodes[index].aspect == "table"  # what a checkpoint is follows from no rows
            if table and expected.exact and expected.digest is None and self.worth_hashing(expected):
                # Its digest leads to the results of whatever reads it.
                with suppress(Unknown):
                    described = table_digest(expected.frame.frame, expected.columns, small_columns(expected.columns))
                    digests = {name: str(each["digest"]) for name, each in described.columns.items()}
                    self.addresses.results.setdefault(index, Result(described.digest, described.ids, digests))
                    expected = replace(expected, digest=described.digest)
            self.expected[index] = expected
        return self.expected[index]

    def worth_hashing(self, table: Expected) -> bool:
        """Whether results that were made of these rows may be worth looking for: of a small table, or one as large as before."""
        before = () if self.other is None else self.other.expected.values()
        return table.frame.rows <= SMALL or any(each.frame.rows == table.frame.rows for each in before)

    def recorded(self, index: int) -> Record | None:
        """The record of a cut whose ids and small columns are in the store."""
        key = self.addresses.key(index)
        if key is None:
            for below in cuts_below(self.graph, index):
                self.expect(below)
            key = self.addresses.key(index)
        record = self.store.find(key)
        if record is None:
            return None
        return record if all(self.store.has(each.removeprefix(OBJECT)) for each in small_objects(record.table)) else None

    def from_record(self, index: int, record: Record) -> Expected:
        table = open_table(self.store, record.table)
        frame = Selected(table)
        counts = kind_at(self.graph, index).counts(self, frame)
        return Expected(frame, table.columns, counts, digest=record.digest, record=record)


def labels_of(source: Source, paths: Sequence[Path]) -> SourceLabels:
    """The labels that a source's rows may have; where its files alone say the categories, they are read."""
    known = categories_of(source.category)
    if known is None:
        with suppress(Unreadable):  # a build stops there, and says why
            known = tuple(sorted({category for category, _ in count_labels(source, paths)}))
    license = source.license
    return SourceLabels(known or ("by row",), license.read() if isinstance(license, LicenceByRow) else (license,))
