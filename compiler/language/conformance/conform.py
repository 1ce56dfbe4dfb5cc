"""All checks of a profile, in the order of its entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from compiler.language.conformance import comparing, letters, reading, words
from compiler.language.conformance.subject import Subject, Verdict

CHECKS: tuple[Callable[[Subject], Iterator[Verdict]], ...] = (
    *(letters.scripts, letters.told_apart),
    *(comparing.segmenter, comparing.folding, comparing.alarms),
    *(reading.digits, reading.number_marks, reading.labels),
    *(words.spoken, words.cues, words.above, words.found_everywhere, words.directives, words.prompts),
)


def conform(subject: Subject) -> list[Verdict]:
    """The verdict of each check."""
    return [verdict for check in CHECKS for verdict in check(subject)]
