"""A comparison as annotations beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.text.diagnostics import Diagnostic
from runtime.review.compare import Comparison
from runtime.review.wording import headline, stop_reasons


def as_diagnostics(comparisons: Sequence[Comparison]) -> tuple[Diagnostic, ...]:
    """A warning for each new obligation and each build that stops, a note for each change with what it does to the rows."""
    return tuple(each for comparison in comparisons for each in annotations_of(comparison))


def annotations_of(comparison: Comparison) -> Iterator[Diagnostic]:
    for owed in comparison.owed:
        if owed.state == "new":
            yield Diagnostic(f"{comparison.recipe}: {owed.message}", owed.place, severity="warning")
    mixtures = [change.after for change in comparison.changes if change.after is not None]
    for output in comparison.outputs:
        for line in stop_reasons(output):
            yield Diagnostic(f"{comparison.recipe}: {line}", mixtures[-1] if mixtures else None, severity="warning")
    effect = "; ".join(headline(output) for output in comparison.outputs)
    for change in comparison.changes:
        place = change.after or change.before
        yield Diagnostic(f"{comparison.recipe}: {change.what}", place, effect or None, severity="note")
