"""The language that is reasoned in: in what a teacher is asked, in what is kept, and in the key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from operators.declared.cot import Cot
from tests.conftest import ROOT, Project
from tests.teacher import TRACES, Teacher, configure, teaching

PROMPTS = [f"{n}번 문제: {n}에 {n}을 더하면 얼마인가요?" for n in range(10, 16)]
KO = yaml.safe_load((ROOT / "recipes/languages/ko.yaml").read_text("utf-8"))
THINKING = {
    "en": "Let me add these numbers: the question says 문제 and asks for the sum, which I check twice 그리고",
    "ru": "Складываю числа из вопроса: там сказано 문제 и нужна сумма, которую проверяю дважды 그리고",
    "zh": "把题目里的数字加起来题目写的是문제我再检查一遍结果确认总和是正确的然后给出最后的答案그",
}


@pytest.fixture
def teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Teacher]:
    with teaching() as running:
        configure(tmp_path, running, monkeypatch)
        yield running


@pytest.fixture
def traces(project: Project, teacher: Teacher) -> Project:
    project.rows("a.jsonl", PROMPTS)
    project.write("recipe.yaml", TRACES)
    return project


def thinking(code: str) -> Any:
    """A teacher that always thinks in one language."""
    return lambda request: f"<think>\n{THINKING[code]}\n</think>\n\n답은 다음과 같습니다"


@pytest.mark.parametrize("code", ["en", "ru", "zh"])
def test_the_prompt_of_the_anchor_is_what_is_sent(traces: Project, teacher: Teacher, code: str) -> None:
    sent: list[str] = []
    teacher.answer = lambda request: sent.append(request["messages"][0]["content"]) or thinking(code)(request)  # type: ignore[func-returns-value]
    traces.build("recipe.yaml", "--set", f"language.anchor={code}")
    assert set(sent) == {KO["prompts"]["system"][code]}


@pytest.mark.parametrize("code", ["ru", "zh"])
def test_another_anchor_asks_again_and_the_same_one_does_not(traces: Project, teacher: Teacher, code: str) -> None:
    traces.build()
    traces.build("recipe.yaml", "--set", "language.anchor=en")
    assert sum(teacher.asked.values()) == len(PROMPTS)
    traces.build("recipe.yaml", "--set", f"language.anchor={code}")
    assert sum(teacher.asked.values()) == 2 * len(PROMPTS) and max(teacher.asked.values()) == 1


@pytest.mark.parametrize("anchor", ["ru", "zh"])
@pytest.mark.parametrize("spoken", ["en", "ru", "zh"])
def test_thinking_in_another_language_than_the_anchor_is_dropped(
    traces: Project, teacher: Teacher, anchor: str, spoken: str
) -> None:
    teacher.answer = thinking(spoken)
    rows = traces.table("recipe.yaml", "--set", f"language.anchor={anchor}")
    assert len(rows) == (len(PROMPTS) if anchor == spoken else 0)


def test_the_rule_of_the_paper_for_its_own_anchor_is_the_share_of_the_target_alone() -> None:
    cot = Cot.model_validate({"teacher": {"model": "t"}})
    labels = {code: [each.label for each in cot.steps(code)] for code in (None, "en", "ru")}
    assert labels[None] == labels["en"] and set(labels["ru"]) - set(labels["en"]) == {"anchor_share"}


def test_the_share_of_the_anchor_can_be_said(traces: Project, teacher: Teacher) -> None:
    teacher.answer = thinking("zh")
    said = ("--set", "cot.think.anchor_share.min=0.5", "--set", "cot.think.anchor_share.count=letters")
    assert len(traces.table()) == len(PROMPTS) and traces.table("recipe.yaml", *said) == []


@pytest.mark.parametrize(
    ("changes", "line", "told"),
    [
        (("anchor: ru", "anchor: vi"), "recipe.yaml:4:32", "has no prompt to reason in `vi`"),
        ((", anchor: ru", ""), "recipe.yaml:11:1", "the recipe names no anchor"),
    ],
)
def test_an_anchor_without_a_prompt_is_told_at_its_place(traces: Project, changes: tuple[str, str], line: str, told: str) -> None:
    traces.write("recipe.yaml", TRACES.replace("anchor: en", "anchor: ru").replace(*changes))
    ran = traces.run("check", "recipe.yaml")
    assert ran.code == 2 and told in ran.err and f"--> {line}" in ran.err and ran.err.count("error:") == 1


def test_a_profile_beside_the_recipe_is_the_file_to_write_into(traces: Project) -> None:
    profile = {**KO, "prompts": {**KO["prompts"], "system": {"en": "Think."}}}
    traces.write("languages/ko.yaml", json.dumps(profile, ensure_ascii=False))
    ran = traces.run("check", "recipe.yaml", "--set", "language.anchor=ru")
    assert "is there for `en`" in ran.err and "add `prompts: {system: {ru: ...}}` to languages/ko.yaml" in ran.err


def test_a_prompt_of_an_anchor_may_stand_in_a_file(traces: Project, teacher: Teacher) -> None:
    profile = {**KO, "prompts": {**KO["prompts"], "system": {"vi": {"file": "vi.txt"}}}}
    traces.write("languages/ko.yaml", json.dumps(profile, ensure_ascii=False))
    traces.write("languages/vi.txt", "Hãy suy nghĩ kỹ.\n")
    sent: list[str] = []
    teacher.answer = lambda request: sent.append(request["messages"][0]["content"]) or thinking("en")(request)  # type: ignore[func-returns-value]
    traces.build("recipe.yaml", "--set", "language.anchor=vi")
    assert set(sent) == {"Hãy suy nghĩ kỹ."}


@pytest.mark.parametrize("said", ["Think.", {"file": "system.txt"}, {"Russian": "Think."}])
def test_a_prompt_that_names_no_anchor_is_a_mistake_of_the_profile(traces: Project, said: Any) -> None:
    profile = {**KO, "prompts": {**KO["prompts"], "system": said}}
    traces.write("languages/ko.yaml", json.dumps(profile, ensure_ascii=False))
    ran = traces.run("check", "recipe.yaml")
    assert ran.code == 2 and "languages/ko.yaml:1:" in ran.err and "by the anchor that it reasons in" in ran.err


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (("schema=short", "teacher.reasoning=true"), "`reasoning: true` has the model think"),
        (("schema=short", "think.language_share.min=0.1"), "has no thinking here"),
        (("schema=short", "think.anchor_share.min=0.1"), "has no thinking here"),
        (("schema=short", "language=en"), "a `short` one does not think"),
        (("schema=language_mixed", "language=en"), "thinks in the anchor"),
        (("schema=short", "teacher.reasoning=false"), ""),
        (("schema=monolingual", "language=anchor", "teacher.reasoning=true"), ""),
    ],
)
def test_what_a_schema_has_no_room_for_is_a_mistake(traces: Project, settings: tuple[str, ...], told: str) -> None:
    ran = traces.run("check", "recipe.yaml", *(part for each in settings for part in ("--set", f"cot.{each}")))
    assert (ran.code, told in ran.err) == (2 if told else 0, True), ran.err
