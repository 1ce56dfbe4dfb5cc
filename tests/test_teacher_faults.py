"""A teacher that fails in every way that servers have: nothing is lost, nothing is doubled, and every failure is told."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from runtime.completions.memo import Completion, CompletionMemo
from runtime.store.store import Store
from tests.conftest import Project
from tests.faults import CODE
from tests.teacher import KEY, TRACES, Handler, Teacher, by_request, configure, reply, teaching
from tests.warm import python

Fault = Callable[[Handler, dict[str, Any]], None]


@pytest.fixture
def teacher() -> Iterator[Teacher]:
    with teaching() as made:
        yield made


@pytest.fixture
def traces(project: Project, teacher: Teacher, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A recipe that asks the teacher about 40 prompts, eight at a time, in the project's own store."""
    ask(project, 40)
    configure(project.folder, teacher, monkeypatch, concurrency=8)
    return project


def ask(project: Project, prompts: int, recipe: str = TRACES) -> None:
    project.rows("a.jsonl", [f"question {number:04d}: 물은 왜 끓나요?" for number in range(prompts)])
    project.write("recipe.yaml", recipe)


def prompt_of(request: dict[str, Any]) -> str:
    return str(request["messages"][-1]["content"])


def number_of(request: dict[str, Any]) -> int:
    """The number that a prompt is told apart by."""
    return int(prompt_of(request)[9:13])


def failing(teacher: Teacher, fault: Fault, chosen: Callable[[int], bool] = lambda number: True) -> None:
    """Let the teacher fail whenever it is asked about the chosen prompts."""

    def maybe(handler: Handler, request: dict[str, Any], times: int) -> bool:
        if chosen(number_of(request)):
            fault(handler, request)
            return True
        return False

    teacher.fault = maybe


def status(code: int, headers: dict[str, str] | None = None) -> Fault:
    return lambda handler, request: handler.say(code, {"error": {"message": "no"}}, headers)


def says(answer: Callable[[dict[str, Any]], Any]) -> Fault:
    """A fault that answers in full, with this."""

    def say(handler: Handler, request: dict[str, Any]) -> None:
        handler.say(200, answer(request))

    return say


