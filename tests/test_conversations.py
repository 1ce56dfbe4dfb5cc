"""Conversations: what is the same is one cell, what is wrong is told by turn, and what is looked at is what was said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.conversations.canonical import Wrong, opening_of, without_padding, written
from operators.conversations.checked import ROLES, check_tools
from operators.conversations.forms import read_conversation
from operators.conversations.looks import LOOKS, look_at
from operators.conversations.strings import strings_of, with_strings
from operators.declared.source import Source
from runtime.sources.readers.files import open_bytes
from runtime.sources.readers.read import read_batches
from tests.conftest import Project

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
ARGUMENTS = st.dictionaries(TEXT, JSON, max_size=3)


@st.composite
def conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Turns in order, some with thinking, calls and their results."""
    turns: list[dict[str, Any]] = [{"role": "system", "content": draw(TEXT)}] if draw(st.booleans()) else []
    for number in range(draw(st.integers(1, 3))):
        turns.append({"role": "user", "content": draw(TEXT)})
        if draw(st.booleans()):
            call = {"name": f"f{number}", "arguments": draw(ARGUMENTS)}
            turns.append({"role": "assistant", "tool_calls": [{"id": f"c{number}", "type": "function", "function": call}]})
            turns.append({"role": "tool", "content": draw(TEXT), "tool_call_id": f"c{number}"})
        turns.append({"role": "assistant", "content": draw(TEXT)})
    return turns


def shuffled(value: dict[str, Any], draw: Any) -> dict[str, Any]:
    return dict(draw(st.permutations(list(value.items()))))


@given(conversations(), st.data())
@settings(max_examples=60, deadline=None)
def test_one_conversation_however_it_is_written_is_one_cell(turns: list[dict[str, Any]], data: st.DataObject) -> None:
    """Keys of turns in any order, null or absent, arguments as an object or its text, white space and escapes."""
    cell = read_conversation(turns, "openai")
    other: list[dict[str, Any]] = []
    for turn in turns:
        said = shuffled({"content": None, "name": None, "refusal": None} | turn, data.draw)
        if "tool_calls" in said:
            called = said["tool_calls"][0]["function"]
            text = json.dumps(called["arguments"], indent=data.draw(st.sampled_from([None, 2])))
            said["tool_calls"] = [{"function": {"arguments": text, "name": called["name"]}, "id": said["tool_calls"][0]["id"]}]
        other.append(said)
    assert read_conversation(json.dumps(other, indent=1), "openai") == cell
    assert read_conversation(cell, "openai") == cell


@given(conversations())
@settings(max_examples=60, deadline=None)
def test_strings_and_arguments_are_kept_to_the_letter(turns: list[dict[str, Any]]) -> None:
    back = json.loads(read_conversation(turns, "openai"))
    assert [turn.get("content") for turn in back] == [turn.get("content") for turn in turns]
    calls = ([call for turn in some for call in turn.get("tool_calls", ())] for some in (turns, back))
    wanted, found = ([written(each["function"]["arguments"]) for each in some] for some in calls)
    assert found == wanted


