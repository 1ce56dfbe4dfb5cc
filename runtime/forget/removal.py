"""Removal: the records, objects, values and names of a store that hold something of forgotten rows leave it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3

from runtime.forget.completions import forget_completions
from runtime.forget.search import Sought, files_in
from runtime.forget.wanted import Wanted
from runtime.store.digest import id_bytes
from runtime.store.names import last_builds, output_name
from runtime.store.naming import Naming
from runtime.store.parts import OBJECT
from runtime.store.record import KEYED, BesideRecord, CheckpointRecord, Keyed, OutputRecord, Record
from runtime.store.running import clear_tmp, live_builds
from runtime.store.store import Store, StoreError
from runtime.store.trees import references
from runtime.tables.memo import CHECK, entries_in, width_of
from runtime.tables.objects import object_name, read_part, whole
from runtime.tables.segmented import ENDING, HEAD, cuts_in

ID = "S16"


@dataclass
class Removed:
    """What was taken out of a store."""

    records: int = 0
    objects: int = 0
    values: int = 0
    """Of dear measures, and segments of texts."""
    completions: int = 0
    files: int = 0
    """Others: what was set aside, what trainings were given, what outputs show."""
    outputs: list[str] = field(default_factory=list)
    """The outputs that were shown and held it: copies of them may be elsewhere."""
    checkpoints: list[str] = field(default_factory=list)
    """Those trained on it: weights cannot be searched."""
    recipes: list[str] = field(default_factory=list)
    """The recipes whose last builds held it."""


def remove(store: Store, wanted: Wanted) -> Removed:
    """Take out of a store what is to be forgotten; dear things first, since they are found by what goes last.

    Raises StoreError where a build is running. Killed at any point, it is begun again by the same command.
    """
    removed, sought = Removed(), Sought(wanted.texts)
    with store.gate(exclusive=True):
        if live_builds(store.root):
            raise StoreError(f"a build is running in `{store.folder}`", "wait until it has ended")
        clear_tmp(store.root)
        removed.completions = forget_completions(store, wanted.addresses, sought)
        removed.values = forget_values(store, wanted.cells)
        Sweep(store, wanted.rows, sought, removed).run()
    return removed


def forget_values(store: Store, cells: set[bytes]) -> int:
    """Write the journals of measured values anew without those of some cells; how many these were."""
    count, folder = 0, store.memos / "memo"
    for path in sorted(folder.glob("*/*/*.journal")):
        entries = list(entries_in(path.read_bytes(), width_of(path.name)))
        kept = [each for each in entries if each[:16] not in cells]
        count += rewritten(store, path, len(entries) - len(kept), [each + blake3(each).digest(CHECK) for each in kept])
    for path in sorted(folder.glob(f"*/*/*{ENDING}")):
        cuts = list(cuts_in(path.read_bytes()))
        bodies = [HEAD.pack(digest, len(each)) + each for digest, each in cuts if digest not in cells]
        count += rewritten(store, path, len(cuts) - len(bodies), [each + blake3(each).digest(CHECK) for each in bodies])
    return count


def rewritten(store: Store, path: Path, gone: int, entries: list[bytes]) -> int:
    """Put a journal in its place without what is gone; how much that is."""
    if gone and entries:
        made = store.root / "tmp" / path.name
        store.files.write_bytes(made, b"".join(entries))
        store.files.rename(made, path)
    elif gone:
        store.files.remove(path)
    return gone


def nodes_of(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A tree and all trees that it is made of."""
    yield tree
    for below in [*tree.get("parts", ()), *([tree["of"]] if "of" in tree else ())]:
        yield from nodes_of(below)


