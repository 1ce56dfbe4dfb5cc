"""All checks of a profile, in the order of its entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from compiler.language.conformance import comparing, letters, reading, words
from compiler.language.conformance.subject import Subject, Verdict

CHECKS: tuple[Callable[[Subject], Iterator[Verdict]], ...] = (
    *(letters.scripts, letters.told_apart),
    *(comparing.segmenter, comparing.folding, comparing.alarms),
    *(reading.digits, reading.number_marks, reading.labels),
    *(words.spoken, words.cues, words.above, words.found_everywhere, words.directives, words.prompts),
)


def conform(subject: Subject, checks: Sequence[Callable[[Subject], Iterator[Verdict]]] = CHECKS) -> list[Verdict]:
    """The verdicts of all checks, or of some."""
    return [verdict for check in checks for verdict in check(subject)]
