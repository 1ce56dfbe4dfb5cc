"""Answers of a teacher in conversations: the last of each, or every one, from the turns as they are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Project
from tests.teacher import Handler, configure, teaching
from tests.test_conversing import TALK, TOOLS

RECIPE = """
format: 1
recipe: test/converse
models: {{teacher: {{id: test/teacher, license: mit, terms: B, endpoint: lab}}}}
sources: {{a: {{file: talks.jsonl, category: daily, license: A, columns: {{messages: messages, tools: tools}}}}}}
tables: {{t: {{from: a, steps: [{first}{{converse: {{model: teacher, max_failures: 1}}}}]}}}}
"""


def asked(project: Project, monkeypatch: pytest.MonkeyPatch, first: str = "", **said: Any) -> tuple[list[Any], list[Any]]:
    """(the requests that a teacher gets, the rows that come of it)."""
    requests: list[Any] = []

    def reply(handler: Handler, request: dict[str, Any], times: int) -> bool:
        requests.append(request)
        message = {"content": f"answer to {request['messages'][-1]['content']}"} | said
        finish = "tool_calls" if "tool_calls" in message else "stop"
        handler.say(200, {"choices": [{"index": 0, "message": message, "finish_reason": finish}]})
        return True

    thinking = [each | ({"reasoning_content": "속생각"} if each["role"] == "assistant" else {}) for each in TALK]
    project.rows("talks.jsonl", [{"messages": thinking, "tools": TOOLS}])
    project.write("recipe.yaml", RECIPE.format(first=first))
    with teaching() as teacher:
        teacher.fault = reply
        configure(project.folder, teacher, monkeypatch)
        return requests, project.table("recipe.yaml")


def test_the_last_answer_is_asked_for_and_takes_the_place_of_the_one_that_is_there(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests, (row,) = asked(project, monkeypatch, reasoning_content="hm")
    (request,) = requests
    assert [each["role"] for each in request["messages"]] == [each["role"] for each in TALK[:-1]]
    assert request["tools"] == TOOLS and "속생각" not in json.dumps(request, ensure_ascii=False)
    (call,) = request["messages"][2]["tool_calls"]
    assert call["function"] == {"name": "weather", "arguments": '{"city": "서울", "days": null}'}
    turns = json.loads(row["messages"])
    assert turns[-1] == {"role": "assistant", "content": "answer to 고마워", "reasoning_content": "hm"}
    assert turns[4]["reasoning_content"] == "속생각" and row["license"] == "B" and row["finish_reason"] == "stop"


def test_openings_have_every_answer_asked_for_and_stay_one_item(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    requests, rows = asked(project, monkeypatch, "{openings: {}}, ")
    assert sorted(len(each["messages"]) for each in requests) == [2, 4, 6]
    assert sorted(len(json.loads(row["messages"])) for row in rows) == [3, 5, 7]
    assert len({bytes(row["item_id"]) for row in rows}) == 1 and len({bytes(row["row_id"]) for row in rows}) == 3


def test_a_reply_that_calls_a_tool_is_a_row_of_the_ledger(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    assert asked(project, monkeypatch, content="", tool_calls=[call])[1] == []
    found = project.run("why", "recipe.yaml", "--match", "고마워", "--store", "store")
    assert "it calls a tool" in found.out


def test_a_plan_shows_no_system_turn_of_a_restricted_row(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = [{"role": "system", "content": "비밀 지시"}, *TALK]
    project.rows("talks.jsonl", [{"messages": talk, "tools": TOOLS}])
    project.write(
        "recipe.yaml",
        RECIPE.format(first="{sample: {rows: 1}}, ").replace("license: A", "license: B").replace(", max_failures: 1", ""),
    )
    with teaching() as teacher:
        configure(project.folder, teacher, monkeypatch)
        teacher.fault = lambda handler, request, times: bool(handler.say(400, {}) or True)
        project.run("build", "recipe.yaml", "--quiet")
        told = project.run("plan", "recipe.yaml")
    assert "the first request of t/converse" in told.out and "비밀" not in told.out
