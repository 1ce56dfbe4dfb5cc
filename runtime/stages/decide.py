"""Decisions: a run of them and a set decision become a ledger, which is also the keep-list."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from compiler.graph.sql import decide_sql
from compiler.graph.stages import DecideStage
from compiler.text.diagnostics import visible
from operators.base.declare import LABELS, Map, Measure
from operators.base.pairs import Pairwise
from operators.measures.families import Condition, Remarks
from runtime.stages.kind import Foresight, Kind, Lives, Rows, Work
from runtime.store.record import DecisionRecord, Record

if TYPE_CHECKING:
    from runtime.stages.expected.counts import Sources
    from runtime.stages.expected.decisions import DecisionInputs
    from runtime.stages.expected.expected import Expected
    from runtime.stages.expected.frames import Frame
    from runtime.stages.extents import Extent, Needs
    from runtime.stages.life import Life
    from runtime.store.digest import Bytes
    from runtime.store.store import Store

SKETCH = 512
"""Bytes of a row's bands, about: 4 for each permutation where a band is one."""
#: A name or a text in SQL, whose line ends are no line ends of the SQL.
QUOTED = re.compile(r'"[^"]*"|\'[^\']*\'')


class DecideKind(Kind[DecideStage, DecisionRecord]):
    """Values lie beside the base table; one query decides, and text is not touched."""

    def run(self, work: Work, tell: Rows) -> DecisionRecord:
        from runtime.stages.ahead import measure_ahead
        from runtime.stages.ledger import decide
        from runtime.stages.measuring import columns_for
        from runtime.stages.relation import Relation

        stage = self.stage
        objects, memos = columns_for(work, stage.index, stage.base, tell)
        others = [work.table(each) for each in stage.ranked]
        shrunk = [work.records[each].counts for each in stage.previewed] if not others else []
        scale = (sum(each["out"] for each in shrunk), sum(each["in"] for each in shrunk)) if shrunk else None
        threads = work.executor.cores
        relation = Relation(work.store, stage, work.table(stage.base), objects, memos, others, scale, threads)
        measure_ahead(relation, work.executor, tell)
        return work.executor.call(decide, relation)

    def explain(self) -> list[str]:
        from compiler.tell.explain import kernel_line

        graph, node = self.stage.graph, self.stage.node
        wanted = [*(each.measure for each in self.stage.run), *self.stage.beside]
        lines = [kernel_line(graph, at) for at in graph.with_below(wanted)]
        lines += [
            f"column {name} = {made.name}" for name, made in node.carried.items() if made.node is None and made.name != name
        ]
        query = QUOTED.sub(lambda match: visible(match[0]), decide_sql(self.stage))
        return [*lines, "", *query.split("\n")]

    def dropping(self) -> Sequence[str]:
        return self.stage.labels if self.stage.operator.drops else self.stage.labels[:-1]

    def remarks(self, store: Store, records: Mapping[int, Record]) -> Iterator[str]:
        for decision in self.stage.run:
            if isinstance(decision.operator, Remarks):
                from runtime.tables.table import open_table

                table = open_table(store, records[self.stage.base].table)
                if table.columns.get(decision.operator.in_) == "label":
                    remarks = decision.operator.remarks(table.frame(decision.operator.in_))
                    yield from (f"{self.stage.node.table}/{decision.label}: {remark}" for remark in remarks)

    # -- to foresee

    def sources(self, view: Foresight) -> Sources:
        """A condition on labels alone holds for rows that nobody has read, too."""
        sources = super().sources(view)
        for decision in self.stage.run:
            operator, read = decision.operator, set(self.stage.graph.nodes[decision.measure].carried)
            if isinstance(operator, Condition) and operator.only is None and read and read <= {*LABELS}:
                sources = narrowed_sources(operator, sources)
        return sources

    def needs(self, below: Mapping[int, Extent], source: Callable[[str], Extent]) -> Needs:
        from runtime.stages.extents import Needs, frame_bytes

        graph, extent = self.stage.graph, below[self.stage.base]
        measured = graph.with_below([*(each.measure for each in self.stage.run), *self.stage.beside])
        maps = sum(isinstance(graph.nodes[at].operator, Map) for at in measured)
        values = 16 * len(measured) * extent.rows
        seen = frame_bytes(extent.rows, {}) + values
        # An n-gram begins at each character, and a text has as many bytes at least.
        compared = 8 * extent.text + SKETCH * extent.rows if isinstance(self.stage.operator, Pairwise) else 0
        kept = frame_bytes(extent.rows, {}) + values + maps * extent.text
        return Needs(extent, kept, 3 * seen + compared)  # laid out, in a sort, scattered

    def foresee(self, view: Foresight) -> Expected:
        from runtime.stages.expected.decisions import Decided, decide_known
        from runtime.stages.expected.outcome import kept, kept_between

        base, sources = view.expect(self.stage.base), view.sources_at(self.stage.index)
        inputs, columns = self.inputs(view, base), self.carried(view, base)
        fates = decide_known(inputs)
        if isinstance(fates, Decided):
            return kept(inputs, fates, columns, sources)
        return kept_between(inputs, base, fates, columns, sources)

    def inputs(self, view: Foresight, base: Expected) -> DecisionInputs:
        """Its base table as far as it is known, and what it reads of it."""
        import numpy as np

        from runtime.stages.expected.decisions import DecisionInputs
        from runtime.stages.expected.expected import known_column
        from runtime.stages.expected.values import kept_name

        node = self.stage.node
        values = tuple(view.known.values(each.measure, base) for each in self.stage.run)
        columns: dict[str, Any] = {}
        blind = np.zeros(base.frame.rows, dtype=bool)
        for name in self.stage.operator.reads():
            made = node.carried[name]
            if made.node is None:
                columns[name], known = known_column(base, made.name)
            else:
                measured = view.known.values(made.node, base)
                columns[name], known = partial(measured.window, kept_name(made)), measured.known
            blind |= False if known is None else ~known
        foreign = False
        for source, form in self.stage.forms:
            forms = view.known.values(source, base)
            foreign |= forms.foreign
            columns[form] = partial(forms.cells, form)
            blind |= False if forms.known is None else ~forms.known
        unread = blind if blind.any() else None
        return DecisionInputs(self.stage, base.frame, base.sure, base.likely, base.unseen, values, columns, unread, foreign)

    def carried(self, view: Foresight, base: Expected) -> Frame:
        """The base table with the columns that go on from here."""
        from runtime.stages.expected.frames import Renamed, Unknown

        node, origin = self.stage.node, dict[str, Any]()
        for name, made in node.carried.items():
            origin[name] = made.name if made.node is None else None
            if made.node is not None:
                with suppress(Unknown):
                    origin[name] = view.known.read(made, base)
        return Renamed(base.frame, origin, node.columns)

    # -- the life of a row

    def live(self, lives: Lives, record: DecisionRecord, life: Life, place: int | None) -> None:
        if place is not None and life.cells:
            # Columns that are made on the way, such as an answer and its score, are the row's too.
            life.cells = {**lives.cells(record, place), **life.cells}
        event = self.event(lives.store, record, life.id)
        if event is not None:
            life.events.append({"stage": self.stage.name, **event})
        elif place is not None:
            life.cells = life.cells or lives.cells(record, place)
            life.license = str(life.cells.get("license", life.license))
            life.add(self.stage.name, "born", copy_of=self.parent(lives.store, record, life.row_id))

    def event(self, store: Store, record: DecisionRecord, wanted: Bytes) -> dict[str, Any] | None:
        """What was decided of a row, with every measured value; None where it never came here."""
        from runtime.tables.finding import find_fate
        from runtime.tables.objects import read_part

        found = find_fate(store, record, wanted)
        if found is None:
            return None
        part, place, at = found
        ledger = read_part(store, record.ledger, part)
        dropped = int(ledger.column("dropped_by")[place].as_py())
        steps, run = [], self.stage.run
        for number, decision in enumerate(run, start=1):
            operator = decision.operator
            assert isinstance(operator, Measure)
            apart = record.measured[number - 1]
            measured = ledger.slice(place, 1) if apart is None else read_part(store, apart, 0).slice(at, 1)
            values = measured_values(measured, f"{number}." if apart is None else "", operator)
            verdict = "dropped" if dropped == number else "passed" if dropped == 0 or number < dropped else "not decided"
            steps.append(
                {
                    "step": decision.label,
                    "verdict": verdict,
                    "wanted": operator.wanted(),
                    "values": values,
                    "measured": "not measured" if values is None else operator.wording(values),
                    "quoted": None if values is None else operator.quoted(values),
                }
            )
        event: dict[str, Any] = {"fate": "kept" if dropped == 0 else "dropped", "steps": steps}
        if dropped:
            event["dropped_by"] = self.stage.labels[dropped - 1]
        detail = ledger.column("detail")[place].as_py()
        if detail is not None and (dropped == 0 or dropped > len(run)):
            event[self.stage.operator.detail] = detail.hex
        if event.get("kept_instead") == bytes(wanted).hex():
            del event["kept_instead"]
        return event

    def parent(self, store: Store, record: DecisionRecord, row_id: str) -> str | None:
        """The row that a repeated one is a copy of."""
        import numpy as np

        from runtime.store.trees import references
        from runtime.tables.finding import ledger_ids
        from runtime.tables.ids import child_ids

        for part in range(len(references(record.ledger))):
            parents = ledger_ids(store, record, part)
            for copy in range(1, 100):
                ids = child_ids(parents, self.stage.operator.name, np.full(len(parents), copy))
                hit = np.flatnonzero((ids == np.frombuffer(bytes.fromhex(row_id), dtype=np.uint8)).all(axis=1))
                if hit.size:
                    return str(parents[hit[0]].tobytes().hex())
        return None


