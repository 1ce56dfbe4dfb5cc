"""Push: results without any text, to a folder, so that an edit can be judged where the data is not."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.sources.ingest import without_cells
from runtime.store.layout import FORMAT, MEMOS
from runtime.store.record import Record, sealed
from runtime.store.store import Store
from runtime.tables.table import small_objects

KINDS = ("results", "beside")


@dataclass
class Moved:
    """What was copied, and what was there already."""

    records: int = 0
    objects: int = 0
    bytes: int = 0
    left_out: int = 0
    """Objects that hold text, which stay where they are."""


def push(store: Store, folder: Path) -> Moved:
    """Copy the records of every last build with ids, ranks and measured values, and no text, to a folder.

    Layout of its part for results: KIND/KE/KEY/DIGEST.json and objects/DI/DIGEST. What is there already stays as it is.
    """
    root, moved = folder / FORMAT, Moved()
    with store.building():
        for recipe, body in store.builds():
            keys = {"results": [stage["key"] for stage in body["stages"].values()], "beside": body["beside"]}
            for kind in KINDS:
                for key in keys[kind]:
                    record = store.hold_record(key, kind)
                    if record is not None:
                        push_record(store, root, kind, record, moved)
            put(root / "names" / Path(*recipe.split("/")) / "last-build.json", sealed(body))
        for journal in sorted((store.memos / "memo").glob("*/*/*.journal")):
            target = folder / MEMOS / journal.relative_to(store.memos)
            if not target.exists():
                put(target, journal.read_bytes())
    return moved


def push_record(store: Store, root: Path, kind: str, record: Record, moved: Moved) -> None:
    """One record after the objects that it needs."""
    wanted = set(textless_objects(kind, record.body))
    left = sorted(record.objects() - wanted)
    moved.left_out += len(left)
    for digest in sorted(wanted):
        target = root / "objects" / digest[:2] / digest
        if not target.exists():
            source = store.read_path(digest)
            moved.objects, moved.bytes = moved.objects + 1, moved.bytes + source.stat().st_size
            target.parent.mkdir(parents=True, exist_ok=True)
            made = target.parent / f".{uuid.uuid4().hex}"
            shutil.copyfile(source, made)
            made.rename(target)
    target = root / kind / record.key[:2] / record.key / f"{name_of(kind, record.body)}.json"
    if not target.exists():
        moved.records += 1
        put(target, sealed({**textless(record.body), "without": left}))


def textless_objects(kind: str, body: dict[str, Any]) -> Iterator[str]:
    """The objects of a record in which there is no text."""
    small = [body["object"], *small_objects(body["of"])] if kind == "beside" else [*small_objects(body["table"])]
    small += [body[part] for part in ("ledger", "asked", "lineage", "refused") if part in body]
    small += [each for each in body.get("measured", ()) if each is not None]
    yield from (each.removeprefix("object:") for each in small)


def textless(body: dict[str, Any]) -> dict[str, Any]:
    """A record without what it quotes of rows that could not be read."""
    if not body.get("bad"):
        return body
    return {**body, "raw": None, "bad": [{**each, "reason": without_cells(each["reason"])} for each in body["bad"]]}


def name_of(kind: str, body: dict[str, Any]) -> str:
    """What tells results of one key apart: the digest of the result."""
    return str(body.get("object")).removeprefix("object:") if kind == "beside" else str(body.get("digest"))


def put(path: Path, content: bytes) -> None:
    """A file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.parent / f".{uuid.uuid4().hex}"
    made.write_bytes(content)
    made.rename(path)
