"""The processes of one training, and what they send each other besides gradients."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist

from runtime.training.errors import JobError, explain

T = TypeVar("T")

PATIENCE = timedelta(hours=2)
"""How long one process may work alone (rows are laid out, a result is written) while the others wait."""


class Ranks:
    """This process among those of the training: one, or as many as torchrun started."""

    def __init__(self) -> None:
        self.number = int(os.environ.get("RANK", "0"))
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        if self.count > 1 and not dist.is_initialized():
            if torch.cuda.is_available():
                torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
            backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
            dist.init_process_group(backend, timeout=PATIENCE)

    @property
    def first(self) -> bool:
        return self.number == 0

    def gather(self, value: T) -> list[T]:
        """The values of all processes, in their order."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        dist.all_gather_object(values, value)
        return values

    def once(self, work: Callable[[], T]) -> T:
        """The result of work that the first process does for all; what it raises, they all raise."""
        result, raised = self.gather(attempt(work) if self.first else (None, None))[0]
        if raised is not None:
            raise raised
        return cast(T, result)

    def together(self, work: Callable[[], T]) -> T:
        """Work that every process does; what one raises, all raise, so that none waits for one that is gone."""
        result, raised = attempt(work)
        for each in self.gather(raised):
            if each is not None:
                raise each
        return cast(T, result)

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """The sum of a tensor over all processes."""
        if self.count > 1:
            dist.all_reduce(values)
        return values

    def leave(self) -> None:
        """Part from the others. Leaving by itself at the end of a process has been seen to abort after all work was done."""
        if self.count > 1 and dist.is_initialized():
            dist.barrier()
            dist.destroy_process_group()


def attempt(work: Callable[[], T]) -> tuple[T | None, JobError | None]:
    """(what work gives, what it raises), one of them None."""
    try:
        return work(), None
    except Exception as error:  # noqa: BLE001 - whoever asks raises it in every process
        return None, explain(error)
