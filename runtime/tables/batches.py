"""Batches through threads, in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

B = TypeVar("B")
R = TypeVar("R")


def in_order(pool: ThreadPoolExecutor, work: Callable[[B], R], batches: Iterator[B], ahead: int) -> Iterator[R]:
    """The results in the order of the batches, with only a few batches in memory."""
    waiting: deque[Future[R]] = deque()
    for batch in batches:
        waiting.append(pool.submit(work, batch))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
