"""A comparison for a terminal: obligations first, then meaning, plan and rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from compiler.text.aligned import aligned
from compiler.text.diagnostics import printed
from runtime.review.compare import Comparison
from runtime.review.rows import OutputRows
from runtime.review.wording import (
    SIGNS,
    decision_text,
    example_text,
    group_rows,
    headline,
    plan_rows,
    shift_text,
    stop_reasons,
    summary,
)

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
        owed = align([[each.state, each.message, each.place.label if each.place else ""] for each in comparison.owed])
        yield from ((line, True) for line in owed)
    if comparison.changes:
        yield from plain(["", "meaning"])
        for change in comparison.changes:
            places = [span.label for span in (change.before, change.after) if span is not None]
            yield from plain([f"  {SIGNS[change.kind]} {change.what}", f"      {' -> '.join(places)}"])
    running, reused = plan_rows(comparison)
    if running:
        yield from plain(["", f"plan  ({reused} reused)"])
        yield from plain(align(running))
    for output in comparison.outputs if not comparison.empty else ():
        yield "", False
        yield from rows_of(output, open_text)


def rows_of(output: OutputRows, open_text: bool) -> Iterator[Line]:
    yield f"rows  {headline(output)}", any(stop_reasons(output))
    if output.unchanged:
        yield from plain(f"  column {column}" for column in output.columns)
        return
    groups = list(group_rows(output))
    if groups:
        yield from plain(align([["", "before", "after", ""], *map(list, groups)], right=(1, 2, 3)))
    if output.steps:
        yield from plain(align([["", "dropped by", "before", "after"], *(["", *step] for step in output.steps)], right=(2, 3)))
    yield from plain(f"  {shift_text(each)}" for each in output.shifts)
    yield from plain(f"  column {column}" for column in output.columns)
    for sign, examples in (("+", output.entering), ("-", output.leaving)):
        for example in examples:
            yield from plain([f"  {sign} {example.row_id[:12]}  {decision_text(example, sign == '+')}"])
            yield from plain([f"      {example_text(example, open_text)}"])


def plain(texts: Iterable[str]) -> Iterator[Line]:
    return ((text, False) for text in texts)


def align(rows: list[list[str]], right: tuple[int, ...] = ()) -> Iterator[str]:
    """Indented lines of cells under each other."""
    return (f"  {line}" for line in aligned(rows, right))
