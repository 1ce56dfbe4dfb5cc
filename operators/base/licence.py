"""Licence classes and their join: what a row made from several rows may be used for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Licence = Literal["A", "B", "unknown", "C"]

#: From the most open to the most closed. `A` may be redistributed, `B` may be trained on but not
#: redistributed, `unknown` (terms not stated) is for local use, `C` must not be used at all.
CLASSES: tuple[Licence, ...] = ("A", "B", "unknown", "C")

#: The class of data, or of what a model writes, under a licence that is known here: by its SPDX name, in any case.
NAMED: dict[str, Licence] = {
    **dict.fromkeys(("mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense", "cc0-1.0", "pddl-1.0"), "A"),
    **dict.fromkeys(("cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "odc-by-1.0", "odbl-1.0"), "A"),
    **dict.fromkeys(("cdla-permissive-1.0", "cdla-permissive-2.0", "cdla-sharing-1.0"), "A"),
    **dict.fromkeys(("cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"), "B"),
    **dict.fromkeys(("cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0"), "B"),
}


def class_of(name: str) -> Licence | None:
    """The class that a person means: itself, or that of a licence by its name; None where it is not known."""
    return next((each for each in CLASSES if each == name), NAMED.get(name.lower()))


def withheld(licence: str) -> str:
    """What stands in the place of text that is not shown, with the reason."""
    return f"(licence {licence}: shown in a terminal, or with --show-restricted)"


#: The classes whose text may leave a terminal only when a person asks for it.
RESTRICTED = frozenset({"B", "unknown", "C"})


def join(classes: Iterable[Licence]) -> Licence:
    """The class of a row that took text from rows of all these classes: the most closed one.

    Example:
        >>> join(["A", "unknown", "B"])
        'unknown'
    """
    return max(classes, key=CLASSES.index, default="A")
