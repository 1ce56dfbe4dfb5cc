"""Any server with the OpenAI interface: bounded concurrency, retries, deadlines; the key comes from the environment alone."""

from __future__ import annotations

import json
import os
import queue
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from itertools import islice
from typing import Any

import httpx
import tenacity

from operators.asks.asks import Reply, request_of
from runtime.completions.engines.configuration import Endpoint
from runtime.completions.engines.engine import Answer, EngineError, Request, plain, storable

LARGEST = 64 << 20
"""Bytes of an answer that are read; a server that sends more sends no completion."""
GRACE = 10
"""Seconds for which answers under way are waited for after Ctrl-C: they are paid. A second Ctrl-C ends that."""
AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


class RetryableError(Exception):
    """An attempt that failed and may be made again."""

    def __init__(self, what: str, after: float | None = None) -> None:
        super().__init__(what)
        self.after = after


class FinalError(Exception):
    """An attempt that failed for good; `refused` is the status by which the server refused it."""

    def __init__(self, what: str, refused: int | None = None) -> None:
        super().__init__(what)
        self.refused = refused


@cache
def certificates() -> ssl.SSLContext:
    """The authorities that are trusted: to read them takes longer than a short request."""
    return httpx.create_ssl_context()


class OpenAI:
    """One endpoint. Completions come back in the order in which they finish."""

    name = "openai"
    version = ""

    def __init__(self, endpoint: Endpoint, model: str) -> None:
        self.endpoint, self.model = endpoint, endpoint.model or model
        self.window = endpoint.concurrency
        headers = {}
        if endpoint.key is not None:
            key = os.environ.get(endpoint.key, "").strip()
            if not key:
                raise EngineError(f"the environment variable {endpoint.key} is not set", "it holds the key of the endpoint")
            if not key.isascii() or not key.isprintable():
                raise EngineError(f"the environment variable {endpoint.key} holds what cannot be a key")
            headers["Authorization"] = f"Bearer {key}"
        limits = httpx.Limits(max_connections=self.window, max_keepalive_connections=self.window)
        timeout = httpx.Timeout(endpoint.timeout, connect=min(endpoint.timeout, 20))
        self.client = httpx.Client(headers=headers, limits=limits, timeout=timeout, follow_redirects=False, verify=certificates())
        self.url = (endpoint.url or "").rstrip("/") + "/chat/completions"
        self.stopping = threading.Event()

    def close(self) -> None:
        self.stopping.set()
        self.client.close()

    def run(self, requests: Iterator[Request]) -> Iterator[Answer]:
        """See Engine.run. One thread for each request at a time; they share the connections."""
        todo: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        done: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()
        threads: list[threading.Thread] = []
        running = 0
        try:
            while True:
                for request in islice(requests, self.window - running):
                    running += 1
                    todo.put(request)
                    if len(threads) < running:
                        threads.append(threading.Thread(target=self.work, args=(todo, done), daemon=True))
                        threads[-1].start()
                if not running:
                    return
                try:
                    answer = done.get()
                except KeyboardInterrupt:
                    self.stopping.set()
                    yield from answers_under_way(done, running, GRACE)
                    raise
                if isinstance(answer, BaseException):
                    yield from answers_under_way(done, running - 1, 0)
                    raise answer
                running -= 1
                yield answer
        finally:
            if running:
                self.stopping.set()
            for _ in threads:
                todo.put(None)

    def work(self, todo: queue.SimpleQueue[Request | None], done: queue.SimpleQueue[Answer | BaseException]) -> None:
        while (request := todo.get()) is not None:
            if self.stopping.is_set():
                done.put(Answer(request.address, None, "stopped"))
                continue
            try:
                done.put(self.answer(request))
            except BaseException as error:  # noqa: BLE001 - it is raised by the thread that waits for answers
                done.put(error)

    def answer(self, request: Request) -> Answer:
        """One request with its attempts."""
        started, failures = time.monotonic(), Counter[str]()

        def counted() -> Reply:
            try:
                return self.attempt(request)
            except (RetryableError, FinalError) as error:
                failures[str(error)] += 1
                raise

        attempts = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.endpoint.attempts) | tenacity.stop_when_event_set(self.stopping),
            wait=self.pause,
            retry=tenacity.retry_if_exception_type(RetryableError),
            sleep=tenacity.sleep_using_event(self.stopping),
            reraise=True,
        )
        try:
            reply = attempts(counted)
        except (RetryableError, FinalError) as error:
            reasons = ", ".join(f"{what} x{times}" if times > 1 else what for what, times in failures.items())
            refused = error.refused if isinstance(error, FinalError) else None
            return Answer(request.address, None, reasons, time.monotonic() - started, refused)
        return Answer(request.address, reply, None, time.monotonic() - started)

    def pause(self, state: tenacity.RetryCallState) -> float:
        """What the server asks for, else twice as long each time with a random part; never longer than `wait`."""
        error = state.outcome.exception() if state.outcome is not None else None
        if isinstance(error, RetryableError) and error.after is not None:
            # A little apart, or all that got the same pause would come back together.
            return min(error.after, self.endpoint.wait) + tenacity.wait_random(0, 0.1)(state)
        return min(tenacity.wait_random_exponential(multiplier=0.5, max=self.endpoint.wait or 0.001)(state), self.endpoint.wait)

    def attempt(self, request: Request) -> Reply:
        """Send it once. Raises RetryableError, FinalError."""
        deadline = time.monotonic() + self.endpoint.timeout
        try:
            with self.client.stream("POST", self.url, json=self.payload(request)) as response:
                body = read_until(response, deadline)
        except httpx.TimeoutException:
            raise RetryableError("timeout") from None
        except httpx.TransportError as error:
            raise RetryableError(describe_error(error)) from None
        except httpx.HTTPError:
            raise RetryableError("broken answer") from None
        status = response.status_code
        if status in AGAIN:
            raise RetryableError(f"HTTP {status}", retry_after(response.headers.get("Retry-After")))
        if status != 200:
            raise FinalError(f"HTTP {status}", status if 400 <= status < 500 else None)
        return reply_of(body)

    def payload(self, request: Request) -> dict[str, Any]:
        """The body of a request; a field that only some servers know is sent where the recipe declares it."""
        sampling = {name: plain(value) for name, value in request.sampling.items() if name not in ("reasoning", "seed")}
        if "reasoning" in request.sampling:
            sampling["chat_template_kwargs"] = {"enable_thinking": request.sampling["reasoning"]}
        told = request_of(request.messages)
        for function in (call["function"] for turn in told["messages"] for call in turn.get("tool_calls", ())):
            function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False)  # text, as this interface has them
        return {"model": self.model, **told, "seed": request.seed, **sampling}


