"""Other values of an operator's fields, by their types and roles: mutations and golden inputs derive from them."""

from __future__ import annotations

import types
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError

from operators.base.declare import Only, Operator, role_of

#: What is tried of each type, mild values first.
NUMBERS = (2, 1, 3, 5, 0, 9, 12, 30, 100)
SHARES = (0.5, 0.2, 0.9, 0.05, 0.99, 0, 1)
#: Texts that stand in the rows which operators are tried with, and a language that has a profile there.
WORDS = ("왜", "물", "why")
#: Names for what is named already: the language that is the target, and a model that is there twice.
LABELS = ("ko", "again")


def values_of(kind: Any, role: str, source: str) -> Iterator[Any]:
    """Values of a type, as a recipe with this source says them; none of a type that nothing is known of."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        yield from values_of(inner[0], role, source)
    elif origin is Literal:
        yield from inner
    elif origin in (Union, types.UnionType):
        for each in inner:
            yield from values_of(each, role, source)
    elif origin is tuple:
        yield from ([each] for each in values_of(inner[0], role, source))
    elif kind is bool:
        yield from (True, False)
    elif kind is int:
        yield from NUMBERS
    elif kind in (Decimal, float):
        yield from SHARES
    elif kind is Only:
        yield {"source": source}
    elif kind is str:
        yield from {"column": ("other", "prompt"), "label": LABELS}.get(role, (*WORDS, "ko"))


def variants(step: type[Operator], said: dict[str, Any], name: str, source: str) -> Iterator[dict[str, Any]]:
    """What a recipe may say instead of `said`, with another value of one field (named as the class names it)."""
    info = step.model_fields[name]
    kinds = [info.annotation, *(part for part in info.metadata if part is Only)]
    before = step.model_validate(said)
    for value in (each for kind in kinds for each in values_of(kind, role_of(step, name), source)):
        changed = said | {info.alias or name: value}
        try:
            after = step.model_validate(changed)
        except ValidationError:
            continue
        if getattr(after, name) != getattr(before, name):
            yield changed
