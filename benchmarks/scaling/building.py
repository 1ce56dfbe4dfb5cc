"""A build that is watched from outside: for each of its stages rows, seconds, CPU seconds, peak memory and bytes written."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from benchmarks.watched import EVERY, family, held

ROOT = Path(__file__).resolve().parents[2]
LINE = re.compile(r"(built|reused) +(.+?)  ([\d,]+) rows(?:  ([\d.]+) s)?")
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Stage:
    """What one stage took."""

    name: str
    rows: int
    seconds: float
    cpu: float
    peak: int
    """Kilobytes (PSS) of the build and all that it started."""
    written: int
    """Bytes given to the disk."""
    whole: bool = True
    """False where an interrupted run may have done some of it."""


@dataclass
class Used:
    """What the processes of a build have used so far, those that ended included."""

    cpu: dict[int, float] = field(default_factory=dict)
    written: dict[int, int] = field(default_factory=dict)
    peak: int = 0

    def look(self, process: int) -> None:
        """Look at all of them once more."""
        alive = family(process)
        self.peak = max(self.peak, sum(map(held, alive)))
        for each in alive:
            try:
                fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
                lines = Path(f"/proc/{each}/io").read_text().splitlines()
            except OSError:
                continue
            self.cpu[each] = (int(fields[11]) + int(fields[12])) / TICK
            self.written[each] = next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


class Unmeasured(SystemExit):
    """A build did not do what it is measured as."""


def recorded(log: Path) -> list[Stage]:
    """The stages that a step ran so far, in the order of their runs."""
    return [Stage(**json.loads(line)) for line in log.read_text().splitlines()] if log.exists() else []


def build(folder: Path, recipe: str, log: Path, data: Path, memory: str, seconds: float) -> bool:
    """Run a build, or what is left of it, and add each stage that ran to the log; False where its seconds were over.

    Ends the benchmark where it failed, and where it reused a stage that no log measured.
    """
    command = [sys.executable, "-m", "runtime.cli.main", "build", recipe, "--allow-path", str(data), "--memory", memory]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)
    assert child.stderr is not None
    lines: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=pour, args=(child.stderr, lines), daemon=True)
    reader.start()
    measured = {stage.name for each in sorted(folder.glob("*.stages")) for stage in recorded(each)}
    said, reused, late = list[str](), list[str](), time.monotonic() + seconds
    used, before, whole = Used(), (0.0, 0), not log.exists()
    with log.open("a") as file:
        while child.poll() is None or reader.is_alive() or not lines.empty():
            used.look(child.pid)
            if time.monotonic() > late and child.poll() is None:
                child.send_signal(signal.SIGINT)
            try:
                line = lines.get(timeout=EVERY)
            except queue.Empty:
                continue
            said.append(line)
            if (found := LINE.match(line)) is None:
                continue
            what, name, rows, took = found.groups()
            if what == "reused":
                reused.append(name)
                continue
            now = sum(used.cpu.values()), sum(used.written.values())
            cpu, written = now[0] - before[0], now[1] - before[1]
            stage = Stage(name, int(rows.replace(",", "")), float(took), cpu, used.peak, written, whole)
            file.write(json.dumps(asdict(stage)) + "\n")
            file.flush()
            before, used.peak, whole = now, 0, True
    if child.returncode and time.monotonic() <= late:
        raise Unmeasured(f"`recipe build {recipe}` failed with {child.returncode}: {''.join(said)[-3000:]}")
    if strange := [name for name in reused if name not in measured]:
        raise Unmeasured(f"this was no cold build: it reused {', '.join(strange)}, which nobody measured")
    return child.returncode == 0


def pour(stream: IO[str], lines: queue.Queue[str]) -> None:
    """Every line of a stream, as it comes."""
    for line in stream:
        lines.put(line)


def outcome(folder: Path, recipe: str, data: Path) -> dict[str, object]:
    """What `--json` tells of a build that is done: nothing runs again. Ends the benchmark where something does."""
    command = [sys.executable, "-m", "runtime.cli.main", "build", recipe, "--allow-path", str(data), "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    if done.returncode:
        raise Unmeasured(f"`recipe build {recipe}` failed with {done.returncode}: {done.stderr.decode()[-3000:]}")
    told: dict[str, object] = json.loads(done.stdout)
    if told["ran"]:
        raise Unmeasured(f"a build that was done ran {told['ran']} again")
    return told
