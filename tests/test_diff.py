"""`recipe diff`: revisions and files, what it reaches, what it prints, and what it keeps to itself."""

from __future__ import annotations

import contextlib
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from compiler.graph.plan import cause_of, difference
from runtime.build.session import Session
from runtime.review.compare import compare
from runtime.review.sides import open_side
from runtime.review.terminal import as_text
from tests.conftest import ROOT, Project, Ran
from tests.scratch import Repository, repository

RECIPE = """
format: 1
recipe: test/diff
language: {target: ko, anchor: en}
seed: 7
sources:
  open: {file: data/open.jsonl, category: one, license: A}
  closed: {file: data/closed.jsonl, category: two, license: B}
prompts:
  - length: {min: 5}
  - unique
"""
OPEN = ["물은 왜 끓나요?", "하늘은 왜 파란가요?", "짧아요", "바다는 왜 짠가요? 자세히 알려 주세요", "물은 왜 끓나요?"]
CLOSED = ["비밀 하나입니다", "비밀스러운 문장이 하나 더 있습니다", "비밀"]


@pytest.fixture
def scratch(tmp_path: Path) -> Repository:
    """A repository with a recipe that is committed, and built."""
    made = repository(tmp_path)
    made.rows("data/open.jsonl", OPEN)
    made.rows("data/closed.jsonl", CLOSED)
    made.write("recipe.yaml", RECIPE)
    made.commit("first")
    assert made.run("build", "recipe.yaml", "-q").code == 0
    return made


def edit(project: Project, old: str, new: str, name: str = "recipe.yaml") -> None:
    path = project.folder / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def told(ran: Ran) -> list[dict[str, Any]]:
    assert ran.code == 0, ran.out + ran.err
    found: list[dict[str, Any]] = ran.json
    return found


# -- what is compared


def test_the_work_tree_is_compared_with_the_last_commit(scratch: Repository) -> None:
    edit(scratch, "min: 5", "min: 12")
    (found,) = told(scratch.run("diff", "recipe.yaml", "--json"))
    assert [change["what"] for change in found["meaning"]] == ["prompts: length: min 5 -> 12"]
    assert found["meaning"][0] | {"kind": "changed"} == {
        "kind": "changed",
        "what": "prompts: length: min 5 -> 12",
        "before": "HEAD:recipe.yaml:10:19",
        "after": "recipe.yaml:10:19",
    }


def test_the_ending_of_a_recipes_name_may_be_left_out_and_a_recipe_that_is_nowhere_is_told(scratch: Repository) -> None:
    edit(scratch, "min: 5", "min: 12")
    assert scratch.run("diff", "recipe", "--json").out == scratch.run("diff", "recipe.yaml", "--json").out
    ran = scratch.run("diff", "recepie.yaml")
    assert ran.code == 2 and "there is no recipe `recepie.yaml`" in ran.err


def test_two_revisions_are_compared(scratch: Repository) -> None:
    first = scratch.git("rev-parse", "HEAD")
    edit(scratch, "min: 5", "min: 12")
    second = scratch.commit()
    edit(scratch, "min: 12", "min: 99")
    (found,) = told(scratch.run("diff", first, second, "recipe.yaml", "--json"))
    assert [change["what"] for change in found["meaning"]] == ["prompts: length: min 5 -> 12"]


def test_two_files_are_compared(scratch: Repository) -> None:
    scratch.write("other.yaml", RECIPE.replace("seed: 7", "seed: 8"))
    (found,) = told(scratch.run("diff", "recipe.yaml", "other.yaml", "--json"))
    assert [change["what"] for change in found["meaning"]] == ["seed 7 -> 8"] and found["recipe"] == "recipe.yaml -> other.yaml"


