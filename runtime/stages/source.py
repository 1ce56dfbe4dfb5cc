"""Sources: files become a table with ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from compiler.graph.facts import Facts
from compiler.graph.keys import identity
from compiler.graph.nodes import Node
from compiler.graph.stages import SourceStage, of_kind
from operators.base.bounds import MANY, Between, exactly
from operators.base.declare import LABELS
from operators.declared.source import Source
from runtime.stages.kind import Foresight, Kind, Lives, Rows, Work
from runtime.store.record import Record, SourceRecord
from runtime.store.store import Store, StoreError, taken_as

if TYPE_CHECKING:
    from runtime.executors.executor import Executor, Pending
    from runtime.stages.expected.counts import Counts, Sources
    from runtime.stages.expected.expected import Expected
    from runtime.stages.expected.frames import Frame
    from runtime.stages.extents import Extent, Needs
    from runtime.stages.life import Life


class SourceKind(Kind[SourceStage, SourceRecord]):
    """Files of rows, read and mapped to columns."""

    writes: ClassVar[bool] = True
    bears: ClassVar[bool] = True

    def run(self, work: Work, tell: Rows) -> SourceRecord:
        return taken_as((work.begun.pop(self.stage.index, None) or self.start(work, tell)).result(), SourceRecord)

    def begin(self, work: Work) -> None:
        work.begun[self.stage.index] = self.start(work, lambda rows: None)

    def start(self, work: Work, tell: Rows) -> Pending[SourceRecord]:
        """Its files, on their way into a table."""
        from runtime.executors.executor import Resources
        from runtime.sources.ingest import LeafFiles, ingest_leaf

        node, executor = self.stage.node, work.executor
        cores = reading_cores(executor)
        known = work.facts.leaves[node.label]
        leaf = LeafFiles(work.store, node, work.found.files[node.label], known.files, cores, known.forgotten)
        return executor.start(ingest_leaf, leaf, None, Resources(cores), tell)

    def absent(self) -> StoreError:
        return StoreError(
            f"the files of the source `{self.stage.node.label}` are not here, and no result of theirs is in the store",
            "put the files in place; `recipe plan` says which",
        )

    def mendable(self, work: Work) -> None:
        if not work.found.files[self.stage.node.label]:
            self.run(work, lambda rows: None)

    def explain(self) -> list[str]:
        source = self.stage.operator
        lines = [f"read {source.pattern}"]
        lines += [f"rows: {source.records}"] * (source.records is not None)
        if (pages := source.pages) is not None:
            lines.append(f"rows: {pages.rows or 'each page'}" + (f" of {pages.url}" if pages.url else ""))
        lines += [f"column {name} = {cell.wording()} as {cell.as_}" for name, cell in source.columns.cells().items()]
        if options := source.columns.option_columns():
            lines.append("column options = " + (options[0] if source.columns.listed() else "[" + ", ".join(options) + "]"))
        if source.columns.gold is not None:
            lines.append("column gold = index of the {} in {}".format(*source.columns.gold.form()))
        category, license = source.category, source.license
        talk = source.columns.messages
        if talk is not None:
            apart = "" if talk.system is None else f", with the system turn in {talk.system}"
            lines.append(f"column messages = conversation in {talk.field} as {talk.form or 'openai'}{apart}")
        if source.columns.tools is not None:
            lines.append(f"column tools = tools in {source.columns.tools.field}")
        said = f"category {category}" if isinstance(category, str) else f"category by {category.column}"
        lines.append(f"every row: {said}, licence {license if isinstance(license, str) else f'by {license.column}'}")
        item = "prompt, options" if talk is None else "turns before the first answer, tools"
        lines.append(f"item_id = H({item}); row_id = H(source, all columns, copy); sorted by row_id")
        return lines

    def funnel(self, record: SourceRecord, funnel: dict[str, dict[str, Any]]) -> None:
        if rows := record.counts["quarantined"]:
            table = funnel.setdefault("sources", {"table": "sources", "quarantined": {}, "rows": {}, "steps": []})
            table["quarantined"][self.stage.node.label] = rows

    def remarks(self, store: Store, records: Mapping[int, Record]) -> Iterator[str]:
        counts, label = records[self.stage.index].counts, self.stage.node.label
        if rows := counts.get("forgotten"):
            yield f"{label}: {rows:,} forgotten row{'s' * (rows != 1)} not read"
        if ids := counts.get("astray"):
            why = "rows have other ids where columns of the source changed, and are read again: `recipe why --match` finds them"
            yield f"warning: {label}: {ids:,} of the forgotten ids no row of its files has: {why}"

    def needs(self, below: Mapping[int, Extent], source: Callable[[str], Extent]) -> Needs:
        from runtime.stages.extents import Needs, frame_bytes

        extent = source(self.stage.node.label)
        kept = extent.text + frame_bytes(extent.rows, self.stage.node.columns)
        return Needs(extent, kept, kept)  # sorted runs of all rows lie there until the last part is written

    def foresee(self, view: Foresight) -> Expected:
        from runtime.sources.labelling import count_labels
        from runtime.stages.expected.counts import labelled_counts, source_counts, tally
        from runtime.stages.expected.expected import Expected
        from runtime.stages.expected.frames import Joined, Renamed
        from runtime.tables.table import open_table

        node, operator = self.stage.node, self.stage.operator
        twin = same_rows(view.other, node, view.facts) if view.other is not None else None
        if twin is not None:
            table = open_table(view.store, twin.table)  # other labels move no row
            labels = {"source": node.label, "category": operator.category, "license": operator.license}
            origin: dict[str, Any] = {name: name for name in node.columns}
            origin |= {name: partial(repeated, str(each)) for name, each in labels.items()}
            frame = Renamed(table, origin, node.columns)
            return Expected(frame, node.columns, tally(frame, None, {}, view.sources))
        rows = self.rows(view)
        if operator.labels() and view.files.get(node.label) and rows.low == rows.high:
            counts = labelled_counts(node.label, count_labels(operator, view.files[node.label]))
            unseen = {node.label: rows.high} if rows.high else {}
            return Expected(Joined([], node.columns), node.columns, counts, unseen=unseen, further=rows.high, unknown=rows.high)
        counts = source_counts(node.label, view.sources[node.label], rows)
        unseen = {node.label: rows.high} if rows.high else {}
        return Expected(Joined([], node.columns), node.columns, counts, unseen=unseen, further=rows.high, unknown=rows.high)

    def rows(self, view: Foresight) -> Between:
        """How many rows its files hold, by the lock or by reading them; of forgotten ones all that is known is their ids."""
        leaf, rows = view.facts.leaves[self.stage.node.label], self.held(view)
        return Between(0, rows.high) if leaf.forgotten else rows

    def held(self, view: Foresight) -> Between:
        """The same with forgotten rows."""
        label, leaf = self.stage.node.label, view.facts.leaves[self.stage.node.label]
        locked = view.lock.sources.get(label) if view.lock else None
        if locked is not None and locked.digest == leaf.digest and locked.pattern == self.stage.operator.pattern:
            return exactly(locked.rows)
        if not view.files.get(label):
            return Between(0, MANY)
        from runtime.sources.probe import count_rows
        from runtime.sources.readers.files import Unreadable

        try:
            return exactly(count_rows(self.stage.operator, view.files[label]))
        except Unreadable:  # a build stops there, and says why
            view.unreadable.add(label)
            return Between(0, MANY)

    def sources(self, view: Foresight) -> Sources:
        return {self.stage.node.label: view.sources[self.stage.node.label]}

    def counts(self, view: Foresight, frame: Frame) -> Counts:
        from runtime.stages.expected.counts import source_counts, tally

        label, operator = self.stage.node.label, self.stage.operator
        if operator.labels():
            return tally(frame, None, {}, view.sources)
        return source_counts(label, view.sources[label], exactly(frame.rows))  # all its rows have the same labels

    def live(self, lives: Lives, record: SourceRecord, life: Life, place: int | None) -> None:
        from runtime.store.digest import id_bytes
        from runtime.tables.table import open_table

        if place is None:
            return
        table = open_table(lives.store, record.table)
        life.cells = lives.cells(record, place)
        life.license = str(life.cells["license"])
        life.add(
            self.stage.name,
            "read",
            category=str(life.cells["category"]),
            license=life.license,
            item_id=id_bytes(table.window("item_id", place, place + 1)).tobytes().hex(),
            files=[shown for shown, _, _ in record.files],
        )


def reading_cores(executor: Executor) -> int:
    """The cores that read one source: two sources share a machine."""
    return -(-executor.cores // 2) if executor.apart else executor.cores


def repeated(label: str, first: int, last: int) -> Any:
    """A label that is the same in every row, for some of them."""
    from runtime.tables.write import constant

    return constant(label, last - first)


def same_rows(other: Foresight, node: Node, facts: Facts) -> Record | None:
    """The record of another graph's source with the same rows: it differs in labels at most."""
    for stage in of_kind(SourceStage, other.graph):
        mine, operator = stage.node, stage.operator
        if mine.label != node.label or operator.labels() or said_by_rows(node):
            continue  # what rows say themselves is read with them
        identities = [unlabelled(source, each) for source, each in ((mine, other.facts), (node, facts))]
        leaves = [each.leaves[node.label] for each in (other.facts, facts)]
        written = [sorted((digest, *operator.written(name)) for name, digest, _ in leaf.files) for leaf in leaves]
        alike = all(getattr(leaves[0], part) == getattr(leaves[1], part) for part in ("digest", "forgotten"))
        if identities[0] == identities[1] and alike and written[0] == written[1]:
            return other.recorded(stage.index)
    return None


def said_by_rows(node: Node) -> bool:
    """Whether rows of a source say their own labels."""
    assert isinstance(node.operator, Source)
    return bool(node.operator.labels())


def unlabelled(node: Node, facts: Facts) -> dict[str, Any]:
    """What decides a source's rows, without the labels that they get."""
    declared = identity(node.operator, facts, {}, "result")
    return {**declared, "parameters": {name: each for name, each in declared["parameters"].items() if name not in LABELS}}
