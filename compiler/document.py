"""Safe YAML as a tree that remembers where everything stands."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from compiler.diagnostics import Diagnostic, Note, RecipeError
from compiler.scalars import Scalar, resolve, resolve_tagged
from compiler.spans import Span, Text, span_at
from compiler.syntax import word_syntax_error

MAX_BYTES = 1_000_000
MAX_NODES = 10_000
MAX_DEPTH = 50


@dataclass(frozen=True)
class Entry:
    """A key of a map with the node under it."""

    key_span: Span
    node: Node


@dataclass(frozen=True)
class Node:
    """A value and where it stands."""

    value: dict[str, Entry] | list[Node] | Scalar
    span: Span
    text: str | None = None
    """What a scalar said before it was read as a number, a truth value or nothing."""
    quoted: bool = False

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: entry.node.plain() for key, entry in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def get(self, key: str) -> Node | None:
        """The node under a key, if this is a map that has it."""
        entry = self.value.get(key) if isinstance(self.value, dict) else None
        return entry.node if entry else None

    def find(self, path: Sequence[str | int], key: bool = False) -> Span:
        """The span of the deepest node on a path that exists, or of the key it stands under."""
        node, key_span = self, self.span
        for step in path:
            if isinstance(node.value, dict) and isinstance(step, str) and step in node.value:
                key_span, node = node.value[step].key_span, node.value[step].node
            elif isinstance(node.value, list) and isinstance(step, int) and 0 <= step < len(node.value):
                node = node.value[step]
                key_span = node.span
            else:
                break
        return key_span if key else node.span


def load_text(path: Path, shown: str, most: int = MAX_BYTES) -> Text:
    """Read a file of at most so many bytes; what cannot be read is a diagnostic."""
    try:
        # Not blocking: opening a named pipe must not hang a check.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise RecipeError(Diagnostic(f"`{shown}` is not a file", None))
            raw = file.read(most + 1)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise RecipeError(Diagnostic(f"cannot read `{shown}`: {why}", None)) from None
    except ValueError:
        raise RecipeError(Diagnostic(f"`{shown}` is no path: it contains a NUL", None)) from None
    if len(raw) > most:
        raise RecipeError(Diagnostic(f"`{shown}` is larger than {most // 1_000_000} MB", None))
    try:
        return Text(shown, path, raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        bad, before = error.object[error.start], error.object[: error.start].decode("utf-8")
        span = span_at(Text(shown, path, error.object.decode("utf-8", "replace")), len(before))
        problem = Diagnostic(f"the file is not UTF-8: byte 0x{bad:02x}", span, "save the file as UTF-8")
        raise RecipeError(problem) from None


def read_document(text: Text, start: int = 0) -> Node:
    """Read one YAML document, from an index on; raise every problem that can be found at once."""
    if start == 0:  # a byte order mark is not part of the first line
        text = replace(text, content=text.content.removeprefix("\ufeff"))
    return _Reader(text, start).read()


_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"


@dataclass
class _Open:
    """A map or list whose end has not come yet."""

    span: Span
    anchor: str | None
    before: int
    """The nodes counted before it."""
    entries: dict[str, Entry] | None
    """None for a list."""
    items: list[Node] = field(default_factory=list)
    key: tuple[str | None, Span] | None = None
    """The key whose value comes next; its name is None if the value is to be left out."""
    height: int = 1


@dataclass(frozen=True)
class _Anchor:
    """What an alias repeats; no node while that is still open."""

    node: Node | None = None
    size: int = 0
    height: int = 0


class _Reader:
    """Composes the parser's events on a stack of its own, so that no nesting can exhaust Python's."""

    def __init__(self, text: Text, start: int) -> None:
        self.text = text
        self.start = start
        self.problems: list[Diagnostic] = []
        self.open: list[_Open] = []
        self.anchors: dict[str, _Anchor] = {}
        self.count = 0
        self.root: Node | None = None

    def read(self) -> Node:
        content = self.text.content
        if len(content.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise RecipeError(Diagnostic("the text is larger than 1 MB", span_at(self.text, 0, 0)))
        for found in _FORBIDDEN.finditer(content, self.start):
            message = f"the character U+{ord(found[0]):04X} is not allowed in YAML"
            self.report(message, span_at(self.text, found.start()))
            if len(self.problems) == 20:  # a binary file needs no thousand errors
                break
        if not self.problems:
            self.compose()
        if not self.problems and (self.root is None or (self.root.text == "" and not self.root.quoted)):
            self.report("the recipe is empty", span_at(self.text, self.start, self.start))
        if self.problems or self.root is None:
            raise RecipeError(self.problems)
        return self.root

    def compose(self) -> None:
        try:
            for event in self.events():
                if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
                    self.stop("a second document begins here", self.span(event), "a recipe is one YAML document")
                elif isinstance(event, yaml.NodeEvent):
                    self.begin(event)
                elif isinstance(event, yaml.CollectionEndEvent):
                    self.close(event)
        except RecipeError as stopped:
            self.problems += stopped.diagnostics
        except yaml.MarkedYAMLError as error:
            message, hint, index = word_syntax_error(error, self.text.content[self.start :])
            self.report(message, span_at(self.text, self.start + index), hint)
        except (yaml.YAMLError, ValueError, OverflowError) as error:  # ValueError: chr() in the pure parser
            self.report(f"this is not YAML: {error}", span_at(self.text, self.start))

    def events(self) -> Iterator[Any]:
        parser = _LOADER(self.text.content[self.start :])
        try:
            while parser.check_event():
                yield parser.get_event()
        finally:
            parser.dispose()

    def span(self, event: Any) -> Span:
        start, end = self.start + event.start_mark.index, self.start + event.end_mark.index
        while end > start and self.text.content[end - 1].isspace():  # `|` ends after its blank lines
            end -= 1
        return span_at(self.text, start, end)

    def report(self, message: str, span: Span, hint: str | None = None, *notes: Note) -> None:
        self.problems.append(Diagnostic(message, span, hint, notes))

    def stop(self, message: str, span: Span, hint: str | None = None) -> None:
        raise RecipeError(Diagnostic(message, span, hint))

    def begin(self, event: Any) -> None:
        span = self.span(event)
        parent = self.open[-1] if self.open else None
        if parent and parent.entries is not None and parent.key is None:
            parent.key = (self.name(event, span, parent.entries), span)
        elif isinstance(event, yaml.AliasEvent):
            name = str(event.anchor)
            found = self.anchors.get(name)
            if found is None:
                self.report(f"there is no anchor `&{name[:40]}` before this", span)
                self.attach(Node(None, span, "null"), 1)
            elif found.node is None:
                self.stop(f"`*{name[:40]}` contains itself", span)
            else:
                self.grow(found.size, found.height, span)
                self.attach(found.node, found.height)
        elif isinstance(event, yaml.CollectionStartEvent):
            self.grow(1, 1, span)
            is_map = isinstance(event, yaml.MappingStartEvent)
            if event.tag not in (None, _TAG + ("map" if is_map else "seq")):
                self.refuse_tag(event.tag, span)
            if event.anchor:
                self.anchors[event.anchor] = _Anchor()
            self.open.append(_Open(span, event.anchor, self.count - 1, {} if is_map else None))
        else:
            self.grow(1, 1, span)
            node = self.scalar(event, span)
            if event.anchor:
                self.anchors[event.anchor] = _Anchor(node, 1, 1)
            self.attach(node, 1)

    def close(self, event: Any) -> None:
        done = self.open.pop()
        span, end = done.span, self.span(event)
        inside = done.items or [entry.node for entry in (done.entries or {}).values()]
        if event.start_mark.index == event.end_mark.index and inside:
            end = inside[-1].span  # a block has no closing mark: the parser says where the next thing begins
        if (end.end_line, end.end_column) > (span.line, span.column):
            span = replace(span, end_line=end.end_line, end_column=end.end_column)
        node = Node(done.items if done.entries is None else done.entries, span)
        if done.anchor:
            self.anchors[done.anchor] = _Anchor(node, self.count - done.before, done.height)
        self.attach(node, done.height)

    def attach(self, node: Node, height: int) -> None:
        if not self.open:
            self.root = node
            return
        parent = self.open[-1]
        parent.height = max(parent.height, height + 1)
        if parent.entries is None:
            parent.items.append(node)
        elif parent.key is not None:
            name, span = parent.key
            if name is not None:
                parent.entries[name] = Entry(span, node)
            parent.key = None

    def grow(self, size: int, height: int, span: Span) -> None:
        # Counted before anything is expanded: an alias costs one event however much it repeats.
        self.count += size
        if self.count > MAX_NODES:
            self.stop(f"the recipe has more than {MAX_NODES:,} values", span, "aliases count as what they repeat")
        if len(self.open) + height > MAX_DEPTH:
            self.stop(f"the recipe is nested deeper than {MAX_DEPTH} levels", span)

    def name(self, event: Any, span: Span, entries: dict[str, Entry]) -> str | None:
        if not isinstance(event, yaml.ScalarEvent):
            self.stop(
                "a key is text, not a list, a map or an alias",
                span,
                "quote a key that begins with `[`, `{` or `*`",
            )
        if event.tag not in (None, _TAG + "str"):
            self.refuse_tag(event.tag, span)
        name = str(event.value)
        if name == "<<" and event.style in (None, ""):
            self.report("merge keys `<<` are not part of recipes", span, "use `extends`")
            return None
        if name in entries:
            first = Note("it stands here first", entries[name].key_span)
            self.report(f"the key `{name[:80]}` stands here twice", span, "remove one of them", first)
            return None
        return name

    def scalar(self, event: Any, span: Span) -> Node:
        text, quoted = str(event.value), event.style not in (None, "")
        try:
            if event.tag is None:
                return Node(text if quoted else resolve(text), span, text, quoted)
            if event.tag.removeprefix(_TAG) in ("str", "int", "float", "bool", "null"):
                return Node(resolve_tagged(text, event.tag.removeprefix(_TAG), quoted), span, text, True)
            self.refuse_tag(event.tag, span)
        except ValueError as error:
            self.report(f"`{text[:40]}` {error}", span)
        return Node(text, span, text, True)

    def refuse_tag(self, tag: str, span: Span) -> None:
        shown = tag.replace(_TAG, "!!") if tag.startswith(_TAG) else tag
        self.report(f"the tag `{shown[:80]}` is not allowed in a recipe", span, "remove it")
