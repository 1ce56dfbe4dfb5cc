"""Damage of any kind to any part of a store is named by `verify`, and no build makes another dataset out of it."""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runtime.build.verify import verify
from runtime.store.record import BesideRecord, Record
from runtime.store.store import Store
from tests.conftest import Project, Ran
from tests.faults import Letters, everything, rows_of

pytestmark = pytest.mark.skipif(importlib.util.find_spec("kiwipiepy") is None, reason="the memo's measure needs kiwipiepy")

EDIT = ("--set", "prompts.length.max=20", "--set", "prompts.morphemes.min=3")


@dataclass
class Built:
    """A project with a whole store, and what its builds come to."""

    project: Project
    digest: str
    rows: list[dict[str, Any]]
    edited: str


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("operators.kernels.segments.kiwi", lambda workers: Letters())
        patch.setenv("RECIPE_THREADS", "1")
        project = everything(tmp_path_factory.mktemp("damage") / "project")
        report = project.build(store="whole")
        edited = project.digest("recipe.yaml", *EDIT, store="other")
        assert edited != report["outputs"][0]["digest"]
        yield Built(project, report["outputs"][0]["digest"], rows_of(project, report), edited)


# -- the parts of a store


def record(store: Store, kind: str) -> Any:
    return next(each for each in store.records(Record) if each.kind == kind)


def named(store: Store, reference: str) -> Path:
    return store.object_path(reference.removeprefix("object:"))


def beside(store: Store, changed: bool) -> Any:
    """The record of columns beside a table: a measure's, or the text that a map changed."""
    return next(each for each in store.records(BesideRecord) if (each.text is not None) == changed)


PARTS: dict[str, Callable[[Store], Path]] = {
    "frame of a source": lambda store: named(store, record(store, "source").table["frame"]),
    "text of a source": lambda store: named(store, record(store, "source").table["text"]),
    "frame of a combination": lambda store: named(store, record(store, "combine").table["frame"]),
    "measured columns": lambda store: named(store, beside(store, False).object),
    "changed text": lambda store: named(store, beside(store, True).text),
    "ledger": lambda store: named(store, record(store, "unique").ledger),
    "shard of an output": lambda store: named(store, record(store, "output").shards[0]),
    "memo": lambda store: next((store.memos / "memo").glob("*/*/*.journal")),
    "record of a source": lambda store: store.record_path("results", record(store, "source").key),
    "record of a decision": lambda store: store.record_path("results", record(store, "unique").key),
    "record of an output": lambda store: store.record_path("results", record(store, "output").key),
    "record beside a table": lambda store: store.record_path("beside", beside(store, False).key),
    "last build": lambda store: store.name_path("test/everything/last-build.json"),
    "manifest": lambda store: next((store.root / "outputs").glob("*/_manifest.json")),
}

#: What nobody misses when it is gone: without it, the store is one in which it has not been made yet.
UNMISSED = {"memo", "record of a source", "record of a decision", "record of an output", "record beside a table", "last build"}


# -- the ways to damage them


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    at = random.Random(path.name).randrange(len(data) * 8)
    data[at // 8] ^= 1 << at % 8
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 1])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


WAYS: dict[str, Callable[[Path], None]] = {"flipped": flipped, "cut": cut, "emptied": emptied, "gone": Path.unlink}


def damaged(built: Built, part: str, way: str) -> tuple[Store, Path]:
    """A copy of the whole store with one part damaged."""
    folder = built.project.folder / "store"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(built.project.folder / "whole", folder, symlinks=True)
    store = Store(folder)
    path = PARTS[part](store)
    path.chmod(path.stat().st_mode | stat.S_IWUSR)
    WAYS[way](path)
    return store, path


def names(path: Path, said: str) -> bool:
    """Whether what `verify` says points at a part."""
    known = {"_manifest.json": "test/everything/dataset", "last-build.json": "test/everything"}
    short = known.get(path.name) or (path.parent.name if path.suffix == ".journal" else path.stem)[:12]
    return short in said


def sound(ran: Ran) -> bool:
    """Whether a command ended well, or with a clear error."""
    return ran.code == 0 or (ran.code == 1 and ran.err.startswith("error: ") and "Traceback" not in ran.err)


#: Each part in one way, and each way in some parts; in the night, each part in each way.
TRIED = [
    pytest.param(part, way, marks=[] if (at + step) % len(WAYS) == 0 else pytest.mark.nightly)
    for at, part in enumerate(PARTS)
    for step, way in enumerate(WAYS)
]


@pytest.mark.parametrize(("part", "way"), TRIED)
def test_damage_is_named_and_gives_no_other_dataset(built: Built, part: str, way: str) -> None:
    store, path = damaged(built, part, way)
    whole = Store(built.project.folder / "whole")
    project = built.project
    check = project.run("store", "verify", "--store", "store")
    if way == "gone" and part in UNMISSED:
        assert (check.code, check.out) == (0, "clean: store\n")
    elif not (way == "emptied" and part == "memo"):
        assert check.code == 1 and names(path, check.out), check.out
    # An edited recipe reads what the unedited one may leave alone.
    edited = project.run("build", "recipe.yaml", "--store", "store", "-q", *EDIT)
    assert sound(edited), edited.err
    if edited.code == 0:
        assert built.edited[:12] in edited.out
    report = project.build()
    assert (report["outputs"][0]["digest"], rows_of(project, report)) == (built.digest, built.rows)
    # What no build read is still damaged: mended and built again, the store is whole.
    project.run("store", "verify", "--mend", "--store", "store")
    report = project.build()
    assert (report["outputs"][0]["digest"], rows_of(project, report)) == (built.digest, built.rows)
    assert verify(store) == [] and verify(whole) == []


def test_what_was_damaged_is_set_aside_and_not_lost(built: Built) -> None:
    store, path = damaged(built, "shard of an output", "flipped")
    bytes_before = path.read_bytes()
    built.project.build()
    (kept,) = (store.root / "damaged").iterdir()
    assert kept.read_bytes() == bytes_before and kept.name.startswith(path.name)


def test_many_damages_at_once_give_no_other_dataset(built: Built) -> None:
    store, _ = damaged(built, "frame of a source", "flipped")
    for path in (store.root / "objects").glob("*/*"):
        os.chmod(path, 0o644)
        flipped(path)
    report = built.project.build()
    assert (report["outputs"][0]["digest"], rows_of(built.project, report)) == (built.digest, built.rows)
