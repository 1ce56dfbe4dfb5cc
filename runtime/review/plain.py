"""A comparison as plain data, for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.text.spans import Span
from operators.base.bounds import MANY, Between
from operators.base.licence import RESTRICTED
from runtime.review.compare import Comparison, Cost
from runtime.review.rows import Example, OutputRows
from runtime.review.shifts import POINTS
from runtime.stages.expected.counts import ALL, KINDS, Counts


def as_data(comparison: Comparison, open_text: bool = False) -> dict[str, Any]:
    """Everything; text of restricted rows only where `open_text` says so."""
    return {
        "recipe": comparison.recipe,
        "before": comparison.names[0],
        "after": comparison.names[1],
        "empty": comparison.empty,
        "obligations": [
            {"state": owed.state, "kind": owed.kind, "message": owed.message, "place": place(owed.place)}
            for owed in comparison.owed
        ],
        "meaning": [
            {"kind": change.kind, "what": change.what, "before": place(change.before), "after": place(change.after)}
            for change in comparison.changes
        ],
        "plan": [
            {
                "stage": effect.name,
                "state": effect.state,
                "cause": effect.cause,
                "lines": [place(change.place) for change in effect.changes],
                **({} if cost is None else cost_data(cost)),
            }
            for effect, cost in comparison.stages
        ],
        "rows": [rows_data(output, open_text) for output in comparison.outputs],
        "notes": list(comparison.notes),
    }


def place(span: Span | None) -> str | None:
    """`file:line:col`."""
    return None if span is None else span.label


def cost_data(cost: Cost) -> dict[str, Any]:
    fields = {"seconds": cost.seconds, "to_measure": dict(cost.measured), "rows": between(cost.rows)}
    return fields if cost.asks is None else {**fields, "completions": cost.asks.data()}


def between(rows: Between) -> list[int | None]:
    """[at least, at most]; no upper end where none is known."""
    return [rows.low, None if rows.high >= MANY else rows.high]


def rows_data(output: OutputRows, open_text: bool) -> dict[str, Any]:
    return {
        "output": output.name,
        "exact": output.exact,
        "before": counts_data(output.before),
        "after": counts_data(output.after),
        "enter": between(output.enter),
        "leave": between(output.leave),
        "entering": [example_data(each, open_text) for each in output.entering],
        "leaving": [example_data(each, open_text) for each in output.leaving],
        "steps": [{"step": step, "before": old, "after": new} for step, old, new in output.steps],
        "columns": list(output.columns),
        "shifts": [
            {"measure": each.measure, "percentiles": list(POINTS), "before": list(each.before), "after": list(each.after)}
            for each in output.shifts
        ],
        "same": output.same,
        "twice": list(output.twice),
        "wiped": {source: {"dropped": went, "rows": came} for source, (went, came) in output.wiped.items()},
        "unreadable": list(output.unreadable),
        "short": {group: {"wanted": wanted, "had": between(had)} for group, (wanted, had) in output.short.items()},
    }


def counts_data(counts: Counts | None) -> dict[str, Any] | None:
    if counts is None:
        return None
    groups: Mapping[str, Any] = {kind: {name: between(rows) for name, rows in counts.of(kind).items()} for kind in KINDS}
    return {ALL: between(counts.rows), **groups}


def example_data(example: Example, open_text: bool) -> dict[str, Any]:
    hidden = example.license in RESTRICTED and not open_text
    return {
        "row_id": example.row_id,
        "source": example.source,
        "license": example.license,
        "text": None if hidden else example.text,
        "decided_by": None if example.fate is None else vars(example.fate),
    }
