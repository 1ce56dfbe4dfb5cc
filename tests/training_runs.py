"""Folders of small trainings, and their workers as children of one process that has loaded the libraries already."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests import warm
from tests.conftest import ROOT
from tests.tokenizing import BYTES
from tests.warm import Started

SETTINGS: dict[str, Any] = {
    "epochs": 2, "learning_rate": 1e-2, "global_batch_size": 4, "warmup_ratio": 0.1, "scheduler": "cosine",
    "weight_decay": 0.01, "adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-8, "max_grad_norm": 1.0,
    "packing": False, "max_length": 64, "seed": 7, "dtype": "float32",
}  # fmt: skip
TUNING: dict[str, Any] = {"micro_batch_size": 2, "save_every": 2, "threads": 1}
SCHEMA = pa.schema([("row_id", pa.string()), ("input_ids", pa.list_(pa.int32())), ("loss", pa.list_(pa.bool_()))])
VOCABULARY = 280

Rows = list[dict[str, Any]]


def some_rows(count: int, seed: int = 0) -> Rows:
    """Rows of 4 to 19 tokens, of which the second half is trained on."""
    import numpy as np

    drawn, rows = np.random.default_rng(seed), []
    for number in range(count):
        length = int(drawn.integers(4, 20))
        ids = drawn.integers(0, 250, length).tolist()
        rows.append({"row_id": f"{number:032x}", "input_ids": ids, "loss": [at >= length // 2 for at in range(length)]})
    return rows


def tiny_model(path: Path, tied: bool = False) -> Path:
    """A random Llama of 40,000 weights and a tokenizer of bytes, the same every time."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, tie_word_embeddings=tied, eos_token_id=256,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(path)
    (path / "bytes.json").write_text(BYTES, "utf-8")
    PreTrainedTokenizerFast(tokenizer_file=str(path / "bytes.json"), eos_token="<think>").save_pretrained(path)
    (path / "bytes.json").unlink()
    return path


def write_job(folder: Path, model: Path, rows: Rows, tuning: Mapping[str, Any] = {}, **settings: Any) -> Path:
    """A folder as a worker finds it; `objective` and `trackers` are no settings."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {"objective": settings.pop("objective", "sft"), "trackers": settings.pop("trackers", [])}
    told |= {"model": str(model), "template": "{{ messages[0].content }}", "tags": None}
    told |= {"settings": SETTINGS | settings, "tuning": TUNING | dict(tuning)}
    (folder / "job.json").write_text(json.dumps(told), "utf-8")
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), folder / "rows.parquet")
    return folder


# -- what a run left


@dataclass
class Run:
    """A folder, and what its worker said in all of its runs."""

    folder: Path
    code: int | None = None
    events: list[dict[str, Any]] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == kind]

    @property
    def error(self) -> str:
        """What the only error says."""
        (event,) = self.of("error")
        assert event["hint"]
        return str(event["message"])

    @property
    def metrics(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "metrics.jsonl").read_text("utf-8").splitlines()]

    @property
    def losses(self) -> list[float]:
        return [line["loss"] for line in self.metrics]

    @property
    def steps(self) -> list[int]:
        return [line["step"] for line in self.metrics]

    @property
    def states(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "states").glob("*"))

    @property
    def measured(self) -> list[dict[str, Any]]:
        """The metrics without the time that they took."""
        return [{name: value for name, value in line.items() if name != "seconds"} for line in self.metrics]

    @property
    def provenance(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.folder / "result.json").read_text("utf-8"))
        return told

    def result(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((self.folder / "result").iterdir())}


# -- its worker


def start(folder: Path, *mishap: str, **environment: str) -> Started:
    """A worker that runs; a mishap is a function of `tests.training_child`, and what it is given."""
    streams = [os.open(os.devnull, os.O_RDONLY)]
    streams += [os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for name in ("said.jsonl", "worker.log")]
    try:
        told = ("-m", "tests.training_child", str(folder), *mishap)
        return warm.start(warm.TRAINING, *told, environment={**os.environ, **environment}, streams=streams)
    finally:
        for stream in streams:
            os.close(stream)


def finish(folder: Path, worker: Started) -> Run:
    code = worker.wait(600)
    assert code is not None, "the worker hangs"
    return Run(folder, code, said(folder))


def said(folder: Path) -> list[dict[str, Any]]:
    """Every line that was said, each of them an event."""
    path = folder / "said.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def run(folder: Path, *mishap: str) -> Run:
    """Run a worker to its end."""
    return finish(folder, start(folder, *mishap))


def wait_for_steps(folder: Path, worker: Started, steps: int) -> None:
    """Until so many steps are measured, or the worker ended."""
    path = folder / "metrics.jsonl"
    while worker.poll() is None and not (path.exists() and path.read_bytes().count(b"\n") >= steps):
        time.sleep(0.005)


def start_shared(folder: Path, count: int) -> list[Started]:
    """Workers that share the model, as torchrun starts them."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = str(chosen.getsockname()[1])
    shared = {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [start(folder, **shared, RANK=str(each), LOCAL_RANK=str(each)) for each in range(count)]


def run_shared(folder: Path, count: int) -> Run:
    """Run workers that share the model to their end."""
    runs = [finish(folder, worker) for worker in start_shared(folder, count)]
    assert len({each.code for each in runs}) == 1, [each.code for each in runs]
    return runs[0]


def command(folder: Path, python: str = sys.executable, *before: str) -> Run:
    """Run the very command that a build starts, with a pipe that stays open as its standard input."""
    told = [python, "-P", *before, "-m", "runtime.training.worker", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHON_EXEC": python}  # which torchrun starts
    with open(folder / "worker.log", "ab") as log:
        process = subprocess.Popen(
            told, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
        assert process.stdout is not None
        lines = process.stdout.read().decode().splitlines()
        return Run(folder, process.wait(), [json.loads(line) for line in lines])


def kill_after(folder: Path, steps: int, wait: float) -> int | None:
    """Run a worker and kill it some time after it has measured so many steps; how it ended."""
    worker = start(folder)
    wait_for_steps(folder, worker, steps)
    time.sleep(wait)
    worker.send_signal(signal.SIGKILL)
    return worker.wait(600)
