"""What a plan tells of tokens and hours: by history, by what is assumed and labelled so, or `unknown`; never of its own."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from operators.asks.asks import Reply
from runtime.completions.assumed import NAMES
from runtime.completions.memo import Completion, CompletionMemo
from runtime.store.record import CheckpointRecord, Counts
from runtime.store.store import Store
from tests.conftest import Project
from tests.teacher import TRACES, Teacher, configure, teaching
from tests.warm import TRAINING, python

PROMPTS = [f"{n}번 문제: {n}에 {n}을 더하면 얼마인가요?" for n in range(10, 30)]
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
STUDENT: dict[str, Any] = {
    "format": 1,
    "recipe": "test/learns",
    "language": {"target": "ko", "anchor": "en"},
    "models": {"student": {"id": "test/student", "license": "mit", "terms": "mit"}},
    "sources": {
        "a": {
            "file": "a.jsonl",
            "category": "one",
            "license": "A",
            "columns": {"prompt": "prompt", "options": ["x", "y"], "completion": "completion"},
        }
    },
    "tables": {"t": {"from": "a"}},
    "train": {
        "sft": {
            "objective": "sft",
            "model": "student",
            "data": "t",
            "system": "none",
            "template": "mine.jinja",
            "epochs": 2,
            "max_length": 200,
            "global_batch_size": 4,
            "dtype": "float32",
        }
    },
}
ROWS = [{"prompt": f"물음 {at}", "x": "가", "y": "나", "completion": f"답은 {at}입니다"} for at in range(6)]


@pytest.fixture
def teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Teacher]:
    with teaching() as running:
        configure(tmp_path, running, monkeypatch)
        yield running


@pytest.fixture
def traces(project: Project, teacher: Teacher) -> Project:
    """A recipe with a teacher, whose prompts are built and whose completions are not."""
    project.rows("a.jsonl", PROMPTS)
    project.write("recipe.yaml", TRACES)
    project.build("recipe.yaml", "--target", "prompts")
    return project


@pytest.fixture
def student(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A recipe that trains a model whose weights lie here, on rows that are built."""
    project.write("weights/model.safetensors", "weights")
    project.write("weights/config.json", json.dumps({"max_position_embeddings": 512}))
    project.write("weights/tokenizer.json", "{}")
    project.write("config.yaml", json.dumps({"weights": {"test/student": str(project.folder / "weights")}}))
    monkeypatch.setenv("RECIPE_CONFIG", str(project.folder / "config.yaml"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project.rows("a.jsonl", ROWS)
    project.write("mine.jinja", CHATML)
    project.write("recipe.yaml", json.dumps(STUDENT, ensure_ascii=False))
    project.build("recipe.yaml", "--target", "t")
    return project


def plan(project: Project, *said: str, target: str = "") -> str:
    ran = project.run("plan", "recipe.yaml", "--store", "store", *(["--target", target] if target else []), *said)
    assert ran.code == 0, ran.err
    return ran.out


def asked(project: Project, *said: str) -> dict[str, Any]:
    (found,) = json.loads(plan(project, "--json", *said))["asks"]
    return dict(found)


def trained(project: Project, *said: str) -> dict[str, Any]:
    (found,) = json.loads(plan(project, "--json", *said, target="train.sft"))["trains"]
    return dict(found)


def kept(number: int, tokens: int, seconds: float) -> Completion:
    reply = Reply("text", None, "stop", 50, tokens)
    return Completion(bytes([number]) * 32, "test/teacher", "generate", "vllm 1 at lab", reply, seconds)


# -- what may be assumed


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["speed=3"], "`speed` cannot be assumed"),
        (["tokens_per_s"], "`tokens_per_s` is no NAME=VALUE"),
        (["=5"], "`` cannot be assumed"),
        (["tokens=0"], "a number above 0"),
        (["tokens=-1"], "a number above 0"),
        (["tokens="], "a number above 0"),
        (["tokens=1e3"], "a number above 0"),
        (["tokens=nan"], "a number above 0"),
        (["tokens=1_000"], "a number above 0"),
        (["tokens=٣"], "a number above 0"),
        (["train_tokens_per_s=9 "], "a number above 0"),
        (["tokens=1", "tokens=2"], "`tokens` is assumed twice"),
    ],
)
def test_a_wrong_assumption_is_a_wrong_call(project: Project, said: list[str], told: str) -> None:
    ran = project.run("plan", "recipe.yaml", *(f"--assume={each}" for each in said))
    assert (ran.code, ran.out) == (2, "") and told in ran.err
    if "cannot" in told:
        assert all(name in ran.err for name in NAMES)