def test_another_version_of_a_file_reads_what_stands_beside_the_file(scratch: Repository, tmp_path: Path) -> None:
    scratch.write("base.yaml", RECIPE)
    scratch.write("recipe.yaml", "recipe: test/diff\nextends: base.yaml\n")
    apart = scratch.write(".recipe/old-recipe.yaml", "recipe: test/diff\nextends: base.yaml\nseed: 1\n")
    (found,) = told(scratch.run("diff", str(apart), "recipe.yaml", "--as", "recipe.yaml", "--json"))
    assert [change["what"] for change in found["meaning"]] == ["seed 1 -> 7"]


def test_nothing_is_said_where_nothing_changed(scratch: Repository) -> None:
    ran = scratch.run("diff")
    assert ran.code == 0 and ran.out == "nothing that changed is read by a recipe\n"


REACHED = {
    "the recipe": lambda it: edit(it, "min: 5", "min: 6"),
    "a base": lambda it: edit(it, "min: 5", "min: 6", "base.yaml"),
    "a profile": lambda it: edit(it, "AC00-D7A3", "AC00-D7A2", "languages/ko.yaml"),
    "a prompt file": lambda it: edit(it, "Think", "Think hard", "languages/system.txt"),
    "a pin of data": lambda it: edit(it, '"prompt": "짧아요"', '"prompt": "짧아요!"', "data/open.jsonl"),
}


@pytest.mark.parametrize("name", REACHED)
def test_every_recipe_that_a_change_reaches_is_told_of_and_no_other(scratch: Repository, name: str) -> None:
    profile = (ROOT / "recipes/languages/ko.yaml").read_text("utf-8")
    named = re.sub(r"    en: >-\n.*?\n    #", "    en: {file: system.txt}\n    #", profile, flags=re.DOTALL)
    assert named != profile
    scratch.write("languages/ko.yaml", named)
    scratch.write("languages/system.txt", "Think.\n")
    scratch.write("base.yaml", RECIPE.replace("  - unique\n", "  - language_share: {of: target, min: 0.1}\n"))
    if name in ("a base", "a profile", "a prompt file"):
        scratch.write("recipe.yaml", "recipe: test/diff\nextends: base.yaml\n")
    scratch.write("apart/recipe.yaml", RECIPE.replace("data/", "").replace("test/diff", "test/apart").replace("ko", "en"))
    scratch.rows("apart/open.jsonl", OPEN)
    scratch.rows("apart/closed.jsonl", CLOSED)
    scratch.commit()
    REACHED[name](scratch)
    found = told(scratch.run("diff", "--all", "--json"))
    assert {each["recipe"] for each in found} in ({"recipe.yaml"}, {"recipe.yaml", "base.yaml"})
    assert all(not each["empty"] for each in found)


def test_what_git_ignores_is_the_same_in_every_revision(scratch: Repository) -> None:
    scratch.write(".gitignore", ".recipe/\nstore/\ndata/\n")
    scratch.git("rm", "-rq", "--cached", "data")
    scratch.commit()
    edit(scratch, "min: 5", "min: 12")
    (found,) = told(scratch.run("diff", "--json"))
    assert found["rows"][0]["exact"] and found["rows"][0]["before"]["all"] == [5, 5]


def test_a_new_recipe_and_one_that_is_gone_are_told(scratch: Repository) -> None:
    scratch.write("new.yaml", RECIPE.replace("test/diff", "test/new"))
    (scratch.folder / "recipe.yaml").unlink()
    found = {each["recipe"]: each for each in told(scratch.run("diff", "--json"))}
    assert found["new.yaml"]["meaning"][0]["what"] == "recipe test/new" and found["new.yaml"]["before"] is None
    assert found["recipe.yaml"]["meaning"][0]["kind"] == "removed"


