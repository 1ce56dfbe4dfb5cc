"""Forgetting holds where it was cut off, where nothing is built, and however the text is written."""

from __future__ import annotations

import json
import unicodedata

import pytest

from runtime.forget import forgotten
from runtime.forget.begun import begun_at
from runtime.forget.forgotten import prove
from runtime.forget.search import Sought
from runtime.store.store import Store
from tests.conftest import PLAIN, Project
from tests.teacher import Teacher
from tests.test_forget import OTHERS, ROWS, SECRET, forget, search, teacher, traces

__all__ = ["teacher", "traces"]  # fixtures
SAID = "{1} 그렇습니다"
"""What a model says of the row alone, and that is no text of the row."""


def row_of(project: Project, text: str) -> str:
    told = project.run("why", "recipe.yaml", "--match", text, "--store", "store", "--json").json["rows"]
    row_id: str = told[0]["row_id"]
    return row_id


@pytest.mark.parametrize("by", ["text", "id"])
def test_cut_off_behind_the_list_the_same_command_takes_out_the_completions_too(
    traces: Project, teacher: Teacher, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    end = {True: "그렇습니다", False: "아니요"}
    think = "<think>\n생각 하나\n</think>\n\n답은 \\boxed{1} "
    teacher.answer = lambda request: think + end[SECRET in request["messages"][-1]["content"]]
    traces.build()
    store = Store(traces.folder / "store")
    what = SECRET if by == "text" else row_of(traces, SECRET)
    assert prove(store, Sought([SAID]))[1]

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(forgotten, "remove", cut)
        assert traces.run("forget", "recipe.yaml", what, "--store", "store").code != 0
    assert (traces.folder / "recipe.forgotten").exists() and SECRET not in begun_at(store).read_text("utf-8")
    assert traces.run("store", "verify", "--store", "store").code == 0
    told = forget(traces, what, code=by == "text")
    assert told["removed"]["completions"] == 1 and not told["found"]
    assert not search(traces) and not prove(store, Sought([SAID]))[1] and not begun_at(store).exists()
    traces.build()
    assert forget(traces, what)["ok"] and not search(traces)


def test_an_id_of_a_source_that_is_not_built_is_not_said_to_be_of_no_row(project: Project) -> None:
    project.rows("a.jsonl", ROWS)
    project.build()
    first, second = row_of(project, ROWS[0]), row_of(project, SECRET)
    forget(project, first)
    assert forget(project, second, code=1)["not_listed"] == ["a"]
    project.build()
    assert forget(project, second)["listed"] == {"a": [second]}
    project.build()
    assert not search(project) and forget(project, second)["removed"]["records"] == 0


FORMS = [unicodedata.normalize("NFC", SECRET), unicodedata.normalize("NFD", SECRET)]


@pytest.mark.parametrize(("typed", "written"), [FORMS, FORMS[::-1]])
def test_a_text_is_found_composed_and_decomposed(project: Project, typed: str, written: str) -> None:
    project.rows("a.jsonl", [*OTHERS, f"하늘은 왜 파란가요? {written}"])
    project.build()
    assert forget(project, typed)["listed"]["a"]
    project.build()
    assert not prove(Store(project.folder / "store"), Sought([written]))[1]


@pytest.mark.parametrize("large", [False, True])
def test_an_escaped_row_that_could_not_be_read_is_listed(project: Project, large: bool) -> None:
    escaped = json.dumps("안녕 " + SECRET)[1:-1]
    escaped = escaped.upper().replace("\\U", "\\u") if large else escaped
    path = project.rows("a.jsonl", OTHERS)
    path.write_text(path.read_text("utf-8") + '{"prompt": "' + escaped + "\n", "utf-8")
    project.write("recipe.yaml", PLAIN.replace("license: A", "license: A, on_bad_row: quarantine"))
    project.build()
    assert search(project) and forget(project, SECRET)["listed"]["a"]
    assert "quarantined" not in project.run("build", "recipe.yaml", "--store", "store").out
    assert not search(project)


ASIDE = """
format: 1
recipe: test/aside
sources:
  a: {file: a.jsonl, category: one, license: A}
  b: {file: b.jsonl, category: one, license: A}
tables:
  aside: {from: b, steps: [{length: {min: 3}}]}
  last: {from: a, steps: [{length: {min: 3}}]}
"""


def test_a_table_that_is_no_output_is_looked_at_too(project: Project) -> None:
    """It was built as a target, or may be: its rows come back with the next one unless they are listed."""
    project.rows("a.jsonl", OTHERS)
    project.rows("b.jsonl", ROWS)
    project.write("recipe.yaml", ASIDE)
    project.build()
    early = project.run("forget", "recipe.yaml", SECRET, "--store", "store")
    assert early.code == 1 and "NOT LISTED: `b`" in early.out
    assert "next: recipe build recipe.yaml --target aside, then run this again" in early.out
    project.run("build", "recipe.yaml", "--store", "store", "--target", "aside")
    assert forget(project, SECRET)["listed"].keys() == {"b"} and not search(project)
    project.run("build", "recipe.yaml", "--store", "store", "--target", "aside")
    assert not search(project)
