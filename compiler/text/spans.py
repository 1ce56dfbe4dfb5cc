"""Where something stands in a text that a person wrote."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

# Editors and GitHub count only these as line ends; YAML also ends a line at U+0085, U+2028 and U+2029.
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Text:
    """One file, or one `--set`, as it was read."""

    name: str
    """As shown to people."""
    path: Path | None
    """The resolved file; None for `--set`."""
    content: str

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines without their ends."""
        return tuple(_LINE_END.split(self.content))

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The index at which each line begins."""
        return (0, *(end.end() for end in _LINE_END.finditer(self.content)))


@dataclass(frozen=True)
class Span:
    """A stretch of a text: 1-based, columns in code points, the end exclusive."""

    text: Text
    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def label(self) -> str:
        """The place as `file:line:col`."""
        return f"{self.text.name}:{self.line}:{self.column}"


def span_at(text: Text, start: int, end: int | None = None) -> Span:
    """The span between two indexes, or of the one character there."""
    end = min(start + 1, len(text.content)) if end is None else max(start, end)
    line = bisect.bisect_right(text.starts, start)
    end_line = bisect.bisect_right(text.starts, end)
    column, end_column = start - text.starts[line - 1], end - text.starts[end_line - 1]
    return Span(text, line, column + 1, end_line, end_column + 1)
