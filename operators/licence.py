"""Licence classes and their join: what a row made from several rows may be used for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Licence = Literal["A", "B", "unknown", "C"]

#: From the most open to the most closed. `A` may be redistributed, `B` may be trained on but not
#: redistributed, `unknown` (terms not stated) is for local use, `C` must not be used at all.
CLASSES: tuple[Licence, ...] = ("A", "B", "unknown", "C")

#: The classes whose text may leave a terminal only when a person asks for it.
RESTRICTED = frozenset({"B", "unknown", "C"})


def join(classes: Iterable[Licence]) -> Licence:
    """The class of a row that took text from rows of all these classes: the most closed one.

    Example:
        >>> join(["A", "unknown", "B"])
        'unknown'
    """
    return max(classes, key=CLASSES.index, default="A")