@given(conversations(), TEXT)
@settings(max_examples=40, deadline=None)
def test_an_opening_is_what_stands_before_the_first_answer(turns: list[dict[str, Any]], answer: str) -> None:
    first = next(place for place, turn in enumerate(turns) if turn["role"] == "assistant")
    otherwise = [*turns[:first], {"role": "assistant", "content": answer}]
    assert (
        opening_of(read_conversation(turns, "openai"))
        == opening_of(read_conversation(otherwise, "openai"))
        == written(turns[:first])
    )


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": {"b": 1, "a": None}}}
USER, ANSWER = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
ASKS = {"role": "assistant", "tool_calls": [CALL]}
BROKEN = {"name": "f", "arguments": "{"}
RESULT = {"role": "tool", "content": "r", "tool_call_id": "c"}


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([], "it has no turn"),
        ([ANSWER], "turn 1 is assistant, and a user speaks first"),
        ([USER, ANSWER, ANSWER], "turn 3 is assistant, as the turn before it is"),
        ([USER, {"role": "system", "content": "s"}], "turn 2 is system, and such turns stand before all others"),
        ([USER, {"role": "bot", "content": "s"}], f"turn 2 has the role `bot`; roles are {', '.join(ROLES)}"),
        ([USER, ASKS, USER], "turn 3 is user, and the call of `f` in turn 2 has no result"),
        ([USER, RESULT], "turn 2 is the result of the call `c`, and no such call waits for one"),
        ([USER, ASKS, RESULT, RESULT], "turn 4 is the result of the call `c`, and no such call waits for one"),
        ([USER, ASKS, RESULT | {"tool_call_id": "d"}], "turn 3 is the result of the call `d`, and no such call waits for one"),
        ([USER, {"role": "assistant"}], "turn 2 says nothing: it has no `content` and no `tool_calls`"),
        ([USER, ASKS | {"tool_calls": [BROKEN]}], "turn 2 calls `f` with arguments that are no JSON: `{`"),
        ([USER, {"role": "assistant", "tool_calls": [CALL, CALL]}], "turn 2 has two calls with the id `c`"),
        ([USER | {"content": [{"type": "image_url"}]}], "turn 1 has a content with a part that is no text, but `image_url`"),
        ([{"role": "user", "content": 3}], "turn 1 has a `content` that is a number, not text"),
        ("[1", "it is no JSON: `[1`"),
        ({"a": 1}, "it is an object, not a list of turns"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_turn(turns: Any, reason: str) -> None:
    with pytest.raises(Wrong) as error:
        read_conversation(turns, "openai")
    assert str(error.value) == reason


def test_results_belong_to_calls_by_id_or_by_name_or_in_order() -> None:
    both = {"role": "assistant", "tool_calls": [CALL, CALL | {"id": "d", "function": {"name": "g"}}]}
    for results in (
        [RESULT | {"tool_call_id": "d"}, RESULT],
        [{"role": "tool", "content": "r", "name": "g"}, {"role": "tool", "content": "r", "name": "f"}],
        [{"role": "tool", "content": "r"}] * 2,
    ):
        read_conversation([USER, both, *results, ANSWER], "openai")


def test_sharegpt_and_harmony_come_to_the_cell_of_openai() -> None:
    wanted = [{"role": "system", "content": "s"}, USER, ASKS | {"content": "wait"}, {"role": "tool", "content": "r"}, ANSWER]
    del wanted[2]["tool_calls"][0]["id"]
    cell = read_conversation(wanted, "openai")
    called = json.dumps(CALL["function"])
    said = [("human", "q"), ("gpt", "wait"), ("function_call", called), ("observation", "r"), ("gpt", "a")]
    assert read_conversation([{"from": who, "value": value} for who, value in said], "sharegpt", "s") == cell
    text = (
        "<|start|>system<|message|>s<|end|><|start|>user<|message|>q<|end|>"
        "<|start|>assistant<|channel|>commentary<|message|>wait<|end|>"
        '<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"b": 1, "a": null}<|call|>'
        "<|start|>functions.f to=assistant<|channel|>commentary<|message|>r<|end|>"
        "<|start|>assistant<|channel|>final<|message|>a<|return|>"
    )
    made = json.loads(read_conversation(text, "harmony"))
    assert made.pop(3) == {"role": "tool", "name": "f", "content": "r"}
    assert written(made) == written([turn for turn in json.loads(cell) if turn["role"] != "tool"])
    listed = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "channel": "analysis", "content": "hm"},
        {"role": "assistant", "channel": "commentary", "recipient": "functions.f", "content": '{"b": 1}'},
        {"role": "tool", "name": "functions.f", "channel": "commentary", "content": "r"},
        {"role": "assistant", "channel": "final", "content": "a"},
    ]
    call = {"type": "function", "function": {"name": "f", "arguments": {"b": 1}}}
    answers = [{"role": "assistant", "thinking": "hm", "tool_calls": [call]}, {"role": "tool", "name": "f", "content": "r"}]
    assert json.loads(read_conversation(listed, "harmony")) == [USER, *answers, ANSWER]
    thought = text.replace("<|channel|>final", "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final")
    assert json.loads(read_conversation(thought, "harmony"))[-1] == {"role": "assistant", "content": "a", "thinking": "hm"}


@given(st.text(alphabet="<|start|>assistant<|channel|>message|end x", max_size=60) | JSON)
@settings(max_examples=150, deadline=None)
def test_whatever_a_cell_holds_it_is_a_conversation_or_wrong(value: Any) -> None:
    for form in ("openai", "sharegpt", "harmony"):
        for each in (value, [value], [{"role": "user", "content": "q"}, value]):
            try:
                cell = read_conversation(each, form)  # type: ignore[arg-type]
            except Wrong:
                continue
            assert read_conversation(cell, "openai") == cell
            _ = [look_at(cell, look) for look in LOOKS]


TOOL = {"name": "f", "parameters": {"type": "object", "properties": {"b": {"type": "string"}, "a": {"enum": [None, "x"]}}}}


