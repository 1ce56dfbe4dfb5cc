"""Values a few at a time, as `itertools.batched` gives them from Python 3.12 on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` values, the last one perhaps shorter; no more are taken from `values` than the list holds."""
    left = iter(values)
    while batch := list(islice(left, size)):
        yield batch
