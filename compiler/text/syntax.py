"""The YAML parser's complaints in the words of a person who writes recipes."""

from __future__ import annotations

import re
from typing import Any

_QUOTE = "put the text in quotes"
_CLOSE = "a `{` closes with `}`, a `[` with `]`, and `,` stands between the items"

# What the parser says -> what we say, and one thing to do. The first that is contained wins.
_WORDS: tuple[tuple[str, str, str | None], ...] = (
    ("could not find expected ':'", "this line has no `:` after its key", "write `key: value`"),
    (
        "mapping values are not allowed",
        "a second `:` stands where no key can begin",
        "put a space after each `:`, quote a value that contains `: `, indent keys of one map alike",
    ),
    ("flow sequence", "this list is not closed, or a `,` is missing", _CLOSE),
    ("flow mapping", "this map is not closed, or a `,` is missing", _CLOSE),
    ("unexpected end of stream", "the quoted text is never closed", "add the closing quote"),
    ("unexpected document separator", "the quoted text is never closed", "add the closing quote"),
    ("unknown escape character", "this `\\` escape does not exist", "write `\\\\`, or use single quotes"),
    ("hexdecimal number", "this `\\` escape needs hexadecimal digits", "write `\\\\`, or use single quotes"),
    ("hexadecimal numbers", "this `\\` escape needs hexadecimal digits", "write `\\\\`, or use single quotes"),
    ("invalid Unicode character escape", "this escape names no character", None),
    ("block sequence entries are not allowed", "a list item cannot begin here", "put `-` on its own line, under the key"),
    ("block collection", "a list item is missing its `-`", "items of one list begin with `- `, indented alike"),
    ("block mapping", "a key of this map is expected here", "check the quotes, and indent keys of one map alike"),
    ("block node", "a value is expected here", _QUOTE),
    ("undefined tag handle", "tags are not allowed in a recipe", "remove the `!...`"),
    ("tag", "tags are not allowed in a recipe", "remove the `!...`"),
    ("anchor", "`&` and `*` need a name of letters and digits", _QUOTE),
    ("alias", "`&` and `*` need a name of letters and digits", _QUOTE),
    ("mapping keys are not allowed", "a key cannot begin here", "indent keys of one map alike"),
    (
        "document start",
        "this line is outside the document",
        "indent keys of one map alike, remove `%...` lines and what follows `...`",
    ),
    ("directive", "`%` at the beginning of a line is a YAML directive", _QUOTE),
    ("block scalar", "after `|` or `>` the text begins on the next line, indented", _QUOTE),
    ("leading spaces", "a line before the text is indented deeper than the text", None),
)


def word_syntax_error(error: Any, content: str) -> tuple[str, str | None, int]:
    """What to say about a syntax error, what to do, and the index it stands at."""
    mark = error.problem_mark or error.context_mark
    index = min(mark.index, len(content)) if mark else 0
    complaint = f"{error.context or ''} {error.problem or ''}"
    if "cannot start any token" in complaint:
        return _bad_start(content, index)
    line_start = max(content.rfind("\n", 0, index), content.rfind("\r", 0, index)) + 1
    indent = re.compile(r" *\t").match(content, line_start)
    if indent and indent.end() <= index + 1:
        return "a tab indents this line", "indent with spaces", indent.end() - 1
    if "flow" in complaint and (
        unquoted := re.compile(r"[^\s,:\[\]{}\"'#&*!|>%@`][^\s,\[\]{}]*(?=[\[{])").match(content, _word(content, index))
    ):
        bracket = content[unquoted.end()]
        message = f"a `{bracket}` stands in text without quotes, where it begins a {'map' if bracket == '{' else 'list'}"
        return message, f"quote text that holds `{bracket}`, in single quotes", unquoted.start()
    for part, message, hint in _WORDS:
        if part in complaint:
            opened = error.context_mark
            # Where a bracket or quote opens says more than where the file ends.
            later = mark and opened and opened.line < mark.line and "flow" in complaint
            if opened and (later or "never closed" in message or "has no `:`" in message):
                index = min(opened.index, len(content))
            return message, hint, index
    return f"this is not YAML: {complaint.strip()}", None, index


def _word(content: str, index: int) -> int:
    """Where the text begins that goes on to an index."""
    found = re.compile(r"[^\s,\[{]*$").search(content, max(0, index - 200), index)
    return index if found is None else found.start()


def _bad_start(content: str, index: int) -> tuple[str, str | None, int]:
    char = content[index : index + 1]
    if char == "\t":
        return "a tab indents this line", "indent with spaces", index
    return f"a value cannot begin with `{char}`", _QUOTE, index