def test_a_recipe_that_is_wrong_is_told_like_a_check_and_one_that_was_wrong_is_noted(scratch: Repository) -> None:
    edit(scratch, "unique", "uniqe")
    ran = scratch.run("diff", "--format", "github")
    assert ran.code == 2 and re.search(r"^::error file=recipe.yaml,line=11,", ran.out, re.MULTILINE), ran.out
    scratch.commit()
    edit(scratch, "uniqe", "unique")
    (found,) = told(scratch.run("diff", "--json"))
    assert "does not compile" in found["notes"][0] and found["meaning"][0]["what"] == "recipe test/diff compiles now"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nothing"], "neither a recipe nor a revision"),
        (["--upload-pack=x", "recipe.yaml"], "No such option"),
        (["recipe.yaml", "HEAD"], "give revisions before recipes"),
        (["HEAD", "HEAD", "HEAD", "recipe.yaml"], "two revisions at most"),
        (["missing.yaml"], "there is no recipe"),
        (["--all", "recipe.yaml"], "--all takes no RECIPE"),
        (["HEAD", "recipe.yaml", "--set", "seed=1"], "--set compares one RECIPE"),
    ],
)
def test_a_call_that_cannot_be_answered_is_told_why(scratch: Repository, arguments: list[str], message: str) -> None:
    ran = scratch.run("diff", *arguments)
    assert ran.code in (1, 2) and message in ran.err, ran.err


def test_outside_a_repository_it_says_so(project: Project) -> None:
    ran = project.run("diff", "recipe.yaml")
    assert ran.code == 1 and "this is no git repository" in ran.err and "two files: recipe diff A B" in ran.err


def test_the_exit_code_tells_of_a_difference_where_it_is_asked_for(scratch: Repository) -> None:
    assert scratch.run("diff", "recipe.yaml", "--exit-code").code == 0
    edit(scratch, "min: 5", "min: 12")
    assert scratch.run("diff", "recipe.yaml").code == 0
    assert scratch.run("diff", "recipe.yaml", "--exit-code").code == 1


def test_a_link_in_a_revision_that_leads_out_of_the_project_is_not_followed(scratch: Repository, tmp_path: Path) -> None:
    secret = tmp_path.parent / f"{tmp_path.name}-secret.jsonl"
    secret.write_text('{"prompt": "secret"}\n')
    (scratch.folder / "data" / "open.jsonl").unlink()
    (scratch.folder / "data" / "open.jsonl").symlink_to(secret)
    scratch.commit()
    (scratch.folder / "data" / "open.jsonl").unlink()
    scratch.rows("data/open.jsonl", OPEN)
    found = scratch.run("diff", "HEAD", "recipe.yaml", "--json")
    assert "does not compile" in told(found)[0]["notes"][0] and "secret" not in found.out.replace("-secret", "")


def test_a_file_that_cannot_be_read_whole_leaves_a_diff_with_what_is_known(scratch: Repository) -> None:
    scratch.write("data/other.jsonl", '{"text": "물은 왜 끓나요?"}\n')
    scratch.write("more.yaml", RECIPE.replace("data/open.jsonl", "data/o*.jsonl"))
    ran = scratch.run("diff", "recipe.yaml", "more.yaml", "--json")
    assert ran.code == 0 and told(ran)[0]["rows"][0]["exact"] is False
    for form in ("text", "markdown", "github"):
        shown = html.unescape(scratch.run("diff", "recipe.yaml", "more.yaml", "--format", form).out)
        assert "the build stops: a file of the source `open` cannot be read" in shown, shown


def test_a_parameter_that_is_called_columns_is_told_as_any_other() -> None:
    said = [{"columns": {"prompt": "text", "level": {"field": field, "form": "x"}}} for field in ("level", "grade")]
    assert difference(*said) == ["field level -> grade"]


def test_what_a_step_says_and_takes_of_its_input_is_told_once() -> None:
    said = [{"itself": {"by": by}, "columns unique": {"by": by, "reads": {"": [by]}}} for by in ("prompt", "answer")]
    assert cause_of(*said).count("by prompt -> answer") == 1


# -- what is told


