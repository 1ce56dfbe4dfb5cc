"""Push: results without any text, to a folder, so that an edit can be judged where the data is not."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from runtime.sources.ingest import without_cells
from runtime.store.files import replacing
from runtime.store.layout import FORMAT, MEMOS
from runtime.store.names import LAST
from runtime.store.parts import OBJECT, sealed
from runtime.store.record import BesideRecord, Keyed, Record, SourceRecord
from runtime.store.store import Store


@dataclass
class Transfer:
    """What was copied, and what was there already."""

    records: int = 0
    objects: int = 0
    bytes: int = 0
    left_out: int = 0
    """Objects that hold text, which stay where they are."""
    newer: int = 0
    """Recipes whose last build there was made elsewhere, and stays."""


def push(store: Store, folder: Path) -> Transfer:
    """Copy the records of every last build with ids, ranks and measured values, and no text, to a folder.

    Layout of its part for results: KIND/KE/KEY/DIGEST.json and objects/DI/DIGEST. What is there already stays as it is.
    """
    root, transfer = folder / FORMAT, Transfer()
    with store.building():
        for recipe, build in store.builds():
            records = [store.hold_record(stage["key"], Record) for stage in build.stages.values()]
            columns = [store.hold_record(key, BesideRecord) for key in build.beside]
            for record in (*records, *columns):
                if record is not None:
                    push_record(store, root, record, transfer)
            write_whole(root / "names" / Path(*recipe.split("/")) / LAST, sealed(build.body()))
        for journal in sorted((store.memos / "memo").glob("*/*/*.journal")):
            target = folder / MEMOS / journal.relative_to(store.memos)
            if not target.exists():
                write_whole(target, journal.read_bytes())
    return transfer


def push_record(store: Store, root: Path, record: Keyed, transfer: Transfer) -> None:
    """One record after the objects that it needs."""
    wanted = {each.removeprefix(OBJECT) for each in record.textless()}
    left = sorted(record.objects() - wanted)
    transfer.left_out += len(left)
    for digest in sorted(wanted):
        target = root / "objects" / digest[:2] / digest
        if not target.exists():
            source = store.read_path(digest)
            transfer.objects, transfer.bytes = transfer.objects + 1, transfer.bytes + source.stat().st_size
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as partial:
                shutil.copyfile(source, partial)
    target = root / record.folder / record.key[:2] / record.key / f"{record.content}.json"
    if not target.exists():
        transfer.records += 1
        write_whole(target, sealed(without_quotes(record).replaced(without=left).body()))


def without_quotes(record: Keyed) -> Keyed:
    """A record without what it quotes of rows that could not be read."""
    if not isinstance(record, SourceRecord) or not record.bad:
        return record
    return record.replaced(raw=None, bad=[{**each, "reason": without_cells(each["reason"])} for each in record.bad])


def write_whole(path: Path, content: bytes) -> None:
    """A file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        partial.write_bytes(content)