def test_what_is_assumed_is_in_no_key_and_in_no_file(student: Project) -> None:
    before = {path: path.read_bytes() for path in (student.folder / "store").rglob("*") if path.is_file()}
    said = [f"--assume={name}=17" for name in NAMES]
    plain, other = (json.loads(plan(student, "--json", *each, target="train.sft")) for each in ([], said))
    assert plain["stages"] == other["stages"] and plain["trains"] != other["trains"]
    assert any(stage["key"] and stage["state"] == "run" for stage in other["stages"])
    assert {path: path.read_bytes() for path in (student.folder / "store").rglob("*") if path.is_file()} == before


# -- completions


def test_without_history_tokens_and_hours_are_unknown_and_bounded_by_max_tokens(traces: Project) -> None:
    told = plan(traces)
    assert "20 new: tokens and cost unknown (no earlier completion of this model tells), at most 1,280 tokens" in told  # 20 x 64
    assert "hours unknown" in told and "can be assumed: --assume tokens=N --assume tokens_per_s=N" in told
    found = asked(traces)
    assert (found["tokens"], found["tokens_at_most"], found["cost"], found["hours"]) == (None, 1280, None, None)


def test_an_assumed_rate_over_a_bound_is_at_most(traces: Project) -> None:
    # 1,280 tokens at 0.5 a second are 2,560 seconds, which are 0.7111 hours.
    assert "at most 0.711 hours (assumed: 0.500 tokens/s)" in plan(traces, "--assume", "tokens_per_s=0.5")
    assert asked(traces, "--assume", "tokens_per_s=0.5")["hours"]["amount"] == pytest.approx(2560 / 3600)


def test_assumed_tokens_and_rate_make_hours_and_are_told_as_assumed(traces: Project) -> None:
    said = ["--assume", "tokens=54000", "--assume", "tokens_per_s=1000"]
    # 20 x 54,000 tokens are 1,080,000; at 1,000 a second they take 1,080 seconds, which are 0.3 hours.
    told = plan(traces, *said)
    assert (
        "about 1,080,000 tokens of completions (assumed: 54,000 of each), cost unknown, 0.300 hours (assumed: 1,000 tokens"
        in told
    )
    assert "can be assumed" not in told
    found = asked(traces, *said)
    assert (found["tokens"], found["tokens_assumed"]) == (1_080_000, 54_000)
    assert found["hours"] | {"amount": None} == {
        "amount": None, "unit": "hours", "basis": "assumed", "tokens_per_s": 1000, "told": ""
    }  # fmt: skip
    assert found["hours"]["amount"] == pytest.approx(0.3)


