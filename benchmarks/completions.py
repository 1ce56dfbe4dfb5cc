"""What asking costs us beside the model: CPU per request, and the lookup of a million stored completions.

    python benchmarks/completions.py [--requests 20000] [--stored 1000000]

The engine answers at once, so everything that is measured is ours: reading rows, messages, addresses, claims, the
journal with its syncs, and the table. CPU seconds of the whole process, over the requests; lookups run in processes of their own,
and are timed from the first query to the last.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

RECIPE = """
format: 1
recipe: bench/completions
language: {target: ko, anchor: en}
models: {teacher: {id: bench/null, license: mit, terms: mit}}
sources: {a: {file: rows.parquet, category: one, license: A}}
prompts: []
cot: {teacher: {model: teacher, max_tokens: 64}}
outputs: [prompts]
"""
TEXT = "<think>\n" + "Let me think about 물 and why it boils, step by step. " * 20 + "\n</think>\n\n답은 100도입니다. "


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--stored", type=int, default=1_000_000)
    parser.add_argument("--lookup", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.lookup is not None:
        look_up(options.lookup, options.stored)
        return
    with tempfile.TemporaryDirectory() as folder:
        print("| what | requests | seconds | CPU s | CPU ms a request | peak MB |")
        print("| --- | --- | --- | --- | --- | --- |")
        overhead(Path(folder) / "overhead", options.requests)
        stored(Path(folder) / "stored", options.stored)
        for what in ("lookup of all, texts read and their seals checked", "resume of all (which of the addresses are there)"):
            size = str(options.stored)
            script = [sys.executable, __file__, "--stored", size, "--lookup", str(Path(folder) / "stored" / what.split()[0])]
            said = subprocess.run(script, check=True, capture_output=True, text=True).stdout
            seconds, spent, held = map(float, said.split())
            row(what, options.stored, seconds, spent, held)


def row(what: str, requests: int, seconds: float, spent: float, held: float) -> None:
    print(f"| {what} | {requests:,} | {seconds:.1f} | {spent:.1f} | {spent / requests * 1000:.3f} | {held:.0f} |", flush=True)


def peak() -> float:
    """MB at most in this process since it began; getrusage counts what its parent held before."""
    line = next(each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def cpu(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


def overhead(folder: Path, count: int) -> None:
    """A build whose teacher answers at once."""
    from operators.asks.asks import Reply
    from runtime.build.run import Wishes, run_build
    from runtime.build.session import Session
    from runtime.completions import stage
    from runtime.completions.engines.engine import Answer, Request

    class Null:
        name, version, window = "null", "", 64

        def run(self, requests: Iterator[Request]) -> Iterator[Answer]:
            for request in requests:
                yield Answer(request.address, Reply(TEXT, None, "stop", 100, 400))

        def close(self) -> None:
            pass

    make(folder, count)
    stage.endpoint_of = lambda model, configuration: ("", None)
    stage.open_engine = lambda model, endpoint: Null()
    recipe, store = str(folder / "recipe.yaml"), str(folder / "store")
    run_build(Session(recipe, store_folder=store), Wishes(quiet=True))
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    run_build(Session(recipe, store_folder=store, targets=("traces",)), Wishes(quiet=True))
    after = resource.getrusage(resource.RUSAGE_SELF)
    row(
        "asked of an engine that answers at once, filters included",
        count,
        time.monotonic() - started,
        cpu(after) - cpu(before),
        peak(),
    )


def make(folder: Path, count: int) -> None:
    (folder / ".recipe").mkdir(parents=True)
    (folder / "recipe.yaml").write_text(RECIPE)
    prompts = [f"{at}번째 질문입니다: 물은 왜 {at % 97}도에서 끓지 않나요?" for at in range(count)]
    pq.write_table(pa.table({"prompt": prompts}), folder / "rows.parquet")


def addresses(count: int) -> Iterator[bytes]:
    return (blake2b(at.to_bytes(8, "big"), digest_size=32).digest() for at in range(count))


def stored(folder: Path, count: int) -> None:
    """Fill a memo through its own door."""
    from operators.asks.asks import Reply
    from runtime.completions.memo import Completion, CompletionMemo
    from runtime.store.store import Store

    store = Store(folder)
    store.prepare()
    memo, batch = CompletionMemo(store), []
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    for address in addresses(count):
        batch.append(Completion(address, "bench/null", "generate", "null", Reply(TEXT, None, "stop", 100, 400), 1.0))
        if len(batch) == 2048:
            memo.keep(batch)
            batch = []
    memo.keep(batch)
    memo.close()
    after = resource.getrusage(resource.RUSAGE_SELF)
    row("written to the journal, 2,048 at a time", count, time.monotonic() - started, cpu(after) - cpu(before), peak())


def look_up(path: Path, count: int) -> None:
    """In a process of its own: which of a million addresses are there (resume), or all their texts (lookup)."""
    from runtime.completions.answers import FETCHED
    from runtime.completions.memo import CompletionMemo
    from runtime.store.store import Store

    memo, wanted = CompletionMemo(Store(path.parent)), list(addresses(count))
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    if path.name == "resume":
        assert len(memo.present(wanted)) == count
    else:
        for first in range(0, count, FETCHED):
            part = wanted[first : first + FETCHED]
            assert len(memo.fetch(part)) == len(part)
    print(time.monotonic() - started, cpu(resource.getrusage(resource.RUSAGE_SELF)) - cpu(before), peak())


if __name__ == "__main__":
    main()
