"""Cells under each other, as a terminal shows them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from compiler.text.diagnostics import cells, visible

#: A cell wider than this stands out to the right in its own line, and moves no other.
WIDEST = 120


def aligned(rows: list[list[str]], right: Collection[int] = ()) -> Iterator[str]:
    """A line for each row, all rows of as many cells; the columns `right` end under each other, the others begin so."""
    rows = [list(map(visible, row)) for row in rows]
    widths = [max((width for width in map(cells, column) if width <= WIDEST), default=0) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = []
        for at, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - cells(cell))
            padded.append(space + cell if at in right else cell + space)
        yield "  ".join(padded).rstrip()
