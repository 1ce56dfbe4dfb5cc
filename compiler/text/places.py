"""A place in a recipe, as a sentence names it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from compiler.text.document import TextNode

Path = Sequence[str | int]


def node_at(root: TextNode, path: Path) -> TextNode:
    node = root.at(path)
    assert node is not None
    return node


def is_scalar(root: TextNode, path: Path) -> bool:
    return not isinstance(node_at(root, path).value, dict | list)


def is_shown_by_key(root: TextNode, path: Path) -> bool:
    """Whether the key shows the place better: a map is many lines, and nothing has no length."""
    value = node_at(root, path).value
    return bool(path) and (value is None or isinstance(value, dict | list))


def written(root: TextNode, path: Path) -> str:
    node = node_at(root, path)
    text = node.text if node.text is not None else as_written(node.plain())
    return text if len(text) <= 60 else text[:57] + "..."


def as_written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def name_of(path: Path) -> str:
    """The key, or the number of the item, that a sentence is about."""
    if not path:
        return "the recipe"
    if isinstance(path[-1], str):
        return f"`{path[-1]}`"
    return f"item {path[-1] + 1} of {name_of(path[:-1])}"


def address_of(path: Path) -> str:
    """The whole path, for a sentence about what is absent; items of lists go by what stands in them."""
    if not path:
        return "the recipe"
    if isinstance(path[-1], int):
        return name_of(path)
    return f"`{'.'.join(step for step in path if isinstance(step, str))}`"
