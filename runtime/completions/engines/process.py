"""An engine in a process of its own: requests go in and completions come out as lines of JSON."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from operators.asks.asks import Reply, request_of
from runtime.completions.engines.configuration import read_configuration
from runtime.completions.engines.engine import Answer, EngineError, Request, last_line, plain, storable

NOISE = 4000
"""Characters of its error stream that are kept, for the message when it dies."""


class Process:
    """A worker: `python WORKER` reads a line of settings, then requests; each answer is a line with the request's address."""

    def __init__(self, name: str, python: str | None, settings: dict[str, Any]) -> None:
        """`name` is `vllm` or `transformers`, which works on one request at a time; `python` is this one unless given."""
        self.name, self.version = name, ""
        self.window = settings["window"] if name == "vllm" else 1
        self.most = 2 * self.window if name == "vllm" else 1
        """Requests that it has at a time: those beyond the window wait in it, so that it never waits for the next."""
        python, worker = python or sys.executable, Path(__file__).parent / f"{name}_worker.py"
        try:
            self.process = subprocess.Popen(
                [python, "-P", str(worker)],  # without its folder on the path, whose files have names of packages
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=worker_environment(),
                start_new_session=True,  # Ctrl-C is for the build, which then ends its workers
            )
        except OSError as error:
            hint = "look at `python` in your configuration"
            raise EngineError(f"`{python}` cannot be started: {error.strerror}", hint) from None
        self.lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.noise = bytearray()
        threading.Thread(target=self.read, daemon=True).start()
        threading.Thread(target=self.listen, daemon=True).start()
        self.send(settings)
        ready = self.lines.get()
        if ready is None or "ready" not in ready:
            self.close()
            reason = (ready or {}).get("error") or self.last_words()
            raise EngineError(f"the engine `{name}` does not start: {reason}", "look at its endpoint in your configuration")
        self.version = str(ready["ready"])

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                self.lines.put(json.loads(line))
            except ValueError:
                self.noise += line
        self.lines.put(None)

    def listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.noise = (self.noise + line)[-NOISE:]

    def last_words(self) -> str:
        return last_line(self.noise) or "it said nothing"

    def send(self, value: dict[str, Any] | None) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(value).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise EngineError(f"the engine `{self.name}` ended: {self.last_words()}", "run the same command again") from None

    def run(self, requests: Iterator[Request]) -> Iterator[Answer]:
        """See Engine.run."""
        running: dict[str, tuple[Request, float]] = {}
        while True:
            for request in islice(requests, self.most - len(running)):
                named = request.address.hex()
                running[named] = request, time.monotonic()
                sampling = {name: plain(value) for name, value in request.sampling.items() if name != "seed"}
                self.send({"id": named, **request_of(request.messages), "sampling": sampling, "seed": request.seed})
            if not running:
                return
            line = self.lines.get()
            if line is None:
                raise EngineError(f"the engine `{self.name}` ended: {self.last_words()}", "run the same command again")
            request, since = running.pop(line["id"])
            seconds = line.get("seconds", time.monotonic() - since)
            if "failure" in line:
                yield Answer(request.address, None, str(line["failure"]), seconds)
            else:
                counts = line["prompt_tokens"], line["completion_tokens"]
                reply = Reply(storable(line["text"]), None, line["finish_reason"], *counts)
                yield Answer(request.address, reply, None, seconds)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def worker_environment(*allowed: str) -> dict[str, str]:
    """What a model's process gets: no secret but those it wants, no key of any endpoint, and no look at the network."""
    keys = {each.key for each in read_configuration().endpoints.values()}
    secrets = {name for name in os.environ if name in keys or any(word in name for word in ("KEY", "TOKEN", "SECRET"))}
    safe = {name: value for name, value in os.environ.items() if name not in secrets or (name in allowed and name not in keys)}
    return {**safe, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
