"""The funnel: rows of each source after each decision."""

from __future__ import annotations

from typing import Any

from compiler.graph.nodes import Graph
from compiler.text.diagnostics import cells, visible
from runtime.build.built import Built
from runtime.store.record import AttachedRecord, ChildrenRecord, DecisionRecord, SourceRecord


def funnel_of_build(graph: Graph, built: Built) -> list[dict[str, Any]]:
    """For each table: its stages in order, with the rows of each source kept and dropped by each decision."""
    tables: dict[str, dict[str, Any]] = {}
    for index, record in built.records.items():
        node = graph.nodes[index]
        if isinstance(record, SourceRecord):
            if record.counts["quarantined"]:
                tables.setdefault("sources", {"table": "sources", "quarantined": {}, "rows": {}, "steps": []})["quarantined"][
                    node.label
                ] = record.counts["quarantined"]
            continue
        if not isinstance(record, ChildrenRecord | DecisionRecord | AttachedRecord):
            continue  # no row enters or leaves a table there
        table = tables.setdefault(node.table, {"table": node.table, "rows": {}, "steps": []})
        if isinstance(record, ChildrenRecord):
            told = record.funnel
            for source, (rows, _) in told.items():
                table["rows"].setdefault(source, rows)
            table["steps"].append({"step": node.label, "born": {source: row[1] for source, row in told.items()}})
            table["born"] = table.get("born", 0) + record.counts["born"]
            table["left"] = {source: sum(row) for source, row in told.items()}
            continue
        labels = [graph.nodes[at].label for at in graph.run(node.inputs[0])] + [node.label]
        for source, row in record.funnel.items():
            if not table["steps"] or source not in table["rows"]:
                table["rows"].setdefault(source, sum(row))
        for place, label in enumerate(labels, start=1):
            if node.operator.name == "keep" and place == len(labels):
                continue
            table["steps"].append(
                {
                    "step": label,
                    "dropped": {source: row[place] for source, row in record.funnel.items()},
                }
            )
        table["born"] = table.get("born", 0) + record.counts["born"]
        table["left"] = {source: row[0] for source, row in record.funnel.items()}
    return list(tables.values())


def funnel_text(funnel: list[dict[str, Any]]) -> str:
    """The funnel as tables of plain text: a line for each source, a column for each decision."""
    blocks = []
    for table in funnel:
        if table["table"] == "sources":
            quarantined = table["quarantined"].items()
            blocks.append(
                "\n".join(f"quarantined: {rows:,} row{'s' * (rows != 1)} of {visible(name)}" for name, rows in quarantined)
            )
            continue
        head = [table["table"], "rows", *map(heading, table["steps"]), "kept"]
        lines = [head]
        for source, rows in table["rows"].items():
            lines.append(
                [
                    source,
                    f"{rows:,}",
                    *(dropped(moved(step).get(source, 0)) for step in table["steps"]),
                    f"{table['left'].get(source, 0):,}",
                ]
            )
        if len(table["rows"]) > 1:
            lines.append(
                [
                    "total",
                    f"{sum(table['rows'].values()):,}",
                    *(dropped(sum(moved(step).values())) for step in table["steps"]),
                    f"{sum(table['left'].values()):,}",
                ]
            )
        lines = [list(map(visible, line)) for line in lines]
        widths = [max(cells(line[at]) for line in lines) for at in range(len(head))]
        text = [
            "  ".join(
                [line[0] + " " * (widths[0] - cells(line[0]))]
                + [" " * (width - cells(cell)) + cell for width, cell in zip(widths[1:], line[1:], strict=True)]
            )
            for line in lines
        ]
        if table.get("born"):
            text.append(f"born: {table['born']:,} rows")
        blocks.append("\n".join(text))
    return "\n\n".join(blocks) + "\n"


def heading(step: dict[str, Any]) -> str:
    """A step's column: `-` before one that drops rows, `+` before one in which rows are born."""
    return f"{'+' if 'born' in step else '-'}{step['step']}"


def moved(step: dict[str, Any]) -> dict[str, int]:
    """Source -> its rows that a step drops, or that are born in it."""
    rows: dict[str, int] = step["born"] if "born" in step else step["dropped"]
    return rows


def dropped(rows: int) -> str:
    return f"{rows:,}" if rows else "."
