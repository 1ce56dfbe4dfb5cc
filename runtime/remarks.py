"""What a build tells of rows that no decision dropped and a person should know of."""

from __future__ import annotations

from compiler.graph import Graph
from compiler.plan import stage_name
from operators.remarks import Remarks
from runtime.built import Built
from runtime.store import Store
from runtime.table import open_table


def remark_lines(store: Store, graph: Graph, built: Built) -> list[str]:
    """A line for each kind of completion and each word of a column that an operator has something to tell of."""
    lines: list[str] = []
    for index, record in built.records.items():
        node = graph.nodes[index]
        for remark, count in record.body.get("remarks", {}).items():
            lines.append(f"{stage_name(graph, index)}: {count:,} completion{'s' * (count != 1)} {remark}")
        for at in graph.run(node.inputs[0]) if "ledger" in record.body else ():
            operator = graph.nodes[at].operator
            if isinstance(operator, Remarks):
                table = open_table(store, built.records[graph.base(node.inputs[0])].body["table"])
                if table.columns.get(operator.in_) == "label":
                    lines += [
                        f"{node.table}/{graph.nodes[at].label}: {each}" for each in operator.remarks(table.frame(operator.in_))
                    ]
    return lines
