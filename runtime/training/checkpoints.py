"""Checkpoints as results: trained from a base or from one another, and laid out as folders that every library opens."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.graph.nodes import Node
from operators.declared.model import Model
from runtime.completions.engines.choose import open_checkpoint
from runtime.completions.engines.configuration import Configuration, Training, read_configuration
from runtime.completions.engines.engine import Engine, EngineError
from runtime.completions.weights import find_weights
from runtime.store.record import CheckpointRecord, Record
from runtime.store.store import Store, StoreError
from runtime.training.process import Start, TrainingRun
from runtime.training.stage import make_checkpoint


def start_at_weights(model: Model | None, digest: str | None) -> Start:
    """Where a training starts from a model; `digest` is that of its weights when the build began. Raises StoreError."""
    assert model is not None
    weights = find_weights(model, read_configuration())
    if weights is None or digest is None:
        hint = "say where they lie under `weights:` in your configuration; docs/models.md shows one"
        raise StoreError(f"the weights of `{model.id}` are not here", hint)
    try:
        return Start(weights.unpack(), digest, model.id, weights)
    except EngineError as error:
        raise StoreError(str(error), error.hint) from None


@dataclass(frozen=True)
class Teaching:
    """A training, which this machine does or another one that sees the store, and the weights of models under the same paths."""

    store: Store
    node: Node
    key: str
    name: str
    start: Start | CheckpointRecord
    """The weights of a model, or a checkpoint, which each machine lays out for itself."""
    resume: str
    data: Record
    training: Training

    def run(self) -> TrainingRun:
        """The training as it runs here."""
        start = self.start
        if isinstance(start, CheckpointRecord):
            start = Start(lay_out_checkpoint(self.store, start), start.digest)
        return TrainingRun(self.key, self.name, start, self.resume, self.training)


def train_checkpoint(teaching: Teaching, say: Callable[[str], None]) -> CheckpointRecord:
    """The record of a checkpoint. Raises StoreError."""
    run = teaching.run()
    record, start = make_checkpoint(teaching.store, teaching.node, run, teaching.data, say), run.start
    if start.weights is not None and start.weights.digest(remembered=False) != start.digest:
        raise StoreError(f"the weights of `{start.model}` changed while they were trained", "build again when they are complete")
    return record


def train_apart(teaching: Teaching, piece: None, tell: Callable[[int], None]) -> CheckpointRecord:
    """The same as a task: how far it is is told to nobody."""
    return train_checkpoint(teaching, lambda text: None)


def open_trained(store: Store, record: CheckpointRecord, configuration: Configuration) -> Engine:
    """The engine of a checkpoint, which is laid out where the engine runs. Raises EngineError, StoreError."""
    return open_checkpoint(lay_out_checkpoint(store, record), configuration)


def lay_out_checkpoint(store: Store, record: CheckpointRecord) -> Path:
    """A folder of links to a checkpoint's files, each checked; made once."""
    files = {name: store.read_path(each.removeprefix("object:")) for name, each in record.files.items()}
    folder = store.root / "outputs" / f"checkpoint-{record.digest[:32]}"
    manifest = json.dumps(manifest_of(record), indent=1, ensure_ascii=False, sort_keys=True).encode()
    if shows(folder, files, manifest):
        return folder
    partial = store.root / "tmp" / uuid.uuid4().hex
    store.files.make_folder(partial)
    for name, path in files.items():
        store.files.symlink(Path(os.path.relpath(path, folder)), partial / name)
    store.files.write_bytes(partial / "training_manifest.json", manifest)
    if folder.exists() and not shows(folder, files, manifest):
        shutil.rmtree(folder)  # links only: what they lead to stays
    try:
        store.files.rename(partial, folder)
    except OSError:
        if not shows(folder, files, manifest):
            raise
        shutil.rmtree(partial)  # another build was first with the same folder
    return folder


def shows(folder: Path, files: dict[str, Path], manifest: bytes) -> bool:
    """Whether a folder shows these files."""
    marker = folder / "training_manifest.json"
    return marker.is_file() and marker.read_bytes() == manifest and all((folder / name).exists() for name in files)


def manifest_of(record: CheckpointRecord) -> dict[str, Any]:
    """The manifest of a checkpoint."""
    files = {name: each.removeprefix("object:") for name, each in record.files.items()}
    return {"digest": record.digest, "key": record.key, "files": files, **record.manifest}
