"""What is known of a table before it is made: the rows it may hold, and how many of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pyarrow as pa

from operators.base.bounds import MANY, Between
from operators.base.scope import Columns
from runtime.stages.expected.counts import Counts, Sources, settled, summed, tally
from runtime.stages.expected.decisions import Decided, DecisionInputs
from runtime.stages.expected.frames import Frame, Joined, Mask, Places, Unknown, Window, has_twins, small_name
from runtime.store.record import Record


@dataclass(frozen=True)
class Expected:
    """What is known of the table that a cut makes."""

    frame: Frame
    """The rows that it may hold, in row_id order."""
    columns: Columns
    counts: Counts
    sure: Mask | None = None
    """Which of the rows it certainly holds; None where it holds them all."""
    unseen: Mapping[str, int] = field(default_factory=dict)
    """Source -> the most rows of it, that nobody has read, which it holds besides."""
    likely: Mask | None = None
    """Which of the rows it holds in one way that it may turn out; None where it holds them all."""
    missing: int = 0
    """How many of the likely rows it may lack."""
    further: int = 0
    """How many rows it may hold besides the likely ones."""
    unknown: int = 0
    """Rows with an unknown value on which it depends, those that nobody has read included."""
    digest: str | None = None
    """The digest of the table, where these are its very rows and all that they hold is known."""
    record: Record | None = None
    inputs: DecisionInputs | None = None
    """What the set decision that makes it reads, where it was worked out."""
    decided: Decided | None = None
    short: Mapping[str, tuple[int, Between]] = field(default_factory=dict)
    """Group -> (wanted, had), where the build would or might stop."""
    wiped: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Source -> (rows that a set decision drops, rows that came to it), where the build would stop for it."""
    twice: bool = False
    """Whether two tables that it is made from hold, or may hold, the same row: then the build stops, or may stop."""

    @property
    def exact(self) -> bool:
        """Whether these are its very rows."""
        return self.sure is None and not any(self.unseen.values())


def anything(columns: Columns, sources: Sources) -> Expected:
    """A table of which nothing is known but whose rows it may hold."""
    frame, unseen = Joined([], columns), dict.fromkeys(sources, MANY)
    most = MANY if unseen else 0
    return Expected(frame, columns, tally(frame, None, unseen, sources), unseen=unseen, further=most, unknown=most)


def joined(parts: list[Expected], columns: Columns, sources: Sources) -> Expected:
    """All rows of several tables."""
    frame = Joined([(part.frame, part.columns) for part in parts], columns)
    sure, likely = (masked(parts, mask, frame.order) for mask in ("sure", "likely"))
    unseen: dict[str, int] = {}
    for part in parts:
        for source, most in part.unseen.items():
            unseen[source] = min(unseen.get(source, 0) + most, MANY)
    missing, further, unknown = (
        min(sum(getattr(part, number) for part in parts), MANY) for number in ("missing", "further", "unknown")
    )
    counts = settled(summed(part.counts for part in parts), sources)
    return Expected(frame, columns, counts, sure, unseen, likely, missing, further, unknown, twice=has_twins(frame))


def masked(parts: list[Expected], mask: str, order: Places) -> Mask | None:
    """The masks of several tables as one over all their rows; None where each is None."""
    masks = [getattr(part, mask) for part in parts]
    if all(each is None for each in masks):
        return None
    whole: Mask = np.concatenate(
        [np.ones(part.frame.rows, bool) if each is None else each for part, each in zip(parts, masks, strict=True)]
    )[order]
    return whole


def known_column(base: Expected, name: str) -> tuple[Window, Mask | None]:
    """(what gives a column of a base table, the rows where it is known)."""
    small = small_name(name, base.columns)
    try:
        base.frame.window(small, 0, 0)
    except Unknown:
        return (lambda first, last: pa.nulls(last - first, pa.int64())), np.zeros(base.frame.rows, dtype=bool)
    return partial(base.frame.window, small), None
