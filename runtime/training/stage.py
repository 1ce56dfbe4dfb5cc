"""The stage that trains a model: its rows as text, a worker that can be stopped and goes on, a checkpoint in the store."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from compiler.graph.nodes import Node
from compiler.text.canonical import digest_of
from operators.asks.generate import Generate
from operators.declared.trace import parts_of, shape_from
from operators.learn.loss import Loss
from operators.learn.train import Train
from runtime.store.digest import id_bytes
from runtime.store.files import replacing
from runtime.store.record import CheckpointRecord, Record
from runtime.store.store import Store, StoreError
from runtime.tables.table import Table, open_table
from runtime.training.process import TrainingRun, run_worker

CHUNK = 1 << 22

Say = Callable[[str], None]


def make_checkpoint(store: Store, node: Node, run: TrainingRun, data: Record, say: Say) -> CheckpointRecord:
    """The record of a checkpoint. Raises StoreError; what was learnt until then is kept, and the same command goes on."""
    operator = node.operator
    assert isinstance(operator, Train)
    table = open_table(store, data.table)
    if not table.rows:
        raise StoreError(f"`{run.name}` has no row to learn from", "the funnel says where they were dropped")
    folder = store.root / "training" / run.key
    with lock_folder(folder):
        done = store.look_up(run.key, CheckpointRecord)
        if done is not None and all(store.has(each) for each in done.objects()):
            return done  # another build was at it while this one waited
        if not (folder / "result").is_dir():
            job = json.dumps(job_of(operator, node, run), ensure_ascii=False, indent=1)
            (folder / "job.json").write_text(job, "utf-8")
            if not (folder / "rows.parquet").exists():
                write_texts(folder, operator, node, table)
                say("rendering rows")
                run_worker(folder, "prepare", run, say)
            run_worker(folder, "worker", run, say)
        files = {path.name: store_file(store, path) for path in sorted((folder / "result").iterdir())}
        metrics = store_file(store, folder / "metrics.jsonl")
        provenance = json.loads((folder / "result.json").read_text("utf-8"))
    digest = digest_of({name: each.removeprefix("object:") for name, each in files.items()})
    manifest = {
        "recipe_key": run.key,
        "data": {"digest": data.digest, "rows": table.rows, "characters": characters_of(table, operator.reads(table.columns))},
        "weights": run.start.digest,
        "settings": {name: str(value) for name, value in operator.settings().items()},
        "tuning": {name: str(value) for name, value in operator.tuned().items()},
        "made": provenance,
    }
    return CheckpointRecord(
        kind=operator.name,
        digest=digest,
        ids=data.ids,
        columns={},
        rows=table.rows,
        table=data.table,
        files=files,
        metrics=metrics,
        manifest=manifest,
        counts={"in": table.rows, "born": 0, "out": table.rows, "dropped": []},
    )


def forget(store: Store, key: str) -> None:
    """Let go of a training's folder: its checkpoint is recorded."""
    folder = store.root / "training" / key
    with lock_folder(folder):  # another build may be reading it
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """One build at a time trains this; another waits, and finds it done."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder.mkdir(parents=True, exist_ok=True)
        yield


def job_of(operator: Train, node: Node, run: TrainingRun) -> dict[str, Any]:
    """The content of `job.json`."""
    tuning = operator.tuned() | {"threads": run.training.threads or os.cpu_count() or 1}
    if run.training.micro_batch_size is not None:
        tuning["micro_batch_size"] = run.training.micro_batch_size
    shape = shape_from(node.entries["shape"])
    return {
        "objective": operator.name,
        "model": str(run.start.folder),
        "template": node.entries["template"],
        "conversations": operator.messages is not None,
        "tags": [shape.tags.open, shape.tags.close] if shape.tags.form == "tags" else None,
        "settings": operator.settings(),
        "tuning": tuning,
        "trackers": list(run.training.trackers),
    }


def write_texts(folder: Path, operator: Train, node: Node, table: Table) -> None:
    """The rows as messages and stretches of text with their mask, a line of JSON each."""
    with replacing(folder / "texts.jsonl") as partial, open(partial, "w", encoding="utf-8") as file:
        for row in texts_of(operator, node.entries, table):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def texts_of(operator: Train, entries: Mapping[str, Any], table: Table, only: int | None = None) -> Iterator[dict[str, Any]]:
    """Each row, or the one at a place, as its messages and the stretches of its completion. Raises StoreError for a null."""
    if operator.messages is not None:
        yield from conversations_of(operator, operator.messages, table, only)
        return
    prompts = {"system": entries["system"] and {"text": entries["system"]}, "ask": entries["ask"] and {"text": entries["ask"]}}
    generate = Generate.model_validate({"model": "", "of": operator.prompt, **prompts})
    shape, ids = shape_from(entries["shape"]), id_bytes(table.frame("row_id"))
    names = list(operator.reads(table.columns))
    some = {} if only is None else {"first": only, "last": only + 1}
    for start, batch in table.batches(names, **some):
        cells = {name: column.to_pylist() for name, column in batch.items()}
        for at in range(len(next(iter(cells.values())))):
            row = {name: cells[name][at] for name in names}
            row_id = ids[start + at].tobytes().hex()
            messages, completion = generate.messages(row, {}), row[operator.completion]
            if messages is None or completion is None:
                empty = operator.prompt if messages is None else operator.completion
                raise StoreError(
                    f"the row {row_id[:12]} has no {empty} to train on", f"drop it with `where: {empty} IS NOT NULL`"
                )
            stretches = [[completion[part.start : part.end], part.loss] for part in parts_of(shape, completion)]
            yield {"row_id": row_id, "messages": messages, "stretches": stretches}


def conversations_of(operator: Train, messages: str, table: Table, only: int | None = None) -> Iterator[dict[str, Any]]:
    """Each row, or the one at a place, as its conversation, its tools and what is learnt of it. Raises StoreError for a null."""
    ids, loss = id_bytes(table.frame("row_id")), operator.loss or Loss()
    some = {} if only is None else {"first": only, "last": only + 1}
    for start, batch in table.batches(list(operator.reads(table.columns)), **some):
        cells = batch[messages].to_pylist()
        tools = batch[operator.tools].to_pylist() if operator.tools in batch else [None] * len(cells)
        for at, (cell, listed) in enumerate(zip(cells, tools, strict=True)):
            row_id = ids[start + at].tobytes().hex()
            if cell is None:
                reason = f"the row {row_id[:12]} has no conversation to train on"
                raise StoreError(reason, f"drop it with `where: {messages} IS NOT NULL`")
            told = {"roles": list(loss.roles), "last": loss.turns == "last"}
            yield {"row_id": row_id, "turns": json.loads(cell), "tools": listed and json.loads(listed), "learnt": told}


def characters_of(table: Table, names: Iterable[str]) -> int:
    """The characters of a table's columns of text: tokens that were not counted yet are estimated by them."""
    total = 0
    for _, batch in table.batches(list(names)):
        texts = (column.flatten() if pa.types.is_large_list(column.type) else column for column in batch.values())
        total += sum(pc.sum(pc.utf8_length(each)).as_py() or 0 for each in texts)
    return total


def store_file(store: Store, path: Path) -> str:
    """A file as an object of the store."""
    made: list[str] = []
    with store.new_object(made) as target, open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            target.write(chunk)
    return f"object:{made[0]}"
