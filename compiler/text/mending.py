"""Reading past a line that is no YAML: it is reported, and indented like its neighbours or left out, so that the rest is read."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import yaml

from compiler.text.diagnostics import Diagnostic
from compiler.text.document import MAX_DEPTH, MAX_NODES
from compiler.text.spans import Text, span_at
from compiler.text.syntax import word_syntax_error

#: Of a text beyond this, or with more such lines, only the first mistakes are reported: each try parses all of it.
MAX_CHARACTERS = 30_000
MAX_MISTAKES = 10

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Mended:
    """A text that the parser can read, line for line beside the one that a person wrote."""

    text: Text
    start: int
    """What is read begins here."""
    lines: tuple[str, ...]
    """The lines from there on, with their ends."""
    moved: Mapping[int, int]
    """Line -> how many characters more than in the text it is indented by."""
    problems: tuple[Diagnostic, ...] = ()
    torn: bool = False
    """Whether a line was left out."""
    whole: bool = True
    """Whether the parser reads it to its end."""

    @cached_property
    def content(self) -> str:
        return "".join(self.lines)

    @cached_property
    def starts(self) -> list[int]:
        return [0, *accumulate(map(len, self.lines))]

    @cached_property
    def first(self) -> int:
        """The line of the text that is read first."""
        return bisect.bisect_right(self.text.starts, self.start) - 1

    def line(self, index: int) -> int:
        """The line in which an index of its content lies."""
        return min(bisect.bisect_right(self.starts, index) - 1, len(self.lines) - 1)

    def at(self, index: int) -> int:
        """The index of the text for one of its content."""
        line = self.line(index)
        begin = self.start if line == 0 else self.text.starts[self.first + line]
        return min(begin + max(0, index - self.starts[line] - self.moved.get(line, 0)), len(self.text.content))

    def with_line(self, line: int, indent: int) -> Mended:
        """The text with one line indented differently."""
        bare = self.lines[line].lstrip(" \t")
        moved = indent - (len(self.lines[line]) - len(bare)) + self.moved.get(line, 0)
        lines = (*self.lines[:line], " " * indent + bare, *self.lines[line + 1 :])
        return replace(self, lines=lines, moved={**self.moved, line: moved})

    def without(self, line: int, last: int) -> Mended:
        """The text without some lines, and without those behind them that are indented deeper than the first of them."""
        depth = indent_of(self.lines[line])
        end = last + 1
        while end < len(self.lines) and (not self.lines[end].strip() or indent_of(self.lines[end]) > depth):
            end += 1
        empty = [re.sub(r"[^\r\n]", "", each) for each in self.lines[line:end]]
        return replace(self, lines=(*self.lines[:line], *empty, *self.lines[end:]), torn=True)


def mend(text: Text, start: int) -> Mended:
    """The text from an index on, as far as it can be read, with what is said of the lines that cannot."""
    begins = [start, *(each for each in text.starts if each > start), len(text.content)]
    lines = tuple(text.content[low:high] for low, high in pairwise(begins))
    mended = Mended(text, start, lines or ("",), {})
    while (error := first_error(mended.content)) is not None:
        message, hint, index = word_syntax_error(error, mended.content)
        problem = Diagnostic(message, span_at(text, mended.at(index)), hint)
        mended = replace(mended, problems=(*mended.problems, problem))
        better = None
        if len(text.content) <= MAX_CHARACTERS and len(mended.problems) < MAX_MISTAKES and start == 0:
            better = next((each for each in tries(mended, error, index) if reads_on(each, mended, error)), None)
        if better is None:
            return replace(mended, whole=False)
        mended = better
    return mended


def events(content: str) -> Iterator[Any]:
    """The parser's events; raises MarkedYAMLError."""
    parser = _LOADER(content)
    try:
        while parser.check_event():
            yield parser.get_event()
    finally:
        parser.dispose()


def first_error(content: str) -> Any:
    """The first thing that the parser cannot read, with its marks; None where it reads all, or more than a recipe may be."""
    depth = 0
    try:
        for count, event in enumerate(events(content)):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH or count > 4 * MAX_NODES:
                return None  # whoever reads the events stops before this one, and tells why
    except yaml.MarkedYAMLError as error:
        return error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # ValueError: chr() in the pure parser
        return yaml.MarkedYAMLError(problem=str(error))
    return None


def tries(mended: Mended, error: Any, index: int) -> Iterator[Mended]:
    """What may let the parser read on, the likeliest first: another indent, then the text without what it stumbles over."""
    line = mended.line(index)
    here = indent_of(mended.lines[line])
    for indent in indents(mended, line):
        if indent != here or has_tab(mended.lines[line]):
            yield mended.with_line(line, indent)
    stopped = place(mended, error)
    if "flow" in (error.context or "") or "quoted" in (error.context or ""):
        # Where a bracket or a quote opens is what is wrong, not the lines that it swallows.
        opened = mended.line(error.context_mark.index)
        yield mended.without(opened, opened)
        yield mended.without(opened, stopped)
    yield mended.without(stopped, stopped)


def indents(mended: Mended, line: int) -> list[int]:
    """The indents that a line may have been meant to have, the nearest to its own first; a tab says nothing of how deep."""
    above = [each for each in mended.lines[:line] if each.strip() and not each.lstrip().startswith("#")]
    if not above:
        return [0]
    nearest = indent_of(above[-1])
    deeper = above[-1].rstrip().endswith(":")
    known = [nearest + 2] if deeper else [nearest]
    known += [*dict.fromkeys(indent_of(each) for each in reversed(above)), nearest + 2]
    if not has_tab(mended.lines[line]):
        here = indent_of(mended.lines[line])
        known.sort(key=lambda indent: abs(indent - here))
    return list(dict.fromkeys(known))[:6]


def reads_on(better: Mended, mended: Mended, error: Any) -> bool:
    """Whether the parser comes further with it, to the end or to a later line."""
    after = first_error(better.content)
    return after is None or place(better, after) > place(mended, error)


def place(mended: Mended, error: Any) -> int:
    """The line at which the parser stopped."""
    mark = error.problem_mark or error.context_mark
    return mended.line(mark.index) if mark is not None else 0


def indent_of(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def has_tab(line: str) -> bool:
    """Whether a tab indents a line."""
    return "\t" in line[: indent_of(line)]
