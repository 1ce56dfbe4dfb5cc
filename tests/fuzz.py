"""Mutated recipes through the commands: `python -m tests.fuzz --count 20000 --all` is what a night tries.

A worker runs commands one after another in one process; where it dies, runs out of time or grows beyond its memory, the
mutant that it was at is a finding and another worker goes on with the next.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from tests.conftest import ROOT
from tests.mutants import Mutant, lay_out, mutant

T = TypeVar("T")
#: What a command may take: CPU seconds and MB. Beyond the wall's seconds its process is ended.
SECONDS = 10.0
MEGABYTES = 1000.0
WALL = 600
#: MB after which a worker is followed by another: what libraries keep from command to command is nobody's mistake.
KEPT = 400.0


def run(arguments: list[str]) -> tuple[int | None, str, str]:
    """(exit code or None where it ended with a traceback, what it printed, the traceback) of a command in this process."""
    from runtime.cli.main import main

    out, code, trace = io.StringIO(), 0, ""
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            main(arguments)
        except SystemExit as done:
            code = done.code if isinstance(done.code, int) else 1
        except BaseException:  # whatever it is, it is what is looked for
            return None, out.getvalue(), traceback.format_exc()
    return code, out.getvalue(), trace


def commands(made: Mutant, everything: bool) -> Iterator[list[str]]:
    """The commands that a mutant is tried with."""
    recipe = str(changed_recipe(made))
    yield ["check", recipe, "--json"]
    if everything and made.number % 4 == 0:
        yield ["plan", recipe]
        yield ["explain", recipe]
        if made.origin.path == made.origin.recipe:
            yield ["diff", str(made.origin.recipe), recipe]
    if everything and made.origin.builds and made.number % 2 == 0:
        yield ["build", recipe, "--quiet", "--allow-empty"]


def changed_recipe(made: Mutant) -> Path:
    """The recipe to look at: the mutant beside its origin, or the recipe that reads it."""
    if made.origin.path != made.origin.recipe:
        return made.origin.recipe
    return made.origin.path.with_name(f"mutant-{made.origin.path.name}")


def complaint(arguments: list[str], code: int | None, said: str, trace: str, seconds: float, megabytes: float) -> str | None:
    """What is wrong with how a command ended."""
    if code is None or "Traceback (most recent call last)" in said:
        return (trace or said)[-3000:]
    if code not in (0, 1, 2):
        return f"exit code {code}: {said[-500:]}"
    if seconds > SECONDS:
        return f"it took {seconds:.1f} CPU seconds"
    if megabytes > MEGABYTES:
        return f"it held {megabytes:,.0f} MB"
    if code == 2 and arguments[0] == "check":
        try:
            told = json.loads(said)["diagnostics"]
        except (ValueError, KeyError):
            return f"it says no JSON: {said[-500:]}"
        if not told or any(each["line"] is None for each in told):
            return f"a mistake has no place: {said[-500:]}"
    elif code == 2 and arguments[0] != "diff" and "-->" not in said:
        return f"a mistake has no place: {said[-500:]}"
    return None


def held(name: str) -> float:
    """The MB that this process holds (VmRSS), or the most it has held since that was last forgotten (VmHWM)."""
    found = re.search(rf"^{name}:\s+([0-9]+) kB$", Path("/proc/self/status").read_text("utf-8"), re.MULTILINE)
    return int(found[1]) / 1024 if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def forget_peak() -> None:
    """Let the most memory held begin anew, where the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "utf-8")


def measured(act: Callable[[], T], wall: int) -> tuple[T, float, float]:
    """(what it gives, its CPU seconds, the most MB held) of an act; this process ends with more seconds of the wall."""
    forget_peak()
    signal.alarm(wall)
    began = time.process_time()
    made = act()
    seconds = time.process_time() - began
    signal.alarm(0)
    return made, seconds, held("VmHWM")


