"""What a model may be trained for: one entry for each objective, and the weights that its loss gives to rows.

An objective that is a weighted likelihood of the trained tokens (`sft`, `iw_sft`) is a function here. One that reads
other columns or samples (a reward model, preference pairs, rollouts) is an entry with a trainer of its own beside
`runtime/training/likelihood.py`; what all trainers share is in `runtime/training/recorded.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from runtime.training.job import Settings

Weigh = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Settings], torch.Tensor]
"""Log-probabilities of trained tokens, the row of each, the start's mean for each row, the settings -> the weights."""


def importance(log_probs: torch.Tensor, row: torch.Tensor, reference: torch.Tensor, settings: Settings) -> torch.Tensor:
    """The weight of each token's row: how much likelier the model finds the row than at the start.

    exp(mean over the row's trained tokens of log p - log p_start), at most `max_weight`. A number: no gradient flows
    through it.
    """
    rows, place = row.unique(return_inverse=True)
    count = torch.zeros(len(rows), device=log_probs.device).index_add(0, place, torch.ones_like(place, dtype=torch.float32))
    total = torch.zeros_like(count).index_add(0, place, log_probs.detach().float())
    return (total / count - reference[rows]).exp().clamp(max=settings.max_weight)[place]


OBJECTIVES: dict[str, Weigh | None] = {
    "sft": None,
    "iw_sft": importance,
}
"""The loss is minus the sum of weighted log-probabilities over the trained tokens of the global batch; None is 1 for all."""
