"""Licences of models, and their join: what a model may be released under that was made from several."""

from __future__ import annotations

from collections.abc import Sequence

from operators.base.licence import CLASSES

#: Licences that ask for nothing a later licence could not: what is made under them may be released under any below.
OPEN = ("mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "A", "apache-2.0")

#: Licences that go with everything that is made from what is under them, and admit no other such licence.
BINDING = {
    "gemma": "Gemma License",
    "llama3": "Llama3 Community License",
    "llama3.1": "Llama 3.1 Community License",
    "llama3.2": "Llama 3.2 Community License",
    "llama3.3": "Llama 3.3 Community License",
    "cc-by-sa-4.0": "CC BY-SA 4.0",
    "cc-by-nc-4.0": "CC BY-NC 4.0",
    "gpl-3.0": "GPL-3.0",
}

#: Terms under which nothing may be released that was made with them.
CLOSED = ("proprietary", "C")

#: Terms that say nothing a release licence has to carry: whether such rows may leave this machine is their class's matter.
SILENT = ("google-api", "openai-api", "anthropic-api", *(each for each in CLASSES if each not in OPEN and each not in CLOSED))


class Conflict(Exception):
    """No licence satisfies all; `between` names those that clash."""

    def __init__(self, message: str, between: tuple[str, ...]) -> None:
        super().__init__(message)
        self.between = between


def released(terms: Sequence[tuple[str, str]]) -> str:
    """The most open licence that satisfies all of them, by (licence, what is under it) (paper section A.3).

    Two that are open leave the one that asks for more: Apache-2.0 goes before MIT, for it has terms that MIT lacks.
    Raises Conflict.

    Example:
        >>> released([("apache-2.0", "the base"), ("mit", "the data")]), released([("gemma", "the base"), ("mit", "the data")])
        ('apache-2.0', 'gemma')
    """
    closed = [(name, why) for name, why in terms if name in CLOSED]
    if closed:
        name, why = closed[0]
        raise Conflict(f"{why} is under `{name}`, which lets nothing be released", (why,))
    binding = {name: why for name, why in reversed(terms) if name not in OPEN and name not in SILENT}
    if len(binding) > 1:
        (one, first), (other, second) = sorted(binding.items())[:2]
        raise Conflict(f"{first} asks for `{one}`, and {second} for `{other}`", (first, second))
    if binding:
        return next(iter(binding))
    ranked = [OPEN.index(name) for name, _ in terms if name in OPEN and name != "A"]
    return OPEN[max(ranked)] if ranked else "unknown"


def title(licence: str) -> str:
    """A licence as it is printed."""
    return {"apache-2.0": "Apache-2.0", "mit": "MIT"}.get(licence) or BINDING.get(licence, licence)
