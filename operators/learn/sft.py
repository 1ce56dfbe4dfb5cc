"""Supervised fine-tuning: the model learns to write what the rows say."""

from __future__ import annotations

from typing import ClassVar

from operators.learn.train import Train


class Sft(Train):
    """Supervised fine-tuning: cross-entropy on thinking and solution, each trained token of a batch counting alike.

    Every base of the paper is trained so (sections 5.2 and B.2).
    """

    name: ClassVar[str] = "sft"
