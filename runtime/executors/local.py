"""Tasks on threads of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from runtime.executors.executor import Resources, Rows, Task
from runtime.store.bound import Bound, machine_memory
from runtime.store.store import Store

if TYPE_CHECKING:
    from runtime.completions.engines.engine import Engine

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")


@dataclass
class Later(Generic[T]):
    """A task that begins when it is waited for: it has all threads for itself."""

    work: Callable[[], T]

    def result(self) -> T:
        return self.work()


class Local:
    """The default: a task is a call, and several are threads."""

    name = "local"
    gpus = 0
    apart = False

    def __init__(self, store: Store, threads: int) -> None:
        self.store, self.cores, self.slots = store, threads, threads
        store.bound = store.bound.within(machine_memory())

    def allowance(self, needs: Resources) -> Bound:
        return self.store.bound

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        return function(*arguments)

    def start(self, task: Task[A, B, T], shared: A, piece: B, needs: Resources, tell: Rows) -> Later[T]:
        return Later(partial(task, shared, piece, tell))

    def run(self, task: Task[A, B, T], shared: A, pieces: Iterable[B], needs: Resources, tell: Rows) -> Iterator[T]:
        most = self.store.bound.room // needs.memory if needs.memory else self.cores
        with ThreadPoolExecutor(max(1, min(self.cores, most))) as pool:
            yield from pool.map(lambda piece: task(shared, piece, tell), pieces)

    def engine(self, function: Callable[..., Engine], arguments: tuple[Any, ...], gpus: int) -> Engine:
        return function(*arguments)

    def close(self) -> None:
        pass
