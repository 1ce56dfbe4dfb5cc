"""Journals of dear measures are joined by gc: the values are those of before, in few files."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blake3 import blake3

from runtime.store.location import Location, shared_at
from runtime.store.opening import open_at
from runtime.store.store import Store
from runtime.tables.joining import join_here, join_remote
from runtime.tables.memo import Memo
from runtime.tables.segmented import Segmented
from tests.conftest import Project
from tests.test_shared_gc import age

KEY = "ab" * 32
CELLS = np.frombuffer(b"".join(blake3(bytes([at])).digest(16) for at in range(90)), dtype=np.uint8).reshape(-1, 16)
VALUES = np.arange(180, dtype=np.int64).reshape(-1, 2)


def fill(store: Store) -> None:
    """Nine journals of ten cells, and one that says a part of it again."""
    memo = Memo(store, KEY, 2)
    for start in range(0, 90, 10):
        memo.append(CELLS[start : start + 10], VALUES[start : start + 10])
    memo.append(CELLS[5:25], VALUES[5:25])


def whole(store: Store) -> bool:
    known, values = Memo(store, KEY, 2).look_up(CELLS)
    return bool(known.all()) and (values == VALUES).all()


def journals(store: Store) -> list[Path]:
    return sorted((store.memos / "memo").glob("*/*/*"))


def test_journals_of_a_folder_are_joined_and_a_damaged_one_stays(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.prepare()
    fill(store)
    running = Memo(store, KEY, 2)
    running.refresh()
    damaged = journals(store)[3]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert join_here(store) == 9 and damaged in journals(store) and len(journals(store)) == 2
    running.refresh()
    assert len(running.known) == len(CELLS), "what is said twice is held once"
    damaged.unlink()
    joined = journals(store)
    assert join_here(store) == 0 and journals(store) == joined


def test_a_journal_that_is_large_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store")
    store.prepare()
    fill(store)
    monkeypatch.setattr("runtime.tables.joining.LARGE", 900)
    join_here(store)
    large = [path for path in journals(store) if path.stat().st_size >= 900]
    assert len(journals(store)) > 1 and large and whole(store)
    join_here(store)
    assert {*large} <= {*journals(store)} and whole(store)


def test_segments_are_joined_too(tmp_path: Path) -> None:
    pytest.importorskip("kiwipiepy")
    store = Store(tmp_path / "store")
    store.prepare()
    cuts = {blake3(bytes([at])).digest(16): bytes([at] * at) for at in range(20)}
    segmented = Segmented(store, lambda name: "1", 1)
    for digest, each in cuts.items():
        segmented.append("kiwipiepy", {digest: each})
    assert join_here(store) == 20 and len(journals(store)) == 1
    assert Segmented(store, lambda name: "1", 1).load("kiwipiepy") == cuts


def test_gc_joins_the_journals_of_a_bucket_and_another_machine_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("obstore", reason="obstore is not installed")

    def on(machine: str) -> Any:
        monkeypatch.setenv("RECIPE_CACHE", str(tmp_path / machine))
        return open_at(shared_at(f"file://{tmp_path}/bucket"))

    store = on("first")
    store.prepare()
    fill(store)
    assert join_remote(store.remote, timedelta(hours=1)) == 0, "what is young stays"
    age(tmp_path / "bucket" / "memos", 2)
    assert join_remote(on("first").remote, timedelta(hours=1)) == 10
    second = on("second")
    second.lay_out()
    assert whole(second) and len(journals(second)) == 1 and whole(on("first"))


def test_gc_of_a_folder_joins_journals_and_that_of_a_cache_does_not(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("obstore", reason="obstore is not installed")
    monkeypatch.setenv("RECIPE_CACHE", str(tmp_path / "cache"))
    url = f"file://{tmp_path}/bucket"
    for named, many in (("store", 1), (url, 10)):
        store = open_at(Location((project.folder / named).resolve()) if named == "store" else shared_at(url))
        store.prepare()
        fill(store)
        assert project.run("store", "gc", "--store", named).code == 0
        assert len(journals(store)) == many and whole(store)
