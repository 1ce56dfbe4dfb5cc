"""An engine on a worker: it takes requests as they come, and gives answers back as they finish."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from runtime.completions.engines.engine import Answer, Engine, EngineError, Request
from runtime.executors.payload import Failed, failed
from runtime.store.store import StoreError

AGAIN = "run the same command again"
WAIT = 0.5
"""Seconds after which a worker that has no answer says so."""

Open = Callable[..., Engine]


class Coming(Iterator[Request]):
    """Requests as they come: where none is there it ends, and goes on when another has come."""

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self.first: Request | None = None

    def wait(self) -> bool:
        """Wait for one; says whether there is one, or no more will come."""
        self.first = self.queue.get()
        return self.first is not None

    def __next__(self) -> Request:
        request, self.first = self.first, None
        try:
            request = request or self.queue.get_nowait()
        except queue.Empty:
            raise StopIteration from None
        if request is None:
            self.queue.put(None)
            raise StopIteration
        return request


class Answering:
    """What runs on the worker. Whoever asks it gets an EngineError as a value, never raised."""

    def __init__(self, function: Open, arguments: tuple[Any, ...]) -> None:
        self.requests = Coming()
        self.answers: queue.SimpleQueue[Answer | EngineError] = queue.SimpleQueue()
        self.function, self.arguments = function, arguments

    def open(self) -> tuple[str, str, int, int] | EngineError | Failed:
        """(name, version, window, requests that it has at a time) of the engine, which is started."""
        try:
            engine = self.engine = self.function(*self.arguments)
        except EngineError as error:
            return error
        except StoreError as error:
            return failed(error)
        threading.Thread(target=self.work, daemon=True).start()
        return engine.name, engine.version, engine.window, getattr(engine, "most", engine.window)

    def work(self) -> None:
        """Answer whatever comes, until nothing more does."""
        try:
            while self.requests.wait():
                for answer in self.engine.run(self.requests):
                    self.answers.put(answer)
        except EngineError as error:
            self.answers.put(error)
        except Exception as error:  # noqa: BLE001 - nobody else would hear of it
            self.answers.put(EngineError(f"the engine `{self.engine.name}` failed: {type(error).__name__}: {error}", AGAIN))

    def exchange(self, requests: list[Request]) -> list[Answer | EngineError]:
        """Take requests, and give the answers that are there, or the next one where it comes soon."""
        for request in requests:
            self.requests.queue.put(request)
        found: list[Answer | EngineError] = []
        try:
            found.append(self.answers.get(timeout=WAIT))
            while True:
                found.append(self.answers.get_nowait())
        except queue.Empty:
            return found

    def close(self) -> None:
        """Let go of the engine's process."""
        self.requests.queue.put(None)
        self.engine.close()


class Remote:
    """The same, as those see it who ask: an engine like any other."""

    def __init__(self, ask: Callable[..., Any], end: Callable[[], None]) -> None:
        """`ask` calls a method of the worker and waits for what it gives. Raises EngineError or StoreError where none starts."""
        self.ask, self.end = ask, end
        opened = ask("open")
        if isinstance(opened, EngineError | Failed):
            end()
            raise opened if isinstance(opened, EngineError) else opened.error()
        self.name, self.version, self.window, self.most = opened

    def run(self, requests: Iterator[Request]) -> Iterator[Answer]:
        """See Engine.run."""
        away = 0
        while True:
            fresh = list(islice(requests, self.most - away))
            away += len(fresh)
            if not away:
                return
            for answer in self.ask("exchange", fresh):
                if isinstance(answer, EngineError):
                    raise answer
                away -= 1
                yield answer

    def close(self) -> None:
        """See Engine.close."""
        self.end()