def answers_under_way(done: queue.SimpleQueue[Answer | BaseException], running: int, seconds: float) -> Iterator[Answer]:
    """What is answered by now or within some seconds, when nothing more is sent: it is paid, and to be kept."""
    until = time.monotonic() + seconds
    while running:
        try:
            answer = done.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return
        running -= 1
        if isinstance(answer, Answer):
            yield answer


def read_until(response: httpx.Response, deadline: float) -> bytes:
    """The whole body, unless it takes too long or grows too large: a server may send a byte a second for ever."""
    parts, size = [], 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if time.monotonic() > deadline:
            raise RetryableError("timeout")
        if size > LARGEST:
            raise FinalError("too large an answer")
    return b"".join(parts)


def describe_error(error: httpx.TransportError) -> str:
    """What broke, without address or headers."""
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError):
        return "broken connection"
    return "transport error"


def retry_after(value: str | None) -> float | None:
    """Seconds, or the seconds until a date; None where the server says nothing that can be read."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        then = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    then = then if then.tzinfo is not None else then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())


def reply_of(body: bytes) -> Reply:
    """The completion in an answer. Its `id` is not read: which request it answers is known by its connection."""
    try:
        answer = json.loads(body)
        choices = answer["choices"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RetryableError("malformed answer") from None
    if not isinstance(choices, list) or not choices:
        raise RetryableError("empty choices")
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise RetryableError("malformed answer")
    text, reasoning, refusal = (
        message.get("content"),
        message.get("reasoning_content") or message.get("reasoning") or None,
        message.get("refusal"),
    )
    if any(part is not None and not isinstance(part, str) for part in (text, reasoning, refusal)):
        raise RetryableError("malformed answer")
    finish = choice.get("finish_reason")
    if refusal:
        text, finish = text or refusal, "refusal"
    if text is None and reasoning is None:
        raise RetryableError("no text")
    usage = answer.get("usage") if isinstance(answer.get("usage"), dict) else {}
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    tokens = [count if type(count) is int and 0 <= count < 1 << 50 else None for count in counts]
    return Reply(storable(text or ""), storable(reasoning), storable(finish) if isinstance(finish, str) else "unknown", *tokens)
