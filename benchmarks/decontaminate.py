"""How fast overlap with benchmarks is looked for, and how much of the text has to be segmented for it.

    python benchmarks/decontaminate.py [--times 10] [--datatrove PYTHON] [--data ../shared/data]

Looked for: 3,314 Korean exam questions and word problems. In: petitions, 1,200 long traces and 200,000 reviews; with
`--times 10` nine more of each are put together from halves of two rows. Each line is a process of its own, measured whole
from outside, imports and index included; rates are by CPU seconds, which other work on the machine changes little. Ours is
one thread, with two of the segmenter's. The ten lines that anybody would write are beside it, and datatrove's filter where
`--datatrove` names an interpreter that has it (see leaks.py).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from leaking.counting import markdown

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
BATCH = 16384
"""Rows at a time, as a build reads them."""
BENCHMARKS = 10
#: Line of the table -> (passes, benchmarks that are looked for, store whose memo it uses).
OURS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "raw": (("raw",), BENCHMARKS, "raw"),
    "squeezed": (("squeezed",), BENCHMARKS, "squeezed"),
    "raw, squeezed": (("raw", "squeezed"), BENCHMARKS, "both"),
    "segments, nothing in the memo": (("segments",), BENCHMARKS, "segments"),
    "segments, all in the memo": (("segments",), BENCHMARKS, "segments"),
    "all three, nothing in the memo": (("segments", "raw", "squeezed"), BENCHMARKS, "all"),
    "all three, all in the memo": (("segments", "raw", "squeezed"), BENCHMARKS, "all"),
    "all three, nine benchmarks": (("segments", "raw", "squeezed"), BENCHMARKS - 1, "nine"),
    "all three, a tenth added": (("segments", "raw", "squeezed"), BENCHMARKS, "nine"),
}
TEN_LINES = "ten lines: 8 words"
DATATROVE = "datatrove: 13 words"
HEAD = [
    *("what", "seconds", "CPU s", "of the index", "MB by CPU s", "x ten lines", "search alone", "rows flagged"),
    *("items segmented", "rows segmented", "share of the text", "peak MB"),
]


# -- the corpus


def halves(text: str) -> tuple[str, str]:
    """A text in two, at a space near its middle."""
    at = text.find(" ", len(text) // 2)
    return (text[:at], text[at:]) if at > 0 else (text, "")


def sources(data: Path) -> Iterator[list[str]]:
    from leaking import corpora
    from pyarrow import parquet

    yield [row["content"] for path in sorted((data / "petitions").glob("*.gz")) for row in corpora.lines(path)]
    traces = parquet.read_table(data / "puzzle_traces/ko_deepseek-v4-flash.parquet", columns=["thinking_content"])
    yield traces.column(0).to_pylist()
    yield parquet.read_table(data / "nsmc/reviews.parquet", columns=["review"]).column(0).to_pylist()[:200_000]


def make(data: Path, folder: Path, times: int) -> None:
    """Writes the rows, in an order that has nothing to do with where they are from, and the items."""
    import pyarrow as pa
    from leaking import corpora
    from pyarrow import parquet

    chosen, rows = Random(1), list[str]()
    for texts in sources(data):
        rows += [text or "" for text in texts]
        parts = [halves(text or "") for text in texts]
        for _ in range(1, times):
            others = chosen.sample(range(len(parts)), len(parts))
            rows += [first[0] + parts[other][1] for first, other in zip(parts, others, strict=True)]
    chosen.shuffle(rows)
    parquet.write_table(pa.table({"text": pa.array(rows, pa.large_string())}), folder / "rows.parquet")
    items = [list(item.texts) for read in (corpora.click, corpora.gsm8k) for item in read(data)]
    (folder / "items.json").write_text(json.dumps(items), "utf-8")
    (folder / "asked.json").write_text(json.dumps({"rows": rows, "items": items}), "utf-8")
    told = {"rows": len(rows), "bytes": sum(len(row.encode()) for row in rows), "items": len(items)}
    print(json.dumps(told))


# -- what is measured


def ten_lines(folder: Path) -> dict[str, Any]:
    from pyarrow import parquet

    def grams(text: str) -> Iterator[tuple[str, ...]]:
        words = text.split()
        return zip(*(words[at:] for at in range(8)), strict=False)

    started = time.process_time()
    known = {gram for item in json.loads((folder / "items.json").read_text("utf-8")) for text in item for gram in grams(text)}
    indexed = time.process_time()
    texts = (cell.as_py() for cell in parquet.read_table(folder / "rows.parquet").column(0))
    found = sum(not known.isdisjoint(grams(text)) for text in texts)
    return {"index": indexed - started, "search": time.process_time() - indexed, "flagged": found}


def ours(folder: Path, name: str) -> dict[str, Any]:
    from leaking.ours import entries
    from pyarrow import parquet

    from compiler.graph.facts import installed_version
    from operators.kernels.text import Texts
    from operators.measures.decontaminate import Decontaminate
    from runtime.store.store import Store
    from runtime.tables import segmented

    passes, benchmarks, memo = OURS[name]
    cut, told = segmented.cuts_of, list[tuple[int, int]]()

    def counted(library: str, texts: Sequence[str], workers: int) -> list[Any]:
        if library in segmented.SEGMENTERS:
            told.append((len(texts), sum(len(text.encode()) for text in texts)))
        return cut(library, texts, workers)

    segmented.cuts_of = counted
    store = Store(folder / memo)
    store.prepare()
    step = Decontaminate.model_validate({"passes": passes})
    started = time.process_time()
    items = [(number, tuple(texts)) for number, texts in enumerate(json.loads((folder / "items.json").read_text("utf-8")))]
    every = [items[at::BENCHMARKS] for at in range(benchmarks)]
    index = step.index(every, entries(), segmented.Segmented(store, installed_version, step.workers))
    indexed, of_items, found = time.process_time(), len(told), 0
    for batch in parquet.ParquetFile(folder / "rows.parquet").iter_batches(BATCH):
        found += int((step.overlaps([Texts(batch.column(0))], index)[-1] > 0).sum())
    ended = time.process_time()
    return {
        "index": indexed - started,
        "search": ended - indexed,
        "flagged": found,
        "items": sum(texts for texts, _ in told[:of_items]),
        "texts": sum(texts for texts, _ in told[of_items:]),
        "bytes": sum(size for _, size in told[of_items:]),
    }


@dataclass(frozen=True)
class Run:
    """What a whole process took."""

    seconds: float
    spent: float
    """CPU seconds."""
    peak: float
    """MB."""
    printed: str


def measured(command: list[str]) -> Run:
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert child.stdout is not None
    printed = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"failed: {' '.join(command)}")
    return Run(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000, printed)


def line(name: str, run: Run, told: dict[str, Any], size: int, plain: float) -> list[str]:
    rate = size / 1e6 / run.spent
    apart = [f"{told['index']:.1f}", f"{size / 1e6 / told['search']:.1f}"] if "index" in told else ["-", "-"]
    cells = [name, f"{run.seconds:.1f}", f"{run.spent:.1f}", apart[0], f"{rate:.1f}", f"{rate / plain:.2f}", apart[1]]
    share = f"{told['bytes'] / size * 100:.2f} %" if "bytes" in told else "-"
    segmented = [f"{told[each]:,}" if each in told else "-" for each in ("items", "texts")]
    return [*cells, str(told["flagged"]), *segmented, share, f"{run.peak:.0f}"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--datatrove", metavar="PYTHON", help="an interpreter that has datatrove")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only", help="the lines whose names begin so, beside the ten lines")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        name, folder = options.one[0], Path(options.one[1])
        if name == "make":
            make(options.data, folder, options.times)
        else:
            print(json.dumps(ten_lines(folder) if name == TEN_LINES else ours(folder, name)))
        return
    if not options.data.is_dir():
        sys.exit(f"the real data is not in {options.data}")
    with tempfile.TemporaryDirectory() as folder:
        own = [sys.executable, __file__, "--data", str(options.data), "--times", str(options.times), "--one"]
        made = json.loads(measured([*own, "make", folder]).printed)
        print(f"{made['rows']:,} rows, {made['bytes'] / 1e6:.1f} MB; {made['items']:,} items\n")
        table, plain = [], 0.0
        for name in (TEN_LINES, *OURS):
            if name == TEN_LINES or name.startswith(options.only or ""):
                run = measured([*own, name, folder])
                plain = plain or made["bytes"] / 1e6 / run.spent
                table.append(line(name, run, json.loads(run.printed), made["bytes"], plain))
                print(*table[-1], sep="; ", file=sys.stderr)
        if options.datatrove:
            program = str(Path(__file__).parent / "leaking" / "datatrove_filter.py")
            run = measured([options.datatrove, program, f"{folder}/asked.json", f"{folder}/told.json"])
            found = sum(gram is not None for gram in json.loads(Path(folder, "told.json").read_text("utf-8")))
            table.append(line(DATATROVE, run, {"flagged": found}, made["bytes"], plain))
        print(markdown(HEAD, table))


if __name__ == "__main__":
    main()
