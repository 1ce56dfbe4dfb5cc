"""A recipe in Python: what a command would print is a value, and what it would refuse is raised."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.text.diagnostics import RecipeError
from runtime.notebook import OpenRecipe, open_recipe
from runtime.store.store import StoreError
from tests.conftest import PLAIN, Project

TEXTS = ["물은 왜 끓나요?", "짧은 글", "하늘은 왜 파란가요, 그리고 밤에는?"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.rows("a.jsonl", TEXTS)
    made.write("recipe.yaml", PLAIN.replace("min: 3", "min: 6"))
    (tmp_path / ".recipe").mkdir()
    return made


@pytest.fixture
def opened(project: Project) -> OpenRecipe:
    recipe = open_recipe(project.folder / "recipe.yaml")
    recipe.build(quiet=True)
    return recipe


def test_a_build_is_the_commands_own(project: Project, opened: OpenRecipe) -> None:
    done = project.run("build", "recipe.yaml", "--json")
    assert done.json["ran"] == []
    assert [each.digest for each in opened.build(quiet=True).outputs] == [each["digest"] for each in done.json["outputs"]]
    assert {each["state"] for each in opened.plan()} == {"reuse"}


def test_a_table_is_read_in_every_form(opened: OpenRecipe) -> None:
    table = opened.table("prompts")
    rows = table.arrow().to_pylist()
    assert len(rows) == table.rows and {row["prompt"] for row in rows} <= {*TEXTS}
    assert all(len(row["row_id"]) == 32 and row["license"] == "A" for row in rows)
    assert repr(table).startswith(f"prompts: {table.rows} rows of prompt")
    assert sum(batch.num_rows for batch in table.batches(rows=1)) == table.rows


@pytest.mark.parametrize("form", ["pandas", "polars", "dataset"])
def test_other_libraries_get_the_same_rows(opened: OpenRecipe, form: str) -> None:
    pytest.importorskip({"dataset": "datasets"}.get(form, form), reason=f"{form} is not installed")
    made = getattr(opened.table(), form)()
    assert list(made["prompt"]) == opened.table().arrow().column("prompt").to_pylist()


def test_a_life_is_told(opened: OpenRecipe) -> None:
    (short,) = opened.why(match="짧은")
    assert short["cells"]["prompt"] == "짧은 글" and short["events"][-1]["fate"] == "dropped"
    assert opened.why(short["row_id"][:8]) == [short]
    with pytest.raises(StoreError, match="no row holds this text"):
        opened.why(match="nowhere")
    with pytest.raises(ValueError, match="is no row id"):
        opened.why("xyz")


def test_an_edit_is_told_before_it_is_built(opened: OpenRecipe) -> None:
    edit = opened.diff({"prompts.length.min": 9})
    assert "length" in str(edit) and edit.data and repr(edit) == edit.text
    assert opened.build(quiet=True).data()["ran"] == []


def test_an_edit_in_the_file_is_seen(project: Project, opened: OpenRecipe) -> None:
    project.rows("a.jsonl", [*TEXTS, "새로운 물음은 여기에 있어요, 그렇죠?"])
    with pytest.raises(StoreError, match="not built as the recipe is now"):
        opened.table()
    before = opened.build(quiet=True).outputs[0].rows
    assert opened.table().rows == before


def test_all_mistakes_are_raised_at_their_lines(project: Project) -> None:
    project.write("wrong.yaml", PLAIN.replace("length", "lenght"))
    with pytest.raises(RecipeError, match=r"wrong\.yaml:9:5") as told:
        open_recipe(project.folder / "wrong.yaml")
    assert "did you mean `length`?" in str(told.value)


def test_settings_are_those_of_the_command_line(project: Project) -> None:
    recipe = open_recipe(project.folder / "recipe.yaml", {"prompts.length.min": 4})
    done = project.run("build", "recipe.yaml", "--set", "prompts.length.min=4", "--json")
    assert recipe.build(quiet=True).outputs[0].digest == done.json["outputs"][0]["digest"]
