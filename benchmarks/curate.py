"""Share, length, exact and near duplicates of 400k reviews and of 2M recombined ones, beside datatrove and Data-Juicer.

    python benchmarks/curate.py [--data FOLDER] [--small] [--datatrove PYTHON] [--juicer dj-process]

What counts is rows for each second of CPU, of a whole process with its start: the peers run in one process. PYTHON has
`datatrove[io,processing]` and `kiwipiepy<0.22`, `dj-process` comes with `py-data-juicer`. Nothing of the data is kept.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import duckdb  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from spine import recombined  # noqa: E402

RECIPE = """
format: 1
recipe: bench/curate
language: {target: ko}
sources: {reviews: {file: rows.parquet, category: daily, license: A, columns: {prompt: review}}}
prompts: [{language_share: {of: target, min: 0.30}}, {length: {min: 10, max: 8192}}, unique NEAR]
"""
JUICER = """
dataset_path: FOLDER/peer.parquet
export_path: FOLDER/juicer/kept.jsonl
work_dir: FOLDER/juicer
text_keys: text
np: 1
process:
  - text_length_filter: {min_len: 10, max_len: 8192}
  - alphanumeric_filter: {tokenization: false, min_ratio: 0.3}
  - document_deduplicator: {}
  - document_minhash_deduplicator: {tokenization: character, window_size: 5, jaccard_threshold: 0.8}
"""


def measured(command: list[str], folder: Path) -> tuple[float, float, float]:
    """(seconds on the clock, of all CPUs, peak MB of the largest process) of a process and those that it waited for."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HOME": str(folder / "hf"), "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryFile() as told:
        started = time.perf_counter()
        child = subprocess.Popen(command, cwd=folder, stdout=told, stderr=told, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            told.seek(0)
            raise SystemExit(f"failed: {' '.join(command)}\n{told.read()[-2000:].decode(errors='replace')}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def line(name: str, rows: int, kept: int, took: tuple[float, float, float]) -> None:
    seconds, used, peak = took
    print(
        f"{name:<38}{rows:>10,} rows  {kept:>10,} kept  {seconds:8.1f} s  {used:8.1f} CPU s  {rows / used:9,.0f} rows/CPU s"
        f"  {peak:6.0f} MB",
        flush=True,
    )


def ours(folder: Path, rows: int, near: bool) -> None:
    step = ", {near_duplicates: {max_share: 1}}" if near else ""
    (folder / "recipe.yaml").write_text(RECIPE.replace(" NEAR", step))
    store = f"store {rows} {near}"
    command = [sys.executable, "-m", "runtime.cli.main", "build", "recipe.yaml", "--quiet", "--store", store, "--memory", "2GB"]
    took = measured(command, folder)
    (shards,) = (folder / store).glob("v*/names/bench/curate/outputs/prompts")
    kept = sum(pq.read_metadata(path).num_rows for path in shards.glob("*.parquet"))
    line(f"ours, {'with' if near else 'without'} near duplicates", rows, kept, took)


def peers(folder: Path, rows: int, datatrove: str | None, juicer: str | None) -> None:
    """The same rows by the peers."""
    taken = f"SELECT (row_number() OVER ())::VARCHAR AS id, review AS text FROM read_parquet('{folder}/rows.parquet')"
    duckdb.connect().execute(f"COPY ({taken}) TO '{folder}/peer.parquet' (FORMAT parquet)")
    program = str(Path(__file__).with_name("nearly") / "datatrove_steps.py")
    for what, words in (("exact", "without"), ("all", "with")) if datatrove else ():
        (folder / f"{what}{rows}").mkdir()
        took = measured([str(datatrove), program, f"{folder}/peer.parquet", f"{folder}/{what}{rows}", what], folder)
        kept = (folder / f"{what}{rows}" / "kept.json").read_text().count(",") + 1
        line(f"datatrove, {words} near duplicates", rows, kept, took)
        shutil.rmtree(folder / f"{what}{rows}")
    if juicer:
        (folder / "juicer.yaml").write_text(JUICER.replace("FOLDER", str(folder)))
        took = measured([juicer, "--config", f"{folder}/juicer.yaml"], folder)
        line("data-juicer", rows, (folder / "juicer/kept.jsonl").read_bytes().count(b"\n"), took)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--small", action="store_true", help="400k rows only")
    parser.add_argument("--datatrove", metavar="PYTHON")
    parser.add_argument("--juicer", metavar="dj-process")
    parser.add_argument("--juicer-most", type=int, default=400_000, help="it is not run on more rows: hours")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"the real data is not in {options.data}")
    reviews = options.data.resolve() / "nsmc" / "reviews.parquet"
    with tempfile.TemporaryDirectory(prefix="curate-", dir=os.environ.get("SPINE_DIR")) as name:
        folder = Path(name)
        (folder / ".recipe").mkdir()
        for copies in (1,) if options.small else (1, 5):
            recombined(reviews, folder / "rows.parquet", copies)
            for near in (False, True):
                ours(folder, 400_000 * copies, near)
            if options.datatrove or options.juicer:
                juicer = options.juicer if 400_000 * copies <= options.juicer_most else None
                peers(folder, 400_000 * copies, options.datatrove, juicer)


if __name__ == "__main__":
    main()
