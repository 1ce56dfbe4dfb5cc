"""Asks the child that parses answers: it is started where it is needed, and waits for more, as SymPy takes long to load."""

from __future__ import annotations

import atexit
import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from operators.kernels.maths import parse_child


class Child:
    """A process that parses."""

    def __init__(self, script: str) -> None:
        self.script, self.owner = script, os.getpid()
        # By this seed the sets of SymPy are in the same order each time; there is nothing else in the environment.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-B", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PYTHONHASHSEED": "0"},
            start_new_session=True,
        )
        self.noise = b""
        self.listening = threading.Thread(target=self.listen, daemon=True)
        self.listening.start()

    def listen(self) -> None:
        """Take in what it says besides, of which the end is kept: who prints much waits for nobody."""
        assert self.process.stderr is not None
        with self.process.stderr as noise:
            while said := os.read(noise.fileno(), 1 << 16):
                self.noise = (self.noise + said)[-4096:]

    def ask(self, answers: Sequence[Any]) -> list[bytes]:
        """The lines that it gives back, as far as it comes."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(answers).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return []
        return [line for _ in range(len(answers) + 1) if (line := self.process.stdout.readline())]

    def end(self, seconds: float = 0) -> int:
        """Its exit status; it and the forks that it waits for end now if they have not after a while."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            code = self.process.wait()
        for stream in filter(None, (self.process.stdin, self.process.stdout)):
            with suppress(BrokenPipeError):  # of what it did not read
                stream.close()
        return code

    def last_words(self) -> str:
        """The last line that it said of itself."""
        self.listening.join()
        lines = self.noise.decode("utf-8", "replace").splitlines()
        return next((line for line in reversed(lines) if line.strip()), "it said nothing")


class Asker:
    """Asks a child, and keeps it for the next time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting: Child | None = None

    def take(self, script: str) -> Child | None:
        """The child that waits, of this process and script: a fork of who started it has none."""
        child, self.waiting = self.waiting, None
        if child is None or child.owner != os.getpid():
            return None
        if child.script != script:
            child.end()
            return None
        return child

    def ask(self, answers: Sequence[Any]) -> list[int]:
        """What the child says of each answer. Raises ChildProcessError where it ends before it has said so."""
        script = parse_child.__file__
        with self.lock:
            while True:
                waited = self.take(script)
                child = waited or Child(script)
                try:
                    lines = child.ask(answers)
                except BaseException:
                    child.end()
                    raise
                if len(lines) == len(answers) + 1 and lines[0].strip() == parse_child.READY.encode():
                    self.waiting = child
                    return [int(line) for line in lines[1:]]
                code, said = child.end(10), child.last_words()
                if waited is None or lines or code:
                    raise ChildProcessError(errno.ECHILD, f"the process that parses answers ended early: {said[:300]}")
                # It had waited long enough, and another one is asked.

    def end(self) -> None:
        """End the child that waits."""
        if self.waiting is not None and self.waiting.owner == os.getpid():
            self.waiting.end()
        self.waiting = None


ASKER = Asker()
atexit.register(ASKER.end)
