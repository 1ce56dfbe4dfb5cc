"""Laying one recipe over another, step lists, and the resolved recipe as text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.text.composing import read_document
from compiler.text.diagnostics import RecipeError, printed
from compiler.text.document import Entry, TextNode
from compiler.text.merge import merge
from compiler.text.spans import Span, Text
from compiler.text.yaml_text import render_yaml
from tests.conftest import Project


def read(content: str, name: str = "r.yaml") -> TextNode:
    return read_document(Text(name, None, content))


def merged(base: str, over: str) -> Any:
    return merge(read(base, "base.yaml"), read(over, "over.yaml")).plain()


def steps(base: str, over: str) -> Any:
    return merged(f"prompts: {base}", f"prompts: {over}")["prompts"]


def problems(error: RecipeError) -> list[tuple[str, str | None]]:
    return [(one.message, one.hint) for one in error.diagnostics]


def test_maps_merge_key_by_key_and_lists_replace() -> None:
    assert merged("{a: {b: 1, c: [1, 2]}, d: 1}", "{a: {c: [3]}, e: 2}") == {
        "a": {"b": 1, "c": [3]},
        "d": 1,
        "e": 2,
    }


def test_the_order_of_the_base_comes_first() -> None:
    assert list(merged("{b: 1, a: 1}", "{z: 1, a: 2}")) == ["b", "a", "z"]


def test_null_removes_what_is_there() -> None:
    assert merged("{a: {b: 1, c: 2}}", "{a: {b: null, d: null}}") == {"a": {"c": 2, "d": None}}


def test_spans_point_into_the_file_that_wrote_a_node() -> None:
    both = merge(read("{a: {b: 1}}", "base.yaml"), read("{a: {c: 1}}", "over.yaml"))
    assert both.find(["a", "b"]).text.name == "base.yaml"
    assert both.find(["a", "c"]).text.name == "over.yaml"


def test_a_step_merges_at_its_place() -> None:
    assert steps("[length: {min: 1, max: 9}, unique]", "[length: {min: 2}]") == [
        {"length": {"min": 2, "max": 9}},
        "unique",
    ]


def test_a_new_step_is_appended_or_placed() -> None:
    assert steps("[a, b]", "[c, {d: {}, before: b}, {e: , after: a}]") == [
        "a",
        {"e": None},
        {"d": {}},
        "b",
        "c",
    ]


def test_steps_after_the_same_one_keep_their_order() -> None:
    assert steps("[a, z]", "[{b: 1, after: a}, {c: 1, after: a}]") == ["a", {"b": 1}, {"c": 1}, "z"]


def test_a_step_may_wait_for_one_that_comes_later() -> None:
    assert steps("[a, z]", "[{c: 1, after: b}, {b: 1, after: a}]") == ["a", {"b": 1}, {"c": 1}, "z"]


def test_a_known_step_moves() -> None:
    assert steps("[{a: {x: 1}}, b, c]", "[{a: {y: 2}, after: c}]") == ["b", "c", {"a": {"x": 1, "y": 2}}]


def test_another_operator_replaces_the_step_of_that_name() -> None:
    assert steps("[{name: s, a: {x: 1}}, z]", "[{name: s, b: {y: 1}}]") == [{"name": "s", "b": {"y": 1}}, "z"]


@pytest.mark.parametrize("over", ["[a]", "[a: ]", "[{name: a, a: null}]"])
def test_no_parameters_keep_those_of_the_base(over: str) -> None:
    (step,) = steps("[a: {x: 1}]", over)
    assert step["a"] == {"x": 1}


def test_drop_removes_one_or_several() -> None:
    assert steps("[a, b, c, d]", "[drop: a, drop: [b, c]]") == ["d"]


def test_a_dropped_step_may_be_written_anew() -> None:
    assert steps("[a: {x: 1}, b]", "[drop: a, a: {y: 1}]") == ["b", {"a": {"y": 1}}]


def test_steps_of_tables_merge_by_name_too() -> None:
    base = "tables: {t: {from: x, steps: [a: {x: 1}, b]}}"
    assert merged(base, "tables: {t: {steps: [a: {x: 2}]}}") == {"tables": {"t": {"from": "x", "steps": [{"a": {"x": 2}}, "b"]}}}


def test_other_lists_of_maps_replace() -> None:
    assert merged("{reward: [a, b]}", "{reward: [drop: a]}") == {"reward": [{"drop": "a"}]}


def test_every_mistake_in_steps_is_reported_at_once() -> None:
    over = "[drop: lenght, {x: 1, after: uniqe}, {y: 1}, {y: 2}, {}, {p: 1, q: 2}, "
    over += "3, {z: 1, before: x, after: y}]"
    with pytest.raises(RecipeError) as caught:
        steps("[length: {}, unique]", over)
    assert len(problems(caught.value)) == 7
    assert ("there is no step `lenght` to drop", "did you mean `length`?") in problems(caught.value)


def test_steps_that_wait_for_each_other_are_drawn() -> None:
    with pytest.raises(RecipeError) as caught:
        merge(None, read("prompts: [{a: 1, after: b}, {b: 1, after: a}]"))
    assert problems(caught.value)[0][0] == "these steps wait for each other: a -> b -> a"


def test_a_long_chain_of_places_is_no_traceback() -> None:
    chain = ", ".join(f"{{s{i}: 1, after: s{i + 1}}}" for i in range(2500))
    assert len(merge(None, read(f"prompts: [{chain}, s2500]")).plain()["prompts"]) == 2501


def test_a_lone_recipe_is_settled_by_the_same_rules() -> None:
    assert merge(None, read("prompts: [b, {a: 1, before: b}]")).plain() == {"prompts": [{"a": 1}, "b"]}
    with pytest.raises(RecipeError) as caught:
        merge(None, read("prompts: [a, a]"))
    assert caught.value.diagnostics[0].notes


SPAN = Span(Text("", None, ""), 1, 1, 1, 1)
WORDS = st.sampled_from(
    [
        "no",
        "12",
        "012",
        "null",
        "~",
        "",
        " a",
        "a ",
        "a: b",
        "a #b",
        "- a",
        "x\ny\n",
        "x\n  y",
        "\n",
        "한글",
        "<<",
        "---",
        "...",
        "a,b",
        "{",
        "'",
        '"',
        "\\",
        "\u2028",
        "\x00",
        "\ufeff",
        "1e3",
        ".inf",
        "true",
        "k" * 1100,
        "\tx\n\ty",
        "?",
        "a:b",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = WORDS | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def tree(value: Any) -> TextNode:
    if isinstance(value, dict):
        return TextNode({key: Entry(SPAN, tree(part)) for key, part in value.items()}, SPAN)
    if isinstance(value, list):
        return TextNode([tree(part) for part in value], SPAN)
    return TextNode(value, SPAN)


@settings(max_examples=1000, deadline=None)
@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
def test_a_rendered_recipe_reads_back_as_the_same_values(value: dict[str, Any]) -> None:
    back = read(render_yaml(tree(value))).plain()
    assert repr(back) == repr(value)


def shown(node: TextNode) -> str:
    """A recipe as `show` prints it."""
    return "\n".join(map(printed, render_yaml(node).split("\n")))


@settings(max_examples=1000, deadline=None)
@given(VALUES)
def test_any_value_reads_back_as_it_is_printed(value: Any) -> None:
    """`show` makes visible what a terminal would act on."""
    if value != "":  # nothing at all is an empty recipe
        assert repr(read(shown(tree(value))).plain()) == repr(value)


ODD = [
    "0:?",
    "?",
    "? a",
    "no",
    "1e3",
    "2024-01-01",
    "~",
    "=",
    "a\x85b",
    "\u2029",
    "\xa0",
    "😀: x",
    "",
    "null",
    "0x10",
    "\x7f",
    "##[x]",
    "a\n::x",
    "::error::x",
    "\u202e",
    "\u200c",
]


@pytest.mark.parametrize("key", ODD)
def test_a_key_and_a_text_of_any_form_read_back(key: str) -> None:
    for value in ({key: None}, {"a": {key: [key, {key: key}]}}, [{key: key}], [[key]], key or "x"):
        assert repr(read(shown(tree(value))).plain()) == repr(value)


@pytest.mark.parametrize("how", [[], ["--lowered"]])
def test_a_recipe_that_is_shown_is_the_same_recipe(project: Project, how: list[str]) -> None:
    text = (project.folder / "recipe.yaml").read_text("utf-8")
    where = '"prompt != ' + r"'\x7f\xa0\u200b 😀 0:?'" + '"'
    project.write("recipe.yaml", text + f"  - where: {where}\n")
    shown = project.run("show", "recipe.yaml", *how).out
    project.write("shown.yaml", shown)
    assert project.run("show", "shown.yaml", *how).out == shown
    assert project.digest("shown.yaml") == project.digest("recipe.yaml")


def test_half_a_surrogate_pair_is_no_yaml() -> None:
    for value in ("\ud800", {"\udfff": 1}, ["a\ud83d"]):
        with pytest.raises(ValueError, match="half a surrogate pair"):
            render_yaml(tree(value))


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4),
    st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4),
)
def test_laying_the_same_recipe_over_again_changes_nothing(base: dict[str, Any], over: dict[str, Any]) -> None:
    try:
        once = merge(tree(base), tree(over))
    except RecipeError:
        return
    assert merge(None, once) == once


def test_a_rendered_recipe_is_how_people_write() -> None:
    written = (
        "format: 1\n"
        "language: {target: ko, anchor: en}\n"
        "train: {learning_rate: 2.0e-5, tokens: 0x10}\n"
        "prompts:\n"
        "  - unique\n"
        "  - length: {min: 50, max: 8192}\n"
        "  - name: second\n"
        "    length: {min: 60, only: {category: [a, b]}}\n"
        "reward:\n"
        "  - {measure: correct, weight: 1}\n"
        "note: |-\n"
        "  first\n"
        "    second\n"
        'sure: "no: \\L"\n'
    )
    expected = written.replace(
        "    length: {min: 60, only: {category: [a, b]}}",
        "    length:\n      min: 60\n      only: {category: [a, b]}",
    )
    assert render_yaml(read(written)) == expected
