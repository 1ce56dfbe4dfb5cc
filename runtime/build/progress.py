"""Progress: one live line for the running stage on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any

from compiler.text.diagnostics import visible

EVERY = 10
"""Seconds between two lines of a stage where there is no terminal."""


class Progress:
    """Shows how far a build is; silent where that is asked for."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.live: Any = None
        self.task: Any = None
        self.started = 0.0
        self.printed = 0.0

    def __enter__(self) -> Progress:
        if not self.quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress as Live
            from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

            self.live = Live(
                SpinnerColumn(),
                TextColumn("{task.fields[stage]}", markup=False),
                TextColumn("{task.completed:,.0f} rows"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self.live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.live is not None:
            self.live.stop()

    def tell(self, stage: str, what: str, rows: int | None) -> None:
        """`start`, `rows`, `done` or `reuse` of a stage."""
        if self.quiet:
            return
        stage = visible(stage)
        if what == "start":
            self.started = time.monotonic()
            if self.live is not None:
                self.task = self.live.add_task("", stage=stage, total=None)
        elif what == "rows" and self.live is not None:
            self.live.update(self.task, completed=rows)
        elif what == "done":
            if self.live is not None:
                self.live.remove_task(self.task)
            self.line(f"built   {stage}  {rows:,} rows  {time.monotonic() - self.started:.2f} s")
        elif what == "reuse":
            self.line(f"reused  {stage}  {rows:,} rows")

    def say(self, stage: str, text: str) -> None:
        """How far a long stage is: live on a terminal, elsewhere a line every ten seconds."""
        if self.quiet:
            return
        if self.live is not None:
            self.live.update(self.task, stage=visible(f"{stage}  {text}"))
        elif time.monotonic() - self.printed >= EVERY:
            self.printed = time.monotonic()
            self.line(f"        {visible(f'{stage}  {text}')}")

    def line(self, text: str) -> None:
        if self.live is not None:
            self.live.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=sys.stderr, flush=True)  # noqa: T201 - the one place that prints progress
