"""Importance-weighted supervised fine-tuning: rows that the model has come to prefer count for more."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from operators.asks.asks import Amount
from operators.learn.train import Train


class IwSft(Train):
    """Supervised fine-tuning in which each row's loss is weighted by how much likelier the model finds it than at the start.

    The weight of a row is exp(mean over its trained tokens of log p - log p_start), not below 0 and not above
    `max_weight`; it is a number, through which no gradient flows.
    """

    name: ClassVar[str] = "iw_sft"

    max_weight: Amount = Decimal(16)
    """The largest weight of a row."""
