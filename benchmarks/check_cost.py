"""What `recipe check` costs, in start-ups of a bare interpreter: a ratio measured side by side in one run."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=float, help="fail above this ratio")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    bare, check = [], []
    for _ in range(options.rounds):  # in turn, so that both see the same machine
        bare.append(seconds([sys.executable, "-c", "pass"]))
        check.append(seconds([sys.executable, "-m", "runtime.cli.main", "check", "recipes/ko/quickstart.yaml"]))
    ratio = statistics.median(check) / statistics.median(bare)
    print(f"bare interpreter {statistics.median(bare) * 1000:.0f} ms")
    print(f"recipe check     {statistics.median(check) * 1000:.0f} ms, {ratio:.1f} start-ups")
    if options.most and ratio > options.most:
        sys.exit(f"a check costs more than {options.most:g} start-ups")


if __name__ == "__main__":
    main()