class Sweep:
    """One pass over the records and objects of a store."""

    def __init__(self, store: Store, rows: set[str], sought: Sought, removed: Removed) -> None:
        self.store, self.sought, self.removed = store, sought, removed
        self.rows = rows
        self.ids = np.frombuffer(bytes.fromhex("".join(sorted(rows))), dtype=ID)
        self.met: dict[str, bool] = {}
        """Frame -> whether it has one of the rows."""

    def run(self) -> None:
        store = self.store
        objects = {path.name: path for path in sorted((store.root / "objects").glob("*/*"))}
        doomed = {name for name, path in objects.items() if self.sought.in_path(path)}
        records = [record for kind in KEYED for record in store.records_here(kind)]
        for record in records:
            doomed |= self.texts_of(record)
        gone = [record for record in records if record.objects() & doomed or self.told_in(record)]
        for record in gone:
            if isinstance(record, CheckpointRecord) and not self.told_in(record):
                self.mark(record, doomed)
            else:
                self.drop(record)
        kept = [record for kind in KEYED for record in store.records_here(kind)]
        needed = set[str]().union(*(record.objects() for record in kept)) - doomed
        for name in sorted(objects.keys() - needed):
            store.files.remove(objects[name])
            self.removed.objects += 1
        self.forget_names({record.key for record in gone if not isinstance(record, CheckpointRecord)})
        self.forget_trainings()
        self.forget_files()

    def told_in(self, record: Keyed) -> bool:
        """Whether a record itself quotes a text, such as why a row could not be read."""
        return self.sought.in_path(self.store.record_path(record.folder, record.key))

    def has_rows(self, reference: str) -> bool:
        """Whether a part of a frame has one of the rows; one that is not here says nothing."""
        name = object_name(reference)
        if name not in self.met:
            there = self.ids.size > 0 and self.store.object_path(name).exists()
            ids = id_bytes(whole(read_part(self.store, reference, 0).column("row_id"))) if there else np.zeros((0, 16), np.uint8)
            self.met[name] = bool(np.isin(np.ascontiguousarray(ids).view(ID), self.ids).any())
        return self.met[name]

    def texts_of(self, record: Keyed) -> set[str]:
        """The objects of a record in which text of the rows lies, whether or not it is searched for."""
        tree: Any = record.of if isinstance(record, BesideRecord) else record.table if isinstance(record, Record) else {}
        found, any_row = list[str](), False
        for node in nodes_of(tree):
            frames, texts = references(node.get("frame")), references(node.get("text"))
            hits = [self.has_rows(frame) for frame in frames]
            any_row |= any(hits)
            found += [text for text, hit in zip(texts, hits, strict=False) if hit]
            if node["kind"] == "carried" and any(self.has_rows(each) for below in nodes_of(node) for each in frames_in(below)):
                found += [text for _, _, text in node["from"].values() if text is not None]
        if any_row and isinstance(record, OutputRecord):
            found += record.shards
        if any_row and isinstance(record, BesideRecord) and record.text is not None:
            found.append(record.text)
        return {each.removeprefix(OBJECT) for each in found}

    def drop(self, record: Keyed) -> None:
        """Take a record away."""
        self.store.remove_record(record)
        self.removed.records += 1

    def mark(self, record: CheckpointRecord, doomed: set[str]) -> None:
        """Let the record of a checkpoint say what it no longer has: the weights stay, they are dear."""
        self.removed.checkpoints.append(f"{record.kind}@{record.digest[:12]}")
        without = sorted({*(record.without or ()), *(record.objects() & doomed)})
        made, target = self.store.stage_record(record.replaced(without=without))
        self.store.files.rename(made, target)

    def forget_names(self, gone: set[str]) -> None:
        """Take the outputs that are no more out of the last builds, with what shows them."""
        store = self.store
        for _, recipe, build in list(last_builds(store.root)):
            if build is None or not gone & {stage["key"] for stage in build.stages.values()}:
                continue
            self.removed.recipes.append(recipe)
            lost = {name: output for name, output in build.outputs.items() if output["key"] in gone}
            self.removed.outputs += [f"{output_name(recipe, name)}@{output['digest'][:12]}" for name, output in lost.items()]
            for name in lost:
                store.files.remove(store.name_path(recipe) / "outputs" / name)
            outputs = {name: output for name, output in build.outputs.items() if name not in lost}
            Naming.write_last_build(store, build.replaced(outputs=outputs))  # here: a bucket has what the next build writes
        for folder in sorted((store.root / "outputs").glob("*")):
            if any(path.is_symlink() and not path.exists() for path in folder.iterdir()):
                shutil.rmtree(folder)

    def forget_trainings(self) -> None:
        """Take away what unfinished trainings were given, where it holds a row: their rows as tokens are no text any more."""
        ids = Sought(sorted(self.rows))
        for folder in sorted((self.store.root / "training").glob("*")):
            texts = folder / "texts.jsonl"
            if texts.is_file() and (ids.in_path(texts) or self.sought.in_path(texts)):
                self.removed.files += sum(1 for _ in files_in(folder))
                shutil.rmtree(folder)

    def forget_files(self) -> None:
        """Take away what else of this format and older ones holds a text: what was damaged, and results that are read no more."""
        for root in sorted(self.store.folder.glob("v*")):
            for path in files_in(root):
                if path.parts[-2] != "completions" and self.sought.in_path(path):
                    self.store.files.remove(path)
                    self.removed.files += 1


def frames_in(node: dict[str, Any]) -> list[str]:
    return references(node.get("frame"))
