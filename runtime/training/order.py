"""The order in which rows are seen, and how some of them become the tensors of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.data import Sampler

EPOCHS = 1 << 20


class Order(Sampler[int]):
    """A permutation of all rows for each epoch, a function of the seed and the epoch alone.

    A step takes the next rows of it, however many processes and micro batches share them. Where the last batches of
    an epoch have too few rows for all processes the filler takes their place: no row is dropped, and none is seen twice.
    """

    def __init__(self, items: int, at_once: int, global_batch_size: int, seed: int) -> None:
        self.items, self.at_once, self.seed, self.epoch = items, at_once, seed, 0
        self.fillers = -items % at_once
        self.steps = -(-items // global_batch_size)
        """Optimizer steps of an epoch."""

    def __len__(self) -> int:
        return self.items + self.fillers

    def __iter__(self) -> Iterator[int]:
        drawn = torch.Generator().manual_seed(self.seed * EPOCHS + self.epoch)
        yield from torch.randperm(self.items, generator=drawn).tolist()
        yield from [self.items] * self.fillers

    def start(self, step: int) -> None:
        """Take the permutation of the epoch that a step is in."""
        self.epoch = step // self.steps

    def fillers_of(self, step: int) -> int:
        """How many fillers a step has: those of an epoch are all in its last one."""
        return self.fillers if (step + 1) % self.steps == 0 else 0


class Collator:
    """TRL's batches, in which each token may carry the number of its row."""

    def __init__(self, inner: Callable[[list[dict[str, Any]]], dict[str, Any]], flat: bool) -> None:
        self.inner, self.flat = inner, flat

    def __call__(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        batch = self.inner(items)
        if "row" in items[0]:
            rows = [torch.tensor(each["row"]) for each in items]
            joined = torch.cat(rows)[None] if self.flat else torch.nn.utils.rnn.pad_sequence(rows, True, -1)
            batch["row"] = joined
        return batch
