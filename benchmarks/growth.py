"""What a plan, a diff and a look at a row cost on stores of more and more rows, and what memory they take.

    python benchmarks/growth.py [--rows 2 20] [--rounds 3] [--folder FOLDER] [--data ../shared/data]

The recipe and the rows are those of memory.py; the edit raises one threshold. Each command is a process of its own, and the
median of its rounds counts. It ends with an error where a plan takes more than two seconds, where a diff takes more than eleven
times as long on ten times the rows, or where a command holds more than two gigabytes. A folder that is named keeps its stores.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.memory import BOUNDS, build, family, held, laid_out

COMMANDS = {
    "plan": ("plan", "recipe.yaml"),
    "diff": ("diff", "recipe.yaml", "--set", "prompts.length.min=12"),
    "why": ("why", "recipe.yaml", "--match", "영화", "--limit", "1"),
}
PLAN, GROWTH, MEMORY = 2.0, 1.1, 2048
"""Seconds; times as long a row as on the first size; MB."""
EVERY = 0.03


def measured(folder: Path, command: tuple[str, ...]) -> tuple[float, float, int]:
    """(seconds, of them in the processor, MB at the most) of a command and all that it starts."""
    started, before, peak = time.perf_counter(), used(), 0
    child = subprocess.Popen([sys.executable, "-m", "runtime.cli.main", *command], cwd=folder, stdout=subprocess.DEVNULL)
    while child.poll() is None:
        peak = max(peak, sum(map(held, family(child.pid))))
        time.sleep(EVERY)
    if child.returncode:
        raise SystemExit(f"`recipe {' '.join(command)}` failed in {folder}")
    return time.perf_counter() - started, used() - before, peak >> 10


def used() -> float:
    """Seconds of all processors that what has ended took."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def main() -> None:
    """Print a line for each command and size, and end with an error where one is beyond what it may take."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--data", type=Path, default=Path("../shared/data"))
    reader.add_argument("--rows", type=float, nargs="+", default=[2, 20], help="millions of rows")
    reader.add_argument("--rounds", type=int, default=3)
    reader.add_argument("--folder", type=Path, help="where there is room for some gigabytes")
    said = reader.parse_args()
    if not said.data.is_dir():
        raise SystemExit(f"there is no {said.data}")
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent.parent)
    first: dict[str, float] = {}
    beyond = []
    print("| command | millions of rows | seconds | beside the first | CPU seconds | peak PSS, MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="growth-") as made:
        for millions in said.rows:
            folder = (said.folder or Path(made)) / f"{millions:g}"
            if not (folder / ".recipe").is_dir():
                folder.mkdir(parents=True, exist_ok=True)
                laid_out(folder, (said.data / "nsmc" / "reviews.parquet").resolve(), millions)
                build(folder, "--memory", BOUNDS[int(millions) if millions >= 1 else millions])
            for name, command in COMMANDS.items():
                measured(folder, command)  # warms the page cache
                rounds = [measured(folder, command) for _ in range(said.rounds)]
                seconds, processor = (statistics.median(each[at] for each in rounds) for at in (0, 1))
                peak = max(each for *_, each in rounds)
                times = seconds / first.setdefault(name, seconds)
                print(f"| {name} | {millions:g} | {seconds:.2f} | {times:.1f}x | {processor:.2f} | {peak:,} |", flush=True)
                beyond += [f"{name} at {millions:g}M rows holds {peak:,} MB"] if peak > MEMORY else []
                if name == "plan" and seconds > PLAN:
                    beyond.append(f"plan at {millions:g}M rows takes {seconds:.2f} s")
                if name == "diff" and times > GROWTH * millions / said.rows[0]:
                    beyond.append(f"diff at {millions:g}M rows takes {times:.1f} times as long as at {said.rows[0]:g}M")
    if beyond:
        raise SystemExit("; ".join(beyond))


if __name__ == "__main__":
    main()
