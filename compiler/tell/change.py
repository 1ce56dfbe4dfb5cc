"""One change of meaning: what it is about, in words, and where both recipes say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from compiler.text.spans import Span

Kind = Literal["changed", "added", "removed", "moved"]
Subject = tuple[str, ...]
"""What a change is about: `seed`, `source NAME`, `step TABLE LABEL`, `table NAME`, `profile CODE ENTRY`, ..."""


@dataclass(frozen=True)
class Change:
    """One thing that two recipes say differently."""

    kind: Kind
    subject: Subject
    what: str
    before: Span | None
    after: Span | None

    @property
    def place(self) -> Span | None:
        """Where a reviewer looks: the new text, or the old one where nothing is left of it."""
        return self.after or self.before
