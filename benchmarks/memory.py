"""The bound of memory: builds of more and more rows within `--memory`, with the peak of what all their processes hold.

    python benchmarks/memory.py [--data ../shared/data] [--rows 2 20] [--of long equal repeated children ...] [--folder FOLDER]

Rows are real ones, recombined: each copy but the first has an ending of its own. Others with `--of`: `long` ones, a hundred
and twenty of them in a row of some 10 KB, as long as a trace is; long ones that a mixture takes three times (`repeated`), or
that have three `children` each; three million `equal` ones; and files of each kind that a source may be, with texts of
`--size` together (inputs.py). What counts is what all processes of a build hold (watched.py); a
peak above the bound ends the benchmark, and so does a build that reused a stage. Seconds a row are shown beside those of the
first size.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import inputs
from benchmarks.spine import RECIPE, recombined
from benchmarks.watched import Took, watch

#: Millions of rows -> the bound that they are built within.
BOUNDS = {0.4: "600MB", 2: "600MB", 4: "600MB", 10: "2GB", 20: "2GB", 40: "2GB"}
LONG_ROWS = 40_000
EQUAL_ROWS = 3_000_000
LONG = RECIPE.replace("rows.parquet", "rows.jsonl").replace("8192", "20000")
#: Kind of other rows -> the bound that they are built within.
OTHERS = {"long": "400MB", "repeated": "400MB", "children": "500MB", "equal": "600MB"} | dict.fromkeys(inputs.KINDS, "400MB")
#: What stands after the long rows' recipe.
BIRTHS = {
    "long": "",
    "repeated": f"mixture: {{take: {{daily: {3 * LONG_ROWS}}}, repeat: {{daily: 3}}, shortage: up_to}}\n",
    "children": "  - style_directives: {texts: [가, 나, 다], per_row: 3}\n",
}


@dataclass(frozen=True)
class Built:
    """What a build took, and the digest of its output."""

    took: Took
    digest: str

    @property
    def peak(self) -> int:
        """Kilobytes."""
        return self.took.peak

    @property
    def seconds(self) -> float:
        return self.took.seconds


def build(folder: Path, *options: str) -> Built:
    """A cold build in a store of its own. Ends the benchmark where it failed or reused a stage."""
    shutil.rmtree(folder / ".recipe", ignore_errors=True)
    (folder / ".recipe").mkdir()
    command = [sys.executable, "-m", "runtime.cli.main", "build", "recipe.yaml", "--json", *options]
    took = watch(command, folder, ".recipe/*/tmp")
    told = json.loads(took.output)
    if told["reused"] or not told["ran"]:
        raise SystemExit(f"this was no cold build: it reused {told['reused']}")
    return Built(took, told["outputs"][0]["digest"])


def lengthened(source: Path, target: Path) -> int:
    """40,000 rows of some 10 KB as JSON lines; says how many."""
    import random

    import pyarrow.parquet as pq

    texts = [text for text in pq.read_table(source, columns=["review"]).column("review").to_pylist() if text]
    chance = random.Random(7)
    with target.open("w", encoding="utf-8") as file:
        for _ in range(LONG_ROWS):
            file.write(json.dumps({"review": " ".join(chance.choices(texts, k=120))}, ensure_ascii=False) + "\n")
    return LONG_ROWS


def laid_out(folder: Path, reviews: Path, size: float | str, megabytes: int) -> int:
    """Rows and a recipe for them in a folder; says how many rows. A size is millions of rows, or a kind of them."""
    if isinstance(size, str) and size in inputs.KINDS:
        return inputs.laid_out(folder, reviews, size, megabytes * 1_000_000)
    if isinstance(size, str) and size in BIRTHS:
        (folder / "recipe.yaml").write_text(LONG + BIRTHS[size])
        return lengthened(reviews, folder / "rows.jsonl")
    if size == "equal":
        (folder / "recipe.yaml").write_text(LONG)
        line = json.dumps({"review": "같은 줄이 아주 많이 있다"}, ensure_ascii=False) + "\n"
        with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
            for _ in range(EQUAL_ROWS // 1000):
                file.write(line * 1000)
        return EQUAL_ROWS
    (folder / "recipe.yaml").write_text(RECIPE)
    copies = round(float(size) * 2.5)
    recombined(reviews, folder / "rows.parquet", copies)
    return 400_000 * copies


def main() -> None:
    """Print a line for each size, and end with an error where a peak is above its bound."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--data", type=Path, default=Path("../shared/data"))
    reader.add_argument("--rows", type=float, nargs="+", default=[2, 20], help="millions of rows")
    reader.add_argument("--folder", type=Path, help="where there is room for some gigabytes")
    reader.add_argument("--size", type=int, default=1_000, metavar="MB", help="of the texts in files of other kinds")
    reader.add_argument("--of", nargs="+", choices=OTHERS, help="other rows instead")
    said = reader.parse_args()
    if not said.data.is_dir():
        raise SystemExit(f"there is no {said.data}")
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent.parent)
    print("| rows | bound | peak PSS, MB | without a bound, MB | seconds | rows/s | seconds a row, beside the first |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    first: float | None = None
    over = []
    for size in said.of or said.rows:
        bound = OTHERS[size] if said.of else BOUNDS[int(size) if size >= 1 else size]
        with tempfile.TemporaryDirectory(prefix="memory-", dir=said.folder) as name:
            folder = Path(name)
            rows = laid_out(folder, (said.data / "nsmc" / "reviews.parquet").resolve(), size, said.size)
            within = build(folder, "--memory", bound)
            free = build(folder) if said.of or size <= 4 else None
            if free is not None and free.digest != within.digest:
                raise SystemExit(f"{rows:,} rows: {within.digest[:12]} within the bound, {free.digest[:12]} without")
        each = within.seconds / rows
        first = first or each
        most = int(bound.removesuffix("MB")) if bound.endswith("MB") else int(bound.removesuffix("GB")) * 1024
        over += [f"{rows:,} rows take {within.peak >> 10} MB, and the bound is {bound}"] if within.peak >> 10 > most else []
        beside, what = "" if free is None else f"{free.peak >> 10:,}", f"{rows:,} {size}" if said.of else f"{rows:,}"
        cells = (what, bound, f"{within.peak >> 10:,}", beside, f"{within.seconds:.1f}", f"{rows / within.seconds:,.0f}")
        print(f"| {' | '.join(cells)} | {each / first:.2f} |", flush=True)
    if over:
        raise SystemExit("; ".join(over))


if __name__ == "__main__":
    main()
