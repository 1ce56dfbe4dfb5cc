"""Whether training teaches what it should: loss on held-out traces before and after, and with twins that must not teach it.

    python benchmarks/sft_loss.py [--rows 200] [--held-out 50] [--epochs 1] [--only NAME]

SmolLM2-135M in float32 is trained by the project's own worker on sample traces; then every held-out trace has its loss
measured with the base and with the checkpoint. Twins: completions that belong to other prompts and whose tokens are
shuffled, and masks that train on the prompt in the place of the completion, and on the template's own marks. Means of the
differences over traces, with their standard errors.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SETTINGS = {
    "learning_rate": 2e-4,
    "global_batch_size": 8,
    "warmup_ratio": 0.1,
    "scheduler": "cosine",
    "weight_decay": 1e-5,
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "adam_epsilon": 1e-8,
    "max_grad_norm": 1.0,
    "packing": False,
    "max_length": 2048,
    "seed": 0,
    "dtype": "float32",
}
TUNING = {
    "micro_batch_size": 4,
    "save_every": 1000,
    "gradient_checkpointing": False,
    "padding_free": "auto",
    "attention": "auto",
    "liger": False,
    "threads": 2,
}
TAGS = ("<think>", "</think>")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--held-out", type=int, default=50)
    parser.add_argument("--epochs", type=float, default=1)
    parser.add_argument("--only", default="", help="the trainings whose names begin so")
    options = parser.parse_args()
    from runtime.completions.engines.choose import embedded_folder
    from runtime.completions.engines.embedded import unpack

    base = unpack(embedded_folder())
    rows = rendered(base)
    random.Random(0).shuffle(rows)
    held_out, rest = rows[: options.held_out], rows[options.held_out :][: options.rows]
    before = losses(base, held_out)
    print(f"{len(rest)} rows trained on, {len(held_out)} held out; loss of the base {mean(before):.4f} a trace")
    print("| trained on | steps | seconds | loss after | difference | standard error | in standard errors |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    trainings = {
        "the traces": rest,
        "shuffled labels": shuffled(rest),
        "prompts (a wrong mask)": misplaced(rest),
        "marks of the template (a wrong mask)": marks(base, rest),
    }
    for name, data in trainings.items():
        if not name.startswith(options.only):
            continue
        with tempfile.TemporaryDirectory() as folder:
            started = time.monotonic()
            steps = train(Path(folder), base, data, options.epochs)
            seconds = time.monotonic() - started
            after = losses(Path(folder) / "result", held_out)
        differences = [late - early for early, late in zip(before, after, strict=True)]
        error = deviation(differences) / math.sqrt(len(differences))
        told = f"{mean(after):.4f} | {mean(differences):+.4f} | {error:.4f} | {mean(differences) / error:+.1f}"
        print(f"| {name} | {steps} | {seconds:.0f} | {told} |", flush=True)


def rendered(base: Path) -> list[dict[str, Any]]:
    """Every sample trace as tokens with its mask."""
    from transformers import AutoTokenizer

    from operators.declared.trace import parts_of, shape_of
    from runtime.training.rendering import Renderer

    renderer = Renderer(AutoTokenizer.from_pretrained(base), None, TAGS)
    rows = []
    lines = (ROOT / "recipes/ko/data/traces.jsonl").read_text("utf-8").splitlines()
    for at, line in enumerate(lines):
        said = json.loads(line)
        text = said["completion"]
        stretches = [(text[part.start : part.end], part.loss) for part in parts_of(shape_of(None), text)]
        tokens = renderer.render([("user", said["prompt"])], stretches)
        rows.append({"row_id": f"{at:032x}", "input_ids": tokens.ids, "loss": tokens.loss})
    return rows


def shuffled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The trained tokens of each row in another order: the same words, and nothing to learn from them."""
    found = []
    for number, row in enumerate(rows):
        places = [at for at, loss in enumerate(row["loss"]) if loss]
        moved = [row["input_ids"][at] for at in places]
        random.Random(number).shuffle(moved)
        ids = list(row["input_ids"])
        for at, token in zip(places, moved, strict=True):
            ids[at] = token
        found.append({**row, "input_ids": ids})
    return found


def misplaced(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The mask turned round: trained on what is given, and on nothing that is to be written."""
    return [{**row, "loss": [not loss for loss in row["loss"]]} for row in rows]


def marks(base: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A mask that takes what the template adds for what is to be written: its special tokens, wherever they stand."""
    from transformers import AutoTokenizer

    special = set(AutoTokenizer.from_pretrained(base).all_special_ids)
    return [{**row, "loss": [token in special for token in row["input_ids"]]} for row in rows]


def train(folder: Path, base: Path, rows: list[dict[str, Any]], epochs: float) -> int:
    """Run the worker to its end; the number of steps."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from runtime.training.prepare import SCHEMA

    job = {"objective": "sft", "model": str(base), "template": None, "tags": list(TAGS), "trackers": []}
    settings = SETTINGS | {"epochs": epochs}
    (folder / "job.json").write_text(json.dumps(job | {"settings": settings, "tuning": TUNING}))
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), folder / "rows.parquet")
    done = subprocess.run(
        [sys.executable, "-m", "runtime.training.worker", str(folder)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stdout.decode() + done.stderr.decode()[-2000:])
    return len((folder / "metrics.jsonl").read_text().splitlines())


def losses(model: Path, rows: list[dict[str, Any]]) -> list[float]:
    """The mean loss over the trained tokens of each row."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(2)
    opened = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
    found = []
    with torch.no_grad():
        for row in rows:
            ids = torch.tensor([row["input_ids"]])
            labels = torch.tensor([[token if loss else -100 for token, loss in zip(row["input_ids"], row["loss"], strict=True)]])
            found.append(float(opened(input_ids=ids, labels=labels).loss))
    return found


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def deviation(values: list[float]) -> float:
    middle = mean(values)
    return math.sqrt(math.fsum((each - middle) ** 2 for each in values) / (len(values) - 1))


if __name__ == "__main__":
    main()