def measured_values(row: Any, prefix: str, operator: Measure) -> dict[str, int | None] | None:
    """A row's measured values, or None where it was not measured; `row` is the line of a table in which they stand."""
    raw = {value: row.column(prefix + value)[0].as_py() for value in operator.values}
    if any(value is None for value in raw.values()):
        return None
    return {name: None if value < 0 else value for name, value in raw.items()}


def narrowed_sources(operator: Condition, sources: Sources) -> Sources:
    """The sources with the labels for which a condition on labels holds; one of which no row passes stays as it is."""
    import pyarrow as pa

    from runtime.stages.conditions import made_of
    from runtime.stages.expected.counts import SourceLabels, classes

    listed = [(name, kind, each) for name, own in sources.items() for kind in own.categories for each in own.licences]
    columns = {name: pa.array([row[at] for row in listed], pa.string()) for at, name in enumerate(LABELS)}
    wanted = (1,) if operator.unknown == "drop" else (1, -1)
    passing = [
        row for row, held in zip(listed, made_of(operator, operator.sql, columns).to_pylist(), strict=True) if held in wanted
    ]
    narrow = dict(sources)
    for name in {name for name, _, _ in passing}:
        kinds = dict.fromkeys(kind for each, kind, _ in passing if each == name)
        narrow[name] = SourceLabels(tuple(kinds), classes(*(licence for each, _, licence in passing if each == name)))
    return narrow
