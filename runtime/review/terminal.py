"""A comparison for a terminal: obligations first, then meaning, plan and rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runtime.funnel import cells
from runtime.review.compare import Comparison
from runtime.review.rows import Moved
from runtime.review.wording import RUNS, cost, decided, headline, shift, stops, summary, table, text_of


def as_text(comparison: Comparison, open_text: bool, bold: Callable[[str], str]) -> str:
    """The whole comparison; `bold` makes what must not be missed stand out."""
    return "\n".join(line.rstrip() for line in lines(comparison, open_text, bold)) + "\n"


def lines(comparison: Comparison, open_text: bool, bold: Callable[[str], str]) -> Iterator[str]:
    yield f"{comparison.recipe}: {summary(comparison)}"
    for note in comparison.notes:
        yield f"  note: {note}"
    if comparison.owed:
        yield ""
        yield bold("obligations")
        yield from aligned([[owed.state, owed.message, owed.place.label if owed.place else ""] for owed in comparison.owed], bold)
    if comparison.changes:
        yield ""
        yield "meaning"
        for change in comparison.changes:
            sign = {"added": "+", "removed": "-", "changed": "~", "moved": "~"}[change.kind]
            yield f"  {sign} {change.what}"
            places = [span.label for span in (change.before, change.after) if span is not None]
            yield f"      {' -> '.join(places)}"
    running = [(effect, each) for effect, each in comparison.stages if effect.state in (*RUNS, "gone")]
    if running:
        yield ""
        reused = sum(effect.state == "reused" for effect, _ in comparison.stages)
        yield f"plan  ({reused} reused)"
        rows = []
        for effect, each in running:
            line = effect.changes[0].place if effect.changes else None
            rows.append([effect.state, effect.name, effect.cause, line.label if line else "", cost(each) if each else ""])
        yield from aligned(rows)
    for moved in comparison.outputs:
        if not comparison.empty:
            yield ""
            yield from rows_of(moved, open_text, bold)


def rows_of(moved: Moved, open_text: bool, bold: Callable[[str], str]) -> Iterator[str]:
    yield f"rows  {headline(moved)}"
    for line in stops(moved):
        yield f"  {bold(line)}"
    if moved.still:
        yield from (f"  column {column}" for column in moved.columns)
        return
    told = list(table(moved))
    if told:
        yield from aligned([["", "before", "after", ""], *map(list, told)], right=(1, 2, 3))
    if moved.steps:
        steps = [["", *step] for step in moved.steps]
        yield from aligned([["", "dropped by", "before", "after"], *steps], right=(2, 3))
    for each in moved.shifts:
        yield f"  {shift(each)}"
    for column in moved.columns:
        yield f"  column {column}"
    for sign, examples in (("+", moved.entering), ("-", moved.leaving)):
        for example in examples:
            yield f"  {sign} {example.row_id[:12]}  {decided(example, sign == '+')}"
            yield f"      {text_of(example, open_text)}"


def aligned(rows: list[list[str]], bold: Callable[[str], str] = str, right: tuple[int, ...] = ()) -> Iterator[str]:
    """Lines of cells under each other."""
    widths = [max(cells(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        padded = []
        for at, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - cells(cell))
            padded.append(space + cell if at in right else cell + space)
        yield "  " + bold("  ".join(padded).rstrip())
