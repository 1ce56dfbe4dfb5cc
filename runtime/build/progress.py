"""Progress: one live line for the running stage on a terminal, plain lines elsewhere; how far it is, how fast, how long still."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from compiler.text.diagnostics import visible
from runtime.store.pace import FIRST, show_pace

EVERY = 10
"""Seconds between two lines of a stage where there is no terminal."""


class Progress:
    """Shows how far a build is; silent where that is asked for."""

    def __init__(self, quiet: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self.quiet = quiet
        self.clock = clock
        self.live: Any = None
        self.task: Any = None
        self.total: int | None = None
        self.about = False
        self.started = 0.0
        self.next = 0.0

    def __enter__(self) -> Progress:
        if not self.quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress as Live
            from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

            self.live = Live(
                SpinnerColumn(),
                TextColumn("{task.fields[text]}", markup=False),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self.live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.live is not None:
            self.live.stop()

    def start(self, stage: str, total: int | None, about: bool = False) -> None:
        """A stage begins, which has so many rows to go through, or `about` so many."""
        self.total, self.about, self.started, self.next = total, about, self.clock(), 0.0
        self.show(stage)

    def rows(self, stage: str, done: int) -> None:
        """So many rows of the running stage are gone through."""
        if (seconds := self.clock() - self.started) >= FIRST:
            self.say(stage, show_pace(done, self.total, 0, seconds, about=self.about))

    def done(self, stage: str, rows: int) -> None:
        """A stage is built."""
        if self.live is not None:
            self.live.remove_task(self.task)
            self.task = None
        self.line(f"built   {visible(stage)}  {rows:,} rows  {self.clock() - self.started:.2f} s")

    def reuse(self, stage: str, rows: int) -> None:
        """A stage need not be built."""
        self.line(f"reused  {visible(stage)}  {rows:,} rows")

    def say(self, stage: str, text: str) -> None:
        """How far the running stage is: live on a terminal, elsewhere a line every ten seconds."""
        if self.quiet:
            return
        if self.live is not None:
            self.show(f"{stage}  {text}")
        elif (now := self.clock()) >= self.next:
            self.next = now + EVERY
            self.line(f"        {visible(f'{stage}  {text}')}")

    def show(self, text: str) -> None:
        """The live line, where there is one."""
        if self.live is not None:
            self.task = self.live.add_task("", text="") if self.task is None else self.task
            self.live.update(self.task, text=visible(text))

    def line(self, text: str) -> None:
        if self.quiet:
            return
        if self.live is not None:
            self.live.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=sys.stderr, flush=True)  # noqa: T201 - the one place that prints progress
