"""Garbage collection of a shared store beside builds: whatever it takes, no name is left of what is not there."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from runtime.completions.exchange import SCHEMA
from runtime.completions.leases import OWNERS, Leases
from runtime.store.bucket import Bucket
from runtime.store.layout import FORMAT
from runtime.store.lease import EVERY, LIVE, collecting
from runtime.store.location import shared_at
from runtime.store.names import PUSHED, BuiltStage, LastBuild
from runtime.store.opening import open_at
from runtime.store.record import Record
from runtime.store.remote import GRACE, ticks
from runtime.store.remote_gc import collect_remote
from runtime.store.shared import SharedStore
from runtime.store.store import StoreError
from tests.conftest import Project

pytest.importorskip("obstore", reason="obstore is not installed")
EDIT = ("recipe.yaml", "--set", "prompts.length.min=12")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"file://{tmp_path}/bucket"


@pytest.fixture
def on(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], SharedStore]:
    """Go on as another machine: with a cache of its own."""

    def go(machine: str) -> SharedStore:
        monkeypatch.setenv("RECIPE_CACHE", str(tmp_path / machine))
        store = open_at(shared_at(url))
        assert isinstance(store, SharedStore)
        return store

    go("first")
    return go


def age(folder: Path, hours: float) -> None:
    """Let all files of a folder be so old."""
    then = time.time() - hours * 3600
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def unneeded(store: SharedStore) -> list[str]:
    """The keys of records that no last build names."""
    named = {stage["key"] for _, build in store.builds() for stage in build.stages.values()}
    return [key for key, _ in store.remote.keys("results") if key not in named]


@contextmanager
def building_on_what_may_go(project: Project, on: Callable[[str], SharedStore]) -> Iterator[tuple[SharedStore, list[Record]]]:
    """A build on a second machine that found day-old records, which no last build names."""
    url = on("first").remote.url
    project.build(store=url)
    project.build(*EDIT, store=url)
    age(Path(url.removeprefix("file://")), 48)
    store = on("second")
    with store.building():
        found = [store.hold_record(key, Record) for key in unneeded(store)]
        yield store, [record for record in found if record is not None]


def build_of(records: list[Record]) -> LastBuild:
    stages = {str(at): BuiltStage(key=each.key, digest=each.digest, snapshot={}) for at, each in enumerate(records)}
    return LastBuild(recipe="test/other", stages=stages)


def test_what_gc_took_beside_a_build_is_written_again_before_it_is_named(
    on: Callable[[str], SharedStore], project: Project
) -> None:
    with building_on_what_may_go(project, on) as (store, records):
        for record in records:
            for digest in record.objects():
                store.read_path(digest)
        assert collect_remote(on("third"), False, GRACE).records == len(records) == 2
        store.write_last_build(build_of(records))
        for record in records:
            assert store.remote.record("results", record.key) is not None
            assert all(store.remote.bucket.head(store.remote.object_path(digest)) for digest in record.objects())


def test_an_object_that_gc_took_after_its_record_was_written_is_sent_again(
    on: Callable[[str], SharedStore], project: Project, url: str
) -> None:
    project.build(store=url)
    store = on("first")
    with store.building():
        store.write_last_build(store.last_build("test/plain").replaced(recipe="test/other", outputs={}))
        build = store.last_build("test/other").replaced(recipe="test/third")
        digests = {digest for record in store.records(Record) for digest in record.objects()}
        collect_remote(on("third"), False, GRACE)
        for digest in digests:
            store.remote.bucket.delete(store.remote.object_path(digest))
        store.write_last_build(build)
        assert all(store.remote.bucket.head(store.remote.object_path(digest)) for digest in digests)


def test_gc_leaves_an_object_that_was_written_again_since_it_was_listed(
    on: Callable[[str], SharedStore], project: Project, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.build(store=url)
    project.build(*EDIT, store=url)
    age(tmp_path / "bucket", 48)
    listed = "runtime.store.remote_gc.leased"
    monkeypatch.setattr(listed, lambda remote: age(tmp_path / "bucket" / FORMAT, 0) or set())
    before = sorted((tmp_path / "bucket").rglob("objects/*/*"))
    collect_remote(on("third"), False, timedelta(hours=24))
    assert sorted((tmp_path / "bucket").rglob("objects/*/*")) == before


def test_gc_believes_the_record_of_the_bucket_and_not_that_of_its_cache(
    on: Callable[[str], SharedStore], project: Project, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECIPE_PARTS", "1")
    project.build(store=url)
    for folder in ("results", "beside"):
        for path in (tmp_path / "bucket" / FORMAT / folder).rglob("*.json"):
            path.unlink()
    on("second")
    monkeypatch.setenv("RECIPE_PARTS", "4")
    project.build(store=url)
    age(tmp_path / "bucket", 48)
    assert collect_remote(on("first"), False, GRACE).objects > 0
    assert project.run("store", "verify", "--remote", "--store", url).out == f"clean: {url}\n"


def test_a_gc_that_slept_for_longer_than_builds_wait_removes_nothing(
    on: Callable[[str], SharedStore], project: Project, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.build(store=url)
    remote = on("second").remote
    with pytest.raises(StoreError, match="stood still"), collecting(remote) as lease:
        lease.at -= 2 * LIVE.total_seconds()
        lease.go_on()
    monkeypatch.setattr("runtime.store.lease.FEW", 2)
    with collecting(remote) as lease:
        lease.at -= 2 * EVERY
        assert list(lease.during(range(5))) == list(range(5))
        assert ticks() - lease.at < EVERY


def test_a_push_leaves_the_last_build_that_others_made(on: Callable[[str], SharedStore], project: Project, url: str) -> None:
    project.build(store="folder")
    project.build(*EDIT, store=url)
    theirs = on("second").last_build("test/plain")
    push = ("store", "push", url, "--show-restricted", "--store", "folder")
    assert "made elsewhere, and stays" in project.run(*push).out
    assert on("second").last_build("test/plain").stages == theirs.stages
    project.build(*EDIT, store="folder")
    project.build(store="folder")
    assert "made elsewhere" not in project.run(*push).out  # it had that build as well
    assert on("second").last_build("test/plain").stages != theirs.stages


def test_what_is_pushed_beside_a_name_that_stays_is_kept_until_the_recipe_is_built_again(
    on: Callable[[str], SharedStore], project: Project, url: str
) -> None:
    project.build(store="folder")
    project.build(*EDIT, store=url)
    project.run("store", "push", url, "--show-restricted", "--store", "folder")
    age(Path(url.removeprefix("file://")), 48)
    store = on("second")
    pushed = unneeded(store)
    collect_remote(store, False, GRACE)
    assert pushed and unneeded(on("third")) == pushed, "nobody built the recipe since"
    assert project.run("store", "verify", "--remote", "--store", url).code == 0
    assert not project.build(store=url)["ran"]
    project.build("recipe.yaml", "--set", "prompts.length.min=14", store=url)
    left = Path(url.removeprefix("file://")) / FORMAT
    age(left / "results", 48)
    age(left / "names" / "test/plain" / PUSHED, 48)
    collect_remote(on("fourth"), False, GRACE)
    assert not unneeded(on("fifth")) and not list(left.glob(f"names/**/{PUSHED}/*"))


RECORDED = """format: 1
recipe: test/recorded
language: {target: ko, anchor: en}
sources:
  a: {file: a.jsonl, category: daily, license: A}
  written: {file: written.jsonl, category: daily, license: A, columns: {prompt: prompt, completion: completion}}
