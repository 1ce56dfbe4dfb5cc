"""Build: stage by stage, reuse what is recorded and run what is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from compiler.graph.nodes import Graph, stage_name
from compiler.graph.plan import Addresses, Result, snapshot
from compiler.graph.stages import SourceStage
from runtime.build.built import Built
from runtime.build.progress import Progress
from runtime.build.room import complain_full, complain_large, sizes_of
from runtime.build.session import Session
from runtime.completions.stage import Asking
from runtime.executors.executor import Executor
from runtime.stages.kind import Kind, Work
from runtime.stages.table import kind_at, kinds
from runtime.store.record import BesideRecord, Record
from runtime.store.store import Damaged, Store, StoreError
from runtime.tables.table import open_table


@dataclass
class Builder:
    """One build of one graph."""

    store: Store
    session: Session
    progress: Progress
    executor: Executor
    asking: Asking
    allow: Callable[[Graph, int, str, Addresses], None] = lambda graph, index, key, addresses: None
    """Asked before a stage runs; raises StoreError where it may not."""

    def __post_init__(self) -> None:
        self.graph, facts, files = self.session.graph, self.session.facts, self.session.found
        self.addresses = Addresses(self.graph, facts, self.look_up)
        self.work = Work(self.store, self.graph, facts, files, self.executor, self.addresses, self.asking, self.progress.say)
        self.sizes = sizes_of(self.session)
        self.built = Built(self.work.records, filled=self.work.filled, notes=self.work.notes)

    def look_up(self, key: str) -> Result | None:
        """What a recorded result is, held from now on."""
        record = self.store.hold_record(key, Record)
        return record.result if record is not None else None

    def build(self) -> Built:
        """Every stage, in order. Raises what a stage raises; what is done stays done."""
        complain_large(self.session, self.store, self.executor, self.sizes)
        if self.executor.apart:
            self.begin_leaves()
        for kind in kinds(self.graph):
            index = kind.stage.index
            key = self.addresses.key(index)
            if key is None:
                raise kind.absent()
            record = self.store.hold_record(key, Record)
            if record is not None and kind.whole(self.store, record) and not self.asking.asks_again(record):
                self.progress.reuse(kind.stage.name, record.rows)
            else:
                record = self.run_again(index, key, record)
            self.built.records[index] = record
            self.addresses.results[index] = record.result
        self.built.beside = [key for at, key in self.addresses.keys.items() if self.graph.nodes[at].aspect == "columns"]
        return self.built

    def begin_leaves(self) -> None:
        """Start what is to run and reads no other stage: sources are read beside one another."""
        for kind in kinds(self.graph):
            key = self.addresses.key(kind.stage.index) if kind.stage.leaf else None
            if key is not None and self.store.hold_record(key, Record) is None:
                complain_full(self.store, kind, self.built.records, self.sizes)
                kind.begin(self.work)

    def run_again(self, index: int, key: str, before: Record | None) -> Record:
        """Run a stage; where an input turns out to be damaged or gone, make that anew first."""
        damage: Damaged | None = None
        for _ in range(len(self.graph.nodes) + 1):
            try:
                # A record that was there names something that is not, which may be that of a stage below.
                if (before is not None or damage is not None) and not self.mend(index) and damage is not None:
                    break
                return self.run(index, key, before)
            except Damaged as found:
                damage = found
        assert damage is not None
        raise damage

    def mend(self, index: int) -> bool:
        """Make the results below a stage anew whose objects are missing or damaged; says whether it did."""
        self.complain_unmendable(index)
        mended = False
        # Columns beside tables come first: a stage that is made anew reads them.
        for columns in list(self.store.records_here(BesideRecord)):
            if not all(map(self.whole, columns.objects())):
                self.store.remove_record(columns)
                mended = True
        for below in range(index):
            record = self.built.records.get(below)
            if record is None or all(map(self.whole, record.objects())):
                continue
            again = self.run(below, record.key, record)
            if again.digest != record.digest:
                raise StoreError(
                    f"`{stage_name(self.graph, below)}` was made anew and came out different: "
                    f"{again.digest[:12]}, not {record.digest[:12]}",
                    "run `recipe store verify`",
                )
            self.built.records[below] = again
            mended = True
        return mended

    def complain_unmendable(self, index: int) -> None:
        """Raises StoreError where a source lacks its text and its files, before anything is taken away for it."""
        for below, record in self.built.records.items():
            if below < index and not all(map(self.whole, record.objects())):
                kind_at(self.graph, below).mendable(self.work)

    def whole(self, digest: str) -> bool:
        with suppress(Damaged):
            self.store.read_path(digest)
            return True
        return False

    @contextmanager
    def parted(self, before: Record | None) -> Iterator[None]:
        """What is made anew gets the parts that it had: others name its objects."""
        usual = self.store.bound
        if before is not None:
            self.store.bound = replace(usual, parts=len(open_table(self.store, before.table).spread))
        try:
            yield
        finally:
            self.store.bound = usual

    def run(self, index: int, key: str, before: Record | None) -> Record:
        """Run one stage and record it."""
        kind = kind_at(self.graph, index)
        name = kind.stage.name
        self.allow(self.graph, index, key, self.addresses)
        complain_full(self.store, kind, self.built.records, self.sizes)
        self.progress.start(name, *self.rows_of(kind))
        started = time.monotonic()
        with self.parted(before):
            made: Record = kind.run(self.work, lambda rows: self.progress.rows(name, rows))
        seconds = time.monotonic() - started
        pa.default_memory_pool().release_unused()
        how = {"seconds": round(seconds, 3), "operator": kind.stage.operator.name}
        record = made.replaced(key=key, made=how, snapshot=snapshot(self.addresses, index))
        record = self.store.write_record(record) if before is None else self.store.replace_record(record)
        kind.forget(self.store, key)
        self.built.ran.append(index)
        self.built.seconds[index] = seconds
        self.progress.done(name, record.rows)
        return record

    def rows_of(self, kind: Kind[Any, Any]) -> tuple[int | None, bool]:
        """(the rows that a stage goes through, whether that is only about so many: of a source's file nobody knows before)."""
        if isinstance(kind.stage, SourceStage):
            return round(self.sizes(kind.stage.node.label).rows) or None, True
        read = {self.graph.base(each) for each in kind.stage.node.inputs} & self.built.records.keys()
        return max((self.built.records[each].rows for each in read), default=None), False
