"""What `recipe sources` proposes for a file, and shows of a recipe's sources."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from operators.declared.source import Source
from runtime.sources.propose import propose
from tests.conftest import Project
from tests.packing import zipped

ITEMS = [("A", 0), ("C", 2), ("B", 1), ("D", 3)]


TOLD = [{"t": f"보기 {place}", "k": label} for place, label in enumerate("ABCD")]


def items(*keys: str, of: Any) -> list[dict[str, Any]]:
    """Items with options, each with its answer as `of` writes it."""
    four = [f"보기 {place}" for place in range(4)]
    return [{"question": f"{at}?", **of(four, *each), "year": 2020} for at, each in enumerate(ITEMS)]


LETTERED = items(of=lambda four, letter, at: {"r": letter})


@pytest.mark.parametrize(
    ("rows", "options", "gold"),
    [
        (items(of=lambda four, letter, at: {"choices": four, "answer": four[at]}), "choices", {"text": "answer"}),
        (items(of=lambda four, letter, at: {"choices": four, "label": at}), "choices", {"index": "label"}),
        (items(of=lambda four, letter, at: {"choices": str(four), "cop": at + 1}), "choices", {"number": "cop"}),
        (
            items(of=lambda four, letter, at: dict(zip("abcd", four, strict=True)) | {"answer": letter.lower()}),
            ["a", "b", "c", "d"],
            {"letter": "answer"},
        ),
        (
            [{"question": each["question"], "q": {"opts": TOLD}, "r": [each["r"]]} for each in LETTERED],
            {"field": "q", "path": ["opts"], "text": "t", "label": "k"},
            {"letter": "r"},
        ),
    ],
)  # fmt: skip
def test_options_and_the_right_one_are_found_in_the_form_they_have(rows: list[dict[str, Any]], options: Any, gold: Any) -> None:
    made = propose(rows)
    assert made.columns == {"prompt": "question", "options": options, "gold": gold}
    assert len(made.reasons) == 3
    Source.model_validate({"file": "x.jsonl", "category": "x", "license": "A", "columns": made.columns})


def test_a_proposal_is_a_source_that_checks_and_builds(project: Project) -> None:
    tasks = [[{"question": f"{at} {n}?", "note": "x"} for n in range(3)] for at in range(4)]
    papers = {str(at): {"year": 2020 + at, "tasks": each} for at, each in enumerate(tasks)}
    project.write("papers.json", json.dumps(papers))
    said = yaml.safe_load(project.run("sources", "papers.json").out)
    assert said["sources"]["NAME"]["records"] == "{id}.tasks[]"
    said["sources"]["NAME"] |= {"category": "exams", "license": "A"}
    project.write("recipe.yaml", json.dumps({"format": 1, "recipe": "test/pasted", "prompts": ["unique"], **said}))
    assert "12 rows" in project.run("build", "recipe.yaml", "--quiet").out


def test_text_of_a_restricted_row_is_hidden(project: Project) -> None:
    project.rows("a.jsonl", [{"prompt": "비밀", "lic": "A"}])
    for license, shown in (("A", True), ("B", False), ("unknown", False), ({"column": "lic", "map": {"A": "B"}}, False)):
        source = {"file": "a.jsonl", "category": "x", "license": license}
        said = {"format": 1, "recipe": "test/shown", "prompts": ["unique"], "sources": {"a": source}}
        project.write("recipe.yaml", json.dumps(said))
        for more in ((), ("--json",)):
            done = project.run("sources", "recipe.yaml", *more)
            assert (done.code, "비밀" in done.out) == (0, shown)
        assert "비밀" in project.run("sources", "recipe.yaml", "--show-restricted").out


def test_an_archive_is_proposed_with_the_members_that_hold_rows(project: Project) -> None:
    zipped(project.folder / "x.zip", ("README.md", "no rows", 0), ("in/a.jsonl", '{"question": "왜?"}', 0))
    said = yaml.safe_load(project.run("sources", "x.zip").out)["sources"]["NAME"]
    assert (said["file"], said["members"], said["columns"]) == ("x.zip", "**/*.jsonl", {"prompt": "question"})
    zipped(project.folder / "y.zip", ("README.md", "no rows", 0))
    assert "none of its members" in project.run("sources", "y.zip").err


def test_a_file_without_text_has_no_proposal(project: Project) -> None:
    project.write("a.jsonl", '{"n": 1}\n')
    done = project.run("sources", "a.jsonl")
    assert done.code == 2 and "none of its columns holds text" in done.err


def test_names_of_columns_break_out_of_no_comment(project: Project) -> None:
    project.rows("a.jsonl", [{"question": "왜?", "x\nsources: {}": 1}])
    told = project.run("sources", "a.jsonl").out
    assert all(line.startswith("#") or line.startswith((" ", "sources:")) for line in told.splitlines())
    assert list(yaml.safe_load(told)["sources"]) == ["NAME"]


def test_a_question_comes_before_its_number() -> None:
    assert propose([{"question_id": f"q{at}", "question": f"{at}?"} for at in range(3)]).columns == {"prompt": "question"}


SHAREGPT = {"field": "m", "form": "sharegpt"}


@pytest.mark.parametrize(("who", "what", "said"), [("role", "content", "m"), ("from", "value", SHAREGPT)])
def test_turns_are_a_conversation_and_no_options(who: str, what: str, said: Any) -> None:
    turns = [{who: "user", what: "물은?"}, {who: "assistant", what: "끓어요"}]
    rows = [{"id": f"t{at}", "m": turns, "tools": [{"name": "f"}], "match": at % 2} for at in range(4)]
    assert propose(rows).columns == {"messages": said, "tools": "tools"}


def test_a_first_line_that_is_a_text_names_no_column(project: Project) -> None:
    project.write("a.csv", "".join(f"{'물은 왜 끓나요 ' * 9}{at}?,{at}\n" for at in range(5)))
    said = yaml.safe_load(project.run("sources", "a.csv").out)["sources"]["NAME"]
    assert said["header"] is False and said["columns"] == {"prompt": "0"}


def test_of_a_workbook_with_several_sheets_the_first_is_proposed(project: Project) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet("two")):
        for row in (["question"], ["물은 왜 끓나요?"], ["why?"]):
            sheet.append(row)
    book.save(project.folder / "a.xlsx")
    said = yaml.safe_load(project.run("sources", "a.xlsx").out)["sources"]["NAME"]
    assert said["sheet"] == "Sheet" and said["columns"] == {"prompt": "question"}


def test_labels_that_are_called_otherwise_name_the_right_option() -> None:
    answers = [{"marker": label, "text": f"{1600 + at}"} for at, label in enumerate("АБВГ")]
    rows = [{"question": f"{at}?", "answers": answers, "correct": label} for at, label in enumerate("АБВГ")]
    options = {"field": "answers", "label": "marker"}
    assert propose(rows).columns == {"prompt": "question", "options": options, "gold": {"letter": "correct"}}


def test_of_numbers_no_number_is_the_right_one() -> None:
    rows = [{"text": f"{at}?", "usage": [17, 25, 3], "attempts": at % 2} for at in range(4)]
    assert propose(rows).columns == {"prompt": "text"}


def test_a_text_beside_other_files_of_an_archive_is_not_its_rows(project: Project) -> None:
    zipped(project.folder / "a.zip", ("README.txt", "no rows", 0), ("b.jsonl", '{"question": "q?"}', 0))
    assert yaml.safe_load(project.run("sources", "a.zip").out)["sources"]["NAME"]["members"] == "**/*.jsonl"