def told(request: dict[str, Any], finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A whole answer that ends in some way."""
    made = reply(by_request(request), request, **message)
    made["choices"][0]["finish_reason"] = finish
    return made


def kept(project: Project, store: str = ".recipe") -> list[Completion]:
    """Every completion in a store."""
    memo = CompletionMemo(Store(project.folder / store))
    try:
        return list(memo.rows())
    finally:
        memo.close()


def dropped(report: dict[str, Any]) -> dict[str, int]:
    """Decision -> traces that it dropped."""
    (table,) = [each for each in report["funnel"] if each["table"] == "traces"]
    return {step["step"]: step["dropped"]["a"] for step in table["steps"] if step["dropped"]["a"]}


def rows_of(project: Project, report: dict[str, Any]) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(project.folder / report["outputs"][0]["path"]).to_pylist()
    return rows


# -- 2,000 requests to a server that has every fault


def silent(handler: Handler, request: dict[str, Any]) -> None:
    """No answer until the other side gives up."""
    with suppress(OSError):
        handler.connection.recv(1)
    handler.close_connection = True


def dripping(handler: Handler, request: dict[str, Any]) -> None:
    """A right answer, one byte each 0.05 s, until the other side gives up."""
    data = json.dumps(reply(by_request(request), request)).encode()
    handler.close_connection = True
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    with suppress(OSError):
        for at in range(len(data)):
            handler.wfile.write(data[at : at + 1])
            time.sleep(0.05)


def half(handler: Handler, request: dict[str, Any]) -> None:
    """Half of a right answer, then the end of the connection."""
    data = json.dumps(reply(by_request(request), request)).encode()
    handler.close_connection = True
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data[: len(data) // 2])


def closed(handler: Handler, request: dict[str, Any]) -> None:
    """The end of the connection, and no answer."""
    handler.close_connection = True
    with suppress(OSError):
        handler.connection.shutdown(socket.SHUT_RDWR)


def later(handler: Handler, request: dict[str, Any]) -> None:
    """Too many requests; come back at a date."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=1.5), usegmt=True)
    handler.say(429, {}, {"Retry-After": date})


QUICK: dict[str, Fault] = {
    "429, seconds": status(429, {"Retry-After": "1"}),
    "429, a date": later,
    "429, a date that is none": status(429, {"Retry-After": "Mon, 1 Jan 99999999999999 00:00:00 GMT"}),
    "429, nothing": status(429),
    "500": status(500),
    "half a body": half,
    "malformed JSON": says(lambda request: b'{"id": "chatcmpl-1", "choices": [{"mess'),
    "no JSON": says(lambda request: b"<html>busy</html>"),
    "JSON of another shape": says(lambda request: {"choices": [None]}),
    "empty choices": says(lambda request: {"id": "chatcmpl-1", "choices": []}),
    "no text": says(lambda request: {"id": "chatcmpl-1", "choices": [{"message": {"content": None}}]}),
    "closed": closed,
}
SLOW: dict[str, Fault] = {"silent": silent, "dripping": dripping}
REQUESTS = 2000 if os.environ.get("RECIPE_LONG") else 600


@pytest.mark.long
def test_of_requests_to_a_server_with_every_fault_none_is_lost_and_none_doubled(
    project: Project, teacher: Teacher, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    ask(project, REQUESTS)
    configure(project.folder, teacher, monkeypatch, concurrency=64, timeout=8)
    happened: dict[str, int] = dict.fromkeys([*QUICK, *SLOW], 0)
    said: dict[str, str] = {}  # prompt -> what its own request determines

    def misbehave(handler: Handler, request: dict[str, Any], attempt: int) -> bool:
        chosen = sha256(json.dumps(request, sort_keys=True).encode()).digest()
        said[prompt_of(request)] = by_request(request)
        if attempt > chosen[0] % 4:
            return False
        faults = SLOW if chosen[attempt] < 4 else QUICK
        name = list(faults)[chosen[attempt] % len(faults)]
        with teacher.guard:
            happened[name] += 1
        faults[name](handler, request)
        return True

    teacher.fault = misbehave
    started = time.monotonic()
    report = project.build()
    seconds = time.monotonic() - started
    record_property("shown", f"{sum(happened.values()):,} faults in {seconds:.1f} s: {happened}")
    assert all(happened.values())
    asked = report["asked"]["traces/generate"]
    assert (asked["new"], asked["failed"]) == (REQUESTS, "")
    assert len(teacher.tried) == REQUESTS, "a request is the same at each attempt"
    assert set(teacher.asked.values()) == {1} and len(teacher.asked) == REQUESTS
    assert sum(teacher.tried.values()) == REQUESTS + sum(happened.values()), "it is asked again only after a fault"
    # All answers had the same id, so that only its connection tells which request an answer belongs to.
    assert {row["prompt"]: row["completion"] for row in rows_of(project, report)} == said
    assert report["outputs"][0]["rows"] == len(said) == REQUESTS


def test_faults_change_no_digest(traces: Project, teacher: Teacher) -> None:
    quiet = traces.digest(store="quiet")
    teacher.tried.clear()
    teacher.fault = lambda handler, request, attempt: attempt < 3 and (half(handler, request) or True)
    assert traces.digest(store="faulty") == quiet


def test_a_server_is_left_alone_as_long_as_it_asks_for(
    project: Project, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(project, 1)
    configure(project.folder, teacher, monkeypatch, wait=30)
    came: list[float] = []

    def busy(handler: Handler, request: dict[str, Any], attempt: int) -> bool:
        came.append(time.monotonic())
        if attempt == 1:
            handler.say(429, {}, {"Retry-After": "1"})
        return attempt == 1

    teacher.fault = busy
    project.build()
    assert came[1] - came[0] >= 1


def test_no_server_makes_a_build_wait_longer_than_the_configuration_says(traces: Project, teacher: Teacher) -> None:
    failing(teacher, status(429, {"Retry-After": "86400"}), lambda number: number == 7)
    ran = traces.run("build", "recipe.yaml")
    assert ran.code == 1 and "1 x HTTP 429 x5" in ran.err


# -- requests that fail for good


def test_a_request_that_always_fails_is_told_with_what_happened_and_how_often(traces: Project, teacher: Teacher) -> None:
    failing(teacher, status(500), lambda number: number < 3)
    ran = traces.run("build", "recipe.yaml")
    assert ran.code == 1
    assert "3 of the 40 requests of `traces/generate` failed: 3 x HTTP 500 x5" in ran.err
    assert "37 completions are in the store" in ran.err
    assert sorted(teacher.tried.values()) == [1] * 37 + [5] * 3
    assert "Traceback" not in ran.err


def test_the_command_that_a_failure_names_asks_only_for_what_failed(traces: Project, teacher: Teacher) -> None:
    failing(teacher, status(500), lambda number: number < 3)
    ran = traces.run("build", "recipe.yaml")
    command = re.search(r"ask for the others again: (recipe build [^;]*);", ran.err)
    assert command is not None, ran.err
    teacher.fault = None
    teacher.tried.clear()
    again = traces.run(*shlex.split(command[1])[1:], "--json")
    assert again.code == 0, again.err
    assert len(teacher.tried) == sum(teacher.tried.values()) == 3
    assert again.json["outputs"][0]["rows"] == 40
    assert again.json["asked"]["traces/generate"]["new"] == 3


def test_what_failed_now_and_succeeds_later_is_the_same_dataset(traces: Project, teacher: Teacher) -> None:
    quiet = traces.digest(store="quiet")
    failing(teacher, status(500), lambda number: number % 5 == 0)
    assert traces.run("build", "recipe.yaml").code == 1
    teacher.fault = None
    assert traces.digest(store=".recipe") == quiet


def test_failures_of_several_kinds_are_counted_apart(traces: Project, teacher: Teacher) -> None:
    def mixed(handler: Handler, request: dict[str, Any], attempt: int) -> bool:
        if number_of(request) == 0:
            (status(500) if attempt < 4 else closed)(handler, request)
        return number_of(request) == 0

    teacher.fault = mixed
    ran = traces.run("build", "recipe.yaml")
    assert "1 x HTTP 500 x3, broken connection x2" in ran.err


def test_a_request_that_the_server_rejects_is_not_sent_again(traces: Project, teacher: Teacher) -> None:
    failing(teacher, status(400), lambda number: number == 4)
    ran = traces.run("build", "recipe.yaml")
    assert ran.code == 1 and "refused: 1 x HTTP 400 (such as row " in ran.err
    assert set(teacher.tried.values()) == {1}


def test_failures_that_the_recipe_lets_pass_can_be_seen(traces: Project, teacher: Teacher) -> None:
    ask(traces, 100, TRACES.replace("max_tokens: 64", "max_tokens: 64, max_failures: 2%"))
    failing(teacher, status(500), lambda number: number < 2)
    ran = traces.run("build", "recipe.yaml")
    assert ran.code == 0, ran.err
    head, row = (line.split() for line in ran.out.split("\n\n")[1].splitlines())
    assert (row[head.index("rows")], row[head.index("-generate")], row[head.index("kept")]) == ("100", "2", "98")
    assert "100 completions, 0 of them in the store before, 98 new, 2 FAILED (2 x HTTP 500 x5)" in ran.out
    why = traces.run("why", "recipe.yaml", "--match", "question 0001")
    assert "HTTP 500 x5" in why.out, why.out


def test_one_failure_more_than_the_recipe_lets_pass_stops_the_build(traces: Project, teacher: Teacher) -> None:
    ask(traces, 100, TRACES.replace("max_tokens: 64", "max_tokens: 64, max_failures: 2%"))
    failing(teacher, status(500), lambda number: number < 3)
    ran = traces.run("build", "recipe.yaml")
    assert ran.code == 1 and "3 of the 100 requests" in ran.err


def test_a_key_that_is_not_accepted_stops_the_build_at_once(traces: Project, teacher: Teacher) -> None:
    ask(traces, 300)
    failing(teacher, status(401))
    ran = traces.run("build", "recipe.yaml")
    assert ran.code == 1 and "HTTP 401: the key is not accepted" in ran.err and "Traceback" not in ran.err
    assert sum(teacher.tried.values()) <= 16  # eight at a time, and eight that were on their way


def test_what_was_answered_before_the_key_was_revoked_is_kept(traces: Project, teacher: Teacher) -> None:
    ask(traces, 300)
    failing(teacher, status(401), lambda number: sum(teacher.asked.values()) >= 100)
    assert traces.run("build", "recipe.yaml").code == 1
    assert len(kept(traces)) >= 100 - 8


def test_a_server_that_is_down_is_not_asked_for_everything(traces: Project, teacher: Teacher) -> None:
    ask(traces, 1000)
    failing(teacher, status(503))
    ran = traces.run("build", "recipe.yaml")
    assert ran.code == 1 and "1,000 of the 1,000 requests of `traces/generate` failed" in ran.err
    assert "requests before it failed in a row" in ran.err and "HTTP 503 x5" in ran.err
    assert len(teacher.tried) <= 50 + 8


def test_a_server_that_is_not_there_is_told(traces: Project, teacher: Teacher, monkeypatch: pytest.MonkeyPatch) -> None:
    with teaching() as gone:
        pass
    configure(traces.folder, gone, monkeypatch, concurrency=8)
    ran = traces.run("build", "recipe.yaml")
    assert ran.code == 1 and "40 x no connection x5" in ran.err and "Traceback" not in ran.err


def test_a_down_server_that_comes_back_is_asked_for_the_rest(traces: Project, teacher: Teacher) -> None:
    ask(traces, 200)
    failing(teacher, status(503), lambda number: number >= 40)
    assert traces.run("build", "recipe.yaml").code == 1
    teacher.fault = None
    report = traces.build(store=".recipe")
    assert report["outputs"][0]["rows"] == 200 and set(teacher.asked.values()) == {1}


# -- answers that are no good results


def test_a_truncated_completion_is_kept_in_the_memo_and_dropped_by_a_decision(traces: Project, teacher: Teacher) -> None:
    failing(teacher, says(lambda request: told(request, "length")), lambda number: number < 4)
    report = traces.build(store=".recipe")
    assert dropped(report) == {"finished": 4} and report["outputs"][0]["rows"] == 36
    assert [each.reply.finish_reason for each in kept(traces)].count("length") == 4
    teacher.tried.clear()
    traces.write("recipe.yaml", TRACES.replace("min: 3", "min: 4"))
    traces.build(store=".recipe")
    assert not teacher.tried


def test_a_refused_completion_is_kept_in_the_memo_and_dropped_by_a_decision(traces: Project, teacher: Teacher) -> None:
    failing(teacher, says(lambda request: told(request, content=None, refusal="I will not.")), lambda number: number < 4)
    report = traces.build(store=".recipe")
    assert dropped(report) == {"finished": 4}
    assert [each.reply.text for each in kept(traces) if each.reply.finish_reason == "refusal"] == ["I will not."] * 4


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_that_comes_apart_becomes_the_thinking(traces: Project, teacher: Teacher, field: str) -> None:
    think, solution = "Let me see, it boils when it is hot enough 그리고 확인", "답은 다음과 같습니다: 42"
    failing(teacher, says(lambda request: told(request, content=solution, **{field: think})))
    report = traces.build(store=".recipe")
    assert report["outputs"][0]["rows"] == 40
    for row in rows_of(traces, report):
        assert row["completion"] == f"<think>\n{think}\n</think>\n\n{solution}"
        assert (row["think"].strip(), row["solution"].strip()) == (think, solution)


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_that_is_empty_is_none(traces: Project, teacher: Teacher, field: str) -> None:
    failing(teacher, says(lambda request: told(request, **{field: ""})))
    assert traces.build(store=".recipe")["outputs"][0]["rows"] == 40


STRANGE = {
    "counts that are no numbers": lambda made: made.update(usage={"prompt_tokens": True, "completion_tokens": "8"}),
    "counts beyond all bounds": lambda made: made.update(usage={"prompt_tokens": -1, "completion_tokens": 10**40}),
    "no usage": lambda made: made.pop("usage"),
    "usage that is a list": lambda made: made.update(usage=[1, 2]),
    "half a character in finish_reason": lambda made: made["choices"][0].update(finish_reason="\ud800"),
    "half a character in the text": lambda made: made["choices"][0]["message"].update(content="\ud800"),
    "a NUL in the text": lambda made: made["choices"][0]["message"].update(content="a\0b"),
    "no finish_reason": lambda made: made["choices"][0].pop("finish_reason"),
}


@pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE)
def test_a_strange_answer_breaks_no_build(traces: Project, teacher: Teacher, strange: Callable[[Any], Any]) -> None:
    def made(request: dict[str, Any]) -> dict[str, Any]:
        answer = told(request)
        strange(answer)
        return answer

    failing(teacher, says(made), lambda number: number < 2)
    report = traces.build(store=".recipe")
    assert report["asked"]["traces/generate"]["new"] == 40
    assert report["outputs"][0]["rows"] in (38, 40)


# -- a memo that is damaged


def without_results(project: Project) -> Path:
    """Let a store forget all but its completions; where these are."""
    store = project.folder / ".recipe"
    for kind in ("results", "names"):
        shutil.rmtree(store / "v4" / kind)
    return store / "memos" / "v1" / "completions" / "completions.sqlite"


DAMAGE = {
    "its text": "body = zeroblob(20)",
    "its size": "size = size + 5000",
    "its seal": "seal = zeroblob(8)",
    "how it ended": "finish_reason = 'stopp'",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_completion_that_was_damaged_is_asked_for_again(traces: Project, teacher: Teacher, damage: str) -> None:
    quiet = traces.digest(store=".recipe")
    teacher.tried.clear()
    with closing(sqlite3.connect(without_results(traces), isolation_level=None)) as memo:
        memo.execute(f"UPDATE completions SET {damage} WHERE rowid IN (SELECT rowid FROM completions LIMIT 3)")
    assert traces.digest(store=".recipe") == quiet
    assert sum(teacher.tried.values()) == 3


def test_a_memo_that_is_no_database_is_told_and_not_overwritten(traces: Project, teacher: Teacher) -> None:
    traces.build(store=".recipe")
    path = without_results(traces)
    for each in path.parent.glob("completions.sqlite-*"):
        each.unlink()
    path.write_bytes(b"rubbish" * 1000)
    teacher.tried.clear()
    ran = traces.run("build", "recipe.yaml")
    assert ran.code == 1 and "completions.sqlite` cannot be used" in ran.err and not teacher.tried
    assert path.read_bytes() == b"rubbish" * 1000


# -- the key


def key_is_nowhere(project: Project, *said: str) -> None:
    """The key is in nothing that was said, and in no file; nor in what files hold packed."""
    assert not any(KEY in each for each in said)
    files = [path for path in project.folder.glob("**/*") if path.is_file()]
    assert any(path.suffix == ".sqlite" for path in files)
    assert [path for path in files if KEY.encode() in path.read_bytes() or KEY in path.name] == []
    assert KEY not in repr(kept(project))


def test_the_key_is_sent_and_nowhere_else_after_a_build(
    traces: Project, teacher: Teacher, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    commands = (["plan"], ["build"], ["lock"], ["explain"], ["why", "--match", "question 0001"], ["build", "--json"])
    ran = [traces.run(each[0], "recipe.yaml", *each[1:]) for each in commands]
    assert [each.code for each in ran] == [0] * len(ran), "".join(each.err for each in ran)
    assert teacher.keys == {f"Bearer {KEY}"}
    assert list(traces.folder.glob("*.lock*"))
    assert "send_request_headers" in caplog.text, "the client logs what it does, where somebody asks for that"
    key_is_nowhere(traces, caplog.text, *(each.out + each.err for each in ran))


@pytest.mark.parametrize("code", [400, 401, 429, 500, 302])
def test_a_server_that_repeats_the_key_in_its_errors_is_not_quoted(traces: Project, teacher: Teacher, code: int) -> None:
    def echo(handler: Handler, request: dict[str, Any]) -> None:
        sent = handler.headers["Authorization"]
        handler.say(code, {"error": {"message": f"bad key {sent}"}}, {"Retry-After": sent, "Location": f"/{KEY}"})

    failing(teacher, echo, lambda number: number > 20)
    ran = [traces.run("build", "recipe.yaml"), traces.run("build", "recipe.yaml", "--json")]
    assert [each.code for each in ran] == [1, 1] and f"HTTP {code}" in ran[0].err
    key_is_nowhere(traces, *(each.out + each.err for each in ran))


@pytest.mark.parametrize("broken", ["reply_of", "read_until", "AGAIN"])
def test_an_error_in_the_engine_itself_shows_a_traceback_without_the_key(traces: Project, broken: str) -> None:
    ran = subprocess.run(
        [python(), "-m", "tests.broken_engine", broken],
        cwd=traces.folder,
        env={**os.environ, "PYTHONPATH": str(CODE)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1 and "Traceback" in ran.stderr and "TypeError" in ran.stderr
    key_is_nowhere(traces, ran.stdout, ran.stderr)


def test_a_key_that_is_not_set_is_told_by_the_name_of_its_variable(
    traces: Project, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAB_KEY")
    ran = traces.run("build", "recipe.yaml")
    assert ran.code == 1 and "LAB_KEY is not set" in ran.err and not teacher.tried


def test_a_key_that_cannot_be_one_is_not_shown(traces: Project, teacher: Teacher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_KEY", f"{KEY}\nX-Other: 1")
    ran = traces.run("build", "recipe.yaml")
    assert ran.code == 1 and "LAB_KEY" in ran.err and KEY not in ran.err + ran.out and not teacher.tried


WORKER = """#!/bin/sh
env > "$(dirname "$0")/environment"
echo '{"ready": "1"}'
cat > /dev/null
"""


def test_a_model_on_this_machine_is_given_no_key_of_an_endpoint(
    tmp_path: Path, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runtime.completions.engines.process import Process

    configure(tmp_path, teacher, monkeypatch, key="LAB_PASSWORT")
    monkeypatch.setenv("LAB_PASSWORT", KEY)
    worker = tmp_path / "python"
    worker.write_text(WORKER)
    worker.chmod(0o755)
    Process("transformers", str(worker), {}).close()
    environment = (tmp_path / "environment").read_text()
    assert "HF_HUB_OFFLINE" in environment and KEY not in environment


PATIENT = """#!{python}
import json, signal, sys
signal.alarm(600)
sys.stdin.readline()
print(json.dumps({{"ready": "1"}}), flush=True)
waiting = [json.loads(sys.stdin.readline())["id"] for _ in range(4)]
for left in (2, 1, 0, 0, 0, 0):
    said = {{"text": "a", "finish_reason": "stop", "prompt_tokens": 1, "completion_tokens": 1, "seconds": 7}}
    print(json.dumps({{"id": waiting.pop(0), **said}}), flush=True)
    waiting += [json.loads(sys.stdin.readline())["id"] for _ in range(left > 0)]
"""


def test_requests_wait_in_the_process_of_the_model_and_not_in_the_build(tmp_path: Path) -> None:
    from runtime.completions.engines.engine import Request
    from runtime.completions.engines.process import Process

    worker, taken = tmp_path / "python", list[int]()
    worker.write_text(PATIENT.format(python=sys.executable))
    worker.chmod(0o755)

    def requests() -> Iterator[Request]:
        for number in range(6):
            taken.append(number)
            yield Request(number.to_bytes(32, "big"), (("user", "why?"),), {}, number)

    engine = Process("vllm", str(worker), {"window": 2})
    seen = [(len(taken), answer.seconds) for answer in engine.run(requests())]
    engine.close()
    assert seen[0] == (4, 7) and len(seen) == 6


def test_settings_of_an_endpoint_name_no_other_model_than_the_recipe() -> None:
    asked = (
        "from runtime.completions.engines.vllm_worker import arguments;"
        "arguments({'path': 'a', 'dtype': None, 'window': 2, 'settings': {'model': 'b'}}, gpu=False)"
    )
    ran = subprocess.run([sys.executable, "-c", asked], cwd=CODE, capture_output=True, text=True)
    assert ran.returncode and "multiple values for keyword argument 'model'" in ran.stderr
