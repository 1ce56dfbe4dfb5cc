"""What is tried: a profile, its anchor, and text of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from compiler.language.known import Known
from operators.base.declare import Operator
from operators.declared.profile import LanguageProfile


class Verdict(NamedTuple):
    """What came of one check."""

    check: str
    state: Literal["ok", "wrong", "not tried"]
    told: str
    """What was found, with its numbers."""
    line: str = ""
    """What to write into the profile, where something is wrong."""


class Exam(NamedTuple):
    """An item of an exam."""

    question: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """One profile, and what it is tried on."""

    profile: LanguageProfile
    anchor: LanguageProfile
    known: Known
    known_anchor: Known
    texts: tuple[str, ...]
    """Paragraphs in the language."""
    anchor_texts: tuple[str, ...]
    """Paragraphs in the anchor."""
    exams: tuple[Exam, ...] = ()
    """Items of exams in the language, where some were given."""

    @property
    def name(self) -> str:
        return self.profile.name

    def entries(self, operator: Operator) -> dict[str, Any]:
        """What a step reads of the profile."""
        found: dict[str, Any] = {}
        for _, entry in operator.entries():
            value = self.profile.entry(entry, self.anchor.language)
            value = None if value is None else operator.narrow(entry, value)
            if value is not None:
                found[entry] = value
        return found


def not_tried(check: str, lacks: str, line: str = "") -> Verdict:
    """The verdict of a check that has nothing to go by."""
    return Verdict(check, "not tried", lacks, line)


def verdict(check: str, wrong: str | None, told: str, line: str = "") -> Verdict:
    """The verdict of a check that found something wrong, or nothing."""
    return Verdict(check, "ok", told) if wrong is None else Verdict(check, "wrong", wrong, line)


def some(values: Any, most: int = 5) -> str:
    """The first of some values in words."""
    listed = [f"`{each}`" for each in values]
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")
