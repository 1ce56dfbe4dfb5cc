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
from runtime.export.built_output import BuiltOutput, count_rows
from runtime.export.card import TrainingSummary, checkpoint_card
from runtime.export.folder import MARKER, write_folder
from runtime.store.record import CheckpointRecord
from runtime.store.store import StoreError, taken_as
from runtime.training.checkpoints import manifest_of

TRAINED_ON = ("A", "B")
"""The classes whose rows a released checkpoint may have learnt from."""

CARD, MANIFEST = "README.md", "training_manifest.json"


def export_checkpoint(output: BuiltOutput, folder: Path, named: str) -> dict[str, Any]:
    """Write a checkpoint under its release licence. Raises StoreError where there is none, or its rows forbid it."""
    taught = list(trainings(output))
    complain_rows(taught)
    terms = terms_of(output.graph, output.index, output.recipe)
    bases = bases_of(output)
    complain_bases(output.what, bases)
    try:
        licence = release_of(output.graph, output.index, output.recipe)
    except Conflict as conflict:
        message = f"`{output.what}` can be released under no licence: {conflict}"
        raise StoreError(message, "take another base, or another teacher") from None
    if licence == "unknown":
        licence = "A"  # nothing that went into it has a licence by name, and all of it may be redistributed
    record = taken_as(output.record, CheckpointRecord)
    names = sorted(record.files)
    if clash := [name for name in names if name in (CARD, MANIFEST, MARKER) or Path(name).name != name]:
        raise StoreError(f"the checkpoint has a file `{clash[0]}`, whose name an export cannot take", "train it again")

    def fill(partial: Path) -> None:
        for name in names:
            shutil.copyfile(output.store.read_path(record.files[name].removeprefix("object:")), partial / name)
        manifest = json.dumps(manifest_of(record), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        (partial / MANIFEST).write_text(manifest, "utf-8")
        (partial / CARD).write_text(checkpoint_card(output, licence, terms, list(bases), taught), "utf-8")

    summary = {**output.summary, "license": licence, "rows": record.rows}
    sources = [
        {"training": each.name, "source": source, "category": category, "license": row_class, "rows": count}
        for each in taught
        for (source, category, row_class), count in each.counts.items()
    ]
    return {**summary, "sources": sources, "files": write_folder(folder, named, summary, fill)}


def trainings(output: BuiltOutput) -> Iterator[TrainingSummary]:
    """The trainings that led to a checkpoint, first to last, with the rows of each."""
    for stage in output.stages(TrainStage):
        node, manifest = stage.node, taken_as(output.built.records[stage.index], CheckpointRecord).manifest
        data = output.built.records[stage.rows]
        counts = count_rows(output.store, data.table)
        then, settings = manifest["data"]["digest"], dict(manifest["settings"])
        yield TrainingSummary(node.label, stage.operator.data, data.digest, then, data.rows, settings, counts)


def bases_of(output: BuiltOutput) -> dict[str, str]:
    """Public name -> licence of the models that the trainings began with."""
    named = [stage.operator.model for stage in output.stages(TrainStage)]
    models = [output.recipe.models[name].model for name in named if name is not None]
    return {model.id: model.license for model in sorted(models, key=lambda model: model.id)}


def complain_rows(taught: list[TrainingSummary]) -> None:
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
