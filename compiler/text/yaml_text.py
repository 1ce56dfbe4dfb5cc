"""A resolved recipe as YAML that people can read and that reads back as the same values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from yaml.emitter import Emitter

from compiler.text.diagnostics import printed
from compiler.text.document import Entry, TextNode
from compiler.text.scalars import resolve
from compiler.text.spans import Text, span_at

NOWHERE = span_at(Text("", None, ""), 0, 0)
WIDTH = 96  # a leaf map longer than this is written as a block


def render_yaml(node: TextNode) -> str:
    """Write a resolved recipe as YAML. Raises ValueError for half a surrogate pair, which no text file can hold."""
    start, end = yaml.DocumentStartEvent(explicit=False), yaml.DocumentEndEvent(explicit=False)
    events = (yaml.StreamStartEvent(), start, *_node(node, False), end, yaml.StreamEndEvent())
    text: str = yaml.emit(events, Dumper=_Writer, allow_unicode=True, width=1 << 30)
    return text.removesuffix("...\n")


def node_of(value: Any) -> TextNode:
    """Plain values as a tree that was written nowhere."""
    if isinstance(value, dict):
        return TextNode({str(key): Entry(NOWHERE, node_of(part)) for key, part in value.items()}, NOWHERE)
    if isinstance(value, list | tuple):
        return TextNode([node_of(part) for part in value], NOWHERE)
    return TextNode(value, NOWHERE)


class _Writer(Emitter):
    """The library's emitter, with lists set in below their key and double quotes where quotes are needed."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def choose_scalar_style(self) -> str:
        assert isinstance(self.event, yaml.ScalarEvent)
        style, text = str(super().choose_scalar_style()), self.event.value
        # What is shown as an escape has to stand where YAML reads escapes.
        if not all(char.isprintable() or char == "\n" for char in text) or any(
            printed(line) != line for line in text.split("\n")
        ):
            return '"'
        # Between double quotes the library writes emoji as numbers.
        return '"' if style == "'" and max(text, default="") < "\U00010000" else style


def _node(node: TextNode, flow: bool) -> Iterator[yaml.Event]:
    """The events of a node; inside a `flow` all is flow, and anything else is what it is best read as."""
    yield from _styled(node, flow or not _is_block(node))


def _styled(node: TextNode, flow: bool) -> Iterator[yaml.Event]:
    if isinstance(node.value, dict):
        yield yaml.MappingStartEvent(None, None, True, flow_style=flow)
        for key, entry in node.value.items():
            yield _text(key, key != "<<")
            yield from _node(entry.node, flow)
        yield yaml.MappingEndEvent()
    elif isinstance(node.value, list):
        yield yaml.SequenceStartEvent(None, None, True, flow_style=flow)
        for item in node.value:
            single = len(item.entries) == 1  # `- length: {...}` is how people write a step
            yield from _styled(item, False) if single and not flow else _node(item, flow)
        yield yaml.SequenceEndEvent()
    elif isinstance(node.value, str):
        yield _text(node.value, _reads_as_text(node.value))
    else:
        yield yaml.ScalarEvent(None, None, (True, False), _word(node))


def _text(text: str, plain: bool) -> yaml.ScalarEvent:
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("half a surrogate pair is no text")
    lines = "\n" in text and not text.endswith("\n\n") and text.strip("\n")[:1] not in ("", " ") and not text.startswith("\n")
    return yaml.ScalarEvent(None, None, (plain, True), text, style="|" if lines else None)


def _word(node: TextNode) -> str:
    """A number, a truth value or nothing: as it was written, where that says the same; 2.0e-5 stays 2.0e-5."""
    if node.text and not node.quoted:
        same = resolve(node.text)
        if type(same) is type(node.value) and same == node.value:
            return node.text
    return "null" if node.value is None else str(node.value).lower() if isinstance(node.value, bool) else repr(node.value)


def _reads_as_text(text: str) -> bool:
    try:
        return isinstance(resolve(text), str)
    except ValueError:
        return False


def _is_block(node: TextNode) -> bool:
    if not isinstance(node.value, dict | list) or not node.value:
        return False
    deep = any(
        isinstance(each.value, dict) or any(isinstance(item.value, dict | list) for item in each.items) for each in node.children
    )
    return deep or _length(node) > WIDTH


def _length(node: TextNode) -> int:
    """About how many characters a leaf takes on one line."""
    if isinstance(node.value, dict):
        return sum(len(key) + 4 + _length(entry.node) for key, entry in node.value.items())
    if isinstance(node.value, list):
        return sum(2 + _length(item) for item in node.value)
    return len(str(node.value))
