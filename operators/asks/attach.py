"""Completions with the columns of their rows; no recipe names it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from operators.base.declare import Operator, field
from operators.base.licence import Licence
from operators.base.obligation import Obligation


class Attach(Operator):
    """The rows that a model was asked about, or that were born of them, with the columns of the rows they came from."""

    name: ClassVar[str] = "attach"

    terms: Licence
    """The class of the model's output: a row's licence is the join of it and of its origin's."""
    model: str = field("label")
    """The model's name, for what people are told."""

    def obligations(self, label: str) -> Iterator[Obligation]:
        if self.terms == "unknown":
            message = f"the terms of what `{self.model}` writes are not stated: it is for local use, and no export has it"
            yield Obligation("terms", message)
        elif self.terms == "B":
            message = f"what `{self.model}` writes may be trained on and not redistributed: an export leaves it out"
            yield Obligation("terms", message)
