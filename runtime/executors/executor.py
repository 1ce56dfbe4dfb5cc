"""The interface of all executors: tasks in, results out in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from runtime.completions.engines.engine import Engine
    from runtime.store.bound import Bound

S = TypeVar("S", contravariant=True)
P = TypeVar("P", contravariant=True)
R = TypeVar("R", covariant=True)
T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
Rows = Callable[[int], None]
"""Called with how many rows are through."""


class Task(Protocol[S, P, R]):
    """A function of a module: (what all pieces share, a piece, told of rows) -> what names its result, never the result."""

    def __call__(self, shared: S, piece: P, tell: Rows, /) -> R: ...


class Pending(Protocol[R]):
    """A task that is under way, or begins when it is waited for."""

    def result(self) -> R:
        """Raises what the task raises."""


@dataclass(frozen=True)
class Resources:
    """What one task takes of the machine that it runs on; its share of the build's memory follows from its cores."""

    cores: int = 1
    gpus: int = 0
    memory: int = 0
    """Bytes that it holds at least, where that is more than its cores' share."""


class Executor(Protocol):
    """Runs tasks for one build. A task may run twice, die or be late: its results are named by their content."""

    name: str
    """As it is chosen: `local`, `ray` or `ray://HOST:PORT`."""
    cores: int
    """The cores that one task may have."""
    slots: int
    """How many tasks of one core run at a time."""
    gpus: int
    """The GPUs of a machine that tasks are given; none where nobody counts them."""
    apart: bool
    """Whether tasks run in processes of their own, so that work is cut into pieces, and no table is read here."""

    def allowance(self, needs: Resources) -> Bound:
        """What a task may take of the build's memory, on the machine where that is least."""

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """What one function makes of its arguments, alone on a machine. Raises what it raises."""

    def start(self, task: Task[A, B, T], shared: A, piece: B, needs: Resources, tell: Rows) -> Pending[T]:
        """One task, on its way."""

    def run(self, task: Task[A, B, T], shared: A, pieces: Iterable[B], needs: Resources, tell: Rows) -> Iterator[T]:
        """The results of all pieces, in their order. Raises what the first of them raises."""

    def engine(self, function: Callable[..., Engine], arguments: tuple[Any, ...], gpus: int) -> Engine:
        """The engine that a function opens, on so many GPUs where there are any. Raises EngineError."""

    def close(self) -> None:
        """End what still runs."""
