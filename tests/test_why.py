"""`recipe why`: what it finds, how much of it, and what it keeps to itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Project

LONG = "가나다라 " * 100
RECIPE = """
format: 1
recipe: test/why
language: {target: ko, anchor: en}
sources:
  q: {file: q.jsonl, category: c, license: A, on_bad_row: quarantine, columns: {prompt: prompt}}
  w: {file: w.jsonl, category: c, license: A, columns: {prompt: prompt, think: think, solution: solution}}
models: {t: {id: x/t, license: mit, terms: mit}}
prompts: []
cot:
  teacher: {model: t, recorded: w, samples: 3, system: none}
  think: {language_share: {of: target, min: 0, max: 1}}
"""


@pytest.fixture
def traces(project: Project) -> Project:
    rows = [
        {"prompt": f"물음 {n}", "think": f"thinking {n}", "solution": f"답은 {n}번 {k}째입니다"}
        for n in range(4)
        for k in range(3)
    ]
    project.rows("w.jsonl", [*rows, {"prompt": "아무도 묻지 않는다", "think": "x", "solution": "외톨이"}])
    project.rows("q.jsonl", [f"물음 {n}" for n in range(4)])
    with (project.folder / "q.jsonl").open("a") as file:
        file.writelines(f'{{"prompt": "{LONG} 끝말 {n}\n' for n in range(7))
    project.write("recipe.yaml", RECIPE)
    project.build()
    return project


def why(project: Project, *said: str) -> dict[str, Any]:
    ran = project.run("why", "recipe.yaml", "--store", "store", *said, "--json")
    assert ran.code == 0, ran.err
    return dict(ran.json)


def test_a_completion_is_found_by_what_it_alone_holds_and_leads_back_to_its_prompt(traces: Project) -> None:
    (row,) = why(traces, "--match", "답은 2번 1째입니다", "--limit", "1")["rows"]
    assert row["cells"]["solution"] == "답은 2번 1째입니다" and row["cells"]["prompt"] == "물음 2"
    assert [event["fate"] for event in row["events"]][:2] == ["read", "born"]
    (prompt,) = why(traces, row["events"][1]["copy_of"])["rows"]
    assert row["row_id"] in [each["row_id"] for each in prompt["bore"]]


def test_a_prompt_goes_on_to_each_of_its_completions_within_the_limit(traces: Project) -> None:
    (row,) = why(traces, "--match", "물음 3", "--limit", "3")["rows"][:1]
    assert {each["cells"]["solution"] for each in row["bore"]} == {f"답은 3번 {k}째입니다" for k in range(3)}
    assert all(each["events"][0]["fate"] == "born" and each["events"][-1]["fate"] == "in the output" for each in row["bore"])
    (row,) = why(traces, "--match", "물음 3", "--limit", "1")["rows"]
    assert len(row["bore"]) == 1 and row["bore_more"] == 2


def test_a_recorded_row_that_nobody_asked_for_is_found_too(traces: Project) -> None:
    (row,) = why(traces, "--match", "외톨이")["rows"]
    assert [event["fate"] for event in row["events"]] == ["read"]


@pytest.mark.parametrize("limit", [1, 3, 7, 20])
def test_rows_that_could_not_be_read_are_found_whole_and_within_the_limit(traces: Project, limit: int) -> None:
    told = why(traces, "--match", "끝말", "--limit", str(limit))
    assert len(told["quarantined"]) == min(limit, 7) and told["quarantined_more"] == max(0, 7 - limit)
    assert all(len(each["raw"]) > 500 for each in told["quarantined"])
    assert why(traces, "--match", "끝말 6")["quarantined"][0]["line"] == 11


def test_an_element_of_an_array_is_found_by_its_own_text_alone(project: Project) -> None:
    project.write("q.json", '[{"prompt": "하나", "n": "x"}, {"prompt": "' + LONG + '", "n": "y"}, {"prompt": "셋", "n": 3}]')
    project.write(
        "recipe.yaml",
        """
format: 1
recipe: test/why
language: {target: ko}
sources:
  q: {file: q.json, category: c, license: A, on_bad_row: quarantine, columns: {prompt: prompt, n: {field: n, as: integer}}}
prompts: []
""",
    )
    project.build()
    told = why(project, "--match", "하나")["quarantined"]
    assert [each["raw"] for each in told] == ['{"prompt": "하나", "n": "x"}']


def test_restricted_text_stays_hidden_of_found_born_and_unreadable_rows(traces: Project) -> None:
    traces.write("recipe.yaml", RECIPE.replace("license: A", "license: B"))
    traces.build()
    for said in (("--match", "물음 3"), ("--match", "답은 2번 1째"), ("--match", "끝말")):
        told = traces.run("why", "recipe.yaml", "--store", "store", *said)
        assert told.code == 0 and not any(word in told.out for word in ("물음", "답은", "가나다라", "thinking"))
        shown = traces.run("why", "recipe.yaml", "--store", "store", *said, "--json").out
        assert not any(word in shown for word in ("물음", "답은", "가나다라", "thinking"))