def test_tools_keep_the_order_of_their_schemas_and_their_nulls() -> None:
    made = check_tools([TOOL])
    assert made is not None
    assert made == check_tools(json.dumps([{"function": TOOL, "type": "function"}]))
    assert written(made) == '[{"type":"function","function":' + written(TOOL) + "}]"
    assert check_tools([]) is check_tools("") is check_tools(None) is None
    with pytest.raises(Wrong, match="two tools are called `f`"):
        check_tools([TOOL, TOOL])


TALKS = [
    [USER, {"role": "assistant", "content": "wait", "tool_calls": [CALL]}, RESULT, ANSWER],
    [{"role": "system", "content": "s"}, USER, ANSWER | {"content": " \u00e9\u0085 <|im_end|> "}],
]  # fmt: skip
RECIPE = """
format: 1
recipe: test/talks
sources: {{a: {{file: {file}, category: daily, license: A, columns: {{messages: messages, tools: tools}}}}}}
prompts: [{{where: "messages IS NOT NULL"}}]
"""


def as_text(talks: list[Any]) -> list[Any]:
    """Conversations whose arguments are text, as the tools of the hub write them into Parquet."""
    found: list[Any] = json.loads(json.dumps(talks))
    for call in (call for talk in found for turn in talk for call in turn.get("tool_calls", ())):
        call["function"]["arguments"] = json.dumps(call["function"]["arguments"])
    return found


def test_jsonl_and_parquet_of_one_conversation_have_one_digest(tmp_path: Any) -> None:
    project = Project(tmp_path)
    project.rows("a.jsonl", [{"messages": talk, "tools": [TOOL] if place else None} for place, talk in enumerate(TALKS)])
    struct = pa.table({"messages": as_text(TALKS), "tools": [None, json.dumps([TOOL])]})
    text = pa.table({"messages": [json.dumps(talk) for talk in TALKS], "tools": [None, json.dumps([TOOL])]})
    digests = {}
    for name, table in (("a.jsonl", None), ("b.parquet", struct), ("c.parquet", text)):
        if table is not None:
            pq.write_table(table, tmp_path / name)
        project.write("recipe.yaml", RECIPE.format(file=name))
        digests[name] = project.build("recipe.yaml")["outputs"][0]["digest"]
    assert len({*digests.values()}) == 1, digests


def test_padding_is_left_out_and_told(tmp_path: Any) -> None:
    project = Project(tmp_path)
    other = {"role": "assistant", "tool_calls": [{"function": {"name": "g", "arguments": {"z": 1}}}]}
    pq.write_table(pa.table({"messages": [TALKS[0], [USER, other]], "tools": [None, None]}), tmp_path / "a.parquet")
    project.write("recipe.yaml", RECIPE.format(file="a.parquet"))
    built = project.run("build", "recipe.yaml", "--store", "store")
    assert "null keys of arguments and schemas are left out" in built.out + built.err
    assert without_padding({"b": None, "a": [{"c": None}, None]}) == {"a": [{}, None]}


def test_real_chats_are_conversations_to_the_letter(data: Path) -> None:
    said = {"file": "*.zst", "format": "jsonl", "category": "x", "license": "A", "columns": {"messages": "messages"}}
    source = Source.model_validate(said)
    path = data / "puzzle_traces" / "ko_gpt-oss-120b.messages.jsonl.zst"
    read = [cell for batch in read_batches(source, path) for cell in batch.table.column("messages").to_pylist()]
    with open_bytes(path) as stream:
        wanted = [json.loads(line)["messages"] for line in stream.read().decode().splitlines()]
    assert len(read) == 700 and [json.loads(cell) for cell in read] == wanted
    assert sum(look_at(cell, "think") is not None for cell in read) > 600


OPTIONS = ["위헌 법률의 심판", "대법관의 임명", "예산의 심의"]
EXAM = {"prompt": "다음 중 대한민국 헌법재판소의 권한에 속하는 것은?", "options": OPTIONS, "gold": 0}
CLEAN = """
format: 1
recipe: test/clean
language: {target: ko, anchor: en}
benchmarks:
  exam:
    items: {file: exam.jsonl, columns: {prompt: prompt, options: options, gold: {index: gold}}}
    task: choice
    extract: choice_label
    language: ko
    license: A
sources: {a: {file: a.jsonl, category: daily, license: A, columns: {messages: messages}}}
prompts: [{decontaminate: {against: [exam], segmenter: words}}]
"""


