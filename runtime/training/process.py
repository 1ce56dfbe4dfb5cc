"""A training's worker as a process: its events are passed on, and it ends with whoever started it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.completions.engines.configuration import Training, read_configuration
from runtime.completions.engines.engine import last_line
from runtime.completions.engines.process import worker_environment
from runtime.completions.weights import Weights
from runtime.store.pace import show_left
from runtime.store.store import StoreError

GRACE = 60
"""Seconds that a worker gets to save its state when it is stopped."""
NEEDED = "pip install 'data-recipe[train]'"


@dataclass(frozen=True)
class Start:
    """The weights that a training starts from, a checkpoint's or a model's."""

    folder: Path
    digest: str
    model: str = ""
    """The model's id; empty for a checkpoint."""
    weights: Weights | None = None
    """The model's files, which have to stay as they are meanwhile."""


@dataclass(frozen=True)
class TrainingRun:
    """What one training needs besides its rows."""

    key: str
    name: str
    start: Start
    resume: str
    """The command that goes on where it stopped."""

    training: Training = field(default_factory=lambda: read_configuration().training)
    """How training runs, as the configuration of the machine that builds says."""


def command_of(folder: Path, module: str, run: TrainingRun) -> list[str]:
    """How the worker is started: under torchrun where several processes share the model."""
    python, named = run.training.python or sys.executable, f"runtime.training.{module}"
    if module == "worker" and run.training.processes > 1:
        shared = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={run.training.processes}", "-m", named]
        return [python, "-P", *shared, str(folder)]
    return [python, "-P", "-m", named, str(folder)]


def run_worker(folder: Path, module: str, run: TrainingRun, say: Callable[[str], None]) -> None:
    """Run it to its end. Raises StoreError with its error; a state from which it goes on is kept."""
    ours = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join([ours, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = worker_environment(*(["WANDB_API_KEY"] if "wandb" in run.training.trackers else []))
    with open(folder / f"{module}.log", "ab") as log:
        try:
            process = subprocess.Popen(
                command_of(folder, module, run),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment | {"PYTHONPATH": paths},
                start_new_session=True,  # Ctrl-C is for the build, which then ends its workers
            )
        except OSError as error:
            hint = "look at `training: python` in your configuration"
            raise StoreError(f"the training `{run.name}` cannot be started: {error.strerror}", hint) from None
        failed: dict[str, Any] | None = None
        noise = ""
        try:
            assert process.stdout is not None
            for line in process.stdout:
                event = parse_event(line)
                if event is None:
                    noise = last_line(line)
                elif event["event"] == "error":
                    failed = failed or event
                else:
                    say(describe_event(event))
            code = process.wait()
        except BaseException:
            stop(process)
            raise
    if failed is not None:
        raise StoreError(f"`{run.name}`: {failed['message']}", failed.get("hint") or f"go on with: {run.resume}")
    if code:
        with open(folder / f"{module}.log", "rb") as tail:
            tail.seek(max(0, os.fstat(tail.fileno()).st_size - 4000))
            last = last_line(tail.read()) or noise
        missing = "No module named" in last
        hint = NEEDED if missing else f"what it learnt is kept; go on with: {run.resume}; its log: {folder / f'{module}.log'}"
        raise StoreError(f"the training `{run.name}` ended with {describe_exit(code)}: {last}", hint)


def parse_event(line: bytes) -> dict[str, Any] | None:
    """An event, or None for a line that is none."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def describe_event(event: dict[str, Any]) -> str:
    """A line for a person."""
    if event["event"] == "step":
        left = event.get("eta_seconds")
        ending = "" if left is None else f", {show_left(left)}"
        speed = f", {event['tokens_per_second']:,.0f} tokens/s" if event.get("tokens_per_second") else ""
        progress = f"step {event['step']:,} of {event['steps']:,}, loss {event['loss']:.4f}"
        return f"{progress}, learning rate {event['learning_rate']:.2e}{speed}{ending}"
    if event["event"] == "resumed":
        return f"goes on after step {event['step']:,}"
    return " ".join(f"{name} {value}" for name, value in event.items() if name != "event") or str(event["event"])


def stop(process: subprocess.Popen[bytes]) -> None:
    """Let a worker save its state, and end it where it does not."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(GRACE)
    except (ProcessLookupError, subprocess.TimeoutExpired, KeyboardInterrupt):
        pass
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def describe_exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"
