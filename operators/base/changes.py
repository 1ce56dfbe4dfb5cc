"""What is different between two declarations, field by field, in the recipe's own words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from operators.base.declare import Declared

UNSET = "unset"


@dataclass(frozen=True)
class Difference:
    """One field that two declarations say differently."""

    path: tuple[str | int, ...]
    """The field, as a recipe writes it."""
    before: str
    after: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))} {self.before} -> {self.after}".lstrip()


def differences(before: Any, after: Any, path: tuple[str | int, ...] = ()) -> Iterator[Difference]:
    """The fields in which two values of one kind differ; a field that is not said counts as its default.

    Example:
        >>> [str(each) for each in differences({"min": 20, "max": 9}, {"min": 30, "max": 9})]
        ['min 20 -> 30']
    """
    if before == after:
        return
    match before, after:
        case Declared(), Declared() if type(before) is type(after):
            yield from differences(fields(before), fields(after), path)
        case dict(), dict():
            for name in {**before, **after}:
                yield from differences(before.get(name), after.get(name), (*path, name))
        case (None, Declared() | dict()):
            yield from differences({}, fields(after), path)
        case (Declared() | dict(), None):
            yield from differences(fields(before), {}, path)
        case _:
            yield Difference(path, render_value(before), render_value(after))


def fields(value: Declared | dict[str, Any]) -> dict[str, Any]:
    """Every field by its recipe name."""
    if isinstance(value, dict):
        return value
    named = {info.alias or name: getattr(value, name) for name, info in type(value).model_fields.items() if not info.exclude}
    return named | (value.__pydantic_extra__ or {})


def render_value(value: Any) -> str:
    """A value as a recipe would write it, cut to a readable length."""
    match value:
        case None:
            text = UNSET
        case bool():
            text = str(value).lower()
        case Decimal():
            text = format(value.normalize(), "f")
        case tuple() | list():
            text = "[" + ", ".join(render_value(part) for part in value) + "]"
        case Declared() | dict():
            parts = {name: part for name, part in fields(value).items() if part is not None}
            text = "{" + ", ".join(f"{name}: {render_value(part)}" for name, part in parts.items()) + "}"
        case _:
            text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."