prompts: [{length: {min: 1}}]
models: {teacher: {id: some/model, license: A}}
cot: {schema: short, teacher: {model: teacher, recorded: written, system: none}, solution: {language: any}}
"""


def test_what_a_model_of_unknown_terms_wrote_leaves_this_machine_only_when_it_is_asked_for(
    on: Callable[[str], SharedStore], project: Project, url: str
) -> None:
    line = {"prompt": "question 1: 물은 왜 끓나요?", "completion": "<think>secret</think>solution"}
    (project.folder / "written.jsonl").write_text(json.dumps(line) + "\n", "utf-8")
    project.rows("a.jsonl", [line["prompt"]])
    project.write("recipe.yaml", RECORDED)
    built = project.run("build", "recipe.yaml", "--allow-empty", "--store", "folder")
    assert built.code == 0, built.out + built.err
    refused = project.run("store", "push", url, "--store", "folder")
    assert refused.code == 1 and "say --show-restricted" in refused.err
    assert list(Bucket(url).list(f"{FORMAT}/objects")) == []
    assert project.run("store", "push", url, "--show-restricted", "--store", "folder").code == 0
    project.write("recipe.yaml", RECORDED.replace("license: A}}", "license: A, terms: A}}"))
    assert project.run("build", "recipe.yaml", "--allow-empty", "--store", "open").code == 0
    assert project.run("store", "push", f"{url}-open", "--store", "open").code == 0


def test_completions_are_taken_into_a_store_at_a_url_only_when_it_is_asked_for(
    on: Callable[[str], SharedStore], project: Project, url: str
) -> None:
    project.build(store=url)
    pq.write_table(SCHEMA.empty_table(), project.folder / "all.parquet")
    taking = ("store", "completions", "import", "all.parquet", "--store", url)
    refused = project.run(*taking)
    assert refused.code == 1 and "say --show-restricted" in refused.err
    assert project.run(*taking, "--show-restricted").code == 0


def test_what_killed_builds_were_heard_of_by_goes_and_their_buckets_are_free(
    on: Callable[[str], SharedStore], project: Project
) -> None:
    store = on("first")
    store.prepare()
    alive, slow, killed = (Leases(store.remote, name) for name in ("alive", "slow", "killed"))
    for each in (alive, slow, killed):
        each.renew()
    killed.take({1, 2}, True, lambda owner: False)
    owners = Path(store.remote.url.removeprefix("file://")) / OWNERS
    for name, seconds in (("killed", 16 * 60), ("slow", 120)):
        os.utime(owners / name, (time.time() - seconds,) * 2)
    assert project.run("store", "gc", "--remote", "--store", store.remote.url).code == 0
    assert {path.name for path in owners.iterdir()} == {"alive", "slow"}, "one is dead for sure after 15 minutes"
    assert alive.take({1, 2}, True, lambda owner: False) == ({1, 2}, {1, 2}), "what a dead build held may have been asked"
