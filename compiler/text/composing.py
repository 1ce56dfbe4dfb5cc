"""Safe YAML, read into a tree, with every problem that can be found at once and whatever can be read besides."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import yaml

from compiler.text.diagnostics import Diagnostic, Note, RecipeError
from compiler.text.document import MAX_BYTES, MAX_DEPTH, MAX_NODES, Entry, TextNode
from compiler.text.mending import Mended, events, mend
from compiler.text.scalars import resolve, resolve_tagged
from compiler.text.spans import Span, Text, span_at


@dataclass(frozen=True)
class Document:
    """What a text says, as far as it can be read."""

    root: TextNode | None
    problems: tuple[Diagnostic, ...]
    torn: bool = False
    """Whether lines of it were left out, so that what is missing may have stood in them."""


def read_document(text: Text, start: int = 0) -> TextNode:
    """Read one YAML document, from an index on; raise every problem that can be found at once."""
    document = look_at(text, start)
    if document.problems or document.root is None:
        raise RecipeError(document.problems)
    return document.root


def look_at(text: Text, start: int = 0) -> Document:
    """Read one YAML document, from an index on: every problem that can be found at once, and what can be read besides."""
    if start == 0:  # a byte order mark is not part of the first line
        text = replace(text, content=text.content.removeprefix("\ufeff"))
    problems = forbidden(text, start)
    if problems:
        return Document(None, tuple(problems))
    mended = mend(text, start)
    reader = Reader(text, mended)
    if mended.whole:
        reader.compose()
    if not mended.problems and not reader.problems and (reader.root is None or is_empty(reader.root)):
        reader.report("the file says nothing", span_at(text, start, start))
    return Document(reader.root, (*mended.problems, *reader.problems), mended.torn)


def is_empty(root: TextNode) -> bool:
    return root.text == "" and not root.quoted


def forbidden(text: Text, start: int) -> list[Diagnostic]:
    """What no document may hold."""
    if len(text.content.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        return [Diagnostic("the text is larger than 1 MB", span_at(text, 0, 0))]
    found = islice(_FORBIDDEN.finditer(text.content, start), 20)  # a binary file needs no thousand errors
    return [
        Diagnostic(f"the character U+{ord(each[0]):04X} is not allowed in YAML", span_at(text, each.start())) for each in found
    ]


_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG = "tag:yaml.org,2002:"


@dataclass
class _Open:
    """A map or list whose end has not come yet."""

    span: Span
    anchor: str | None
    before: tuple[int, int]
    """The nodes and characters of text counted before it."""
    entries: dict[str, Entry] | None
    """None for a list."""
    items: list[TextNode] = field(default_factory=list)
    left: list[str | int] = field(default_factory=list)
    key: tuple[str | None, Span] | None = None
    """The key whose value comes next; its name is None if the value is to be left out."""
    height: int = 1


@dataclass(frozen=True)
class _Anchor:
    """What an alias repeats; no node while that is still open."""

    node: TextNode | None = None
    size: int = 0
    length: int = 0
    height: int = 0


class Reader:
    """Composes the parser's events on a stack of its own, so that no nesting can exhaust Python's."""

    def __init__(self, text: Text, mended: Mended) -> None:
        self.text = text
        self.mended = mended
        self.problems: list[Diagnostic] = []
        self.open: list[_Open] = []
        self.anchors: dict[str, _Anchor] = {}
        self.count = self.length = 0
        self.root: TextNode | None = None

    def compose(self) -> None:
        try:
            for event in events(self.mended.content):
                if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
                    self.stop("a second document begins here", self.span(event), "a recipe is one YAML document")
                elif isinstance(event, yaml.NodeEvent):
                    self.begin(event)
                elif isinstance(event, yaml.CollectionEndEvent):
                    self.close(event)
        except RecipeError as stopped:
            self.problems += stopped.diagnostics
            self.root = None

    def span(self, event: Any) -> Span:
        start, end = self.mended.at(event.start_mark.index), self.mended.at(event.end_mark.index)
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
                self.attach(None, 1)
            elif found.node is None:
                self.stop(f"`*{name[:40]}` contains itself", span)
            else:
                self.grow(found.size, found.length, found.height, span)
                self.attach(found.node, found.height)
        elif isinstance(event, yaml.CollectionStartEvent):
            self.grow(1, 0, 1, span)
            is_map = isinstance(event, yaml.MappingStartEvent)
            if event.tag not in (None, _TAG + ("map" if is_map else "seq")):
                self.refuse_tag(event.tag, span)
            if event.anchor:
                self.anchors[event.anchor] = _Anchor()
            self.open.append(_Open(span, event.anchor, (self.count - 1, self.length), {} if is_map else None))
        else:
            self.grow(1, len(event.value), 1, span)
            node = self.scalar(event, span)
            if event.anchor and node is not None:
                self.anchors[event.anchor] = _Anchor(node, 1, len(event.value), 1)
            self.attach(node, 1)

    def close(self, event: Any) -> None:
        done = self.open.pop()
        span, end = done.span, self.span(event)
        inside = done.items or [entry.node for entry in (done.entries or {}).values()]
        if event.start_mark.index == event.end_mark.index and inside:
            end = inside[-1].span  # a block has no closing mark: the parser says where the next thing begins
        if (end.end_line, end.end_column) > (span.line, span.column):
            span = replace(span, end_line=end.end_line, end_column=end.end_column)
        node = TextNode(done.items if done.entries is None else done.entries, span, left=tuple(done.left))
        if done.anchor:
            before = done.before
            self.anchors[done.anchor] = _Anchor(node, self.count - before[0], self.length - before[1], done.height)
        self.attach(node, done.height)

    def attach(self, node: TextNode | None, height: int) -> None:
        """Put a node into what is open; None stands for one that is left out because it is wrong, which is reported."""
        if not self.open:
            self.root = node
            return
        parent = self.open[-1]
        parent.height = max(parent.height, height + 1)
        if parent.entries is None and node is None:
            parent.left.append(len(parent.items))
        elif parent.entries is None and node is not None:
            parent.items.append(node)
        elif parent.key is not None:
            name, span = parent.key
            if name is not None and node is not None and parent.entries is not None:
                parent.entries[name] = Entry(span, node)
            elif name is not None:
                parent.left.append(name)
            parent.key = None

    def grow(self, size: int, length: int, height: int, span: Span) -> None:
        # Counted before anything is expanded: an alias costs one event however much it repeats.
        self.count, self.length = self.count + size, self.length + length
        if self.count > MAX_NODES:
            self.stop(f"the recipe has more than {MAX_NODES:,} values", span, "aliases count as what they repeat")
        if self.length > MAX_BYTES:
            self.stop("the recipe has more than 1 MB of text", span, "aliases count as what they repeat")
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
            self.open[-1].left.append(name)
            return None
        if name in entries:
            first = Note("it stands here first", entries[name].key_span)
            self.report(f"the key `{name[:80]}` stands here twice", span, "remove one of them", first)
            return None
        return name

    def scalar(self, event: Any, span: Span) -> TextNode | None:
        text, quoted = str(event.value), event.style not in (None, "")
        try:
            if event.tag is None:
                return TextNode(text if quoted else resolve(text), span, text, quoted)
            if event.tag.removeprefix(_TAG) in ("str", "int", "float", "bool", "null"):
                return TextNode(resolve_tagged(text, event.tag.removeprefix(_TAG), quoted), span, text, True)
            self.refuse_tag(event.tag, span)
        except ValueError as error:
            self.report(f"`{text[:40]}` {error}", span)
        return None

    def refuse_tag(self, tag: str, span: Span) -> None:
        shown = tag.replace(_TAG, "!!") if tag.startswith(_TAG) else tag
        self.report(f"the tag `{shown[:80]}` is not allowed in a recipe", span, "remove it")
