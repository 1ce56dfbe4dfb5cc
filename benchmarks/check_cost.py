"""What `recipe check` costs, in start-ups of a bare interpreter: a ratio measured side by side in one run.

    python benchmarks/check_cost.py [--rounds 15] [--most 18] [-- build recipe.yaml]

Whole processes, of CPU time, so that what else the machine does counts little. Their modules lie compiled in a folder of the
benchmark's own: an environment that says PYTHONDONTWRITEBYTECODE would have every one of them compiled each time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

CHECK = ["check", "recipes/ko/quickstart.yaml"]


def used(command: list[str], environment: dict[str, str]) -> float:
    """Seconds of CPU time of a whole process; ends the benchmark where it failed."""
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"failed: {' '.join(command)}")
    return usage.ru_utime + usage.ru_stime


def compiled(folder: str) -> dict[str, str]:
    """The environment of a process whose modules are compiled once, into a folder."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": folder}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=float, help="fail above this ratio")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("command", nargs="*", default=CHECK, help="another command than the check of the quickstart")
    options = parser.parse_args()
    ours = [sys.executable, "-m", "runtime.cli.main", *options.command]
    bare, told = [], []
    with tempfile.TemporaryDirectory(prefix="check-cost-") as folder:
        environment = compiled(folder)
        used(ours, environment)
        for _ in range(options.rounds):  # in turn, so that both see the same machine
            bare.append(used([sys.executable, "-c", "pass"], environment))
            told.append(used(ours, environment))
    ratio = statistics.median(told) / statistics.median(bare)
    print(f"bare interpreter  {statistics.median(bare) * 1000:.0f} ms of CPU time")
    print(f"recipe {' '.join(options.command)}  {statistics.median(told) * 1000:.0f} ms, {ratio:.1f} start-ups")
    if options.most and ratio > options.most:
        sys.exit(f"it costs more than {options.most:g} start-ups")


if __name__ == "__main__":
    main()
