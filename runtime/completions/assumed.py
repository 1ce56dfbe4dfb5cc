"""What a person assumes in a plan, and machine time with the source of its rate; nothing of it is stored or part of a key."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Basis = Literal["assumed", "history"]
Unit = Literal["GPU-hours", "hours"]

NAMES = {
    "tokens_per_s": "tokens that a model generates a second, on each GPU where it runs on GPUs",
    "train_tokens_per_s": "tokens that a training takes a second, on each GPU",
    "tokens": "tokens of a completion, in the mean",
}
NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")


@dataclass(frozen=True)
class Assumed:
    """What is assumed; it is used in the place of history."""

    tokens_per_s: float | None = None
    train_tokens_per_s: float | None = None
    tokens: float | None = None


NOTHING = Assumed()


def read_assumed(options: Iterable[str]) -> Assumed:
    """`NAME=VALUE` of each. Raises ValueError that names what can be assumed."""
    values: dict[str, float] = {}
    for option in options:
        name, sign, value = option.partition("=")
        if name not in NAMES or not sign:
            wrong = f"`{name}` cannot be assumed" if sign else f"`{option}` is no NAME=VALUE"
            raise ValueError(f"{wrong}; what can: " + "; ".join(f"{choice} ({what})" for choice, what in NAMES.items()))
        if name in values:
            raise ValueError(f"`{name}` is assumed twice")
        if not NUMBER.fullmatch(value) or not float(value):
            raise ValueError(f"`{name}` is a number above 0, such as {name}=1000 or {name}=62.5, and not `{value}`")
        values[name] = float(value)
    return Assumed(**values)


@dataclass(frozen=True)
class Hours:
    """Machine time."""

    amount: float
    unit: Unit
    """GPU-hours count each GPU; hours are those that pass, on whatever runs it."""
    basis: Basis
    tokens_per_s: float
    """Of each GPU, or of whatever runs it."""
    source: str = ""
    """What the rate comes from, such as `3 earlier trainings on NVIDIA H100`; empty where a person assumes it."""

    def text(self) -> str:
        """`1.4 GPU-hours (assumed: 1,000 tokens/s of each GPU)`."""
        each = " of each GPU" if self.unit == "GPU-hours" else ""
        source = f", {self.source}" if self.source else ""
        amount, rate = format_number(self.amount), format_number(self.tokens_per_s)
        return f"{amount} {self.unit} ({self.basis}: {rate} tokens/s{each}{source})"

    def data(self) -> dict[str, Any]:
        return {"told" if name == "source" else name: value for name, value in vars(self).items()}


def assumed_hours(tokens: float, rate: float, unit: Unit) -> Hours:
    """The time that tokens take at an assumed rate."""
    return Hours(tokens / rate / 3600, unit, "assumed", rate)


def format_number(number: float) -> str:
    """A number without digits that nobody reads."""
    if number >= 1000 or number == round(number):
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.3f}" if number >= 0.001 else "under 0.001"