def test_the_rows_are_told_before_they_are_built_and_the_same_after(scratch: Repository) -> None:
    edit(scratch, "min: 5", "min: 12")
    (before,) = told(scratch.run("diff", "--json"))
    assert scratch.run("build", "recipe.yaml", "-q").code == 0
    (after,) = told(scratch.run("diff", "--json"))
    for rows in (before["rows"][0], after["rows"][0]):
        assert rows["exact"] and rows["before"]["all"] == [5, 5] and rows["after"]["all"] == [2, 2]
        assert rows["leave"] == [3, 3] and rows["enter"] == [0, 0]
        assert [each["decided_by"]["step"] for each in rows["leaving"]] == ["length"] * 3
    assert before["rows"][0]["leaving"] == after["rows"][0]["leaving"]
    assert {each["state"] for each in after["plan"]} == {"reused"} and "recomputed" in {each["state"] for each in before["plan"]}


def test_the_deciding_value_stands_with_each_example(scratch: Repository) -> None:
    edit(scratch, "min: 5", "min: 12")
    ran = scratch.run("diff", "recipe.yaml")
    assert "left out now, by prompts/length: 9 characters, wanted at least 12" in ran.out
    assert "물은 왜 끓나요?" in ran.out


def test_each_stage_names_the_line_that_caused_it(scratch: Repository) -> None:
    edit(scratch, "license: B", "license: unknown")
    edit(scratch, "min: 5", "min: 12")
    (found,) = told(scratch.run("diff", "--json"))
    plan = {stage["stage"]: stage for stage in found["plan"]}
    assert plan["closed"]["lines"] == ["recipe.yaml:8:61"] and plan["open"]["state"] == "reused"
    assert plan["prompts"]["lines"] == ["recipe.yaml:8:61"]
    assert plan["prompts/unique"]["lines"] == ["recipe.yaml:10:19"]
    assert plan["prompts/unique"]["seconds"] is not None and plan["prompts/unique"]["rows"] == [2, 2]


def test_what_nobody_has_built_is_said_to_be_unknown(scratch: Repository) -> None:
    edit(scratch, "min: 5", "min: 12")
    ran = scratch.run("diff", "recipe.yaml", "--store", "empty")
    assert ran.code == 0 and "time unknown" in ran.out and "not all values are known" in ran.out


def test_an_obligation_is_told_first_whether_it_is_new_standing_or_gone(scratch: Repository) -> None:
    edit(scratch, "license: A", "license: unknown")
    ran = scratch.run("diff", "recipe.yaml")
    sections = [line for line in ran.out.splitlines() if re.match(r"\w", line)][1:]
    assert [line.split()[0] for line in sections] == ["obligations", "meaning", "plan", "rows"]
    states = {line.split()[0]: line for line in ran.out.splitlines() if line.startswith(("  new", "  standing"))}
    assert "recipe.yaml:7:57" in states["new"] and "closed" in states["standing"]
    assert "the output `prompts` is of class unknown now, and was B, by `open`" in ran.out


def test_a_mixture_that_would_stop_the_build_is_told(scratch: Repository) -> None:
    edit(scratch, "  - unique\n", "  - unique\nmixture: {take: {one: 30}}\n")
    assert "the build stops: `one` has 3 of the 30 that the mixture takes" in scratch.run("diff", "recipe.yaml").out


def test_a_diff_writes_nothing(scratch: Repository) -> None:
    edit(scratch, "min: 5", "min: 12")
    before = {path: path.stat().st_mtime_ns for path in scratch.folder.rglob("*") if ".git" not in path.parts}
    assert scratch.run("diff").code == 0
    assert {path: path.stat().st_mtime_ns for path in scratch.folder.rglob("*") if ".git" not in path.parts} == before


def test_restricted_text_is_left_out_unless_it_is_asked_for(scratch: Repository) -> None:
    edit(scratch, "min: 5", "min: 12")
    for form in (["--json"], ["--format", "markdown"], ["--format", "github"], []):
        ran = scratch.run("diff", "recipe.yaml", *form)
        assert ran.code == 0 and "비밀" not in ran.out + ran.err
    assert "비밀 하나입니다" in scratch.run("diff", "recipe.yaml", "--show-restricted").out


