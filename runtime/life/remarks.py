"""What a build tells of rows that no decision dropped and a person should know of, and of those that were born."""

from __future__ import annotations

from compiler.graph.nodes import Graph, Node
from compiler.graph.plan import stage_name
from operators.base.remarks import Remarks
from operators.grow.expand import Expand
from runtime.build.built import Built
from runtime.store.record import ChildrenRecord, CompletionsRecord, DecisionRecord
from runtime.store.store import Store


def remark_lines(store: Store, graph: Graph, built: Built) -> list[str]:
    """A line for each kind of completion and each word of a column that an operator has something to tell of."""
    lines: list[str] = []
    for index, record in built.records.items():
        node = graph.nodes[index]
        remarks = record.remarks if isinstance(record, CompletionsRecord) else {}
        for remark, count in remarks.items():
            lines.append(f"{stage_name(graph, index)}: {count:,} completion{'s' * (count != 1)} {remark}")
        for at in graph.run(node.inputs[0]) if isinstance(record, DecisionRecord) else ():
            operator = graph.nodes[at].operator
            if isinstance(operator, Remarks):
                from runtime.tables.table import open_table

                table = open_table(store, built.records[graph.base(node.inputs[0])].table)
                if table.columns.get(operator.in_) == "label":
                    lines += [
                        f"{node.table}/{graph.nodes[at].label}: {each}" for each in operator.remarks(table.frame(operator.in_))
                    ]
    return lines


def told_of(node: Node, record: ChildrenRecord) -> str:
    """What an operator tells of all the children it made, in a line."""
    operator = node.operator
    assert isinstance(operator, Expand)
    return operator.tell(record.told["figures"]) if record.counts["born"] else ""


def born_lines(graph: Graph, built: Built) -> list[str]:
    """A line for each expand stage: its children, what had none and why, and what else its operator tells."""
    lines = []
    for index, record in built.records.items():
        node = graph.nodes[index]
        if not isinstance(record, ChildrenRecord):
            continue
        told = record.told
        born = record.counts["born"]
        reasons = ", ".join(f"{reason} {rows:,}" for reason, rows in told["refused"].items())
        more = told_of(node, record)
        line = f"{node.table}/{node.label}: {born:,} born of {told['looked_at']:,} rows"
        lines.append(line + (f"; no child: {reasons}" if reasons else "") + (f"; {more}" if more else ""))
    return lines
