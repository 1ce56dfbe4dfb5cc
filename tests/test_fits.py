"""The quick word on whether a value is right by a schema: never another than that of the library."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.recipe.fits import FORMATS, RULES, SAYS_NOTHING, fits
from compiler.text.composing import read_document
from compiler.text.document import load_text
from tests.conftest import ROOT
from tests.test_validate import SCHEMA

SHIPPED = {
    name: json.loads((ROOT / f"recipes/{name}.schema.json").read_text("utf-8")) for name in ("recipe", "profile", "benchmark")
}
FOLDERS = {"recipe": "recipes/ko", "profile": "recipes/languages", "benchmark": "recipes/benchmarks"}
FORMAT_CHECKER = jsonschema.FormatChecker(())
for name, admits in FORMATS.items():
    FORMAT_CHECKER.checks(name)(admits)


def right(value: Any, schema: dict[str, Any]) -> bool:
    """What the library says."""
    return bool(jsonschema.Draft202012Validator(schema, format_checker=FORMAT_CHECKER).is_valid(value))


def parts(schema: Any) -> list[dict[str, Any]]:
    """A schema and all that stand in it."""
    if isinstance(schema, list):
        return [part for each in schema for part in parts(each)]
    if not isinstance(schema, dict):
        return []
    maps = ("properties", "patternProperties", "$defs")  # of schemas by name, and no schemas themselves
    inside = [each for name in maps for each in schema.get(name, {}).values()]
    held = [schema[name] for name in schema if (name in RULES or name == "then") and name not in maps]
    return [schema, *(part for each in (*inside, *held) if isinstance(each, dict | list) for part in parts(each))]


def documents(kind: str) -> dict[str, Any]:
    """What ships, in plain values, by its file."""
    found = {}
    for path in sorted((ROOT / FOLDERS[kind]).glob("*.yaml")):
        found[path.name] = read_document(load_text(path, path.name)).plain()
    return found


@pytest.mark.parametrize("kind", SHIPPED)
def test_no_keyword_of_a_shipped_schema_is_left_to_the_library(kind: str) -> None:
    found = {word for part in parts(SHIPPED[kind]) if "type" in part or "$ref" in part for word in part}
    assert found - SAYS_NOTHING - {*RULES} == set()


@pytest.mark.parametrize("kind", SHIPPED)
def test_what_ships_is_right_without_the_library(kind: str) -> None:
    told = {name: (fits(each, SHIPPED[kind]), right(each, SHIPPED[kind])) for name, each in documents(kind).items()}
    assert told and {name for name, (quick, whole) in told.items() if quick != whole} == set()
    assert any(quick for quick, _ in told.values())


ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2.0,
    0.5,
    float("nan"),
    10**30,
    "",
    "a",
    "A",
    "mit",
    "MIT",
    "1",
    [],
    {},
    ["a", "a"],
    {"a": 1},
    {"": 1},
    [1, True],
    [1, 1.0],
)


def edited(value: Any, data: st.DataObject) -> Any:
    """A value with one thing changed, left out or added, anywhere in it."""
    if isinstance(value, dict) and value and data.draw(st.integers(0, 4)):
        key = data.draw(st.sampled_from(sorted(value)))
        if data.draw(st.integers(0, 5)) == 0:
            return {name: part for name, part in value.items() if name != key}
        if data.draw(st.integers(0, 5)) == 0:
            return {
                **value,
                data.draw(st.sampled_from(("", "x", "min", "max", "name", "only", "license"))): data.draw(st.sampled_from(ODD)),
            }
        return {**value, key: edited(value[key], data)}
    if isinstance(value, list) and value and data.draw(st.integers(0, 4)):
        at = data.draw(st.integers(0, len(value) - 1))
        return [*value[:at], edited(value[at], data), *value[at + 1 :], *value[: data.draw(st.integers(0, 1))]]
    return data.draw(st.sampled_from(ODD))


@pytest.mark.parametrize("kind", SHIPPED)
@given(data=st.data())
def test_it_says_of_an_edit_what_the_library_says(kind: str, data: st.DataObject) -> None:
    ship = documents(kind)
    value = edited(ship[data.draw(st.sampled_from(sorted(ship)))], data)
    if fits(value, SHIPPED[kind]):
        assert right(value, SHIPPED[kind])


LEAVES = st.one_of(st.sampled_from(ODD), st.integers(), st.text(max_size=3), st.sampled_from(("unique", "length", "round")))
KEYS = st.sampled_from(("format", "seed", "names", "prompts", "take", "shape", "length", "min", "kind", "r", "x", ""))
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)


@given(value=VALUES, part=st.sampled_from([part for part in parts(SCHEMA) if part]))
def test_a_value_that_it_calls_right_is_right(value: Any, part: dict[str, Any]) -> None:
    schema = {**part, "$defs": SCHEMA["$defs"]}
    if fits(value, schema):
        assert right(value, schema)


NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
SIZES = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
ONE_EACH: list[dict[str, Any]] = [
    *({"type": kind} for kind in ("null", "boolean", "integer", "number", "string", "array", "object", ["integer", "null"])),
    {"enum": [1, "a"]},
    {"enum": [True, 2.5]},
    {"enum": ["a", ""]},
    {"enum": [[], {}]},
    *({"const": value} for value in ODD[:7]),
    *({name: 1} for name in (*NUMBERS, *SIZES)),
    {"pattern": "^[a-z]"},
    {"format": "licence"},
    {"uniqueItems": True},
    {"uniqueItems": False},
    {"required": ["a"]},
    {"items": {"type": "string"}},
    {"propertyNames": {"pattern": "a"}},
    {"additionalProperties": False},
    {"additionalProperties": {"type": "string"}},
    {"properties": {"a": {"type": "string"}}},
    {"properties": {"a": {}}, "additionalProperties": False},
    {"patternProperties": {"a": {"type": "string"}}},
    {"patternProperties": {"^a": {}}, "additionalProperties": False},
    {"allOf": [{"minimum": 0}, {"maximum": 0}]},
    {"anyOf": [{"type": "string"}, {"minimum": 1}]},
    {"not": {"type": "string"}},
    {"if": {"type": "integer"}, "then": {"minimum": 1}},
    {"$ref": "#/$defs/a"},
    {"type": "integer", "description": "a", "default": ""},
]


@pytest.mark.parametrize("rule", ONE_EACH, ids=str)
def test_each_keyword_means_what_it_means_to_the_library(rule: dict[str, Any]) -> None:
    decided = 0
    for value in ODD:
        for schema in (rule, {"not": rule}):
            whole = {**schema, "$defs": {"a": {"type": "string"}}}
            assert not fits(value, whole) or right(value, whole), (value, schema)
            decided += fits(value, whole)
    assert decided


def test_a_keyword_that_it_does_not_know_decides_nothing() -> None:
    assert not fits(1, {"if": {"const": 1}, "then": {}, "else": {}})
    assert not fits("a", {"$ref": "other.json"})
    assert not fits("a", {"contains": {}}) and not fits("a", {"not": {"contains": {}}}) and not fits("a", {"format": "date"})
