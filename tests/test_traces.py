"""A recipe with a teacher: what is asked, what is asked again after an edit, and what follows from the type of a trace."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from operators.declared.cot import Cot
from operators.declared.trace import parts_of, shape_of
from tests.conftest import Project
from tests.teacher import TRACES, Teacher, by_request, configure, teaching

SYSTEM = (
    "Think carefully, do not translate the question while solving. Preserve the question in Korean so that you keep all "
    "details without adding noise. After you finish thinking, state your answer in fluent and coherent Korean."
)
PROMPTS = [f"{n}번 문제: {n}에 {n}을 더하면 얼마인가요?" for n in range(10, 30)]


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


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same, built, with 20 requests to another teacher; nobody may change it."""
    made = Project(tmp_path_factory.mktemp("traces"))
    (made.folder / ".recipe").mkdir()
    made.rows("a.jsonl", PROMPTS)
    made.write("recipe.yaml", TRACES)
    with teaching() as teacher, pytest.MonkeyPatch.context() as patch:
        configure(made.folder, teacher, patch)
        made.build()
        assert counts(teacher) == (20, 1)
    return made


@pytest.fixture
def built(whole: Project, teacher: Teacher, tmp_path: Path) -> Project:
    """A copy of it, in which the teacher is asked for what is new."""
    return Project(shutil.copytree(whole.folder, tmp_path / "project", symlinks=True))


def counts(teacher: Teacher) -> tuple[int, int]:
    """(requests that were answered, the most that one was)."""
    return len(teacher.asked), max(teacher.asked.values(), default=0)


def with_changes(**changes: Any) -> str:
    said = yaml.safe_load(TRACES)
    for path, value in changes.items():
        part = said
        *way, last = path.split("__")
        for key in way:
            part = part.setdefault(key, {})
        part[last] = value
    return json.dumps(said, ensure_ascii=False)


def test_every_prompt_is_asked_once_and_becomes_a_trace(traces: Project, teacher: Teacher) -> None:
    rows = traces.table()
    assert counts(teacher) == (20, 1)
    assert sorted(row["prompt"] for row in rows) == sorted(PROMPTS)
    assert all(row["think"] in row["completion"] and row["solution"].startswith("답은") for row in rows)


def test_the_system_prompt_is_that_of_the_paper_to_the_letter(traces: Project, teacher: Teacher) -> None:
    sent: list[Any] = []
    teacher.answer = lambda request: sent.append(request["messages"]) or by_request(request)  # type: ignore[func-returns-value]
    traces.build()
    assert all(messages[0] == {"role": "system", "content": SYSTEM} and len(messages) == 2 for messages in sent)


def test_the_prompt_is_sent_to_the_letter(traces: Project, teacher: Teacher) -> None:
    odd = "  ㅋㅋ 이거 왜 안됨??\n\t<think>|im_start|> \\boxed{} "
    sent: list[Any] = []
    teacher.answer = lambda request: sent.append(request["messages"][-1]["content"]) or by_request(request)  # type: ignore[func-returns-value]
    traces.rows("a.jsonl", [odd])
    traces.build("recipe.yaml", "--allow-empty")
    assert sent == [odd]


