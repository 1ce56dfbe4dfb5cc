"""The spine against plain DuckDB SQL: script share, length and exact dedup of real Korean rows, side by side in one run.

    python benchmarks/spine.py [--rounds 3] [--data ../shared/data] [--small]

Both read the same Parquet file and write Parquet. DuckDB computes the same share, length and first row of equal texts;
we also hash every cell and row, sort by id, write the store and a ledger, and sync it to disk. Whole processes are
timed from outside, in turn; the table shows medians. What a build ran and reused is read of its report: a cold build that
reused a stage, or an unchanged one that ran any, measures nothing and ends the benchmark. Modules lie compiled in a folder
of the benchmark's own, whatever the environment says: else every process would compile them anew.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

RECIPE = """\
format: 1
recipe: bench/nsmc
language: {target: ko, anchor: en}
sources: {nsmc: {file: rows.parquet, category: daily, license: A, columns: {prompt: review}}}
prompts:
  - language_share: {of: target, min: 0.3}
  - length: {min: 10, max: 8192}
  - unique: {normalise: []}
"""

HANGUL = r"[\x{AC00}-\x{D7A3}\x{3130}-\x{318F}\x{1100}-\x{11FF}\x{A960}-\x{A97F}\x{D7B0}-\x{D7FF}]+"

SQL = f"""
SET threads = 2;
COPY (
  SELECT review, arg_min(review_id, file_row_number) AS review_id, min(file_row_number) AS at
  FROM read_parquet('rows.parquet', file_row_number = true)
  WHERE length(review) BETWEEN 10 AND 8192
    AND (length(review) - length(regexp_replace(review, '{HANGUL}', '', 'g'))) * 10
        >= 3 * length(regexp_replace(review, '\\s+', '', 'g'))
  GROUP BY review
) TO 'duckdb.parquet' (FORMAT parquet)
"""


@dataclass(frozen=True)
class Run:
    """What a whole process took: seconds on the clock, of all CPUs and inside stages, and its peak memory in MB."""

    seconds: float
    used: float
    peak: float
    stages: float = 0.0


def measured(command: list[str], folder: Path, kind: str) -> Run:
    """A whole process. Ends the benchmark where it failed, or is not of the kind that it is measured as."""
    with tempfile.TemporaryFile() as report:
        started = time.perf_counter()
        child = subprocess.Popen(command, cwd=folder, stdout=report, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"failed: {' '.join(command)}")
        report.seek(0)
        told = report.read()
    run = Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)
    if kind == "duckdb":
        return run
    said = json.loads(told)
    ran, reused = bool(said["ran"]), bool(said["reused"])
    if (ran, reused) != {"cold": (True, False), "unchanged": (False, True), "edit": (True, True)}[kind]:
        raise SystemExit(f"this was no {kind} build: it ran {said['ran']} and reused {said['reused']}")
    return replace(run, stages=sum(stage["seconds"] for stage in said["stages"]))


def recombined(source: Path, target: Path, copies: int) -> None:
    """The rows `copies` times, each copy but the first with an ending of its own."""
    import duckdb

    parts = [
        f"SELECT review_id, review || '{'' if k == 0 else f' 뒷말{k}'}' AS review FROM read_parquet('{source}')"
        for k in range(copies)
    ]
    duckdb.connect().execute(f"COPY ({' UNION ALL '.join(parts)}) TO '{target}' (FORMAT parquet)")


def median(runs: list[Run], name: str) -> float:
    """The median of one number of some runs."""
    return statistics.median(getattr(run, name) for run in runs)


def compare(rows: str, data: Path, rounds: int) -> list[list[str]]:
    """The lines of the table for one size."""
    with tempfile.TemporaryDirectory(prefix="spine-", dir=os.environ.get("SPINE_DIR")) as name:
        folder = Path(name)
        (folder / ".recipe").mkdir()
        (folder / "recipe.yaml").write_text(RECIPE)
        # In a process of its own: what this one has touched would count as memory of those it starts.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            pool.submit(recombined, data / "nsmc" / "reviews.parquet", folder / "rows.parquet", 5 if rows == "2M" else 1).result()
        ours = [sys.executable, "-m", "runtime.cli.main", "build", "recipe.yaml", "--json"]
        plain = [sys.executable, "-c", f"import duckdb; duckdb.connect().execute({SQL!r})"]
        os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent.parent)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
        measured(plain, folder, "duckdb")  # warms the page cache for both
        measured(ours, folder, "cold")  # and compiles our modules
        edited = [*ours, "--set", "prompts.language_share.min=0.35"]
        runs: dict[str, list[Run]] = {"duckdb": [], "cold": [], "unchanged": [], "edit": []}
        for _ in range(rounds):
            shutil.rmtree(folder / ".recipe")
            (folder / ".recipe").mkdir()
            for kind, command in (("duckdb", plain), ("cold", ours), ("unchanged", ours), ("edit", edited)):
                runs[kind].append(measured(command, folder, kind))
        floor = {name: median(runs["duckdb"], name) for name in ("seconds", "used")}
        count = 2_000_000 if rows == "2M" else 400_000
        labels = {
            "duckdb": f"plain DuckDB SQL {importlib.metadata.version('duckdb')}",
            "cold": "cold build",
            "unchanged": "unchanged rebuild",
            "edit": "threshold edit",
        }
        table = []
        for kind, each in runs.items():
            seconds, used, peak = median(each, "seconds"), median(each, "used"), max(run.peak for run in each)
            outside = statistics.median(run.seconds - run.stages for run in each)
            cells = [f"{seconds:.2f}", f"{seconds / floor['seconds']:.2f}", f"{used:.2f}", f"{used / floor['used']:.2f}"]
            rest = [".", "."] if kind == "duckdb" else [f"{outside:.2f}", f"{count / seconds:,.0f}"]
            table.append([rows, labels[kind], *cells, *rest, f"{peak:.0f}"])
        return table


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--small", action="store_true", help="400k rows only")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"the real data is not in {options.data}")
    head = ["rows", "what", "seconds", "x DuckDB", "CPU s", "x DuckDB", "outside stages", "rows/s", "peak MB"]
    lines = [head]
    for rows in ("400k",) if options.small else ("400k", "2M"):
        lines += compare(rows, options.data.resolve(), options.rounds)
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    for line in lines:
        print(
            "  ".join(
                cell.ljust(width) if at < 2 else cell.rjust(width)
                for at, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
        )


if __name__ == "__main__":
    main()