def test_an_edit_does_not_free_the_text_that_it_calls_free(scratch: Repository) -> None:
    """Whoever proposes another licence would else publish the text with the proposal."""
    edit(scratch, "min: 5", "min: 99")
    scratch.commit()
    edit(scratch, "min: 99", "min: 1")
    edit(scratch, "license: B", "license: A")
    scratch.run("build", "recipe.yaml", "-q")
    for form in (["--json"], ["--format", "markdown"], []):
        ran = scratch.run("diff", "recipe.yaml", *form)
        assert ran.code == 0 and "비밀" not in ran.out and "바다는" in ran.out


def test_a_path_that_matches_nothing_is_told_and_no_lock_hides_it(scratch: Repository) -> None:
    assert scratch.run("lock", "recipe.yaml", "-q").code == 0
    scratch.commit()
    edit(scratch, "data/open.jsonl", "data/opne.jsonl")
    (found,) = told(scratch.run("diff", "--json"))
    assert "source open: file data/open.jsonl -> data/opne.jsonl" in [change["what"] for change in found["meaning"]]
    assert "recipe.yaml:7:16: no file matches `data/opne.jsonl`" in found["notes"][0]
    for more in ([], ["--locked"]):
        ran = scratch.run("build", "recipe.yaml", "-q", *more)
        assert ran.code != 0 and "open" in ran.err, ran.err


def test_the_same_rows_with_other_cells_are_not_called_the_same(scratch: Repository) -> None:
    edit(scratch, "  - unique\n", "  - unique\n  - measure: {size: {length: {}}}\n")
    (found,) = told(scratch.run("diff", "--json"))
    rows = found["rows"][0]
    assert rows["exact"] and not rows["same"] and rows["columns"] == ["size is new (integer)"]
    assert "the same 5 rows, in other columns or cells" in scratch.run("diff").out


def test_a_build_that_would_stop_for_rows_that_stand_in_two_tables_is_told(scratch: Repository) -> None:
    tables = "tables:\n  few: {from: open, steps: [length: {min: 99}]}\n  both: {from: [few, open]}\n"
    edit(scratch, "prompts:\n  - length: {min: 5}\n  - unique\n", tables)
    assert scratch.run("build", "recipe.yaml", "-q").code == 0
    scratch.commit()
    edit(scratch, "min: 99", "min: 5")
    assert "the build stops: two of the tables that `both` is made from hold the same rows" in scratch.run("diff").out
    assert scratch.run("build", "recipe.yaml", "-q").code == 1


def test_a_recipe_whose_folder_is_gone_can_be_named(scratch: Repository) -> None:
    scratch.write("sub/r.yaml", RECIPE.replace("data/", "../data/").replace("test/diff", "test/sub"))
    scratch.commit()
    scratch.git("rm", "-rq", "sub")
    assert "the recipe is gone" in scratch.run("diff", "HEAD", "sub/r.yaml").out


def test_a_side_that_is_no_file_is_a_recipe_that_came_or_went(scratch: Repository) -> None:
    came = scratch.run("diff", "/dev/null", "recipe.yaml", "--as", "recipe.yaml")
    went = scratch.run("diff", "recipe.yaml", "/dev/null", "--as", "gone.yaml")
    assert "a new recipe" in came.out and "the recipe is gone" in went.out, came.err + went.err


def test_no_row_steers_a_terminal(scratch: Repository) -> None:
    """On a terminal, where what must not be missed is bold, the only escapes are our own."""
    scratch.rows("data/open.jsonl", [f"\x1b[2J\x1b]0;title\x07 {number}" for number in range(5)])
    scratch.commit()
    scratch.run("build", "recipe.yaml", "-q")
    edit(scratch, "min: 5", "min: 99")
    with contextlib.chdir(scratch.folder):
        old = open_side(Session("recipe.yaml", ("prompts.length.min=5",)))
        comparison = compare("recipe.yaml", old, open_side(Session("recipe.yaml"), old))
    shown = as_text(comparison, True, lambda text: f"\x1b[1m{text}\x1b[0m")
    assert "title" in shown and "\x1b[1mobligations\x1b[0m" in shown
    assert "\x1b" not in shown.replace("\x1b[1m", "").replace("\x1b[0m", "") and "\x07" not in shown


