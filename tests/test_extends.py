"""Reading a recipe with everything it extends, and `--set`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.text.composing import read_document
from compiler.text.diagnostics import RecipeError
from compiler.text.merge import apply_setting, load_recipe
from compiler.text.project import Place
from compiler.text.spans import Text


def problems(error: RecipeError) -> list[tuple[str, str | None]]:
    return [(one.message, one.hint) for one in error.diagnostics]


def load(root: Path, name: str = "top.yaml", *sets: str) -> tuple[Any, tuple[Text, ...]]:
    project, package = root / "project", root / "package"
    merged = load_recipe(Place(project / name, name, project, package, (project, package)), sets)
    if merged.problems:
        raise RecipeError(merged.problems)
    return merged.node.plain(), merged.texts


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, content in {
        "project/top.yaml": "recipe: top\nextends: parts/middle.yaml\nprompts: [length: {min: 2}]\n",
        "project/parts/middle.yaml": "recipe: m\ndescription: m\nextends: pkg:base/root\nseed: 2\n",
        "package/base/root.yaml": "recipe: r\nextends: ../common.yaml\nprompts: [length: {min: 1, max: 9}]",
        "package/common.yaml": "format: 1\nseed: 1\n",
        "outside.yaml": "secret: 1\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def test_a_chain_of_extends_is_followed(root: Path) -> None:
    plain, texts = load(root)
    assert plain == {"format": 1, "seed": 2, "recipe": "top", "prompts": [{"length": {"min": 2, "max": 9}}]}
    assert [text.name for text in texts] == [
        "top.yaml",
        "parts/middle.yaml",
        "pkg:base/root.yaml",
        "pkg:common.yaml",
    ]


@pytest.mark.parametrize("path", ["../outside.yaml", "/etc/passwd", "link.yaml", "pkg:../outside", "parts/../../outside.yaml"])
def test_extends_does_not_leave_the_project(root: Path, path: str) -> None:
    (root / "project/link.yaml").symlink_to(root / "outside.yaml")
    (root / "project/bad.yaml").write_text(f"extends: {path}\n")
    with pytest.raises(RecipeError) as caught:
        load(root, "bad.yaml")
    ((message, hint),) = problems(caught.value)
    assert "leads out of the project" in message and hint is not None and "--allow-path" in hint


def test_a_circle_of_extends_is_drawn(root: Path) -> None:
    (root / "project/a.yaml").write_text("extends: b.yaml\n")
    (root / "project/b.yaml").write_text("extends: ./a.yaml\n")
    with pytest.raises(RecipeError) as caught:
        load(root, "a.yaml")
    assert problems(caught.value)[0][0] == "a recipe extends itself: a.yaml -> b.yaml -> a.yaml"


def test_a_chain_of_extends_has_an_end(root: Path) -> None:
    for i in range(12):
        (root / f"project/{i}.yaml").write_text(f"extends: {i + 1}.yaml\n")
    with pytest.raises(RecipeError) as caught:
        load(root, "0.yaml")
    assert "more than 8 recipes" in problems(caught.value)[0][0]


@pytest.mark.parametrize("said", ["absent.yaml", "pkg:absent", "''", "[a]", '"a\\0b"', "."])
def test_what_cannot_be_extended_is_shown_where_it_is_said(root: Path, said: str) -> None:
    (root / "project/bad.yaml").write_text(f"extends: {said}\n")
    with pytest.raises(RecipeError) as caught:
        load(root, "bad.yaml")
    assert [one.span.label for one in caught.value.diagnostics if one.span] == ["bad.yaml:1:10"]


def test_set_lays_values_over_in_order(root: Path) -> None:
    plain, texts = load(root, "top.yaml", "seed=5", "seed=6", "prompts.length.max=null", 'a."b.c"={d: [1, x]}')
    assert plain["seed"] == 6 and plain["a"] == {"b.c": {"d": [1, "x"]}}
    assert plain["prompts"] == [{"length": {"min": 2}}]
    assert texts[-1].path is None and texts[-1].name == '--set a."b.c"={d: [1, x]}'


def test_set_drops_a_step(root: Path) -> None:
    assert load(root, "top.yaml", "prompts.length=null")[0]["prompts"] == []


def test_set_reaches_a_named_step(root: Path) -> None:
    (root / "project/n.yaml").write_text("tables: {t: {steps: [{name: short, length: {min: 1}}]}}\n")
    plain = load(root, "n.yaml", "tables.t.steps.short.min=4")[0]
    assert plain["tables"]["t"]["steps"] == [{"name": "short", "length": {"min": 4}}]


@pytest.mark.parametrize(
    ("setting", "message", "column"),
    [
        ("prompts.lenght.min=1", "there is no step `lenght` in `prompts`", 9),
        ("seed", "`--set` takes `key=value`", 5),
        ("=1", "`--set` takes `key=value`", 1),
        ("a..b=1", "`--set` takes `key=value`", 3),
        ("a=", "there is no value after the `=`", 3),
        ("a=[1", "this list is not closed, or a `,` is missing", 3),
        ("a=b: c", "a map or list on the command line needs its brackets", 3),
        ("a=.inf", "`.inf` is not a finite number", 3),
        ("extends=x", "`extends` cannot be set from the command line", 1),
    ],
)
def test_a_wrong_setting_is_shown_in_itself(root: Path, setting: str, message: str, column: int) -> None:
    with pytest.raises(RecipeError) as caught:
        load(root, "top.yaml", setting, "seed=[")
    assert len(caught.value.diagnostics) == 2
    first = caught.value.diagnostics[0]
    assert first.span is not None
    assert (first.message, first.span.text.content, first.span.column) == (message, setting, column)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='ab."=\\{}[]:,*& \n1', max_size=20))
def test_no_setting_ends_in_a_traceback(setting: str) -> None:
    try:
        apply_setting(read_document(Text("r", None, "{a: {b: 1}, prompts: [a]}")), Text("--set", None, setting))
    except RecipeError as error:
        assert error.diagnostics and str(error)
