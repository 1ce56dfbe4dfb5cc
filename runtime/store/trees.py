"""The tree of a table: which objects hold its ids, columns and text, and which tables it was made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from operators.base.scope import ColumnType
from runtime.store.parts import Check, each, each_of, is_count, is_object, is_reference, is_text, maybe

Tree = dict[str, Any]
"""A map with a `kind`, and the parts that `PARTS` says of it."""
TYPES = frozenset(get_args(ColumnType))


def are_types(value: Any) -> bool:
    """Column -> its type."""
    return isinstance(value, dict) and all(isinstance(kind, str) and kind in TYPES for kind in value.values())


def is_origin(value: Any) -> bool:
    """Who made a column (an object beside the table, or null for the table), its name there, and the object of its text."""
    return isinstance(value, list) and len(value) == 3 and is_text(value[1]) and all(map(maybe(is_object), value[::2]))


PART_COUNTS = tuple(1 << power for power in range(9))
"""How many parts a table may have: each is a range of row_id prefixes on the borders of buckets."""


def is_spread(value: Any) -> bool:
    """The rows of each of several parts, which are ranges of row_id prefixes of one width."""
    return isinstance(value, list) and len(value) in PART_COUNTS[1:] and all(map(is_count, value))


def is_tree(value: Any) -> bool:
    """Whether it is the tree of a table down to its leaves. Raises RecursionError for one that is nested too deep."""
    parts = PARTS.get(str(value.get("kind"))) if isinstance(value, dict) else None
    if parts is None or not all(name in value and check(value[name]) for name, check in parts.items()):
        return False
    many = 1
    if "spread" in value:
        if not is_spread(value["spread"]) or value["kind"] == "carried":
            return False
        many = len(value["spread"])
    return all(len(references(value.get(part))) == many for part in ("frame", "ledger", "text") if value.get(part) is not None)


WITH_FRAME: dict[str, Check] = {"columns": are_types, "rows": is_count, "frame": is_reference}
PARTS: dict[str, dict[str, Check]] = {
    "based": {**WITH_FRAME, "text": maybe(is_reference)},
    "filtered": {"of": is_tree, "ledger": is_reference, "rows": is_count},
    "carried": {"of": is_tree, "columns": are_types, "from": each_of(is_origin)},
    "combined": {**WITH_FRAME, "parts": each(is_tree)},
    "attached": {**WITH_FRAME, "of": is_tree, "inherited": each(is_text), "text": maybe(is_reference)},
}


def references(value: str | list[str] | None) -> list[str]:
    """The objects that a part of a tree names: none, one, or one for each part of the table."""
    return [] if value is None else [value] if isinstance(value, str) else value


def small_objects(tree: Mapping[str, Any]) -> Iterator[str]:
    """The objects of a table's tree that hold ids and small columns, not text."""
    for part in ("frame", "ledger"):
        yield from references(tree.get(part))
    yield from (str(maker) for maker, *_ in tree.get("from", {}).values() if maker is not None)
    for below in [*tree.get("parts", ()), *([tree["of"]] if "of" in tree else ())]:
        yield from small_objects(below)
