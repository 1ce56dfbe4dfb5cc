"""What the schema finds, in words and at the right place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.recipe.validate import mistakes
from compiler.text.composing import read_document
from compiler.text.diagnostics import Diagnostic, RecipeError
from compiler.text.document import TextNode
from compiler.text.spans import Text

LENGTH = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "min": {"type": "integer", "minimum": 0},
        "max": {"type": "integer"},
        "ratio": {"type": "number"},
    },
}
STEP = {
    "anyOf": [
        {"type": "string", "enum": ["unique", "length"]},
        {
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "properties": {
                "name": {"type": "string", "pattern": "^[a-z]+$", "description": "What the step is called."},
                "length": {"anyOf": [{"$ref": "#/$defs/length"}, {"type": "null"}]},
                "unique": {"anyOf": [LENGTH, {"type": "integer"}]},
            },
        },
    ]
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["format"],
    "additionalProperties": False,
    "$defs": {"length": LENGTH},
    "properties": {
        "format": {"const": 1, "description": "The version of the recipe language: 1."},
        "seed": {"type": "integer"},
        "on": {"type": "boolean"},
        "later": {"not": {}, "description": "`later` is not built yet."},
        "names": {"type": "array", "items": {"type": "string"}, "minItems": 2, "uniqueItems": True},
        "prompts": {"type": "array", "items": STEP},
        "take": {"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}, "maxProperties": 1},
        "shape": {
            "oneOf": [
                {
                    "type": "object",
                    "required": ["kind"],
                    "properties": {"kind": {"const": "round"}, "r": {"type": "integer"}},
                },
                {
                    "type": "object",
                    "required": ["kind"],
                    "properties": {"kind": {"const": "square"}, "a": {"type": "integer"}},
                },
            ]
        },
        "maybe": {"anyOf": [{"type": "integer", "minimum": 5}, {"type": "null"}]},
        "sources": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["license", "file"],
                "additionalProperties": False,
                "properties": {
                    "license": {
                        "type": "string",
                        "enum": ["A", "B", "C", "unknown"],
                        "description": "What may be done with its rows.",
                    },
                    "file": {"type": "string", "minLength": 1},
                },
            },
        },
    },
}


def read(content: str) -> TextNode:
    return read_document(Text("r.yaml", None, content))


def validated(node: TextNode, schema: dict[str, Any]) -> list[Diagnostic]:
    return list(dict.fromkeys(each.diagnostic for each in mistakes(node, schema)))


def found(content: str) -> list[Diagnostic]:
    return validated(read("{format: 1, " + content + "}"), SCHEMA)


@pytest.mark.parametrize(
    ("content", "message", "hint", "under"),
    [
        ("sed: 1", "unknown key `sed`", "did you mean `seed`?", "sed"),
        ("seed: abc", "`seed` takes a whole number, not `abc`", None, "abc"),
        (
            "seed: 012",
            "`seed` takes a whole number, not `012`",
            "write 12 (a leading zero is ambiguous)",
            "012",
        ),
        ("seed: 1_000", "`seed` takes a whole number, not `1_000`", "write 1000 without separators", "1_000"),
        (
            "seed: 1:30",
            "`seed` takes a whole number, not `1:30`",
            "write the whole as one number, without `:`",
            "1:30",
        ),
        ("seed: '12'", '`seed` takes a whole number, not `"12"`', "write 12 without quotes", "'12'"),
        ("seed: 1.5", "`seed` takes a whole number, not `1.5`", None, "1.5"),
        ("seed: {a: 1}", "`seed` takes a whole number, not a map of keys", None, "seed"),
        ("seed: ", "`seed` takes a whole number, but has no value", None, "seed"),
        ("on: yes", "`on` takes `true` or `false`, not `yes`", "write true or false", "yes"),
        ("later: {}", "`later` is not built yet.", None, "later"),
        ("names: [a]", "`names` needs at least 2 items, not 1", None, "names"),
        ("names: [a, b, a]", "`a` stands in `names` twice", "remove one", "a"),
        ("names: [a, 12]", "item 2 of `names` takes text, not `12`", 'put it in quotes: "12"', "12"),
        (
            "prompts: [uniqe]",
            "item 1 of `prompts` is one of unique, length, not `uniqe`",
            "did you mean `unique`?",
            "uniqe",
        ),
        ("prompts: [lenght: {}]", "unknown key `lenght`", "did you mean `length`?", "lenght"),
        ("prompts: [length: {mni: 1}]", "unknown key `mni`", "did you mean `min`?", "mni"),
        ("prompts: [length: {min: -1}]", "`min` must be at least 0, not `-1`", None, "-1"),
        ("prompts: [length: 3]", "`length` takes a map of keys, not `3`", None, "3"),
        ("prompts: [{name: A, length: }]", "`name` cannot be `A`", "What the step is called.", "A"),
        (
            "prompts: [3]",
            "item 1 of `prompts` takes text or a map of keys, not `3`",
            'put it in quotes: "3"',
            "3",
        ),
        ("take: {A: 1}", "`A` cannot be a name here", "a name matches `^[a-z]+$`", "A"),
        ("take: {a: 1, b: 1}", "`take` takes at most 1 key, not 2", None, "take"),
        (
            "shape: {kind: rond}",
            "`kind` is one of round, square, not `rond`",
            "did you mean `round`?",
            "rond",
        ),
        ("shape: {kind: square, a: x}", "`a` takes a whole number, not `x`", None, "x"),
        ("maybe: 3", "`maybe` must be at least 5, not `3`", None, "3"),
        ("maybe: x", "`maybe` takes a whole number, not `x`", None, "x"),
        (
            "sources: {kin: {file: x}}",
            "`sources.kin` needs `license`",
            "What may be done with its rows.",
            "kin",
        ),
        ("sources: {kin: {file: '', license: A}}", "`file` must not be empty", None, "''"),
        (
            "sources: {kin: {file: x, license: D}}",
            "`license` is one of A, B, C, unknown, not `D`",
            "What may be done with its rows.",
            "D",
        ),
        (
            "sources: {kin: {file: x, license: unknow}}",
            "`license` is one of A, B, C, unknown, not `unknow`",
            "did you mean `unknown`?",
            "unknow",
        ),
    ],
)
def test_it_is_said_as(content: str, message: str, hint: str | None, under: str) -> None:
    (one,) = found(content)
    assert (one.message, one.hint) == (message, hint)
    assert one.span is not None
    line = one.span.text.content
    assert line[one.span.column - 1 : one.span.end_column - 1] == under


def test_the_root_lacks_keys_too() -> None:
    (one,) = validated(read("seed: 1"), SCHEMA)
    assert (one.message, one.hint) == ("the recipe needs `format`", "The version of the recipe language: 1.")


def test_a_constant_is_named() -> None:
    (one,) = validated(read("format: 2"), SCHEMA)
    assert one.message == "`format` must be `1`, not `2`"


def test_every_mistake_is_reported_once() -> None:
    many = found("sed: 1, zed: 2, sources: {a: {}, b: {license: D, file: 3}}, prompts: [length: {min: x, max: y}]")
    assert [one.message for one in many if "needs" in one.message] == [
        "`sources.a` needs `license`",
        "`sources.a` needs `file`",
    ]
    assert len(many) == len(set(many)) == 8


def test_a_misspelt_key_is_not_missing_too() -> None:
    (one,) = found("sources: {kin: {file: x, licence: A}}")
    assert (one.message, one.hint) == ("unknown key `licence`", "did you mean `license`?")


def test_a_right_recipe_has_no_mistakes() -> None:
    assert found("seed: 1, names: [a, b], prompts: [unique, length: {min: 1}, unique: 3], maybe: null") == []


PARTS = st.recursive(
    st.sampled_from(["1", "-1", "x", "", "true", "'1'", "012", "1.5", "null", "unique"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: "[" + ", ".join(part or "''" for part in parts) + "]")
        | st.dictionaries(
            st.sampled_from([*SCHEMA["properties"], "length", "unique", "kind", "min", "name", "zz"]),
            inner,
            max_size=4,
        ).map(lambda parts: "{" + ", ".join(f"{key}: {part}" for key, part in parts.items()) + "}")
    ),
    max_leaves=12,
)


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "zz"]), PARTS, min_size=1))
def test_whatever_is_wrong_is_said_and_nothing_else(parts: dict[str, str]) -> None:
    import jsonschema

    try:
        node = read("\n".join(f"{key}: {part}" for key, part in parts.items()))
    except RecipeError:
        return
    right = jsonschema.Draft202012Validator(SCHEMA).is_valid(node.plain())
    said = validated(node, SCHEMA)
    assert right == (not said)
    assert all(one.span is not None for one in said)