def test_a_new_recipe_without_its_files_is_new_and_says_what_is_missing(scratch: Repository) -> None:
    scratch.write("new.yaml", RECIPE.replace("test/diff", "test/new").replace("open.jsonl", "none.jsonl"))
    (found,) = told(scratch.run("diff", "--json"))
    assert [change["what"] for change in found["meaning"]] == ["recipe test/new"] and "no file matches" in found["notes"][0]


def test_a_recipe_that_was_always_wrong_does_not_hide_what_changed_elsewhere(scratch: Repository) -> None:
    scratch.write("wrong.yaml", RECIPE.replace("unique", "uniqe"))
    scratch.commit()
    scratch.rows("data/open.jsonl", [*OPEN, "하나 더 있습니다"])
    (found,) = told(scratch.run("diff", "--json"))
    assert found["recipe"] == "recipe.yaml"


# -- a comment of a pull request

EVIL = "@everyone <b>x</b> ![img](http://x.example/y.png) </details> #1 `a` | www.x.example \x1b[31m"


def comment(scratch: Repository, *arguments: str) -> str:
    ran = scratch.run("diff", *arguments, "--format", "markdown")
    assert ran.code == 0, ran.err
    return ran.out


def test_nothing_of_a_row_or_a_recipe_acts_in_a_comment(scratch: Repository) -> None:
    scratch.rows("data/open.jsonl", [f"{EVIL} {number}" for number in range(5)])
    edit(scratch, "  open:", f"  {json.dumps(EVIL[:30])}:")
    scratch.commit()
    scratch.run("build", "recipe.yaml", "-q")
    edit(scratch, "min: 5", "min: 99")
    text = comment(scratch, "recipe.yaml")
    assert "everyone" in text and "x&#46;example" in text
    assert not re.search(r"@\w", text) and not re.search(r"#\d", re.sub(r"&#\d+;", "", text))
    assert "![" not in text and "](" not in text and "http:" not in text and "www." not in text and "\x1b" not in text
    assert set(re.findall(r"</?(\w+)", text)) <= {"details", "summary", "code", "br"}
    assert text.count("<details>") == text.count("</details>")


def test_a_comment_begins_with_one_line_that_says_it_all(scratch: Repository) -> None:
    edit(scratch, "min: 5", "min: 12")
    first = comment(scratch, "recipe.yaml").splitlines()[0]
    assert first.startswith("**recipe&#46;yaml**: 1 change; 2 of 5 stages to run; prompts&#58; 5 &#45;&#62; 2 rows")


def test_a_comment_is_never_longer_than_it_may_be(scratch: Repository) -> None:
    steps = "".join(f"  - {{name: step {number} {'long ' * 30}, length: {{min: {number % 5 + 1}}}}}\n" for number in range(400))
    edit(scratch, "  - unique\n", steps + "  - unique\n")
    text = comment(scratch, "recipe.yaml")
    assert 1000 < len(text.encode()) <= 60_000 and "and 340 more" in text
    assert text.count("<details>") == text.count("</details>")


def test_annotations_stand_at_the_lines_that_changed(scratch: Repository) -> None:
    edit(scratch, "license: A", "license: unknown")
    edit(scratch, "min: 5", "min: 12")
    lines = scratch.run("diff", "--format", "github").out.splitlines()
    assert any(line.startswith("::warning file=recipe.yaml,line=7,endLine=7,col=57,") for line in lines)
    notices = [line for line in lines if line.startswith("::notice file=recipe.yaml,line=10,endLine=10,col=19,")]
    assert len(notices) == 1 and "min 5 -> 12" in notices[0]
