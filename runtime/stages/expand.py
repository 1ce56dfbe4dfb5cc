"""Expansions: rows stay, and an operator gives them children beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from compiler.graph.nodes import stage_name
from compiler.graph.stages import ExpandStage
from compiler.text.canonical import canonical
from runtime.stages.kind import Foresight, Kind, Lives, Rows, Work
from runtime.store.record import ChildrenRecord

if TYPE_CHECKING:
    from runtime.stages.expected.counts import Sources
    from runtime.stages.expected.expected import Expected
    from runtime.stages.extents import Extent, Needs
    from runtime.stages.life import Life


class ExpandKind(Kind[ExpandStage, ChildrenRecord]):
    """Children have ids of their text, and the join of the licences of all who gave it."""

    writes: ClassVar[bool] = True

    def run(self, work: Work, tell: Rows) -> ChildrenRecord:
        from runtime.stages.children import dear_roles, expand_table
        from runtime.stages.measuring import columns_for

        stage = self.stage
        objects, memos = columns_for(work, stage.index, stage.rows, tell)
        table = work.table(stage.rows)
        dear = dear_roles(work.graph, stage.node, table, objects, memos)
        return work.executor.call(expand_table, work.store, stage.node, table, objects, dear)

    def explain(self) -> list[str]:
        from compiler.tell.explain import kernel_line, shown

        graph, node, operator = self.stage.graph, self.stage.node, self.stage.operator
        parameters: Mapping[str, Any] = canonical(operator.parameters("result", "column"))
        more = "".join(f"{name}: {shown(value)}; " for name, value in parameters.items() if name != "only")
        whose = "every row" if operator.only is None else f"each row where {operator.only.sql()}"
        licence = "the join of the parent's and of all donors' licences" if operator.mixes else "the parent's licence"
        children = operator.children(node.entries)
        many = f"{children.low}" if children.exact else f"{children.low} to {children.high}"
        return [
            *(kernel_line(graph, at) for at in graph.with_below(self.stage.columns)),
            f"kernel {operator.name}({', '.join(operator.reads())}; {more}seed {node.seed}) -> {', '.join(operator.changes())}",
            f"children: {many} of {whose} of {stage_name(graph, self.stage.rows)}; all rows stay",
            *(f"profile {name}: {value}" for name, value in node.entries.items()),
            f"a child inherits item_id, source, category and the other columns, and has {licence}",
            "row_id = H(parent, operator, digests of the changed cells, copy); sorted by row_id",
        ]

    def funnel(self, record: ChildrenRecord, funnel: dict[str, dict[str, Any]]) -> None:
        node, rows = self.stage.node, record.funnel
        table = funnel.setdefault(node.table, {"table": node.table, "rows": {}, "steps": []})
        for source, (stay, _) in rows.items():
            table["rows"].setdefault(source, stay)
        table["steps"].append({"step": node.label, "born": {source: row[1] for source, row in rows.items()}})
        table["born"] = table.get("born", 0) + record.counts["born"]
        table["left"] = {source: sum(row) for source, row in rows.items()}

    def birth_lines(self, record: ChildrenRecord) -> Iterator[str]:
        node, children = self.stage.node, record.told
        reasons = ", ".join(f"{reason} {rows:,}" for reason, rows in children["refused"].items())
        summary = self.summary(record)
        line = f"{node.table}/{node.label}: {record.counts['born']:,} born of {children['looked_at']:,} rows"
        yield line + (f"; no child: {reasons}" if reasons else "") + (f"; {summary}" if summary else "")

    def summary(self, record: ChildrenRecord) -> str:
        """A line of its operator on all the children it made."""
        return self.stage.operator.tell(record.told["figures"]) if record.counts["born"] else ""

    def needs(self, below: Mapping[int, Extent], source: Callable[[str], Extent]) -> Needs:
        from runtime.stages.extents import Extent, Needs, frame_bytes

        rows, columns = below[self.stage.rows], self.stage.node.columns
        children = rows.times(self.stage.operator.children(self.stage.node.entries).high)
        born = children.text + frame_bytes(children.rows, columns)
        both = Extent(rows.rows + children.rows, rows.text + children.text)
        return Needs(both, born + frame_bytes(both.rows, columns), born)

    def foresee(self, view: Foresight) -> Expected:
        from runtime.stages.expected.children import with_children

        base, sources = view.expect(self.stage.rows), view.sources_at(self.stage.index)
        return with_children(self.stage.node, base, sources, view.sources_at(self.stage.rows))

    def sources(self, view: Foresight) -> Sources:
        from runtime.stages.expected.children import licences_after

        return licences_after(self.stage.operator, view.sources_at(self.stage.rows))

    def live(self, lives: Lives, record: ChildrenRecord, life: Life, place: int | None) -> None:
        """The parent of a row, with its life before, or the children that a row has and the text that it gave."""
        from runtime.tables.lineage import born_of, kin_of

        if place is None:
            return
        origin = born_of(lives.store, record, life.id)
        if origin is None:
            life.add(self.stage.name, "stays", **kin_of(lives.store, record, life.id))
            return
        life.events = lives.life(origin[0], until=self.stage.index).events
        life.cells = lives.cells(record, place)
        life.license = str(life.cells["license"])
        life.add(self.stage.name, "born", copy_of=origin[0], donors=origin[1], told=self.summary(record))
