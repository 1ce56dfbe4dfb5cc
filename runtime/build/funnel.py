"""The funnel: rows of each source after each decision."""

from __future__ import annotations

from typing import Any

from compiler.graph.nodes import Graph
from compiler.text.aligned import aligned
from compiler.text.diagnostics import visible
from runtime.build.built import Built
from runtime.stages.table import kind_at


def funnel_of_build(graph: Graph, built: Built) -> list[dict[str, Any]]:
    """For each table: its stages in order, with the rows of each source kept and dropped by each decision."""
    funnel: dict[str, dict[str, Any]] = {}
    for index, record in built.records.items():
        kind_at(graph, index).funnel(record, funnel)
    return list(funnel.values())


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
        steps, left = [rows_of_step(step) for step in table["steps"]], table["left"]
        rows = [[table["table"], "rows", *map(heading, table["steps"]), "kept"]]
        for source, count in table["rows"].items():
            rows.append([source, f"{count:,}", *(count_cell(step.get(source, 0)) for step in steps), f"{left.get(source, 0):,}"])
        if len(table["rows"]) > 1:
            totals = [count_cell(sum(step.values())) for step in steps]
            rows.append(["total", f"{sum(table['rows'].values()):,}", *totals, f"{sum(left.values()):,}"])
        lines = list(aligned(rows, range(1, len(rows[0]))))
        if table.get("born"):
            lines.append(f"born: {table['born']:,} rows")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def birth_lines(graph: Graph, built: Built) -> list[str]:
    """A line for each stage in which rows have children: how many, why some rows have none, and its operator's own."""
    return [line for index, record in built.records.items() for line in kind_at(graph, index).birth_lines(record)]


def heading(step: dict[str, Any]) -> str:
    """A step's column: `-` before one that drops rows, `+` before one in which rows are born."""
    return f"{'+' if 'born' in step else '-'}{step['step']}"


def rows_of_step(step: dict[str, Any]) -> dict[str, int]:
    """Source -> its rows that a step drops, or that are born in it."""
    rows: dict[str, int] = step["born"] if "born" in step else step["dropped"]
    return rows


def count_cell(rows: int) -> str:
    return f"{rows:,}" if rows else "."
