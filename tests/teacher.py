"""A server with the OpenAI interface over real HTTP, whose answer is a function of the request, and which may misbehave."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

KEY = "sk-test-7f3c9a1e5b"

Answer = Callable[[dict[str, Any]], str]


def by_request(request: dict[str, Any]) -> str:
    """A language-mixed trace that is a function of the whole request."""
    told = sha256(json.dumps(request, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    prompt = request["messages"][-1]["content"]
    think = f"Let me see {prompt[:12]} and think of {told[:16]} 그리고 확인"
    return f"<think>\n{think}\n</think>\n\n답은 다음과 같습니다: \\boxed{{{int(told[:4], 16)}}}"


class Teacher(ThreadingHTTPServer):
    """Counts what it is asked. `fault` may answer a request in its own way, and says so by returning True."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, answer: Answer = by_request, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.answer = answer
        self.fault: Callable[[Handler, dict[str, Any], int], bool] | None = None
        self.asked: Counter[str] = Counter()
        """Request -> how often it was answered in full."""
        self.tried: Counter[str] = Counter()
        """Request -> how often it came in."""
        self.keys: set[str] = set()
        self.seconds = 0.0
        self.guard = threading.Lock()

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that go away are part of the tests


class Handler(BaseHTTPRequestHandler):
    server: Teacher
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_POST(self) -> None:
        teacher = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = json.loads(body)
        named = sha256(body).hexdigest()
        with teacher.guard:
            teacher.tried[named] += 1
            times = teacher.tried[named]
            teacher.keys.add(self.headers.get("Authorization", ""))
        if teacher.seconds:
            time.sleep(teacher.seconds)
        if teacher.fault is not None and teacher.fault(self, request, times):
            return
        self.say(200, reply(teacher.answer(request), request))
        with teacher.guard:
            teacher.asked[named] += 1

    def say(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, each in (headers or {}).items():
            self.send_header(name, each)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def reply(text: str, request: dict[str, Any], **message: Any) -> dict[str, Any]:
    """A whole answer."""
    usage = {"prompt_tokens": len(request["messages"][-1]["content"]), "completion_tokens": len(text.split())}
    told = {"role": "assistant", "content": text, **message}
    return {"id": "chatcmpl-1", "choices": [{"index": 0, "message": told, "finish_reason": "stop"}], "usage": usage}


def varied(request: dict[str, Any], told: str) -> dict[str, Any]:
    """An answer in one of the ways that a server may answer; `told`, a hash, chooses it."""
    content, way = request["messages"][-1]["content"], int(told[:4], 16) % 6
    shown = reply(by_request(request), request)
    choice = shown["choices"][0]
    if request["model"] == "test/translator":
        without = "".join(char for char in content if not char.isdigit())
        texts = (f"한국어로 {content}", f"그러면 {content} 이라고 {told[:2]}", f" {without} 한", content, content * 3, "")
        choice["message"]["content"] = texts[way]
    elif "yes or no" in content:
        texts = ("yes", "No.", "<think>yes</think> No!", "maybe", "The answer is YES", "no, yes</think> that is all")
        choice["message"]["content"] = texts[way]
    elif way == 1:
        choice["message"]["reasoning_content"] = f"apart {told}"
    elif way == 2:
        choice["message"] |= {"content": "", "reasoning": f"apart, cut off {told}"}
        choice["finish_reason"] = "length"
    elif way == 3:
        choice["message"] |= {"content": None, "refusal": f"no {told}"}
    elif way == 4:
        shown["usage"] = {}
    return shown


@contextmanager
def teaching(answer: Answer = by_request, port: int = 0) -> Iterator[Teacher]:
    """A running teacher."""
    teacher = Teacher(answer, port)
    thread = threading.Thread(target=teacher.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield teacher
    finally:
        teacher.shutdown()
        teacher.server_close()


def configure(folder: Path, teacher: Teacher, monkeypatch: Any, **settings: Any) -> Path:
    """Write a configuration in which the endpoint `lab` is the teacher, and use it."""
    said = {"engine": "openai", "url": teacher.url, "key": "LAB_KEY", "wait": 0.01, "timeout": 5, **settings}
    path = folder / "config.yaml"
    path.write_text(json.dumps({"endpoints": {"lab": said}}))
    monkeypatch.setenv("RECIPE_CONFIG", str(path))
    monkeypatch.setenv("LAB_KEY", KEY)
    return path


TRACES = """
format: 1
recipe: test/traces
language: {target: ko, anchor: en}
models:
  teacher: {id: test/teacher, license: mit, terms: mit, endpoint: lab}
sources:
  a: {file: a.jsonl, category: one, license: A}
prompts:
  - length: {min: 3}
cot:
  teacher: {model: teacher, temperature: 0.6, max_tokens: 64}
"""
