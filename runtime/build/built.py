"""What a build did, what it can take from the store, and the readable folders that show its outputs."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

from compiler.graph.nodes import Graph, stage_name
from compiler.graph.plan import Addresses
from runtime.build.session import Session
from runtime.stages.table import kinds
from runtime.store.files import NoFile, open_file
from runtime.store.names import BuiltStage, LastBuild, NamedOutput, output_name
from runtime.store.record import CheckpointRecord, OutputRecord, Record
from runtime.store.store import Store, taken_as

if TYPE_CHECKING:
    from runtime.completions.fill import Filled


@dataclass
class Built:
    """The record of every cut, and which of them were made now."""

    records: dict[int, Record] = field(default_factory=dict)
    ran: list[int] = field(default_factory=list)
    seconds: dict[int, float] = field(default_factory=dict)
    filled: dict[str, Filled] = field(default_factory=dict)
    """Stage that asks a model -> what it asked for."""
    notes: list[str] = field(default_factory=list)
    """What a person should know of stages that ran."""
    beside: list[str] = field(default_factory=list)
    """The keys of the columns beside the tables."""


def take_recorded(store: Store, graph: Graph, addresses: Addresses) -> Built | None:
    """Everything from the store, or None where a stage has to run: a build of nothing loads no engine."""
    built = Built()
    for kind in kinds(graph):
        key = addresses.key(kind.stage.index)
        record = store.hold_record(key, Record) if key is not None else None
        if record is None or set_blank_aside(store, record) or not kind.whole(store, record):
            return None
        built.records[kind.stage.index] = record
    keys = (addresses.key(index) for index, node in graph if node.aspect == "columns")
    built.beside = [key for key in keys if key is not None]
    return built


def set_blank_aside(store: Store, record: Record) -> bool:
    """Whether an object of a table was cut off or blanked, as a power cut leaves files; it is set aside then.

    Nobody reads them all where nothing is made: what can be looked at of each are the marks at both ends of its file.
    The files of a checkpoint have none; each of them is read before it is named.
    """
    if isinstance(record, CheckpointRecord):
        return False
    blank = [path for digest in record.objects() if not marked(path := store.object_path(digest))]
    for path in blank:
        store.set_aside(path)
    return bool(blank)


def marked(path: Path) -> bool:
    """Whether a file is an Arrow or a Parquet file by its ends; one that is not there is no blank one."""
    try:
        with open_file(path) as file:
            begin, size = file.read(6), file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 6))
            end = file.read(6)
    except FileNotFoundError:
        return True
    except NoFile:
        return False
    return begin == end == b"ARROW1" or begin[:4] == end[2:] == b"PAR1"


def manifest_of(recipe: str, output: str, record: OutputRecord) -> bytes:
    """The content of an output's manifest."""
    manifest = {
        "name": output_name(recipe, output),
        "digest": record.digest,
        "key": record.key,
        "rows": record.rows,
        "columns": record.columns,
        "shards": [shard.removeprefix("object:") for shard in record.shards],
    }
    return json.dumps(manifest, indent=1, ensure_ascii=False).encode()


def shows(folder: Path, manifest: bytes) -> bool:
    """Whether a folder is that of a manifest, whole."""
    try:
        return (folder / "_manifest.json").read_bytes() == manifest
    except (FileNotFoundError, NotADirectoryError):
        return False


def publish(store: Store, recipe: str, output: str, record: Record) -> Path:
    """Show an output under its name: a folder of links into the store, exchanged in one step."""
    files = store.files
    if isinstance(record, CheckpointRecord):
        from runtime.training.checkpoints import lay_out_checkpoint

        return link_name(store, recipe, output, lay_out_checkpoint(store, record))
    shown = taken_as(record, OutputRecord)
    manifest = manifest_of(recipe, output, shown)
    shards = [shard.removeprefix("object:") for shard in shown.shards]
    for digest in shards:
        if not store.object_path(digest).exists():
            store.read_path(digest)  # another machine wrote it, or it left a cache
    folder = store.root / "outputs" / f"{record.digest[:16]}-{blake3(manifest).hexdigest()[:16]}"
    if not shows(folder, manifest):
        made = store.root / "tmp" / uuid.uuid4().hex
        files.make_folder(made)
        for place, digest in enumerate(shards):
            target = os.path.relpath(store.object_path(digest), folder)
            files.symlink(Path(target), made / f"data-{place:05d}.parquet")
        files.write_bytes(made / "_manifest.json", manifest)
        if folder.exists() and not shows(folder, manifest):
            shutil.rmtree(folder)  # links only: what they lead to stays
        try:
            files.rename(made, folder)
        except OSError:
            if not shows(folder, manifest):
                raise
            shutil.rmtree(made)  # another build was first with the same folder
    return link_name(store, recipe, output, folder)


def link_name(store: Store, recipe: str, output: str, folder: Path) -> Path:
    """Let an output's name lead to a folder, in one step."""
    files = store.files
    name = store.name_path(recipe) / "outputs" / output
    target = os.path.relpath(folder, name.parent)
    if name.is_symlink() and os.readlink(name) == target:
        return name
    files.make_folder(name.parent)
    link = store.root / "tmp" / uuid.uuid4().hex
    files.symlink(Path(target), link)
    files.rename(link, name)
    return name


def remember(store: Store, session: Session, built: Built, outputs: dict[str, NamedOutput]) -> None:
    """Write what the last build of a recipe was: for the causes of the next plan, and for what gc keeps.

    A build of some targets adds to it and forgets nothing.
    """
    recipe = session.read.recipe.name
    before = store.last_build(recipe) if session.targets else LastBuild(recipe=recipe)
    stages: dict[str, BuiltStage] = {
        stage_name(session.graph, index): {"key": record.key, "digest": record.digest, "snapshot": record.snapshot}
        for index, record in built.records.items()
    }
    fields = {
        source: (leaf.digest, sorted(leaf.fields))
        for source, leaf in session.facts.leaves.items()
        if leaf.origin == "files" and leaf.digest is not None and leaf.fields is not None
    }
    store.write_last_build(
        LastBuild(
            recipe=recipe,
            stages=before.stages | stages,
            beside=sorted({*before.beside, *built.beside}),
            fields=before.fields | fields,
            outputs=before.outputs | outputs,
        )
    )