@pytest.mark.parametrize(
    "edit",
    [
        {"cot__think": {"language_share": {"of": "target", "min": 0.01, "max": 0.9}}},
        {"traces": [{"repetition": {"max": 0.5}}]},
        {"seed": 99},
        {"mixture": {"take": {"one": 5}}},
        {"sources__a__license": "unknown"},
        {"sources__a__category": "two"},
        {"models__teacher__license": "apache-2.0"},
        {"models__teacher__terms": "B"},
        {"cot__teacher__max_failures": "2%"},
        {"recipe": "test/renamed"},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_an_edit_elsewhere_asks_for_nothing(built: Project, teacher: Teacher, edit: dict[str, Any]) -> None:
    built.write("recipe.yaml", with_changes(**edit))
    built.build()
    assert counts(teacher) == (0, 0)


def test_another_label_makes_no_stage_that_asks_again(built: Project) -> None:
    built.write("recipe.yaml", with_changes(sources__a__license="B"))
    assert "traces/generate" in built.build()["reused"]


def test_another_prompt_asks_for_that_one_alone(built: Project, teacher: Teacher) -> None:
    built.rows("a.jsonl", [*PROMPTS, "새로 온 문제 하나"])
    built.build()
    assert counts(teacher) == (1, 1)


def test_another_temperature_asks_for_all_of_them(built: Project, teacher: Teacher) -> None:
    built.write("recipe.yaml", with_changes(cot__teacher__temperature=0.7))
    built.build()
    assert counts(teacher) == (20, 1)


def test_a_second_recipe_asks_for_what_the_first_did_not(built: Project, teacher: Teacher) -> None:
    built.rows("b.jsonl", PROMPTS[:10] + [f"다른 문제 {n}" for n in range(10)])
    built.write("second.yaml", with_changes(recipe="test/second", sources__a__file="b.jsonl"))
    report = built.build("second.yaml")
    assert counts(teacher) == (10, 1)
    assert report["asked"]["traces/generate"]["memoised"] == 10


def test_a_sample_of_the_recipe_serves_the_whole(traces: Project, teacher: Teacher) -> None:
    report = traces.build("recipe.yaml", "--sample", "5")
    assert report["asked"]["traces/generate"]["needed"] == 5 and counts(teacher) == (5, 1)
    traces.build()
    assert counts(teacher) == (20, 1)


def test_two_samples_are_two_requests_and_two_rows(traces: Project, teacher: Teacher) -> None:
    traces.write("recipe.yaml", with_changes(cot__teacher__samples=2))
    rows = traces.table()
    assert counts(teacher) == (40, 1) and len(rows) == 40
    assert len({row["row_id"] for row in rows}) == 40 and len({row["item_id"] for row in rows}) == 20


def test_more_samples_keep_those_that_are_there(traces: Project, teacher: Teacher) -> None:
    before = {row["row_id"]: row["completion"] for row in traces.table()}
    traces.write("recipe.yaml", with_changes(cot__teacher__samples=3))
    after = {row["row_id"]: row["completion"] for row in traces.table()}
    assert counts(teacher) == (60, 1) and before.items() <= after.items()


def test_options_are_sent_as_lettered_lines(project: Project, teacher: Teacher) -> None:
    sent: list[str] = []
    teacher.answer = lambda request: sent.append(request["messages"][-1]["content"]) or by_request(request)  # type: ignore[func-returns-value]
    project.rows("a.jsonl", [{"prompt": "어느 것인가요?", "o1": "가나", "o2": "다라"}])
    project.write("recipe.yaml", with_changes(sources__a__columns={"prompt": "prompt", "options": ["o1", "o2"]}))
    project.build("recipe.yaml", "--allow-empty")
    assert sent == ["어느 것인가요?\n\nA. 가나\nB. 다라"]


def test_options_that_carry_labels_are_sent_as_they_are(project: Project, teacher: Teacher) -> None:
    sent: list[str] = []
    teacher.answer = lambda request: sent.append(request["messages"][-1]["content"]) or by_request(request)  # type: ignore[func-returns-value]
    own, mixed = {"o1": "① 가나", "o2": "② 다라"}, {"o1": "B) 가나", "o2": "A) 다라"}
    project.rows("a.jsonl", [{"prompt": "어느 것인가요?", **own}, {"prompt": "어느 것일까요?", **mixed}])
    project.write("recipe.yaml", with_changes(sources__a__columns={"prompt": "prompt", "options": ["o1", "o2"]}))
    project.build("recipe.yaml", "--allow-empty")
    assert sorted(sent) == ["어느 것인가요?\n\n① 가나\n② 다라", "어느 것일까요?\n\nA. B) 가나\nB. A) 다라"]


def test_a_row_has_the_licence_of_its_prompt_and_of_its_teacher(traces: Project) -> None:
    traces.write("recipe.yaml", with_changes(models__teacher__terms="google-api"))
    assert {row["license"] for row in traces.table()} == {"unknown"}
    traces.write("recipe.yaml", with_changes(sources__a__license="B"))
    assert {row["license"] for row in traces.table()} == {"B"}


def test_a_teacher_whose_output_must_not_be_used_is_a_mistake_of_the_recipe(traces: Project, teacher: Teacher) -> None:
    traces.write("recipe.yaml", with_changes(models__teacher__terms="C"))
    ran = traces.run("check", "recipe.yaml")
    assert ran.code == 2 and "has class C: it must not be used" in ran.err and counts(teacher) == (0, 0)


def test_plan_tells_what_is_needed_and_prints_the_first_request(traces: Project, teacher: Teacher) -> None:
    traces.build()
    traces.rows("a.jsonl", [*PROMPTS, "새로 온 문제 하나"])
    traces.run("build", "recipe.yaml", "--store", "store", "--target", "prompts")
    told = traces.run("plan", "recipe.yaml", "--store", "store").out
    assert "traces/generate: 21 completions of test/teacher needed, 20 in the store, 1 new: about" in told
    assert SYSTEM in told and "user     " in told
    assert counts(teacher) == (20, 1)


def test_plan_prints_no_prompt_of_a_restricted_row_into_a_file(traces: Project) -> None:
    traces.write("recipe.yaml", with_changes(sources__a__license="B"))
    traces.run("build", "recipe.yaml", "--store", "store", "--target", "prompts")
    told = traces.run("plan", "recipe.yaml", "--store", "store").out
    assert "번 문제" not in told and "licence B" in told
    assert "번 문제" in traces.run("plan", "recipe.yaml", "--store", "store", "--show-restricted").out


def test_a_budget_that_is_too_small_refuses_before_anything_is_sent(traces: Project, teacher: Teacher) -> None:
    traces.write("recipe.yaml", with_changes(cot__teacher__budget={"completions": 10}))
    ran = traces.run("build", "recipe.yaml", "--store", "store")
    assert ran.code == 1 and "needs 20 completions and the budget of `traces/generate` is 10" in ran.err
    assert counts(teacher) == (0, 0)


def test_a_cost_is_told_by_prices_and_earlier_completions(traces: Project, teacher: Teacher, monkeypatch: Any) -> None:
    configure(traces.folder, teacher, monkeypatch, prices={"input": 1000000, "output": 0})
    traces.run("build", "recipe.yaml", "--store", "store", "--sample", "5")
    traces.run("build", "recipe.yaml", "--store", "store", "--target", "prompts")
    assert "15 new: about" in (told := traces.run("plan", "recipe.yaml", "--store", "store").out) and "cost " in told


def test_exported_completions_serve_another_store(traces: Project, teacher: Teacher) -> None:
    digest = traces.digest()
    assert traces.run("store", "completions", "export", "all.parquet", "--store", "store").code == 0
    assert "imported 20" in traces.run("store", "completions", "import", "all.parquet", "--store", "other").out
    assert traces.digest(store="other") == digest and counts(teacher) == (20, 1)


def test_a_changed_line_of_an_export_is_not_imported(traces: Project) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    traces.build()
    traces.run("store", "completions", "export", "all.parquet", "--store", "store")
    rows = pq.read_table(traces.folder / "all.parquet")
    told = rows.to_pylist()
    told[3]["text"] += "!"
    pq.write_table(pa.Table.from_pylist(told, schema=rows.schema), traces.folder / "all.parquet")
    ran = traces.run("store", "completions", "import", "all.parquet", "--store", "other")
    assert ran.code == 1 and "is not what was exported" in ran.err


def test_a_pinned_stage_is_never_another_silently(traces: Project, teacher: Teacher) -> None:
    traces.run("lock", "recipe.yaml", "--store", "store", "-q")
    teacher.answer = lambda request: "<think>a 그 b c d e f g h i j k l m n</think> 다른 답"
    ran = traces.run("build", "recipe.yaml", "--store", "other", "-q")
    assert ran.code == 1 and "the lock pins `traces/generate`" in ran.err and "--remake traces/generate" in ran.err
    assert counts(teacher) == (20, 1)
    assert traces.run("build", "recipe.yaml", "--store", "other", "-q", "--remake", "traces/generate").code == 0


def test_verify_makes_everything_again_but_asks_for_nothing(traces: Project, teacher: Teacher) -> None:
    traces.build()
    ran = traces.run("verify", "recipe.yaml", "--store", "store", "-q")
    assert ran.code == 0 and counts(teacher) == (20, 1)


def test_a_damaged_completion_is_found_and_asked_for_again(traces: Project, teacher: Teacher) -> None:
    import sqlite3

    traces.build()
    path = traces.folder / "store/memos/v1/completions/completions.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE completions SET body = substr(body, 1, 20) WHERE rowid = 3")
    connection.close()
    ran = traces.run("store", "verify", "--mend", "--store", "store")
    assert "1 completions are damaged" in ran.out
    traces.write("recipe.yaml", with_changes(cot__teacher__samples=2))
    traces.build()
    assert sum(teacher.asked.values()) == 41


def test_recorded_completions_are_matched_by_prompt_and_misses_are_told(project: Project) -> None:
    project.rows("a.jsonl", PROMPTS[:3])
    done = [{"prompt": PROMPTS[at], "think": f"so {PROMPTS[at][:3]} is easy to add up", "solution": "답은 이것"} for at in (0, 2)]
    project.rows("done.jsonl", done)
    said = {"file": "done.jsonl", "category": "traces", "license": "B", "columns": dict.fromkeys(("prompt", "think", "solution"))}
    said["columns"] = {name: name for name in ("prompt", "think", "solution")}
    project.write("recipe.yaml", with_changes(sources__done=said, cot__teacher__recorded="done", cot__think={"blocks": 1}))
    report = project.build()
    (table,) = [each for each in report["funnel"] if each["table"] == "traces"]
    assert table["steps"][0] == {"step": "generate", "dropped": {"a": 1}}
    assert {row["license"] for row in project.table()} <= {"B"}
    assert (
        "no recorded completion of this prompt"
        in project.run("why", "recipe.yaml", "--store", "store", "--match", PROMPTS[1]).out
    )


def test_why_tells_a_completion_from_its_source_on(traces: Project) -> None:
    rows = traces.table()
    told = traces.run("why", "recipe.yaml", "--store", "store", rows[0]["row_id"].hex()[:16]).out
    assert "a: read" in told and "born of" in told and "think_share passed" in told and "in the output" in told


def test_the_rows_of_a_teacher_are_foreseen_by_number(traces: Project) -> None:
    traces.build()
    ran = traces.run("diff", "recipe.yaml", "--store", "store", "--set", "cot.teacher.temperature=0.9")
    assert "20 new completions" in ran.out and "20 -> 0 to 20 rows" in ran.out


def test_a_translation_keeps_ids_and_is_checked(project: Project, teacher: Teacher) -> None:
    def translate(request: dict[str, Any]) -> str:
        text = request["messages"][-1]["content"]
        return "수 12에 3을 더하면?" if "12" in text else "이것은 번역입니다 그렇습니다"

    teacher.answer = translate
    project.rows("a.jsonl", ["What is 12 plus 3?", "What is 45 plus 6?", "Say something nice to me"])
    said = yaml.safe_load(TRACES)
    del said["cot"]
    said["sources"]["a"]["translate"] = {"model": "teacher", "max_tokens": 50}
    project.write("recipe.yaml", json.dumps(said))
    rows = project.table()
    assert sorted(row["prompt"] for row in rows) == ["수 12에 3을 더하면?", "이것은 번역입니다 그렇습니다"]
    told = project.run("why", "recipe.yaml", "--store", "store", "--match", "45 plus").out
    assert "DROPPED by translate: 2 of 2 numbers lost" in told


def test_agreement_sampling_is_a_judge_and_a_condition(project: Project, teacher: Teacher) -> None:
    def answer(request: dict[str, Any]) -> str:
        text = request["messages"][-1]["content"]
        if text.startswith("Does"):
            return "<think>no, wait</think> yes" if "4" in text.partition("agree")[0] else "No."
        return f"<think>let me see 그리고 more english words here</think> 답은 {request['seed'] % 2 + 4}"

    teacher.answer = answer
    project.rows("a.jsonl", [{"prompt": prompt, "known": "4"} for prompt in PROMPTS[:6]])
    ask = "Does {solution} agree with {known}? yes or no"
    judged = [
        {"judge": {"model": "teacher", "question": ask, "max_tokens": 8, "as": "agrees"}},
        {"name": "agree", "where": "agrees = 1"},
    ]
    columns = {"prompt": "prompt", "known": "known"}
    think = {"language_share": {"of": "target", "min": 0, "max": 1}}
    project.write(
        "recipe.yaml",
        with_changes(traces=judged, sources__a__columns=columns, cot__teacher__samples=4, cot__think=think),
    )
    rows = project.table()
    assert rows and all("4" in row["solution"] for row in rows)


def test_hint_based_refinement_owes_a_leak(project: Project, teacher: Teacher) -> None:
    project.rows("a.jsonl", [{"prompt": PROMPTS[0], "known": "답은 영"}])
    columns = {"prompt": "prompt", "known": "known"}
    project.write("before.yaml", with_changes(sources__a__columns=columns))
    project.write("recipe.yaml", with_changes(sources__a__columns=columns, cot__teacher__hint="known"))
    told = project.run("diff", "before.yaml", "recipe.yaml").out
    assert "new" in told and "the answer leaks into what is trained on" in told
    sent: list[str] = []
    teacher.answer = lambda request: sent.append(request["messages"][-1]["content"]) or by_request(request)  # type: ignore[func-returns-value]
    project.build("recipe.yaml", "--allow-empty")
    assert sent == [f"답은 영\n\n{PROMPTS[0]}"]


@pytest.mark.parametrize(
    ("edit", "labels"),
    [
        ({}, {"of": "target", "min": 0.05, "max": 0.2}),
        ({"schema": "monolingual", "language": "anchor"}, {"of": "anchor", "min": 0.5, "max": None}),
        ({"schema": "monolingual"}, {"of": "target", "min": 0.5, "max": None}),
        ({"schema": "short"}, None),
    ],
    ids=["language_mixed", "en only", "ko only", "short"],
)
def test_each_schema_has_its_own_filter_and_prompt(edit: dict[str, Any], labels: dict[str, Any] | None) -> None:
    cot = Cot.model_validate({"teacher": {"model": "teacher"}, **edit})
    steps = {each.label: each.operator for each in cot.steps()}
    share = steps.get("think_share")
    found = share and {"of": share.of, "min": share.min, "max": share.max}  # type: ignore[attr-defined]
    assert (found and {k: None if v is None else v if k == "of" else float(v) for k, v in found.items()}) == labels
    assert cot.generate().system == {"language_mixed": "system"}.get(cot.schema_, cot.schema_)


@pytest.mark.parametrize(
    "variant",
    [
        ["language.anchor=ru"],
        ["language.anchor=zh"],
        ["cot.schema=monolingual"],
        ["cot.schema=monolingual", "cot.language=anchor"],
        ["cot.schema=short"],
        ["models.teacher.id=Qwen/Qwen3-4B"],
    ],
    ids=lambda variant: " ".join(variant),
)
def test_another_teacher_or_language_to_think_in_is_an_edit_of_models_or_cot_alone(traces: Project, variant: list[str]) -> None:
    settings = [part for each in variant for part in ("--set", each)]
    assert traces.run("check", "recipe.yaml", *settings).code == 0


def test_a_kind_of_span_has_a_language_of_its_own(traces: Project, teacher: Teacher) -> None:
    def quoting(request: dict[str, Any]) -> str:
        quoted = "물과 불" if "1" in request["messages"][-1]["content"][:1] else "water and fire"
        return f"<think>\nso the question says “{quoted}” and I go on in plain english 그렇다 here\n</think>\n\n답은 이것"

    teacher.answer = quoting
    span = {"open": "“", "close": "”", "language_share": {"of": "target", "min": 0.5}}
    traces.write("recipe.yaml", with_changes(cot__spans={"quotation": span}))
    assert {row["quotation"] for row in traces.table()} == {"물과 불"}


def test_the_mask_covers_every_character_once_and_leaves_out_what_a_tool_said() -> None:
    cot = Cot.model_validate({"teacher": {"model": "teacher"}, "spans": {"note": {"open": "[[", "close": "]]", "loss": False}}})
    text = "<think>a <tool_call>f()</tool_call><tool_output>7</tool_output> [[x]] b</think>\n\n답 ```code``` 끝"
    parts = parts_of(shape_of(cot), text)
    assert [part.start for part in parts] == [0, *(part.end for part in parts[:-1])] and parts[-1].end == len(text)
    assert [text[part.start : part.end] for part in parts if not part.loss] == ["<tool_output>7</tool_output>", "[[x]]"]


def test_explain_cot_tells_prompt_parse_filters_mask_and_answer(traces: Project) -> None:
    traces.write("recipe.yaml", with_changes(cot__solution={"language": "target", "answer": "boxed"}))
    traces.build()
    told = traces.run("explain", "recipe.yaml", "cot", "--store", "store").out
    for part in (SYSTEM, "+ think", "+ solution", "think_share: passed", "first_boxed: "):
        assert part in told


def test_the_general_form_of_a_cot_is_the_same_graph(traces: Project) -> None:
    digest = traces.digest()
    ran = traces.run("show", "recipe.yaml", "--lowered")
    traces.write("lowered.yaml", ran.out)
    assert traces.digest("lowered.yaml") == digest


def test_a_model_nobody_runs_is_told_with_what_to_do(traces: Project) -> None:
    traces.write("recipe.yaml", with_changes(models__teacher={"id": "some/model", "license": "mit", "terms": "mit"}))
    ran = traces.run("build", "recipe.yaml", "--store", "store")
    assert ran.code == 1 and "nothing here runs the model `some/model`" in ran.err and "docs/models.md" in ran.err


def test_mistakes_in_models_and_cot_are_told_where_they_stand(traces: Project) -> None:
    traces.write("recipe.yaml", with_changes(models__teacher__terms="gpl", cot__teacher__model="techer"))
    ran = traces.run("check", "recipe.yaml")
    assert ran.code == 2 and "`gpl` is neither a class" in ran.err and "recipe.yaml:1:" in ran.err


def test_why_tells_of_a_request_that_failed_though_its_stage_has_no_record(traces: Project, teacher: Teacher) -> None:
    def fault(handler: Any, request: dict[str, Any], times: int) -> bool:
        if PROMPTS[3] in request["messages"][-1]["content"]:
            handler.say(500, {})
            return True
        return False

    teacher.fault = fault
    assert traces.run("build", "recipe.yaml", "--store", "store").code == 1
    told = traces.run("why", "recipe.yaml", "--store", "store", "--match", PROMPTS[3]).out
    assert "traces/generate: asked, failed: HTTP 500 x5 (the next build asks again)" in told
    assert "failed" not in traces.run("why", "recipe.yaml", "--store", "store", "--match", PROMPTS[4]).out


def test_a_chain_of_steps_that_ask_is_planned_at_once(traces: Project) -> None:
    """Each of them is read twice, by its own columns and by its rows: working all of it out anew would double every time."""
    ask = {"model": "teacher", "question": "{solution}? yes or no", "max_tokens": 8}
    steps = [{"name": f"judge {at}", "judge": {**ask, "as": f"v{at}"}} for at in range(24)]
    traces.write("recipe.yaml", with_changes(traces=steps))
    ran = traces.run("plan", "recipe.yaml", "--store", "store")
    assert ran.code == 0 and ran.out.count("pending") > 48


def test_a_measure_under_traces_looks_at_the_completion(traces: Project, teacher: Teacher) -> None:
    teacher.answer = lambda request: "<think>a b c d 그 e f g h i j</think> 답은 " + "같은 말 " * 40
    traces.write("recipe.yaml", with_changes(traces=[{"repetition": {"phrase": 5, "max": 0.2}}]))
    (table,) = [each for each in traces.build("recipe.yaml", "--allow-empty")["funnel"] if each["table"] == "traces"]
    assert {step["step"]: step["dropped"].get("a") for step in table["steps"]}["repetition"] == 20


def test_a_plan_of_a_preview_needs_no_store(traces: Project) -> None:
    ran = traces.run("plan", "recipe.yaml", "--store", "store", "--sample", "5")
    assert ran.code == 0 and "how many completions of test/teacher are needed is not known yet" in ran.out


def test_a_stage_to_remake_that_does_not_exist_is_told(traces: Project) -> None:
    ran = traces.run("build", "recipe.yaml", "--store", "store", "--remake", "nope")
    assert ran.code == 1 and "there is no stage `nope`" in ran.err


def test_a_wrong_teacher_is_one_mistake(traces: Project) -> None:
    traces.write("recipe.yaml", with_changes(cot__teacher__model="techer"))
    ran = traces.run("check", "recipe.yaml")
    assert ran.err.count("error:") == 1 and "did you mean `teacher`?" in ran.err


def test_options_beyond_the_letters_are_sent_too() -> None:
    from operators.asks.generate import Generate

    row = {"prompt": "어느 것?", "options": [str(n) for n in range(30)]}
    ((_, sent),) = Generate(model="teacher").messages(row, {}) or ()
    assert sent.splitlines()[2:4] == ["A. 0", "B. 1"] and sent.splitlines()[-1] == "30. 29"
