"""A command seen from outside: its seconds, its processor time, the peak of what all its processes hold, what it spills.

What counts as memory is the proportional set size (PSS) of the process and of all that it started, summed and sampled: pages
that are shared count by share. Processor time is what the system tells of those that were waited for, and for others what was
last seen.
"""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

EVERY = 0.1
"""Seconds between two looks."""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Took:
    """What a command took: seconds on the clock and of all processors, kilobytes of memory, bytes on the disk besides results."""

    seconds: float
    used: float
    peak: int
    spilled: int
    output: bytes


def watch(command: list[str], folder: Path, scratch: str = "", every: float = EVERY) -> Took:
    """A whole command, whose folders for what does not fit in memory are those that `scratch` matches in its own one.

    Ends the benchmark where it failed.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started, before, peak, spilled = time.perf_counter(), used(), 0, 0
        seen: dict[int, float] = {}
        child = subprocess.Popen(command, cwd=folder, stdout=output, stderr=errors)
        while child.poll() is None:
            alive = family(child.pid)
            peak = max(peak, sum(map(held, alive)))
            seen |= {each: ticked(each) for each in alive}
            spilled = max(spilled, sum(map(size_of, folder.glob(scratch)))) if scratch else 0
            time.sleep(every)
        seconds = time.perf_counter() - started
        output.seek(0)
        told = output.read()
        if child.returncode:
            errors.seek(0)
            said = (told + errors.read()).decode(errors="replace")[-2000:]
            raise SystemExit(f"`{' '.join(command)}` failed with {child.returncode} in {folder}: {said}")
    return Took(seconds, max(used() - before, sum(seen.values())), peak, spilled, told)


def family(process: int) -> list[int]:
    """A process and all that it started."""
    try:
        threads = os.listdir(f"/proc/{process}/task")
        children = [each for at in threads for each in Path(f"/proc/{process}/task/{at}/children").read_text().split()]
    except OSError:
        return [process]
    return [process, *(each for child in children for each in family(int(child)))]


def held(process: int) -> int:
    """The kilobytes of a process: pages that are shared count by share."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def ticked(process: int) -> float:
    """Seconds of all processors that a process itself took so far."""
    try:
        user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    except OSError:
        return 0
    return (int(user) + int(system)) / TICKS


def used() -> float:
    """Seconds of all processors that what has ended took."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def size_of(folder: Path) -> int:
    """Bytes on the disk under a folder, of which files come and go."""
    size = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.stat(os.path.join(root, name)).st_blocks * 512
            except OSError:
                continue
    return size
