"""The spine against plain DuckDB SQL: script share, length and exact dedup of real Korean rows, side by side in one run.

    python benchmarks/spine.py [--rounds 3] [--data ../shared/data] [--small]

Both read the same Parquet file and write Parquet. DuckDB computes the same share, length and first row of equal texts;
we also hash every cell and row, sort by id, write the store and a ledger, and sync it to disk. Whole processes are
timed from outside, in turn; the table shows medians.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
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


def measured(command: list[str], folder: Path) -> tuple[float, float]:
    """(seconds, peak MB) of a whole process."""
    started = time.perf_counter()
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - started, usage.ru_maxrss / 1000


def recombined(source: Path, target: Path, copies: int) -> None:
    """The rows `copies` times, each copy but the first with an ending of its own."""
    import duckdb

    parts = [
        f"SELECT review_id, review || '{'' if k == 0 else f' 뒷말{k}'}' AS review FROM read_parquet('{source}')"
        for k in range(copies)
    ]
    duckdb.connect().execute(f"COPY ({' UNION ALL '.join(parts)}) TO '{target}' (FORMAT parquet)")


def compare(rows: str, data: Path, rounds: int) -> list[list[str]]:
    """The lines of the table for one size."""
    with tempfile.TemporaryDirectory(prefix="spine-", dir=os.environ.get("SPINE_DIR")) as name:
        folder = Path(name)
        (folder / ".recipe").mkdir()
        (folder / "recipe.yaml").write_text(RECIPE)
        # In a process of its own: what this one has touched would count as memory of those it starts.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            pool.submit(recombined, data / "nsmc" / "reviews.parquet", folder / "rows.parquet", 5 if rows == "2M" else 1).result()
        ours = [sys.executable, "-m", "runtime.cli.main", "build", "recipe.yaml", "-q"]
        plain = [sys.executable, "-c", f"import duckdb; duckdb.connect().execute({SQL!r})"]
        os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent.parent)
        measured(plain, folder)  # warms the page cache for both
        runs: dict[str, list[tuple[float, float]]] = {"duckdb": [], "cold": [], "unchanged": [], "edit": []}
        for _ in range(rounds):
            runs["duckdb"].append(measured(plain, folder))
            shutil.rmtree(folder / ".recipe" / "v2", ignore_errors=True)
            runs["cold"].append(measured(ours, folder))
            runs["unchanged"].append(measured(ours, folder))
            runs["edit"].append(measured([*ours, "--set", "prompts.language_share.min=0.35"], folder))
        floor = statistics.median(seconds for seconds, _ in runs["duckdb"])
        count = 2_000_000 if rows == "2M" else 400_000
        labels = {
            "duckdb": f"plain DuckDB SQL {importlib.metadata.version('duckdb')}",
            "cold": "cold build",
            "unchanged": "unchanged rebuild",
            "edit": "threshold edit",
        }
        table = []
        for kind, pairs in runs.items():
            seconds, peak = statistics.median(s for s, _ in pairs), max(p for _, p in pairs)
            table.append(
                [rows, labels[kind], f"{seconds:.2f}", f"{seconds / floor:.2f}", f"{count / seconds:,.0f}", f"{peak:.0f}"]
            )
        return table


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--small", action="store_true", help="400k rows only")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"the real data is not in {options.data}")
    head = ["rows", "what", "seconds", "x DuckDB", "rows/s", "peak MB"]
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
