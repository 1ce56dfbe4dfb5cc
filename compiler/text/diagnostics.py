"""What is wrong, where, and what to do about it: the diagnostics a person or a machine reads."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from compiler.text.spans import Span
from operators.text.nearest import nearest

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

WINDOW = 120  # cells of a source line that are printed
BEFORE = 50  # cells of them before the caret


@dataclass(frozen=True)
class Note:
    """A second place that explains the first."""

    message: str
    span: Span | None


@dataclass(frozen=True)
class Diagnostic:
    """One mistake."""

    message: str
    span: Span | None
    hint: str | None = None
    notes: tuple[Note, ...] = ()
    severity: Severity = "error"


class RecipeError(Exception):
    """The person with the recipe has something to correct."""

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        given = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        super().__init__(given)
        self.diagnostics: tuple[Diagnostic, ...] = given

    def __str__(self) -> str:
        return render(self.diagnostics)


def suggest(word: str, known: Iterable[str]) -> str | None:
    """Find the known word that was probably meant."""
    words = {_fold(one): one for one in known}
    close = nearest(_fold(word), words)
    return words[close] if close is not None else None


def meant(word: str, known: Iterable[str], otherwise: str | None = None) -> str | None:
    """The hint after a word that is not known: the one that was probably meant, else what is said otherwise."""
    suggestion = suggest(word, known)
    return f"did you mean `{suggestion}`?" if suggestion else otherwise


@lru_cache(maxsize=4096)
def _fold(word: str) -> str:
    # Decomposed, one wrong letter in a Hangul syllable is one wrong letter, not a wrong syllable.
    return unicodedata.normalize("NFD", word.casefold())


def visible(text: str) -> str:
    """Text of one line: escape all that would end the line, move the cursor, colour the terminal or reorder what is read.

    Whatever a name or a row holds is shown through this, on every stream and in every report.
    """
    return "".join(_pieces(text))


def printed(line: str) -> str:
    """A whole line of output: visible, and no command to a machine that runs workflows and reads what is printed."""
    shown = visible(line)
    # Such a machine overlooks what stands before the mark, if it is white.
    return shown.replace("::", "\\x3a:", 1) if shown.lstrip().startswith("::") else shown


_ESCAPED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"  # Persian, Indic scripts and emoji need them; they reorder nothing
_COMMAND = "##["  # the older mark of a workflow's commands, which counts wherever it stands in a line


def hides(char: str) -> bool:
    """Whether a character is one that nobody sees, or that changes how others are seen."""
    return not " " <= char <= "~" and char not in _JOINERS and unicodedata.category(char) in _ESCAPED


def _pieces(text: str) -> list[str]:
    """What is shown of each character."""
    shown = list(map(_show, text))
    at = text.find(_COMMAND)
    while at >= 0:
        shown[at] = "\\x23"
        at = text.find(_COMMAND, at + 1)
    return shown


@lru_cache(maxsize=4096)  # thousands of mistakes may stand in one line
def _show(char: str) -> str:
    if not hides(char):
        return char
    if char in "\t\n\r":
        return {"\t": "\\t", "\n": "\\n", "\r": "\\r"}[char]
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def cells(shown: str) -> int:
    """How wide visible text stands in a terminal."""
    return sum(map(_width, shown))


def _width(char: str) -> int:
    code = ord(char)
    if 0x20 <= code < 0x7F:
        return 1
    if 0x1160 <= code <= 0x11FF or 0xD7B0 <= code <= 0xD7FF or char in _JOINERS:
        return 0  # vowels and finals of decomposed Hangul are drawn into the syllable before them
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


_cells_of = lru_cache(maxsize=4096)(cells)
"""The same of what is shown of one character."""


def order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sort by place and leave out exact duplicates."""

    def place(diagnostic: Diagnostic) -> tuple[str, int, int]:
        span = diagnostic.span
        return (span.text.name, span.line, span.column) if span else ("", 0, 0)

    return sorted(dict.fromkeys(diagnostics), key=place)


def render(diagnostics: Iterable[Diagnostic], color: bool = False) -> str:
    """Print diagnostics for a terminal."""
    ordered = order(diagnostics)
    if not ordered:
        return ""
    return "\n\n".join([*(_render_one(one, color) for one in ordered), _count(ordered)]) + "\n"


def _count(diagnostics: list[Diagnostic]) -> str:
    counts = Counter(one.severity for one in diagnostics)
    return ", ".join(f"{counts[each]} {each}{'s' * (counts[each] > 1)}" for each in SEVERITIES if counts[each])


_COLORS = {"error": "1;31", "warning": "1;33", "note": "1;36", "hint": "1;36", "frame": "1;34", "bold": "1"}