def test_a_model_that_nobody_runs_is_told_in_gpu_hours(traces: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECIPE_CONFIG", str(traces.folder / "none.yaml"))
    told = plan(traces, "--set", "models.teacher.endpoint=null", "--assume", "tokens_per_s=1000")
    assert "GPU-hours (assumed: 1,000 tokens/s of each GPU)" in told
    assert (
        "not proven: test/teacher: nothing here runs it, so whether its context holds `max_tokens` 64 of traces/generate" in told
    )


def test_history_counts_the_requests_at_a_time_and_the_gpus(
    traces: Project, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(traces.folder, teacher, monkeypatch, engine="vllm", path="/nowhere", concurrency=8, devices=2)
    memo = CompletionMemo(Store(traces.folder / "store"))
    memo.keep([kept(number, 100, 10.0) for number in range(4)])
    memo.close()
    # 8 at a time, each 100 tokens in 10 seconds, on 2 GPUs: 40 tokens a second of each.
    told = asked(traces)
    assert told["tokens"] == 2000 and told["hours"]["tokens_per_s"] == pytest.approx(40)
    assert (told["hours"]["unit"], told["hours"]["basis"]) == ("GPU-hours", "history")
    assert told["hours"]["amount"] == pytest.approx(2000 / 40 / 3600)
    assert "(history: 40 tokens/s of each GPU, 4 earlier completions)" in plan(traces)


def test_what_is_assumed_goes_before_history_and_says_so(traces: Project) -> None:
    traces.build("recipe.yaml", "--sample", "5")
    before = asked(traces)
    assert (before["new"], before["hours"]["basis"], before["tokens_assumed"]) == (15, "history", None)
    after = asked(traces, "--assume", "tokens_per_s=2")
    assert (after["tokens"], after["hours"]["basis"]) == (before["tokens"], "assumed")
    assert after["hours"]["amount"] == pytest.approx(before["tokens"] / 2 / 3600)
    assert asked(traces, "--assume", "tokens=60")["tokens"] == 900


# -- trainings


def test_an_untrained_model_has_a_bound_and_unknown_hours(student: Project) -> None:
    told = plan(student, target="train.sft")
    # 6 rows of at most 200 tokens, twice.
    assert "train.sft: 6 rows, 2 epochs of test/student: at most 2,400 tokens (`max_length` 200 of each row)" in told
    assert "GPU-hours unknown (no earlier sft of it in float32 tells)" in told and "--assume train_tokens_per_s=N" in told


def test_an_assumed_rate_makes_hours_of_training(student: Project) -> None:
    told = trained(student, "--assume", "train_tokens_per_s=0.25")
    assert told["hours"]["basis"] == "assumed" and told["hours"]["unit"] == "GPU-hours"
    assert told["hours"]["amount"] == pytest.approx(2400 * 4 / 3600)
    assert "at most 2.667 GPU-hours (assumed: 0.250 tokens/s of each GPU)" in plan(
        student, "--assume", "train_tokens_per_s=0.25", target="train.sft"
    )


def test_rows_that_nobody_counted_have_unknown_tokens(student: Project) -> None:
    elsewhere = ("--set", "sources.a.file=on-another-machine/a.jsonl")
    told = plan(student, "--assume", "train_tokens_per_s=1", *elsewhere, target="train.sft")
    assert "how many rows there are is not known yet: tokens and GPU-hours unknown" in told


def record(project: Project, digest: str, **made: Any) -> None:
    """Record a training of the student on other rows, as one would be that was done on this hardware."""
    from runtime.build.session import Session

    store = Store(project.folder / "store")
    session = Session(str(project.folder / "recipe.yaml"), store_folder=str(store.folder), targets=("train.sft",))
    told = {"device": {"name": "H100", "kind": "cuda"}, "processes": 4, "tokens": 1000, "seconds": 5.0} | made
    manifest = {
        "data": {"digest": "0" * 64, "rows": 10, "characters": 250},
        "weights": session.facts.weights["student"],
        "settings": {"epochs": "2.0", "dtype": "float32"},
        "made": told,
    }
    frame = "object:" + "0" * 64
    tree = {"kind": "based", "rows": 10, "columns": {}, "frame": frame, "text": None}
    counts = Counts({"in": 10, "born": 0, "out": 10, "dropped": []})
    content = {"kind": "sft", "digest": digest, "ids": "0" * 64, "columns": {}, "rows": 10, "table": tree, "counts": counts}
    content |= {"made": {"seconds": 1.0}, "snapshot": {"itself": {}}}
    store.write_record(CheckpointRecord(**content, key=digest, files={}, metrics=frame, manifest=manifest))


def test_earlier_trainings_tell_tokens_by_characters_and_the_rate_of_each_gpu(student: Project) -> None:
    record(student, "1" * 64)
    record(student, "2" * 64, tokens=3000, seconds=5.0)
    record(student, "3" * 64, device={"name": "CPU", "kind": "cpu"}, processes=1, tokens=100, seconds=50.0)
    told = trained(student)
    characters = sum(len(row[name]) for row in ROWS for name in row)
    # 4,100 tokens in 2 epochs of 750 characters are 2.7333 tokens a character.
    assert told["tokens"]["count"] == round(characters * 2050 / 750 * 2) and told["tokens"]["basis"] == "history"
    # 4,000 tokens in 10 seconds on 4 GPUs are 100 of each a second.
    assert told["hours"]["tokens_per_s"] == pytest.approx(100) and told["hours"]["unit"] == "GPU-hours"
    assert told["hours"]["amount"] == pytest.approx(told["tokens"]["count"] / 100 / 3600)
    assert told["hours"]["told"] == "2 earlier trainings on 4 x H100"
    assert trained(student, "--assume", "train_tokens_per_s=7")["hours"]["basis"] == "assumed"


def test_a_training_of_another_base_or_in_other_numbers_tells_no_hours(student: Project) -> None:
    record(student, "1" * 64)
    assert trained(student, "--set", "train.sft.dtype=bfloat16")["hours"] is None
    student.write("weights/model.safetensors", "others")
    assert trained(student)["hours"] is None


@pytest.mark.xdist_group("transformers")
def test_a_real_training_tells_of_the_next(student: Project) -> None:
    absent = [name for name in ("torch", "transformers", "trl") if importlib.util.find_spec(name) is None]
    if absent:
        pytest.skip(f"training needs what is not installed: {', '.join(absent)}")
    from tests.training_runs import tiny_model

    for path in (student.folder / "weights").iterdir():
        path.unlink()
    tokenizer = json.loads((tiny_model(student.folder / "weights") / "tokenizer.json").read_text("utf-8"))
    ends = {**tokenizer["added_tokens"][0], "id": 257, "content": "<|im_end|>"}
    student.write("weights/tokenizer.json", json.dumps({**tokenizer, "added_tokens": [*tokenizer["added_tokens"], ends]}))
    said = json.loads((student.folder / "weights/tokenizer_config.json").read_text("utf-8"))
    student.write("weights/tokenizer_config.json", json.dumps(said | {"eos_token": "<|im_end|>"}))
    weights = {"test/student": str(student.folder / "weights")}
    student.write("config.yaml", json.dumps({"weights": weights, "training": {"python": python(TRAINING)}}))
    student.build("recipe.yaml", "--target", "train.sft")
    assert json.loads(plan(student, "--json", target="train.sft"))["trains"] == []
    (manifest,) = (each.manifest for each in Store(student.folder / "store").records(CheckpointRecord))
    assert manifest["data"]["characters"] == sum(len(row[name]) for row in ROWS for name in row)
    again = trained(student, "--set", "train.sft.epochs=3")
    assert again["tokens"] == {
        "count": round(manifest["made"]["tokens"] * 3 / 2), "basis": "history", "told": "an earlier training on these rows"
    }  # fmt: skip
    rate = manifest["made"]["tokens"] / manifest["made"]["seconds"]
    assert again["hours"]["basis"] == "history" and again["hours"]["tokens_per_s"] == pytest.approx(rate)
    assert again["hours"]["unit"] == ("GPU-hours" if manifest["made"]["device"]["kind"] == "cuda" else "hours")
    assert "on these rows" not in trained(student, "--set", "train.sft.system={text: 말}")["tokens"]["told"]


# -- what is not proven of a model


def test_of_a_model_that_is_here_and_fits_nothing_is_told(student: Project) -> None:
    assert json.loads(plan(student, "--json", target="train.sft"))["models"] == []
    assert "not proven" not in plan(student, target="train.sft")


SHORT = json.dumps({"text_config": {"max_position_embeddings": 100}})


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("config.json", "{}", "not proven: test/student: its config.json tells no context, so whether that holds"),
        ("config.json", "[", "not proven: test/student: its config.json tells no context, so whether that holds"),
        ("config.json", SHORT, "warning: test/student: `max_length` 200 of train.sft is more than its context of 100"),
        ("tokenizer.json", None, "warning: test/student: its folder has no tokenizer"),
    ],
)
def test_a_fact_that_is_lacking_is_told_once(student: Project, file: str, text: str | None, told: str) -> None:
    path = student.folder / "weights" / file
    path.unlink() if text is None else path.write_text(text)
    shown = plan(student, target="train.sft")
    assert shown.count(told) == 1 and told in student.run("check", "recipe.yaml").out
    (note,) = json.loads(plan(student, "--json", target="train.sft"))["models"]
    assert note["model"] == "test/student" and f"{note['state']}: {note['model']}: {note['message']}" in shown


def test_a_model_needs_a_template_unless_the_training_brings_one(student: Project) -> None:
    bare = ["--set", "train.sft.template=null"]
    assert "its folder has no chat template, and train.sft gives none" in plan(student, *bare, target="train.sft")
    student.write("weights/chat_template.jinja", CHATML)
    assert "chat template" not in plan(student, *bare, target="train.sft")


def test_weights_that_are_not_here_are_one_line_for_each_model(student: Project) -> None:
    student.write("config.yaml", "{}")
    told = "not proven: test/student: its weights are not here, so its tokenizer and whether its context holds `max_length` 200"
    assert plan(student, target="train.sft").count(told) == 1
    ran = student.run("check", "recipe.yaml")
    assert ran.code == 0 and ran.out.count(told) == 1 and "as far as it can be proven" in ran.out
