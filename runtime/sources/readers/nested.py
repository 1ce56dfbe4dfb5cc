"""Nested values: what a path leads to, in words what is there instead, and the values of Arrow as JSON has them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from runtime.sources.readers.rows import Bad, describe

#: Keys of an object that a reason lists.
SHOWN = 6
#: How deep the shape of a document is told, and in how many characters.
DEPTH = 7
SHAPE = 400
LACK = "say `missing: null` where rows may lack it"


def follow(value: Any, field: str, path: Sequence[str | int], lacks: bool = False) -> Any:
    """What a path into a value leads to; null where something on the way is null, or `lacks` it and may. Raises Bad."""
    for place, part in enumerate(path):
        if value is None:
            return None
        if leads(value, part):
            value = value[part]
        elif isinstance(value, dict if isinstance(part, str) else list) and lacks:
            return None
        else:
            way = "".join(f"[{json.dumps(each, ensure_ascii=False)}]" for each in path[:place])
            raise Bad(refuse(value, part, f"`{field}`{way}"))
    return value


def leads(value: Any, part: str | int) -> bool:
    """Whether a value has what a part of a path names."""
    if isinstance(part, str):
        return isinstance(value, dict) and part in value
    return isinstance(value, list) and -len(value) <= part < len(value)


def refuse(value: Any, part: str | int, here: str) -> str:
    """Why a part of a path leads nowhere in a value that is not null."""
    lack = f"the key {json.dumps(part, ensure_ascii=False)}" if isinstance(part, str) else f"position {part}"
    message = f"{here} is {kind_of(value)}, and has not {lack} that the path asks for"
    if isinstance(value, dict) and isinstance(part, int):
        return f'{message}; say "{part}", in quotes, where a key is meant'
    if isinstance(value, list) and isinstance(part, str):
        return f"{message}; say a position, as 0 is, or end the path before it and say `as: json`"
    return f"{message}; {LACK}" if isinstance(value, (dict, list)) else message


def kind_of(value: Any) -> str:
    """What a value is and holds, in plain words."""
    match value:
        case dict():
            keys = ", ".join(f"`{describe(key)}`" for key in list(value)[:SHOWN])
            more = f" and {len(value) - SHOWN:,} more" if len(value) > SHOWN else ""
            return f"an object with {keys}{more}" if value else "an object without keys"
        case list():
            kinds = {word_of(each) for each in value}
            word = f"{kinds.pop()}{'s' * (len(value) != 1)}" if len(kinds) == 1 else "values of several kinds"
            return f"a list of {len(value):,} {word}" if value else "a list of nothing"
        case str() | bool() | int() | float() | Decimal():
            word = word_of(value)
            return word if word == "text" else f"a {word}"
        case bytes():
            return "bytes that are not UTF-8"
    return f"a {type(value).__name__}"


def word_of(value: Any) -> str:
    """The type of a value in a word that takes an s."""
    match value:
        case dict():
            return "object"
        case list():
            return "list"
        case str():
            return "text"
        case bool():
            return "truth value"
        case int() | float() | Decimal():
            return "number"
    return "null" if value is None else type(value).__name__


def shape_of(value: Any, depth: int = DEPTH) -> str:
    """The shape of a document: `{data: [442 of {title: text}]}`."""
    match value:
        case dict() if len(value) > SHOWN and all(isinstance(each, dict) for each in value.values()):
            return f"{{{len(value):,} keys, each with {shape_of(next(iter(value.values())), depth - 1) if depth else '{...}'}}}"
        case dict():
            parts = list(value.items())[: SHOWN if depth else 0]
            shown = [f"{describe(key)}: {shape_of(each, depth - 1)}" for key, each in parts]
            return "{" + ", ".join(shown + ["..."] * (len(value) > len(shown))) + "}"
        case list():
            return f"[{len(value):,} of {shape_of(value[0], depth - 1) if depth else '...'}]" if value else "[]"
    return word_of(value)


def refuse_document(columns: Sequence[str], value: Mapping[str, Any]) -> str | None:
    """Why a document that is one object with more objects in it is no row: what is mapped is not at its top."""
    lacks = [column for column in columns if column not in value]
    firsts = [each[0] if isinstance(each, list) and each else each for each in value.values()]
    if not lacks or not any(isinstance(each, dict) for each in firsts):
        return None
    names = ", ".join(f"`{column}`" for column in lacks)
    shape = shape_of(value)
    shape = shape if len(shape) <= SHAPE else shape[: SHAPE - 1] + "…"
    return (
        f"it is one object, {shape}, without {names} at its top: say where the rows in it lie, as `records: data[].items[]` does"
    )


Rewrite = Callable[[Any], Any]


def rewriting(kind: Any, short: bool) -> Rewrite | None:
    """How a value of an Arrow type becomes one that JSON has, or None where it is one; `short` gives floats few digits.

    Maps become objects, binary text text, and where `short` numbers of 16 and 32 bits the fewest digits that tell them
    apart in their own type. The function raises Bad for a map that has a key twice.
    """
    from pyarrow import types

    if types.is_dictionary(kind):
        return rewriting(kind.value_type, short)
    if types.is_float32(kind) or types.is_float16(kind):
        return shortest(kind) if short else None
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind) or types.is_binary_view(kind):
        return decode_bytes
    if types.is_map(kind):
        return rewriting_map(rewriting(kind.key_type, True), rewriting(kind.item_type, short))
    if types.is_struct(kind):
        made = {field.name: rewrite for field in kind if (rewrite := rewriting(field.type, short)) is not None}
        if not made:
            return None
        return lambda value: {
            name: made[name](each) if name in made and each is not None else each for name, each in value.items()
        }
    inner = rewriting(kind.value_type, short) if types.is_nested(kind) and hasattr(kind, "value_type") else None
    if inner is None:
        return None
    return lambda value: [None if each is None else inner(each) for each in value]


def rewriting_map(keys: Rewrite | None, items: Rewrite | None) -> Rewrite:
    """How the pairs of a map become an object."""

    def rewrite(pairs: Sequence[tuple[Any, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, item in pairs:
            name = name_key(key if keys is None else keys(key))
            if name in made:
                raise Bad(f"has the key `{describe(name)}` twice")
            made[name] = item if items is None or item is None else items(item)
        return made

    return rewrite


def name_key(key: Any) -> str:
    """The key of a map as a key of JSON."""
    match key:
        case str():
            return key
        case bool():
            return "true" if key else "false"
        case int() | float():
            return str(key)
        case Decimal():
            return f"{key:f}"
    raise Bad(f"has a key that is {kind_of(key)}, not text")


def shortest(kind: Any) -> Rewrite:
    """The double with the fewest digits that is a number of a shorter type, in that type."""
    import numpy as np

    short = np.dtype(kind.to_pandas_dtype()).type
    return lambda value: float(str(short(value)))


def decode_bytes(value: Any) -> Any:
    """Text that a file calls binary, where it is UTF-8."""
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


def name_twice(kind: Any) -> str | None:
    """A field that a struct somewhere in a type has twice, which no object can."""
    from pyarrow import types

    if not types.is_nested(kind):
        return None
    inner = [kind.field(place) for place in range(kind.num_fields)]
    names: list[str] = [field.name for field in inner]
    if types.is_struct(kind) and (twice := next((name for name in names if names.count(name) > 1), None)) is not None:
        return str(twice)
    return next((found for field in inner if (found := name_twice(field.type)) is not None), None)
