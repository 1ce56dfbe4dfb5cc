"""The section `evaluate`: which models are judged by which benchmarks, and how they are asked."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from operators.asks.asks import Budget, Temperature, Tolerance
from operators.base.declare import Count, Declared, Share
from operators.declared.cot import Tags

#: What a row of an evaluation is called by, before the model's and the benchmark's name.
PREFIX = "evaluate"


class Evaluate(Declared):
    """Judge models by benchmarks: answers, the answer taken out, its score, and the mean over trials with its standard error.

    `held_in` benchmarks may be looked at while a recipe is made; `held_out` ones only after `recipe freeze`, and once.
    """

    held_in: tuple[str, ...] = ()
    """Benchmarks that may guide choices (paper section 3.2)."""
    held_out: tuple[str, ...] = ()
    """Benchmarks that are looked at once, when everything is fixed (paper section 3.2)."""
    models: tuple[str, ...] = ()
    """Who is judged: checkpoints such as `train.sft`, and models by their name; every checkpoint and its base unless said."""
    trials: int = Field(3, ge=1, le=64)
    """How often each item is asked (paper section 3.2: 3 for main results, 1 for ablations)."""
    temperature: Temperature = Decimal("0.7")
    """The temperature of the answers (paper section 3.2)."""
    top_p: Share | None = Decimal("0.9")
    """Sample among the likeliest tokens that have this share (paper section 3.2)."""
    top_k: Count | None = None
    """Sample among this many of the likeliest tokens."""
    min_p: Share | None = None
    """Leave out tokens below this share of the likeliest one's."""
    max_tokens: int = Field(32768, ge=1)
    """Where an answer is cut off (paper section 3.2)."""
    seed: Count = 0
    """What sampling starts from."""
    tags: Tags = Tags(opened=False)
    """How the answers mark their thinking; what has no tag is all solution unless `opened`."""
    max_failures: Tolerance = Decimal(0)
    """The share of requests that may fail for good."""
    budget: Budget | None = None
    """What each model may spend on each benchmark at most."""
