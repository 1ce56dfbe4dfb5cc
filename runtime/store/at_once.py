"""A function of many values, several at a time: what waits for a server waits for many answers at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

V = TypeVar("V")
SMALL = 1 << 20
AT_ONCE = 16
"""Small requests that are under way at once."""
UPLOADS = 2
"""Objects that are written or read at once, each of them a few megabytes at a time."""


def at_once(many: int, function: Callable[[Any], V], values: Iterable[Any]) -> list[V]:
    """The results, in the order of the values. Raises what the first that failed raised."""
    given = list(values)
    if len(given) < 2:
        return [function(each) for each in given]
    with ThreadPoolExecutor(min(many, len(given))) as pool:
        return list(pool.map(function, given))
