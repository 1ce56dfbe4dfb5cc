"""JSON as a tree that remembers where everything stands, as the reader of recipes gives it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from compiler.text.diagnostics import Diagnostic, Note, RecipeError
from compiler.text.document import MAX_DEPTH, Entry, TextNode
from compiler.text.spans import Span, Text, span_at

Tokens = Iterator[tuple[str, Span]]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def read_json(text: Text) -> TextNode:
    """One JSON document; raises RecipeError for text that is none, for a key that stands twice, for too deep a nesting."""
    deep = 0
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', text.content):
        deep += (found[0] in ("{", "[")) - (found[0] in ("}", "]"))
        if deep > MAX_DEPTH:
            raise RecipeError(Diagnostic(f"this is nested deeper than {MAX_DEPTH} levels", span_at(text, found.start())))
    try:
        json.loads(text.content, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise RecipeError(Diagnostic(f"this is no JSON: {error.msg.lower()}", span_at(text, error.pos))) from None
    except ValueError as error:  # a number of thousands of digits, NaN
        raise RecipeError(Diagnostic(f"this is no JSON: {error}", span_at(text, 0, 0))) from None
    problems: list[Diagnostic] = []
    tokens = _tokens(text)
    node = _value(*next(tokens), tokens, problems)
    if problems:
        raise RecipeError(tuple(problems))
    return node


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"`{word}` is no number")


def _tokens(text: Text) -> Tokens:
    """The tokens in their order: none of them stands on two lines."""
    starts, line = text.starts, 0
    for found in _TOKEN.finditer(text.content):
        start, end = found.span()
        while line + 1 < len(starts) and starts[line + 1] <= start:
            line += 1
        before = starts[line] - 1
        yield found[0], Span(text, line + 1, start - before, line + 1, end - before)


def _value(token: str, span: Span, tokens: Tokens, problems: list[Diagnostic]) -> TextNode:
    """The value that begins with a token; the text is known to be JSON."""
    if token == "{":
        return _map(span, tokens, problems)
    if token == "[":
        return _list(span, tokens, problems)
    value: Any = json.loads(token)
    return TextNode(value, span, token, isinstance(value, str))


def _map(begin: Span, tokens: Tokens, problems: list[Diagnostic]) -> TextNode:
    entries: dict[str, Entry] = {}
    for token, span in tokens:
        if token == "}":
            return TextNode(entries, _until(begin, span))
        if token == ",":
            continue
        key: str = json.loads(token)
        next(tokens)  # the colon
        node = _value(*next(tokens), tokens, problems)
        if key in entries:
            first = Note("it stands here first", entries[key].key_span)
            problems.append(Diagnostic(f"the key `{key[:80]}` stands here twice", span, "remove one of them", (first,)))
        entries[key] = Entry(span, node)
    raise AssertionError("a map without an end is no JSON")


def _list(begin: Span, tokens: Tokens, problems: list[Diagnostic]) -> TextNode:
    items: list[TextNode] = []
    for token, span in tokens:
        if token == "]":
            return TextNode(items, _until(begin, span))
        if token != ",":
            items.append(_value(token, span, tokens, problems))
    raise AssertionError("a list without an end is no JSON")


def _until(begin: Span, end: Span) -> Span:
    return Span(begin.text, begin.line, begin.column, end.end_line, end.end_column)