def _paint(text: str, kind: str, color: bool) -> str:
    return f"\x1b[{_COLORS[kind]}m{text}\x1b[0m" if color else text


def _render_one(diagnostic: Diagnostic, color: bool) -> str:
    lines = _render_place(diagnostic.severity, diagnostic.message, diagnostic.span, color)
    for note in diagnostic.notes:
        lines += _render_place("note", note.message, note.span, color)
    if diagnostic.hint:
        lines.append(f"{_paint('hint', 'hint', color)}: {visible(diagnostic.hint)}")
    return "\n".join(lines)


def _render_place(kind: str, message: str, span: Span | None, color: bool) -> list[str]:
    head = f"{_paint(kind, kind, color)}: {_paint(visible(message), 'bold', color)}"
    if span is None:
        return [head]
    number = str(span.line)
    gutter = " " * len(number)
    bar = _paint("|", "frame", color)
    source, indent, width = _cut(span)
    return [
        head,
        f"{gutter}{_paint('-->', 'frame', color)} {visible(span.label)}",
        f"{gutter} {bar}",
        f"{_paint(number, 'frame', color)} {bar} {source}".rstrip(),
        f"{gutter} {bar} {' ' * indent}{_paint('^' * width, kind, color)}",
    ]


def _cut(span: Span) -> tuple[str, int, int]:
    """The printed line, the cells before the caret, the cells under it."""
    line = span.text.lines[span.line - 1] if span.line <= len(span.text.lines) else ""
    start = min(span.column - 1, len(line))
    end = len(line.rstrip()) if span.end_line > span.line else min(span.end_column - 1, len(line))
    # A line may be a megabyte long: only what is near the caret is measured.
    low, high = max(0, start - 4 * WINDOW), min(len(line), start + 4 * WINDOW)
    part = line[low:high]
    shown = ["    " if char == "\t" else piece for char, piece in zip(part, _pieces(part), strict=True)]
    widths = list(map(_cells_of, shown))
    start, end = start - low, min(end, high) - low
    first, last = 0, len(shown)
    if sum(widths) > WINDOW or low > 0 or high < len(line):
        first = start
        left = 0
        while first > 0 and (left + widths[first - 1] <= BEFORE or widths[first] == 0):
            first -= 1
            left += widths[first]
        last = first
        filled = 0
        while last < len(shown) and filled + widths[last] <= WINDOW:
            filled += widths[last]
            last += 1
        while last == len(shown) and first > 0 and filled + widths[first - 1] <= WINDOW:
            first -= 1
            filled += widths[first]
    before = "..." if low + first > 0 else ""
    after = "..." if low + last < len(line) else ""
    indent = len(before) + sum(widths[first:start])
    return before + "".join(shown[first:last]) + after, indent, max(1, sum(widths[start : min(end, last)]))


def as_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, object]]:
    """Give diagnostics as plain values for a machine."""
    return [
        {
            **_place(one.span),
            "severity": one.severity,
            "message": one.message,
            "hint": one.hint,
            "notes": [{**_place(note.span), "message": note.message} for note in one.notes],
        }
        for one in order(diagnostics)
    ]


def _place(span: Span | None) -> dict[str, object]:
    places = {name: getattr(span, name, None) for name in ("line", "column", "end_line", "end_column")}
    return {"file": None if span is None else span.text.name, **places}


def as_github(diagnostics: Iterable[Diagnostic], root: Path | None = None) -> str:
    """Give diagnostics as workflow commands, which GitHub shows beside the lines of a pull request.

    A file under `root` is named relative to it, as GitHub knows it.
    """
    return "".join(_command(one, root) + "\n" for one in order(diagnostics))


def _command(diagnostic: Diagnostic, root: Path | None) -> str:
    fields: dict[str, object] = {}
    span = diagnostic.span
    if span is not None and span.text.path is not None:
        inside = root is not None and span.text.path.is_relative_to(root)
        name = span.text.path.relative_to(root).as_posix() if root is not None and inside else span.text.name
        fields = {"file": name, "line": span.line, "endLine": span.end_line}
        if span.line == span.end_line:  # GitHub refuses columns on several lines
            fields |= {"col": span.column, "endColumn": span.end_column}
    fields["title"] = f"Recipe {diagnostic.severity}"
    message = visible(diagnostic.message)
    for note in diagnostic.notes:
        message += f"\nnote: {visible(note.message)}" + (f" ({visible(note.span.label)})" if note.span else "")
    if diagnostic.hint:
        message += f"\nhint: {visible(diagnostic.hint)}"
    properties = ",".join(f"{name}={_escape_property(visible(str(value)))}" for name, value in fields.items())
    kind = "notice" if diagnostic.severity == "note" else diagnostic.severity
    return f"::{kind} {properties}::{_escape(message)}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
