"""Where the rows of nested files lie: the way to each record, and the fields around it."""

from __future__ import annotations

import re
from typing import Annotated, NamedTuple

from pydantic import AfterValidator

#: One step of a way: a key, bare or in quotes, then a list or an object that is keyed by something, as often as there is one.
STEP = re.compile(r'(?P<key>"[^"]*"|[^\s.\[\]{}"][^.\[\]{}"]*)?(?P<inner>(?:\[\]|\{[^.\[\]{}"]+\})*)')
INNER = re.compile(r"\[\]|\{([^}]*)\}")
#: A field around the record: `..name` is of the object around it, `.....name` of the one around that.
AROUND = re.compile(r"(?P<up>\.\.(?:\.\.\.)*)(?P<name>[^.].*)", re.DOTALL)
#: Steps of a way: nobody nests deeper.
MOST = 32
#: The record itself, where it is no object.
ITSELF = "."


class Step(NamedTuple):
    """One step on the way to the records."""

    key: str | None = None
    """The key that is taken of an object."""
    many: bool = False
    """Whether it goes to each element of a list, or each entry of an object."""
    named: str | None = None
    """What the key of an entry is called as a field of the record."""


def way_of(text: str) -> tuple[Step, ...]:
    """The steps of a way such as `data[].paragraphs[].qas[]`, `tasks{number}` or `{id}`. Raises ValueError.

    Example:
        >>> way_of("a[].b{id}") == (Step("a"), Step(many=True), Step("b"), Step(many=True, named="id"))
        True
    """
    steps: list[Step] = []
    place = 0
    while place <= len(text):
        found = STEP.match(text, place)
        if found is None or found.end() == place or text[found.end() : found.end() + 1] not in ("", "."):
            raise ValueError(
                f"`{text}` is no way to records: it is written like `data[].items[]`, or `{{id}}` for an object keyed by id"
            )
        if found["key"] is not None:
            steps.append(Step(found["key"].strip('"')))
        steps += [Step(many=True, named=inner[1]) for inner in INNER.finditer(found["inner"])]
        place = found.end() + 1
    if len(steps) > MOST:
        raise ValueError(f"a way to records has {MOST} steps at most")
    if not steps[-1].many:
        raise ValueError(
            f"`{text}` leads to one value and not to records: let it end in `[]`, or in `{{id}}` for an object keyed by id"
        )
    return tuple(steps)


def depth_of(way: tuple[Step, ...]) -> int:
    """How many objects there are around a record."""
    return sum(step.key is not None for step in way)


def around_of(column: str) -> tuple[int, str] | None:
    """(how many objects up, the field) that a column such as `.....title` stands for; None for the record's own.

    Example:
        >>> around_of("..context"), around_of(".....title"), around_of("question"), around_of(".")
        ((1, 'context'), (2, 'title'), None, None)
    """
    found = AROUND.fullmatch(column)
    return None if found is None else ((len(found["up"]) + 1) // 3, found["name"])


def written_around(up: int, field: str) -> str:
    """How a field of an object around the record is written."""
    return ".." + "..." * (up - 1) + field


def led(way: str) -> str:
    """A way to records; raises ValueError for what is none."""
    way_of(way)
    return way


Records = Annotated[str, AfterValidator(led)] | None
