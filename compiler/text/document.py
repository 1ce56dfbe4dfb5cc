"""A document as a tree that remembers where everything stands, and the text of its file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from compiler.text.diagnostics import Diagnostic, RecipeError, meant
from compiler.text.scalars import Scalar
from compiler.text.spans import Span, Text, span_at

MAX_BYTES = 1_000_000
MAX_NODES = 10_000
MAX_DEPTH = 50


@dataclass(frozen=True)
class Entry:
    """A key of a map with the node under it."""

    key_span: Span
    node: TextNode


@dataclass(frozen=True)
class TextNode:
    """A value and where it stands."""

    value: dict[str, Entry] | list[TextNode] | Scalar
    span: Span
    text: str | None = None
    """What a scalar said before it was read as a number, a truth value or nothing."""
    quoted: bool = False
    left: tuple[str | int, ...] = ()
    """What was left out of it because it is wrong: keys of a map, and places in a list before which an item stood."""

    @property
    def entries(self) -> dict[str, Entry]:
        """The entries of a map; anything else has none."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[TextNode]:
        """The items of a list; anything else has none."""
        return self.value if isinstance(self.value, list) else []

    @property
    def children(self) -> list[TextNode]:
        """The nodes of which it consists."""
        return [*(entry.node for entry in self.entries.values()), *self.items]

    @property
    def lacks(self) -> bool:
        """Whether anything in it was left out."""
        return bool(self.left) or any(each.lacks for each in self.children)

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: entry.node.plain() for key, entry in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, list) else self.value

    def get(self, step: str | int) -> TextNode | None:
        """The node under a key of a map, or at a place in a list, if it is one that has it."""
        if isinstance(step, str):
            return self.entries[step].node if step in self.entries else None
        return self.items[step] if 0 <= step < len(self.items) else None

    def has(self, path: Sequence[str | int]) -> bool:
        """Whether something is written at a path below it, and nothing of that was left out."""
        node = self.at(path)
        return bool(path) and node is not None and not node.lacks

    def at(self, path: Sequence[str | int]) -> TextNode | None:
        """The node at a path."""
        node: TextNode | None = self
        for step in path:
            node = node.get(step) if node is not None else None
        return node

    def changed(self, path: Sequence[str | int], change: Callable[[TextNode], TextNode]) -> TextNode:
        """The tree with what `change` makes of the node at a path; itself where there is none, or nothing changes."""
        if not path:
            return change(self)
        step, before = path[0], self.get(path[0])
        after = before.changed(path[1:], change) if before is not None else None
        if after is None or after is before:
            return self
        if isinstance(step, str):
            return replace(self, value={**self.entries, step: replace(self.entries[step], node=after)})
        return replace(self, value=[*self.items[:step], after, *self.items[step + 1 :]])

    def find(self, path: Sequence[str | int], key: bool = False) -> Span:
        """The span of the deepest node on a path that exists, or of the key it stands under."""
        node, key_span = self, self.span
        for step in path:
            below = node.get(step)
            if below is None:
                break
            key_span = node.entries[step].key_span if isinstance(step, str) else below.span
            node = below
        return key_span if key else node.span


def load_text(path: Path, shown: str, most: int = MAX_BYTES, span: Span | None = None) -> Text:
    """Read a file of at most so many bytes; what cannot be read is a diagnostic, at the place that names it if one does."""
    try:
        # Not blocking: opening a named pipe must not hang a check.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise RecipeError(Diagnostic(f"`{shown}` is not a file", span))
            raw = file.read(most + 1)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        hint = near_files(path) if isinstance(error, FileNotFoundError) else None
        raise RecipeError(Diagnostic(f"cannot read `{shown}`: {why}", span, hint)) from None
    except ValueError:
        raise RecipeError(Diagnostic(f"`{shown}` is no path: it contains a NUL", span)) from None
    if len(raw) > most:
        raise RecipeError(Diagnostic(f"`{shown}` is larger than {most // 1_000_000} MB", span))
    try:
        return Text(shown, path, raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        bad, before = error.object[error.start], error.object[: error.start].decode("utf-8")
        at = span_at(Text(shown, path, error.object.decode("utf-8", "replace")), len(before))
        problem = Diagnostic(f"the file is not UTF-8: byte 0x{bad:02x}", at, "save the file as UTF-8")
        raise RecipeError(problem) from None


def near_files(path: Path) -> str | None:
    """What to do where there is no such file: the name that was probably meant, or what there is in its folder."""
    try:
        with os.scandir(path.parent) as folder:
            names = sorted(each.name for each in islice(folder, 1000) if not each.name.startswith("."))
    except OSError:
        return f"there is no folder `{path.parent.name}`"
    shown = ", ".join(f"`{name}`" for name in names[:8]) + (", ..." if len(names) > 8 else "")
    return meant(path.name, names, f"its folder holds: {shown}" if names else "its folder is empty")
