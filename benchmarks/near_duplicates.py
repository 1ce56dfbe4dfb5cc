"""How right near duplicates are: against all pairs of 20,000 reviews, and on labelled pairs beside datatrove and Data-Juicer.

    python benchmarks/near_duplicates.py [--datatrove PYTHON] [--juicer dj-process] [--data FOLDER] [--rows N]

PYTHON has `datatrove[io,processing]` and `kiwipiepy<0.22`, `dj-process` comes with `py-data-juicer`. Nothing of the data is kept.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from nearly.labelled import Pair, labelled  # noqa: E402
from nearly.pairs import all_pairs  # noqa: E402

RECIPE = """
format: 1
recipe: bench/near
language: {target: ko}
sources: {rows: {file: rows.parquet, category: all, license: A, columns: {prompt: text}}}
prompts: STEPS
"""
JUICER = """
dataset_path: FOLDER/rows.parquet
export_path: FOLDER/kept.jsonl
work_dir: FOLDER
text_keys: text
np: 1
process: [{document_minhash_deduplicator: {tokenization: character, window_size: 5, jaccard_threshold: 0.8}}]
"""


def write(folder: Path, texts: list[str]) -> None:
    pq.write_table(pa.table({"id": [str(at) for at in range(len(texts))], "text": texts}), folder / "rows.parquet")


def built(folder: Path, steps: list[Any]) -> list[dict[str, Any]]:
    """The rows that a recipe with these steps keeps."""
    (folder / ".recipe").mkdir(exist_ok=True)
    (folder / "recipe.yaml").write_text(RECIPE.replace("STEPS", json.dumps(steps)))
    command = [sys.executable, "-m", "runtime.cli.main", "build", "recipe.yaml", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    if ran.returncode:
        raise SystemExit(ran.stdout + ran.stderr)
    rows: list[dict[str, Any]] = pq.read_table(folder / json.loads(ran.stdout)["outputs"][0]["path"]).to_pylist()
    return rows


def ours(**said: Any) -> Callable[[list[str]], set[str]]:
    def keep(texts: list[str]) -> set[str]:
        with tempfile.TemporaryDirectory() as name:
            write(Path(name), texts)
            return {row["prompt"] for row in built(Path(name), [{"near_duplicates": {"max_share": 1, **said}}])}

    return keep


def datatrove(python: str) -> Callable[[list[str]], set[str]]:
    def keep(texts: list[str]) -> set[str]:
        with tempfile.TemporaryDirectory() as name:
            write(Path(name), texts)
            program = Path(__file__).with_name("nearly") / "datatrove_steps.py"
            subprocess.run([python, str(program), f"{name}/rows.parquet", name, "near"], check=True, capture_output=True)
            return {texts[int(each)] for each in json.loads(Path(name, "kept.json").read_text())}

    return keep


def juicer(program: str) -> Callable[[list[str]], set[str]]:
    def keep(texts: list[str]) -> set[str]:
        with tempfile.TemporaryDirectory() as name:
            write(Path(name), texts)
            Path(name, "near.yaml").write_text(JUICER.replace("FOLDER", name))
            environment = {**os.environ, "HF_HOME": f"{name}/hf", "HF_HUB_OFFLINE": "1"}
            subprocess.run([program, "--config", f"{name}/near.yaml"], check=True, capture_output=True, env=environment)
            return {json.loads(line)["text"] for line in Path(name, "kept.jsonl").read_text("utf-8").splitlines()}

    return keep


def against_all_pairs(texts: list[str], thresholds: list[str]) -> list[list[str]]:
    """Rows that go by the rule, counted over all pairs, and those that went."""
    table = [["threshold", "rows that are to go", "went", "of these", "recall", "precision"]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, texts)
        rows = built(folder, [])
        ranks = [hashlib.sha256(f"0/near_duplicates/{UUID(bytes=row['row_id'])}".encode()).hexdigest() for row in rows]
        for threshold in thresholds:
            wanted = {
                rows[one]["row_id"]
                for ones, others in all_pairs([row["prompt"] for row in rows], Fraction(threshold))
                for one, other in zip(ones.tolist(), others.tolist(), strict=True)
                if ranks[other] < ranks[one]
            }
            step = {"threshold": float(threshold), "numbers": "ignored", "max_share": 1}
            went = {row["row_id"] for row in rows} - {row["row_id"] for row in built(folder, [{"near_duplicates": step}])}
            right = len(went & wanted)
            shares = [f"{right / max(len(wanted), 1):.4f}", f"{right / max(len(went), 1):.4f}"]
            table.append([threshold, f"{len(wanted):,}", f"{len(went):,}", f"{right:,}", *shares])
    return table


def on_pairs(pairs: list[Pair], tools: dict[str, Callable[[list[str]], set[str]]]) -> list[list[str]]:
    """Of each kind how many pairs lose one of their texts, by tool; then precision and recall."""
    texts = list(dict.fromkeys(text for pair in pairs for text in (pair.one, pair.other)))
    kept = {name: keep(texts) for name, keep in tools.items()}
    called = {name: [not {pair.one, pair.other} <= there for pair in pairs] for name, there in kept.items()}
    table = [["kind", "is to go", "pairs", *tools]]
    for kind in dict.fromkeys(pair.kind for pair in pairs):
        own = [at for at, pair in enumerate(pairs) if pair.kind == kind]
        said = "yes" if pairs[own[0]].near else "no"
        table.append([kind, said, str(len(own)), *(str(sum(called[name][at] for at in own)) for name in tools)])
    for measure, over in (("precision", lambda near, call: call), ("recall", lambda near, call: near)):
        cells = []
        for name in tools:
            both = list(zip((pair.near for pair in pairs), called[name], strict=True))
            some = [near and call for near, call in both if over(near, call)]
            cells.append(f"{sum(some) / max(len(some), 1):.3f}")
        table.append([measure, "", str(len(pairs)), *cells])
    return table


def show(table: list[list[str]]) -> None:
    widths = [max(len(line[at]) for line in table) for at in range(len(table[0]))]
    for first, *line in table:
        print("  ".join([first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line, widths[1:], strict=True))]))
    print()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--datatrove", metavar="PYTHON")
    parser.add_argument("--juicer", metavar="dj-process")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"the real data is not in {options.data}")
    reviews = pq.read_table(options.data / "nsmc" / "reviews.parquet", columns=["review"])["review"]
    texts = [text for text in reviews[: options.rows].to_pylist() if text]
    show(against_all_pairs(texts, ["0.5", "0.7", "0.8", "0.9"]))
    tools = {"ours": ours(), "ours, numbers ignored": ours(numbers="ignored")}
    tools |= {"datatrove": datatrove(options.datatrove)} if options.datatrove else {}
    tools |= {"data-juicer": juicer(options.juicer)} if options.juicer else {}
    show(on_pairs(labelled(options.data), tools))


if __name__ == "__main__":
    main()