def work(folder: Path, first: int, last: int, everything: bool) -> None:
    """Try the mutants of a range; a line of JSON tells of each."""
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
    os.chdir(folder)
    tell = os.fdopen(os.dup(1), "w")
    for number in range(first, last):
        made = mutant(folder, number)
        target = folder / (made.origin.path if made.origin.path != made.origin.recipe else changed_recipe(made))
        before = target.read_bytes() if target.exists() else None
        target.write_bytes(made.content)
        for arguments in commands(made, everything):
            print(json.dumps({"at": number, "command": arguments[0]}), file=tell, flush=True)
            (code, said, trace), seconds, megabytes = measured(partial(run, arguments), WALL)
            wrong = complaint(arguments, code, said, trace, seconds, megabytes)
            result = {"done": number, "command": arguments[0], "code": code, "wrong": wrong}
            print(json.dumps({**result, "seconds": seconds, "megabytes": megabytes}), file=tell, flush=True)
        if before is None:
            target.unlink()
        else:
            target.write_bytes(before)
        if held("VmRSS") > KEPT:
            return


@dataclass(frozen=True)
class Kind:
    """What is mutated: the module whose `--worker` tries a range of mutants in a folder, and what lays out that folder."""

    module: str
    lay_out: Callable[[Path], None]
    flags: tuple[str, ...] = ()


def recipes(everything: bool) -> Kind:
    """Recipes, tried with `check` or with everything."""
    return Kind("tests.fuzz", lay_out, ("--all",) * everything)


def tried(folder: Path, first: int, last: int, kind: Kind) -> Iterator[dict[str, Any]]:
    """What became of each command on the mutants of a range, which workers try one after another."""
    while first < last:
        program = [sys.executable, "-m", kind.module, "--worker", str(folder), str(first), str(last), *kind.flags]
        at: dict[str, Any] | None = None
        with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as worker:
            assert worker.stdout is not None and worker.stderr is not None
            for line in worker.stdout:
                at = json.loads(line)
                if "done" in at:
                    first = at["done"] + 1
                    yield at
            died = worker.stderr.read()
        if at is None or (worker.returncode != 0 and "done" in at):
            raise RuntimeError(f"a worker ended at {first}: {died[-2000:]}")
        if "at" in at:
            first = at["at"] + 1
            shutil.rmtree(folder)
            kind.lay_out(folder)  # what it had written stands there yet
            wrong = f"its process ended: {worker.returncode} {died[-300:]}"
            yield {**at, "done": at["at"], "code": None, "seconds": float(WALL), "megabytes": 0.0, "wrong": wrong}


def fuzz(first: int, count: int, kind: Kind, processes: int = 1) -> Iterator[dict[str, Any]]:
    """Try `count` mutants from `first` on; gives what became of each command."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as made, ThreadPoolExecutor(processes) as pool:
        share = -(-count // processes)
        ranges = [(start, min(first + count, start + share)) for start in range(first, first + count, share)]
        folders = [Path(made) / str(place) for place in range(len(ranges))]
        for folder in folders:
            kind.lay_out(folder)
        for told in pool.map(lambda each: list(tried(each[0], *each[1], kind)), zip(folders, ranges, strict=True)):
            yield from told


def main() -> None:
    parser = asked()
    parser.add_argument("--all", action="store_true", help="plan, explain, diff and build besides check")
    said = parser.parse_args()
    if said.worker:
        folder, first, last = said.worker
        work(Path(folder), int(first), int(last), said.all)
    else:
        report(said, recipes(said.all))


def asked() -> argparse.ArgumentParser:
    """What both kinds of mutants may be asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    return parser


def report(said: argparse.Namespace, kind: Kind) -> None:
    """Try what is asked for, and say what was found; exits 1 for a finding."""
    began, codes, slowest, largest, wrong = time.monotonic(), Counter[str](), 0.0, 0.0, []
    for told in fuzz(said.first, said.count, kind, said.processes):
        codes[f"{told['command']} {told['code']}"] += 1
        slowest, largest = max(slowest, told["seconds"]), max(largest, told["megabytes"])
        if told["wrong"]:
            wrong.append(told)
            print(f"mutant {told['done']}, {told['command']}: {told['wrong']}", flush=True)
    print(
        f"{said.count} mutants, {sum(codes.values())} commands, {len(wrong)} findings, the slowest {slowest:.1f} CPU s, the"
        f" largest {largest:.0f} MB,"
        f" {time.monotonic() - began:.0f} s; exit codes: {dict(sorted(codes.items()))}"
    )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
