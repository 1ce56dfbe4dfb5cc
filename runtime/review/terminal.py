"""A comparison for a terminal: obligations first, then meaning, plan and rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from compiler.text.diagnostics import cells, printed, visible
from runtime.review.compare import Comparison
from runtime.review.rows import Moved
from runtime.review.wording import SIGNS, decided, headline, plan, shift, stops, summary, table, text_of

Line = tuple[str, bool]
"""A line, and whether it must not be missed."""


def as_text(comparison: Comparison, open_text: bool, bold: Callable[[str], str]) -> str:
    """The whole comparison; `bold` makes what must not be missed stand out. No cell of a row can steer a terminal."""
    shown = [(printed(line.rstrip()), strong) for line, strong in lines(comparison, open_text)]
    return "\n".join(bold(line) if strong and line else line for line, strong in shown) + "\n"


def lines(comparison: Comparison, open_text: bool) -> Iterator[Line]:
    yield f"{comparison.recipe}: {summary(comparison)}", False
    yield from plain(f"  note: {note}" for note in comparison.notes)
    if comparison.owed:
        yield from [("", False), ("obligations", True)]
        owed = aligned([[each.state, each.message, each.place.label if each.place else ""] for each in comparison.owed])
        yield from ((line, True) for line in owed)
    if comparison.changes:
        yield from plain(["", "meaning"])
        for change in comparison.changes:
            places = [span.label for span in (change.before, change.after) if span is not None]
            yield from plain([f"  {SIGNS[change.kind]} {change.what}", f"      {' -> '.join(places)}"])
    running, reused = plan(comparison)
    if running:
        yield from plain(["", f"plan  ({reused} reused)"])
        yield from plain(aligned(running))
    for moved in comparison.outputs if not comparison.empty else ():
        yield "", False
        yield from rows_of(moved, open_text)


def rows_of(moved: Moved, open_text: bool) -> Iterator[Line]:
    yield f"rows  {headline(moved)}", any(stops(moved))
    if moved.still:
        yield from plain(f"  column {column}" for column in moved.columns)
        return
    groups = list(table(moved))
    if groups:
        yield from plain(aligned([["", "before", "after", ""], *map(list, groups)], right=(1, 2, 3)))
    if moved.steps:
        yield from plain(aligned([["", "dropped by", "before", "after"], *(["", *step] for step in moved.steps)], right=(2, 3)))
    yield from plain(f"  {shift(each)}" for each in moved.shifts)
    yield from plain(f"  column {column}" for column in moved.columns)
    for sign, examples in (("+", moved.entering), ("-", moved.leaving)):
        for example in examples:
            yield from plain([f"  {sign} {example.row_id[:12]}  {decided(example, sign == '+')}"])
            yield from plain([f"      {text_of(example, open_text)}"])


def plain(texts: Iterable[str]) -> Iterator[Line]:
    return ((text, False) for text in texts)


def aligned(rows: list[list[str]], right: tuple[int, ...] = ()) -> Iterator[str]:
    """Lines of cells under each other."""
    rows = [list(map(visible, row)) for row in rows]
    widths = [max(cells(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        padded = []
        for at, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - cells(cell))
            padded.append(space + cell if at in right else cell + space)
        yield "  " + "  ".join(padded).rstrip()
