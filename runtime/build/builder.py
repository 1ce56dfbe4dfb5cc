"""Build: walk the graph, reuse what is recorded, run what is not, and name what came out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import pyarrow as pa

from compiler.compile import Read
from compiler.graph.facts import Facts
from compiler.graph.nodes import Graph, Node
from compiler.graph.plan import Addresses, Result, known_checkpoint, snapshot, stage_name
from operators.declared.aggregate import Aggregate
from operators.asks.asks import Asks
from operators.grow.expand import Expand
from operators.asks.attach import Attach
from operators.sets.combine import Combine
from operators.sets.output import Output
from operators.declared.source import Source
from operators.learn.train import Train
from runtime.build.built import Built, described_by, previews, usable
from runtime.completions.answers import attached
from runtime.completions.stage import Asking
from runtime.stages.decide import combined_tables, decide
from runtime.stages.expand import expanded
from runtime.sources.ingest import ingest_leaf
from runtime.stages.measuring import Measuring
from runtime.tables.output import write_output
from runtime.sources.probe import Found
from runtime.store.record import BesideRecord, CheckpointRecord, CompletionsRecord, Record, SourceRecord
from runtime.stages.relation import Given
from runtime.stages.scores import aggregated
from runtime.store.store import Damaged, Store, StoreError, of_kind
from runtime.tables.table import open_table
from runtime.training.checkpoints import laid_out, train_checkpoint
from runtime.training.stage import forget

Tell = Callable[[str, str, int | None], None]
"""Told of progress: (stage, `start` | `rows` | `done` | `reuse`, rows)."""


@dataclass
class Builder:
    """One build of one graph."""

    store: Store
    read: Read
    graph: Graph
    facts: Facts
    found: Found
    tell: Tell
    threads: int
    asking: Asking
    say: Callable[[str, str], None] = lambda stage, text: None
    """Told of what a long stage says of itself."""
    allow: Callable[[Graph, int, str, Addresses], None] = lambda graph, index, key, addresses: None
    """Asked before a stage runs; raises StoreError where it may not."""

    def __post_init__(self) -> None:
        self.built = Built()
        self.addresses = Addresses(self.graph, self.facts, self.look_up)
        self.measuring = Measuring(self.store, self.graph, self.facts, self.addresses, self.built.records, self.threads)

    def look_up(self, key: str) -> Result | None:
        """What a recorded result is, held from now on."""
        record = self.store.hold_record(key, Record)
        return record.result if record is not None else None

    def build(self) -> Built:
        """Every cut of the graph, in order. Raises what a stage raises; what is done stays done."""
        for index, node in self.graph:
            if not node.cut:
                continue
            key = self.addresses.key(index)
            if key is None and isinstance(node.operator, Train):
                raise StoreError(
                    f"the weights of the model `{node.operator.model}` are not here, and no checkpoint of it is in the store",
                    "say where they lie under `weights:` in your configuration; docs/models.md shows one",
                )
            if key is None:
                raise StoreError(
                    f"the files of the source `{self.first_absent(index)}` are not here, and no result of theirs is in the store",
                    "put the files in place; `recipe plan` says which",
                )
            record = self.store.hold_record(key, Record)
            if record is not None and usable(self.store, self.graph, index, record) and not self.asking.asks_again(record):
                self.tell(stage_name(self.graph, index), "reuse", record.rows)
            else:
                record = self.run_again(index, key, record)
            self.built.records[index] = record
            self.addresses.results[index] = record.result
        self.built.beside = [key for at, key in self.addresses.keys.items() if self.graph.nodes[at].aspect == "columns"]
        return self.built

    def first_absent(self, index: int) -> str:
        return next(
            node.label
            for _, node in self.graph
            if isinstance(node.operator, Source) and self.facts.leaves[node.label].digest is None
        )

    def run_again(self, index: int, key: str, before: Record | None) -> Record:
        """Run a stage; where an input turns out to be damaged or gone, make that anew first."""
        if before is not None:
            self.mend(index)  # its record names something that is not there, which may be that of a stage below
        for _ in range(len(self.graph.nodes) + 1):
            try:
                return self.run(index, key, before)
            except Damaged as damage:
                if not self.mend(index):
                    raise damage
        raise AssertionError("every input was made anew, and one is still damaged")

    def mend(self, index: int) -> bool:
        """Make the results below a stage anew whose objects are missing or damaged; says whether it did."""
        self.complain_unmendable(index)
        mended = False
        # Columns beside tables come first: a stage that is made anew reads them.
        for beside in list(self.store.records(BesideRecord)):
            if not all(self.whole(digest) for digest in beside.objects()):
                self.store.files.remove(self.store.record_path(beside.folder, beside.key))
                mended = True
        for below in range(index):
            record = self.built.records.get(below)
            if record is None or all(self.whole(digest) for digest in record.objects()):
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
        for below in range(index):
            node, record = self.graph.nodes[below], self.built.records.get(below)
            absent = isinstance(node.operator, Source) and not self.found.files[node.label]
            if absent and record is not None and not all(self.whole(digest) for digest in record.objects()):
                self.ingested(below, lambda rows: None)

    def whole(self, digest: str) -> bool:
        try:
            self.store.read_path(digest)
        except Damaged:
            return False
        return True

    def run(self, index: int, key: str, before: Record | None) -> Record:
        """Run one stage and record it."""
        name = stage_name(self.graph, index)
        self.allow(self.graph, index, key, self.addresses)
        self.tell(name, "start", None)
        started = time.monotonic()
        made = self.made(index, lambda rows: self.tell(name, "rows", rows))
        seconds = time.monotonic() - started
        pa.default_memory_pool().release_unused()
        told = {"seconds": round(seconds, 3), "operator": self.graph.nodes[index].operator.name}
        record = made.replaced(key=key, made=told, snapshot=snapshot(self.addresses, index))
        record = self.store.write_record(record) if before is None else self.store.replace_record(record)
        if isinstance(self.graph.nodes[index].operator, Train):
            forget(self.store, key)
        self.built.ran.append(index)
        self.built.seconds[index] = seconds
        self.tell(name, "done", record.rows)
        return record

    def made(self, index: int, tell: Callable[[int], None]) -> Record:
        """What a stage makes, by no key yet."""
        node = self.graph.nodes[index]
        match node.operator:
            case Source():
                return self.ingested(index, tell)
            case Asks():
                return self.asked(index, node, tell)
            case Train():
                return self.trained(index, node)
            case Aggregate():
                tables = [open_table(self.store, self.built.records[source].table) for source in node.inputs]
                return aggregated(self.store, node, tables)
            case Attach():
                rows, completions = (self.built.records[source] for source in node.inputs)
                return attached(self.store, node, open_table(self.store, rows.table), of_kind(completions, CompletionsRecord))
            case Combine():
                trees = sorted((self.built.records[source] for source in node.inputs), key=lambda each: each.digest)
                return combined_tables(self.store, node, [each.table for each in trees])
            case Expand():
                base = open_table(self.store, self.built.records[node.inputs[0]].table)
                return expanded(self.store, node, base, self.measuring.columns_for(index, node.inputs[0], tell)[0])
            case Output():
                below = self.built.records[node.inputs[0]]
                table = open_table(self.store, below.table)
                return write_output(self.store, node, table, described_by(below), tell, self.threads)
        at = self.graph.base(node.inputs[0])
        table = open_table(self.store, self.built.records[at].table)
        objects, memos = self.measuring.columns_for(index, at, tell)
        others, scale = previews(self.store, self.graph, index, self.built)
        return decide(Given(self.store, self.graph, index, table, objects, memos, others, scale, self.threads))

    def asked(self, index: int, node: Node, tell: Callable[[int], None]) -> CompletionsRecord:
        """Ask a model about the rows of a table, or look its completions up in a source."""
        checkpoints = [each for each in node.inputs if self.graph.nodes[each].aspect == "checkpoint"]
        rows = [self.built.records[source] for source in node.inputs if source not in checkpoints]
        tables = [open_table(self.store, record.table) for record in rows]
        key, name = self.addresses.key(index), stage_name(self.graph, index)
        assert key is not None
        source = tables[1] if len(tables) > 1 else None
        node = known_checkpoint(self.graph, index, self.addresses)
        for each in checkpoints:
            self.asking.checkpoints[self.built.records[each].digest] = laid_out(self.store, of_kind(self.built.records[each], CheckpointRecord))
        record, filled = self.asking.ask(self.store, node, name, key, tables[0], source, tell)
        if filled is not None:
            self.built.filled[name] = filled
        if record.recorded is not None:
            told = record.recorded
            misses = f"{told['missing']:,} of {record.counts['in'] + record.counts['born']:,} rows have no recorded completion"
            self.built.notes.append(f"{name}: {misses}, {told['unasked']:,} recorded completions were not asked for")
        return record

    def trained(self, index: int, node: Node) -> CheckpointRecord:
        """Train a model on the rows of a table, from its base or from another checkpoint."""
        key, name = self.addresses.key(index), stage_name(self.graph, index)
        assert key is not None and isinstance(node.operator, Train)
        data, *starts = (self.built.records[each] for each in node.inputs)
        start, named = of_kind(starts[0], CheckpointRecord) if starts else None, node.operator.model or ""
        model, told = self.asking.models.get(named), self.facts.weights.get(named)
        return train_checkpoint(
            self.store, node, key, name, data, start, model, told, self.asking.resume, lambda text: self.say(name, text)
        )

    def ingested(self, index: int, tell: Callable[[int], None]) -> SourceRecord:
        """Ingest a source; its files must be the same bytes before and after."""
        node = self.graph.nodes[index]
        leaf, paths = self.facts.leaves[node.label], self.found.files[node.label]
        return ingest_leaf(self.store, node, paths, leaf.files, tell, self.threads)
