"""Whether a value is valid by a JSON Schema, yes or no: most are, and the library that explains mistakes is slow to load."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from operators.base.licence import class_of


class Unsure(Exception):
    """What is not decided here."""


class Place(NamedTuple):
    """A schema, and the one that its references are looked up in."""

    schema: Mapping[str, Any]
    root: Mapping[str, Any]

    def fits(self, value: Any) -> bool:
        return all(name in SAYS_NOTHING or RULES.get(name, _unsure)(self, wanted, value) for name, wanted in self.schema.items())

    def part(self, schema: Any) -> Place:
        if not isinstance(schema, Mapping):
            raise Unsure
        return Place(schema, self.root)


def fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value is valid by a schema; False also where that is not decided here.

    It never accepts a value in which the whole of draft 2020-12 finds a mistake: a keyword or a value that it does not know
    exactly is not decided.
    """
    try:
        return Place(schema, schema).fits(value)
    except (Unsure, RecursionError):
        return False


#: What a schema says to people alone, or to those who refer to it.
SAYS_NOTHING = frozenset({"$schema", "$id", "$comment", "$defs", "title", "description", "default", "examples", "then"})

#: What the formats of our schemas admit.
FORMATS: Mapping[str, Callable[[Any], bool]] = {"licence": lambda name: not isinstance(name, str) or class_of(name) is not None}

_TYPES: Mapping[str, tuple[type, ...]] = {
    **{"null": (type(None),), "boolean": (bool,), "integer": (int,), "number": (int, float)},
    **{"string": (str,), "array": (list,), "object": (dict,)},
}
KINDS = frozenset(kind for kinds in _TYPES.values() for kind in kinds)


def _unsure(place: Place, wanted: Any, value: Any) -> bool:
    raise Unsure


def _type(place: Place, wanted: Any, value: Any) -> bool:
    kind, names = type(value), (wanted,) if isinstance(wanted, str) else wanted
    if any(kind in _TYPES[name] for name in names):
        return True
    if kind not in KINDS or (kind is float and "integer" in names):
        raise Unsure  # 2.0 is whole to a schema
    return False


def _among(place: Place, wanted: Any, value: Any) -> bool:
    if type(value) is not str and any(type(each) is not str for each in wanted):
        if type(value) is int:
            return any(type(each) is int and each == value for each in wanted)
        raise Unsure  # 1, 1.0 and true, and what they are in lists
    return any(each == value for each in wanted)


def _properties(place: Place, wanted: Any, value: Any) -> bool:
    return type(value) is not dict or all(place.part(wanted[key]).fits(part) for key, part in value.items() if key in wanted)


def _patterns(place: Place, wanted: Any, value: Any) -> bool:
    return type(value) is not dict or all(
        place.part(part).fits(value[key]) for pattern, part in wanted.items() for key in value if re.search(pattern, key)
    )


def _others(place: Place, wanted: Any, value: Any) -> bool:
    if type(value) is not dict:
        return True
    known, patterns = place.schema.get("properties", ()), place.schema.get("patternProperties", ())
    others = [key for key in value if key not in known and not any(re.search(each, key) for each in patterns)]
    return not others if wanted is False else all(place.part(wanted).fits(value[key]) for key in others)


def _reference(place: Place, wanted: str, value: Any) -> bool:
    start, _, name = wanted.rpartition("/")
    if start != "#/$defs":
        raise Unsure
    return place.part(place.root["$defs"][name]).fits(value)


def _condition(place: Place, wanted: Any, value: Any) -> bool:
    if "then" not in place.schema:
        raise Unsure
    return not place.part(wanted).fits(value) or place.part(place.schema["then"]).fits(value)


def _unique(place: Place, wanted: Any, value: Any) -> bool:
    if type(value) is list and wanted and not all(type(each) is str for each in value):
        raise Unsure
    return type(value) is not list or not wanted or len(set(value)) == len(value)


def _format(place: Place, wanted: str, value: Any) -> bool:
    if wanted not in FORMATS:
        raise Unsure
    return FORMATS[wanted](value)


def _of(kinds: tuple[type, ...], admits: Callable[[Any, Any], bool]) -> Callable[[Place, Any, Any], bool]:
    """A rule for values of some types, by (value, wanted); of others it says nothing."""
    return lambda place, wanted, value: type(value) not in kinds or admits(value, wanted)


RULES: Mapping[str, Callable[[Place, Any, Any], bool]] = {
    "type": _type,
    "enum": _among,
    "const": lambda place, wanted, value: _among(place, [wanted], value),
    "properties": _properties,
    "patternProperties": _patterns,
    "additionalProperties": _others,
    "propertyNames": lambda place, wanted, value: type(value) is not dict or all(map(place.part(wanted).fits, value)),
    "required": _of((dict,), lambda value, wanted: all(name in value for name in wanted)),
    "items": lambda place, wanted, value: type(value) is not list or all(map(place.part(wanted).fits, value)),
    "allOf": lambda place, wanted, value: all(place.part(each).fits(value) for each in wanted),
    "anyOf": lambda place, wanted, value: any(place.part(each).fits(value) for each in wanted),
    "not": lambda place, wanted, value: not place.part(wanted).fits(value),
    "if": _condition,
    "$ref": _reference,
    "pattern": _of((str,), lambda value, wanted: re.search(wanted, value) is not None),
    "format": _format,
    "uniqueItems": _unique,
    "minimum": _of((int, float), lambda value, wanted: not value < wanted),
    "maximum": _of((int, float), lambda value, wanted: not value > wanted),
    "exclusiveMinimum": _of((int, float), lambda value, wanted: not value <= wanted),
    "exclusiveMaximum": _of((int, float), lambda value, wanted: not value >= wanted),
    "minLength": _of((str,), lambda value, wanted: len(value) >= wanted),
    "maxLength": _of((str,), lambda value, wanted: len(value) <= wanted),
    "minItems": _of((list,), lambda value, wanted: len(value) >= wanted),
    "maxItems": _of((list,), lambda value, wanted: len(value) <= wanted),
    "minProperties": _of((dict,), lambda value, wanted: len(value) >= wanted),
    "maxProperties": _of((dict,), lambda value, wanted: len(value) <= wanted),
}