def test_an_item_that_stands_in_one_turn_is_found_there(project: Project) -> None:
    """Its options have other labels, so that no n-gram finds it: only a turn by itself shows that it is the question."""
    shown = "\n".join(f"({place}) {option}" for place, option in enumerate(OPTIONS, 1))
    asked = [f"{EXAM['prompt']}\n{shown}", f"{EXAM['prompt']}", "불은 왜 타나요? 설명해 주세요."]
    talks = [[USER, ANSWER, USER | {"content": text}, ANSWER] for text in asked]
    project.rows("a.jsonl", [{"messages": talk} for talk in [*talks, [USER, ANSWER | {"content": asked[0]}]]])
    project.rows("exam.jsonl", [EXAM])
    project.write("recipe.yaml", CLEAN)
    (kept,) = project.table("recipe.yaml")
    assert json.loads(kept["messages"]) == talks[2]
    told = project.run("why", "recipe.yaml", "--match", "심의", "--store", "store").out
    assert "parts, characters" in told and "of messages" in told
    assert "    다음 중 대한민국 헌법재판소의 권한에 속하는 것은\n" in told


@pytest.mark.parametrize("of", ["messages", "user", "assistant.last"])
def test_a_step_that_changes_a_column_makes_no_text_of_a_conversation_and_leaves_none_unchanged(
    project: Project, of: str
) -> None:
    source = {"file": "a.jsonl", "category": "x", "license": "A", "columns": {"messages": "messages"}}
    said = {"format": 1, "recipe": "test/changed", "sources": {"a": source}, "prompts": [{"normalise": {"of": of}}]}
    project.rows("a.jsonl", [{"messages": [USER, ANSWER]}])
    project.write("recipe.yaml", json.dumps(said))
    done = project.run("check", "recipe.yaml")
    assert done.code == 2 and "conversation" in done.err + "conversation" * (of == "messages") and "`turns: {" in done.err


def test_what_was_said_with_quotes_on_two_lines_is_found(project: Project) -> None:
    source = {"file": "a.jsonl", "category": "x", "license": "A", "columns": {"messages": "messages"}}
    said = {"format": 1, "recipe": "test/found", "sources": {"a": source}, "prompts": [{"length": {"in": "user", "min": 1}}]}
    project.rows("a.jsonl", [{"messages": [USER | {"content": 'say "hi"\nthen go'}, ANSWER]}])
    project.write("recipe.yaml", json.dumps(said))
    project.build()
    for text in ('say "hi"', '"hi"\nthen', '"role":"user"'):
        assert "length passed" in project.run("why", "recipe.yaml", "--match", text, "--store", "store").out


# -- texts that are changed one by one

MASKED = """
format: 1
recipe: test/masked
language: {target: ko, anchor: en}
sources: {a: {file: talks.jsonl, category: daily, license: A, columns: {messages: messages}}}
tables: {t: {from: a, steps: [{STEP: {of: messages}}, {length: {in: user, min: 1}}]}}
"""
PHONED = [
    {"role": "user", "content": "제 번호는 010-1234-5678, me@mail.kr\u200b로"},
    {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "call", "arguments": {"to": ["010-1234-5678"]}}}]},
    {"role": "tool", "tool_call_id": "c", "content": "me@mail.kr"},
    {"role": "assistant", "content": "끝", "reasoning_content": "010-1234-5678?"},
]


@given(conversations())
@settings(max_examples=40, deadline=None)
def test_texts_put_back_are_the_conversation_itself(turns: list[dict[str, Any]]) -> None:
    cell = read_conversation(turns, "openai")
    assert with_strings(cell, strings_of(cell)) == cell


def test_personal_data_is_masked_in_every_turn_and_call(project: Project) -> None:
    project.rows("talks.jsonl", [{"messages": PHONED}, {"messages": [{"role": "user", "content": "네"}]}])
    project.write("recipe.yaml", MASKED.replace("STEP", "mask_personal_data"))
    rows = project.table("recipe.yaml")
    assert len(rows) == 2
    masked = next(row["messages"] for row in rows if "[phone]" in row["messages"])
    assert strings_of(masked) == ["제 번호는 [phone], [email]\u200b로", "[phone]", "[email]", "끝", "[phone]?"]
    assert read_conversation(masked, "openai") == masked and '"id":"c"' in masked and '"name":"call"' in masked
    assert project.run("check", "recipe.yaml").code == 0


def test_what_nobody_sees_is_left_out_of_every_turn(project: Project) -> None:
    project.rows("talks.jsonl", [{"messages": PHONED}])
    project.write("recipe.yaml", MASKED.replace("STEP", "strip_invisible"))
    (row,) = project.table("recipe.yaml")
    assert strings_of(row["messages"])[0].endswith("me@mail.kr로")
