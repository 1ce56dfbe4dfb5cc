"""What builds of more and more rows cost, beside DuckDB and datatrove, and what a plan, a diff and a look at a row of them cost.

    python benchmarks/growth.py [--rows 0.4 2 10 20] [--rounds 3] [--folder FOLDER] [--data ../shared/data]
                                [--datatrove PYTHON] [--at-most 10]

The recipe and the rows are those of memory.py. Each build is cold and within its bound; plain DuckDB SQL does the same filters
and exact deduplication of the same rows, and so does, where an interpreter that has it is named, datatrove's local executor with
two workers (up to `--at-most` millions); all have to keep equally many rows. Then the edit, which is not built, raises one
threshold; the median of its rounds counts. Every command is a process of its own (watched.py).

It ends with an error where a row of more than two million takes more than 1.15 times a row of two million, where a plan takes
more than two seconds, where a diff takes more than eleven times as long on ten times the rows, or where anything of ours is
above its bound.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.memory import BOUNDS, build, laid_out
from benchmarks.spine import SQL
from benchmarks.watched import Took, watch
from runtime.store.bound import parse_size

COMMANDS = {
    "plan": ("plan", "recipe.yaml"),
    "diff": ("diff", "recipe.yaml", "--set", "prompts.length.min=12"),
    "why": ("why", "recipe.yaml", "--match", "영화", "--limit", "1"),
}
ROW, PLAN, GROWTH, MEMORY = 1.15, 2.0, 1.1, 2048
"""Times as long a row as at two million; seconds; times as long a row as on the first size; MB."""
WORKERS = 2
HEAD = ("what", "millions of rows", "seconds", "seconds a row, beside 2M", "CPU seconds", "peak PSS, MB", "spilled, MB")


class Line(NamedTuple):
    """What something took at a size."""

    what: str
    millions: float
    took: Took

    def cells(self, lines: list[Line]) -> tuple[str, ...]:
        first = next((each for each in lines if each.what.split(",")[0] == self.what.split(",")[0] and each.millions >= 2), None)
        beside = "" if first is None else f"{self.took.seconds * first.millions / self.millions / first.took.seconds:.2f}"
        took = self.took
        sizes = (f"{took.peak >> 10:,}", f"{took.spilled >> 20:,}")
        return (self.what, f"{self.millions:g}", f"{took.seconds:.2f}", beside, f"{took.used:.2f}", *sizes)


def duckdb(folder: Path, bound: str | None) -> Took:
    """The filters and first rows of equal texts by plain SQL."""
    limit = "" if bound is None else f"SET memory_limit = '{bound}'; SET temp_directory = 'spilled'; "
    took = watch([sys.executable, "-c", f"import duckdb; duckdb.connect().execute({limit + SQL!r})"], folder, "spilled")
    shutil.rmtree(folder / "spilled", ignore_errors=True)
    return took


def datatrove(folder: Path, python: str) -> Took:
    """The same by datatrove, of rows that lie in a file for each worker."""
    given = folder / "datatrove"
    (given / "rows").mkdir(parents=True)
    source = pq.ParquetFile(folder / "rows.parquet")
    writers = [pq.ParquetWriter(given / "rows" / f"{number}.parquet", source.schema_arrow) for number in range(WORKERS)]
    for number, batch in enumerate(source.iter_batches(100_000)):
        writers[number % WORKERS].write_batch(batch)
    for writer in writers:
        writer.close()
    program = str(Path(__file__).parent / "peers" / "datatrove_exact.py")
    took = watch([python, program, str(given), str(WORKERS)], folder, "datatrove/[fsd]*")
    kept, wanted = int(took.output.split()[-1]), pq.ParquetFile(folder / "duckdb.parquet").metadata.num_rows
    if kept != wanted:
        raise SystemExit(f"datatrove keeps {kept:,} rows, DuckDB {wanted:,}")
    shutil.rmtree(given)
    return took


def builds(folder: Path, millions: float, python: str | None) -> list[Line]:
    """A cold build of the rows that lie in a folder, and what others take."""
    bound = BOUNDS[int(millions) if millions >= 1 else millions]
    ours = build(folder, "--memory", bound).took
    lines = [Line(f"cold build, within {bound}", millions, ours)]
    if ours.peak << 10 > parse_size(bound):
        raise SystemExit(f"a build of {millions:g}M rows holds {ours.peak >> 10} MB, and its bound is {bound}")
    lines += [
        Line("DuckDB", millions, duckdb(folder, None)),
        Line(f"DuckDB within its bound, {bound}", millions, duckdb(folder, bound)),
    ]
    kept, wanted = json.loads(ours.output)["outputs"][0]["rows"], pq.ParquetFile(folder / "duckdb.parquet").metadata.num_rows
    if kept != wanted:
        raise SystemExit(f"the build keeps {kept:,} rows, DuckDB {wanted:,}")
    return [*lines, *([Line("datatrove", millions, datatrove(folder, python))] if python else [])]


def reviews(folder: Path, millions: float, rounds: int) -> list[Line]:
    """What each command that only looks takes; the first of its runs warms the page cache."""
    lines = []
    for name, command in COMMANDS.items():
        took = [watch([sys.executable, "-m", "runtime.cli.main", *command], folder, every=0.03) for _ in range(1 + rounds)][1:]
        seconds, used = (statistics.median(getattr(each, what) for each in took) for what in ("seconds", "used"))
        lines.append(Line(name, millions, Took(seconds, used, max(each.peak for each in took), 0, b"")))
    return lines


def beyond(line: Line, lines: list[Line]) -> str | None:
    """What is wrong with what a command of ours took."""
    said = f"{line.what} at {line.millions:g}M rows"
    beside = float(line.cells(lines)[3] or 0)
    if line.took.peak >> 10 > MEMORY and line.what in COMMANDS:
        return f"{said} holds {line.took.peak >> 10:,} MB"
    if line.what == "plan" and line.took.seconds > PLAN:
        return f"{said} takes {line.took.seconds:.2f} s"
    most = {"diff": GROWTH, "cold build": ROW}.get(line.what.split(",")[0])
    return f"{said} takes {beside:.2f} times as long a row as at 2M" if most and beside > most and line.millions > 2 else None


def main() -> None:
    """Print a line for each command and size, and end with an error where one is beyond what it may take."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--data", type=Path, default=Path("../shared/data"))
    reader.add_argument("--rows", type=float, nargs="+", default=[0.4, 2, 10, 20], help="millions of rows")
    reader.add_argument("--rounds", type=int, default=3)
    reader.add_argument("--folder", type=Path, help="where there is room for some gigabytes")
    reader.add_argument("--datatrove", metavar="PYTHON", help="an interpreter that has datatrove")
    reader.add_argument("--at-most", type=float, default=10, help="millions of rows that datatrove is given")
    said = reader.parse_args()
    if not said.data.is_dir():
        raise SystemExit(f"there is no {said.data}")
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent.parent)
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}")
    lines: list[Line] = []
    for millions in said.rows:
        peer = said.datatrove if millions <= said.at_most else None
        with tempfile.TemporaryDirectory(prefix="growth-", dir=said.folder) as made:
            laid_out(Path(made), (said.data / "nsmc" / "reviews.parquet").resolve(), millions)
            for found in (builds(Path(made), millions, peer), reviews(Path(made), millions, said.rounds)):
                lines += found
                for line in found:
                    print(f"| {' | '.join(line.cells(lines))} |", flush=True)
    wrong = [each for line in lines if (each := beyond(line, lines))]
    if wrong:
        raise SystemExit("; ".join(wrong))


if __name__ == "__main__":
    main()
