"""A checkpoint as others load it: its files as they were trained, the manifest, and a model card with its release licence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from compiler.graph.stages import TrainStage
from compiler.prove.release import release_of, terms_of
from operators.base.release import SILENT, Conflict
from runtime.export.card import Taught, checkpoint_card
from runtime.export.folder import MARKER, write_folder
from runtime.export.opened import Opened, counted
from runtime.store.record import CheckpointRecord
from runtime.store.store import StoreError, taken_as
from runtime.training.checkpoints import manifest_of

TRAINED_ON = ("A", "B")
"""The classes whose rows a released checkpoint may have learnt from."""

CARD, MANIFEST = "README.md", "training_manifest.json"


def export_checkpoint(opened: Opened, folder: Path, named: str) -> dict[str, Any]:
    """Write a checkpoint under its release licence. Raises StoreError where there is none, or its rows forbid it."""
    taught = list(trainings(opened))
    complain_rows(taught)
    terms = terms_of(opened.graph, opened.index, opened.recipe)
    bases = bases_of(opened)
    complain_bases(opened.what, bases)
    try:
        licence = release_of(opened.graph, opened.index, opened.recipe)
    except Conflict as conflict:
        message = f"`{opened.what}` can be released under no licence: {conflict}"
        raise StoreError(message, "take another base, or another teacher") from None
    if licence == "unknown":
        licence = "A"  # nothing that went into it has a licence by name, and all of it may be redistributed
    record = taken_as(opened.record, CheckpointRecord)
    names = sorted(record.files)
    if clash := [name for name in names if name in (CARD, MANIFEST, MARKER) or Path(name).name != name]:
        raise StoreError(f"the checkpoint has a file `{clash[0]}`, whose name an export cannot take", "train it again")
    summary = {
        "recipe": opened.recipe.name,
        "what": opened.what,
        "digest": record.digest,
        "lock": opened.lock,
        "license": licence,
        "rows": record.rows,
    }

    def fill(partial: Path) -> dict[str, Any]:
        for name in names:
            shutil.copyfile(opened.store.read_path(record.files[name].removeprefix("object:")), partial / name)
        manifest = json.dumps(manifest_of(record), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        (partial / MANIFEST).write_text(manifest, "utf-8")
        (partial / CARD).write_text(checkpoint_card(opened, licence, terms, list(bases), taught), "utf-8")
        return summary

    sources = [
        {"training": each.name, "source": source, "category": category, "license": row_class, "rows": count}
        for each in taught
        for (source, category, row_class), count in each.counts.items()
    ]
    return {**summary, "sources": sources, "files": write_folder(folder, named, fill)}


def trainings(opened: Opened) -> Iterator[Taught]:
    """The trainings that led to a checkpoint, first to last, with the rows of each."""
    for stage in opened.stages(TrainStage):
        node, manifest = stage.node, taken_as(opened.built.records[stage.index], CheckpointRecord).manifest
        data = opened.built.records[stage.rows]
        counts = counted(opened.store, data.table)
        then, settings = manifest["data"]["digest"], dict(manifest["settings"])
        yield Taught(node.label, stage.operator.data, data.digest, then, data.rows, settings, counts)


def bases_of(opened: Opened) -> dict[str, str]:
    """Public name -> licence of the models that the trainings began with."""
    named = [stage.operator.model for stage in opened.stages(TrainStage)]
    models = [opened.recipe.models[name].model for name in named if name is not None]
    return {model.id: model.license for model in sorted(models, key=lambda model: model.id)}


def complain_rows(taught: list[Taught]) -> None:
    """Raises StoreError for rows whose terms are not stated: what learnt from them is for local use, as they are."""
    for each in taught:
        for (source, _, licence), count in each.counts.items():
            if licence not in TRAINED_ON:
                why = "the terms of which are not stated" if licence == "unknown" else f"which are of class {licence}"
                raise StoreError(
                    f"`{each.name}` was trained on {count:,} row{'s' * (count != 1)} of `{source}`, {why}: it is for local use",
                    f"drop them from `{each.table}` with `where: license <> '{licence}'` and train again, or clear their terms",
                )


def complain_bases(what: str, bases: dict[str, str]) -> None:
    """Raises StoreError for a base whose licence lets nobody pass it on, or is not stated."""
    for base, licence in bases.items():
        if licence in SILENT:
            message = f"`{what}` cannot be released: its base `{base}` is under `{licence}`"
            raise StoreError(message, "say the licence of its weights under `models`, or take another base")
