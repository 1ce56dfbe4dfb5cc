"""Whether rows that lie one after another in a flattened batch are kept apart by the model that computes them."""

from __future__ import annotations

from typing import Any

import torch

from runtime.training.errors import JobError

LENGTHS = (5, 9, 7)
ALIKE = 1e-3
"""What another number of the same row may differ by; a row that sees its neighbour is off by far more."""


def complain_leaks(model: Any, inputs: Any, vocabulary: int) -> None:
    """Raises JobError where another first row changes the log-probabilities of the rows after it.

    `inputs` makes the tensors of a flattened batch of rows, on the model's device. Attention that looks over the border
    of a row trains on what a model never sees when it is used; nothing else would show it.
    """
    rows = [[(7 * place + 3 * number) % vocabulary for place in range(length)] for number, length in enumerate(LENGTHS)]
    other = [[(token + 1) % vocabulary for token in rows[0]], *rows[1:]]
    log_probs = [after_first(model, inputs(each)) for each in (rows, other)]
    if (log_probs[0] - log_probs[1]).abs().max().item() > ALIKE:
        raise JobError(
            "this model's attention looks from one row of a flattened batch into the next",
            "padding_free: false and packing: false, or another `attention`",
        )


@torch.no_grad()
def after_first(model: Any, inputs: dict[str, Any]) -> torch.Tensor:
    """Log-probabilities of all tokens of the rows after the first."""
    was = model.training
    model.eval()
    log_probs: torch.Tensor = model(**inputs, fused_lm_head=True, use_cache=False).log_probs
    model.train(was)
    return log_probs[0, LENGTHS[0] :].float()
