"""What a diff and a plan cost on a store of two million rows, beside a plain start of the same command line.

    python benchmarks/review.py [--rounds 5] [--data ../shared/data]

The recipe is that of spine.py over real Korean reviews; the edit raises one threshold. Whole processes are timed from
outside, in turn; the table shows medians. The peer for a row diff is plain DuckDB SQL that filters both sides anew.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from spine import HANGUL, RECIPE, measured, recombined


def kept(low: int) -> str:
    """Plain SQL for the texts that the recipe keeps with this threshold."""
    return f"""
      SELECT review FROM read_parquet('rows.parquet') WHERE length(review) BETWEEN {low} AND 8192
        AND (length(review) - length(regexp_replace(review, '{HANGUL}', '', 'g'))) * 10
            >= 3 * length(regexp_replace(review, '\\s+', '', 'g'))
      GROUP BY review
    """


SQL = f"SET threads = 2; SELECT count(*) FROM ({kept(10)}) AS a FULL JOIN ({kept(12)}) AS b USING (review)"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"the real data is not in {options.data}")
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent.parent)
    with tempfile.TemporaryDirectory(prefix="review-", dir=os.environ.get("SPINE_DIR")) as name:
        folder = Path(name)
        (folder / ".recipe").mkdir()
        (folder / "recipe.yaml").write_text(RECIPE)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            pool.submit(recombined, (options.data / "nsmc/reviews.parquet").resolve(), folder / "rows.parquet", 5).result()
        recipe = [sys.executable, "-m", "runtime.cli.main"]
        subprocess.run([*recipe, "build", "recipe.yaml", "-q"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        commands = {
            "start-up (recipe plan --help)": [*recipe, "plan", "--help"],
            "recipe plan": [*recipe, "plan", "recipe.yaml"],
            "recipe diff of a threshold": [*recipe, "diff", "recipe.yaml", "--set", "prompts.length.min=12"],
            "plain DuckDB SQL over the rows": [sys.executable, "-c", f"import duckdb; duckdb.connect().execute({SQL!r})"],
        }
        runs: dict[str, list[tuple[float, float]]] = {label: [] for label in commands}
        for _ in range(options.rounds + 1):
            for label, command in commands.items():
                runs[label].append(measured(command, folder))
        start = statistics.median(seconds for seconds, _ in runs["start-up (recipe plan --help)"][1:])
        print(f"{'what':<32}  {'seconds':>7}  {'beyond start-up':>15}  {'peak MB':>7}")
        for label, pairs in runs.items():
            seconds = statistics.median(each for each, _ in pairs[1:])  # the first run warms the page cache
            print(f"{label:<32}  {seconds:>7.2f}  {seconds - start:>15.2f}  {max(peak for _, peak in pairs):>7.0f}")


if __name__ == "__main__":
    main()
