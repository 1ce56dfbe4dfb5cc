"""The same build on threads and on the workers of a Ray of this machine: seconds, and the peak of what its processes hold.

    python benchmarks/on_ray.py [--data ../shared/data] [--rows 2] [--memory 2GB] [--folder FOLDER]

Rows are those of `benchmarks/memory.py`. Ray's own processes are reported apart from ours, which are the build and its workers.
The benchmark ends with an error where the two digests differ, or where ours hold more than the bound.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.spine import RECIPE, recombined
from benchmarks.watched import family, held
from runtime.store.bound import parse_size

WORKERS = (b"ray::IDLE", b"ray::perform")


def ours(process: int) -> bool:
    """Whether a process of a build is one of its workers."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().startswith(WORKERS)
    except OSError:
        return False


def build(folder: Path, *options: str) -> tuple[float, int, int, str]:
    """(seconds, kilobytes of the build and its workers, kilobytes of Ray, digest) of a cold build in a store of its own."""
    shutil.rmtree(folder / ".recipe", ignore_errors=True)
    (folder / ".recipe").mkdir()
    command = [sys.executable, "-m", "runtime.cli.main", "build", "recipe.yaml", "--json", *options]
    with tempfile.TemporaryFile() as report:
        started, most, most_others = time.perf_counter(), 0, 0
        child = subprocess.Popen(command, cwd=folder, stdout=report)
        while child.poll() is None:
            sizes = {each: held(each) for each in family(child.pid)}
            workers = {each for each in sizes if each == child.pid or ours(each)}
            most = max(most, sum(sizes[each] for each in workers))
            most_others = max(most_others, sum(size for each, size in sizes.items() if each not in workers))
            time.sleep(0.1)
        seconds = time.perf_counter() - started
        report.seek(0)
        told = json.loads(report.read())
    if child.returncode:
        raise SystemExit(f"{' '.join(options)} failed: {told}")
    return seconds, most, most_others, told["outputs"][0]["digest"]


def main() -> None:
    """Print a line for each executor."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--data", type=Path, default=Path("../shared/data"))
    reader.add_argument("--rows", type=float, default=2, help="millions of rows")
    reader.add_argument("--memory", default="2GB")
    reader.add_argument("--folder", type=Path, help="where there is room for some gigabytes")
    given = reader.parse_args()
    print("| on | seconds | peak PSS of ours, MB | of Ray's own processes, MB |\n| --- | --- | --- | --- |")
    digests = set()
    with tempfile.TemporaryDirectory(prefix="on-ray-", dir=given.folder) as name:
        folder = Path(name)
        (folder / "recipe.yaml").write_text(RECIPE)
        recombined((given.data / "nsmc" / "reviews.parquet").resolve(), folder / "rows.parquet", round(given.rows * 2.5))
        for engine in ("local", "ray"):
            seconds, most, others, digest = build(folder, "--engine", engine, "--memory", given.memory)
            print(f"| {engine} | {seconds:.1f} | {most >> 10:,} | {others >> 10:,} |", flush=True)
            digests.add(digest)
            if most << 10 > parse_size(given.memory):
                raise SystemExit(f"{engine} took {most >> 10} MB of {given.memory}")
    if len(digests) > 1:
        raise SystemExit(f"the digests differ: {digests}")


if __name__ == "__main__":
    main()
