"""A build on the workers of a Ray cluster makes the bytes that a build on threads makes, whoever dies meanwhile."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from operators.asks.asks import Reply
from runtime.build.session import Session
from runtime.completions.engines.configuration import Training
from runtime.completions.engines.engine import Answer, EngineError, Request
from runtime.executors.executor import Resources
from runtime.executors.payload import ALIKE, Failed, Site, failed, pack, rests_on, unpack, versions_of
from runtime.executors.worker import OPENED, Opened, open_here, perform
from runtime.store.bound import Bound
from runtime.store.gc import collect
from runtime.store.layout import FORMAT
from runtime.store.location import shared_at
from runtime.store.opening import open_at
from runtime.store.record import CheckpointRecord
from runtime.store.store import Damaged, Store, StoreError
from runtime.tables.objects import object_name
from runtime.training.checkpoints import Teaching, open_trained
from tests.conftest import ROOT, Project
from tests.test_determinism import HEAD, STEPS, some_rows
from tests.test_embedded import NEEDED
from tests.test_in_parts import QUICKSTART, recorded
from tests.test_training_build import TARGET, school  # noqa: F401 - a fixture
from tests.tokenizing import tokenizer_of

ray = pytest.importorskip("ray", reason="ray is not installed: pip install 'data-recipe[ray]'")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[str]:
    """The address of a cluster with two workers, to which this process belongs: its builds join it."""
    from runtime.executors.temporary import guarded, temporary_folder

    with pytest.MonkeyPatch.context() as patch, temporary_folder() as folder, guarded(folder):
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "CRITICAL"}
        ray.init(address="local", num_cpus=2, object_store_memory=80 << 20, _temp_dir=str(folder), **quiet)
        yield ray.get_runtime_context().gcs_address
        ray.shutdown()


def bodies(store: Path) -> dict[str, dict[str, Any]]:
    """Key -> what a stage recorded, whole but for the time that it took."""
    found = recorded(store)
    for body in found.values():
        body["made"].pop("seconds")
    return found


def besides(store: Path) -> dict[str, tuple[str, str | None]]:
    """Key -> the objects beside a table."""
    from runtime.store.record import BesideRecord

    return {record.key: (record.object, record.text) for record in Store(store).records(BesideRecord)}


def objects(store: Path) -> set[str]:
    """All objects of a store."""
    return {path.name for path in (store / FORMAT / "objects").glob("*/*")}


@pytest.fixture
def rows(project: Project) -> Project:
    """A recipe with a map, measures, a condition, forms, a sample and a mixture that repeats rows, of two sources."""
    project.rows("one.jsonl", some_rows())
    project.rows("two.jsonl", some_rows()[::3])
    two = '  b: {file: "two.jsonl", category: one, license: A, columns: {prompt: prompt, note: note}}\n'
    project.write("recipe.yaml", HEAD.replace("FILES", "one.jsonl") + two + STEPS)
    return project


@pytest.fixture
def stretched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns of some hundred rows are computed in several stretches."""
    monkeypatch.setattr("runtime.stages.stretches.BESIDE_ROWS", 50)


WAYS = [(4, 2)]
NIGHTLY = [(parts, threads) for parts in (1, 4, 16) for threads in (1, 2) if (parts, threads) not in WAYS]


@pytest.mark.parametrize("way", [*WAYS, *(pytest.param(way, marks=pytest.mark.nightly) for way in NIGHTLY)], ids=str)
def test_every_record_of_the_quickstart_is_the_same_on_workers(
    way: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stretched: None
) -> None:
    monkeypatch.setenv("RECIPE_PARTS", str(way[0]))
    monkeypatch.setenv("RECIPE_THREADS", str(way[1]))
    for engine in ("local", "ray"):
        (output,) = Project(ROOT).build(QUICKSTART, "--engine", engine, store=str(tmp_path / engine))["outputs"]
        assert output["digest"].startswith("b4b1ce25c59e")
    assert bodies(tmp_path / "ray") == bodies(tmp_path / "local")
    assert besides(tmp_path / "ray") == besides(tmp_path / "local")


@pytest.mark.parametrize("parts", [4, *(pytest.param(many, marks=pytest.mark.nightly) for many in (1, 16, 256))])
def test_maps_conditions_samples_and_repeated_rows_are_the_same_on_workers(
    parts: int, rows: Project, monkeypatch: pytest.MonkeyPatch, stretched: None
) -> None:
    monkeypatch.setenv("RECIPE_PARTS", str(parts))
    rows.build(store="local")
    rows.build("recipe.yaml", "--engine", "ray", store="ray")
    assert bodies(rows.folder / "ray") == bodies(rows.folder / "local")
    assert besides(rows.folder / "ray") == besides(rows.folder / "local")
    assert objects(rows.folder / "ray") == objects(rows.folder / "local"), "pieces are gone once they are joined"


TOKENS = """
format: 1
recipe: test/tokens
language: {target: ko, anchor: en}
models: {m: {id: a/b, license: mit, terms: mit, tokenizer: tokenizer.json}}
sources: {a: {file: one.jsonl, category: one, license: A, columns: {prompt: prompt, note: note}}}
prompts:
  - length: {min: 6}
  - token_length: {in: prompt, max: 60, tokenizer: m}
  - {name: notes, token_length: {in: note, min: 2, tokenizer: m}}
  - unique
"""


def test_dear_measures_of_a_decision_are_measured_by_several_workers(rows: Project, stretched: None) -> None:
    pytest.importorskip("tokenizers")
    rows.write("tokenizer.json", tokenizer_of("물은", "하늘"))
    rows.write("recipe.yaml", TOKENS)
    rows.build(store="local")
    rows.build("recipe.yaml", "--engine", "ray", store="ray")
    assert bodies(rows.folder / "ray") == bodies(rows.folder / "local")
    journals = [list((rows.folder / each).rglob("*.journal")) for each in ("local", "ray")]
    assert len(journals[1]) > len(journals[0]) > 1
    assert objects(rows.folder / "ray") == objects(rows.folder / "local")


def test_everything_is_made_again_on_workers(rows: Project) -> None:
    rows.build()
    ran = rows.run("verify", "recipe.yaml", "--engine", "ray", "--store", "store", "-q")
    assert ran.code == 0 and "bitwise   7 stages: 7 the same" in ran.out, ran.out + ran.err
    assert not list((rows.folder / "store").glob("recipe-verify-*"))


def test_a_configuration_chooses_what_builds_run_on(rows: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = []
    monkeypatch.setattr("runtime.executors.choose.Local", lambda store, threads: chosen.append("local") or 1 / 0)
    monkeypatch.setattr("runtime.executors.ray.Ray", lambda store, name, *given: chosen.append(name) or 1 / 0)
    rows.write("config.yaml", "executor: ray://head.example.org:6379\n")
    monkeypatch.setenv("RECIPE_CONFIG", str(rows.folder / "config.yaml"))
    for arguments in ([], ["--engine", "local"], ["--engine", "ray"]):
        with pytest.raises(ZeroDivisionError):
            rows.run("build", "recipe.yaml", *arguments)
    assert chosen == ["ray://head.example.org:6379", "local", "ray"]


def test_workers_make_nothing_again_beside_a_store_at_a_url(rows: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore", reason="obstore is not installed")
    monkeypatch.setenv("RECIPE_CACHE", str(rows.folder / "cache"))
    ran = rows.run("verify", "recipe.yaml", "--engine", "ray", "--store", f"file://{rows.folder}/shared")
    assert ran.code == 1 and "makes nothing again beside the store `file://" in ran.err and "hint: verify on this" in ran.err


def test_a_full_disk_is_told_before_sources_are_read_beside_one_another(rows: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.build.room.free_at", lambda folder: 100)
    begun = list[str]()
    monkeypatch.setattr("runtime.stages.source.SourceKind.begin", lambda self, work: begun.append(self.stage.name))
    ran = rows.run("build", "recipe.yaml", "--engine", "ray")
    assert ran.code == 1 and "make room, or choose another store" in ran.err and not begun


# -- what goes to workers and back


def test_what_is_too_large_to_be_handed_over_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.executors.payload.MOST", 1 << 20)
    with pytest.raises(StoreError, match="a task takes 3 MB that do not lie in the store, and 1 MB at most") as told:
        pack(bytes(3 << 20), Store(tmp_path))
    assert told.value.hint == "build without Ray: --engine local"


def test_what_is_handed_over_is_small_however_many_rows_there_are(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime.executors.ray import Ray

    most: list[int] = []
    received = Ray.receive

    def receive(self: Ray, reference: Any) -> Any:
        most[-1] = max(most[-1], len(ray.get(reference)))
        return received(self, reference)

    def packed(value: Any, store: Store) -> bytes:
        data = pack(value, store)
        most[-1] = max(most[-1], len(data))
        return data

    monkeypatch.setattr("runtime.executors.ray.pack", packed)
    monkeypatch.setattr(Ray, "receive", receive)
    for count in (30, 6000):
        most.append(0)
        project.rows("one.jsonl", some_rows(count))
        project.write("recipe.yaml", HEAD.replace("FILES", "one.jsonl") + STEPS)
        project.build("recipe.yaml", "--engine", "ray", store=f"ray {count}")
    assert 0 < most[1] < 1.1 * most[0] < 100_000


@pytest.mark.parametrize("error", [StoreError("a", "b", ["c"]), FileNotFoundError(2, "gone", "a.jsonl"), LookupError("kiwi")])
def test_an_error_is_the_same_on_both_sides(error: Exception, tmp_path: Path) -> None:
    store = Store(tmp_path)
    told = unpack(pack(failed(error), store), store)
    assert isinstance(told, Failed)
    found = told.error()
    assert (type(found), str(found), found.args, vars(found)) == (type(error), str(error), error.args, vars(error))


def spoil_row(project: Project) -> None:
    (project.folder / "one.jsonl").write_text('{"prompt": "a", "note": "b"}\n{\n')


def rewritten(old: str, new: str) -> Callable[[Project], object]:
    """Changes the recipe of a project."""
    return lambda project: project.write("recipe.yaml", (project.folder / "recipe.yaml").read_text().replace(old, new))


def test_a_worker_that_sees_another_store_or_has_other_versions_says_so(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with store.building():
        assert store.running is not None
        same, name = versions_of(ALIKE), Path(store.running.name).name
        nowhere = Site(store.location, "0" * 32, store.bound, same, False)
        older = [Site(store.location, name, store.bound, {**same, each: "0.0"}, False) for each in ("data-recipe", "zlib")]
        told = [unpack(perform(site, die_once, b"", b""), store)[0].error() for site in (nowhere, *older)]
    assert "is not the store of this build" in str(told[0])
    assert "a worker has `data-recipe`" in str(told[1]) and "a worker has `zlib`" in str(told[2])


def test_a_library_that_a_worker_lacks_fails_those_tasks_alone_that_need_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with store.building():
        assert store.running is not None
        versions = {**versions_of(ALIKE), "no-such-library": "1.0"}
        site = Site(store.location, Path(store.running.name).name, store.bound, versions, False)
        made, _ = unpack(perform(site, die_once, pack(tmp_path, store), pack(3, store)), store)
    assert made == 9


def test_workers_have_the_version_of_all_that_stands_in_a_key(rows: Project) -> None:
    rows.write("tokenizer.json", "{}")
    rows.write("recipe.yaml", TOKENS)
    assert rests_on(Session(str(rows.folder / "recipe.yaml")).graph) == {*ALIKE, "tokenizers"}


WRONG = {
    "a row that cannot be read": spoil_row,
    "a mixture that is short": rewritten("one: 150}, by: rows, repeat: {one: 2}, shortage: up_to", "one: 9999}, by: rows"),
    "a condition that fails": rewritten("prompt NOT LIKE '%zz%'", "CAST(note AS INTEGER) > 1"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_goes_wrong_is_told_in_the_same_words(wrong: str, rows: Project) -> None:
    WRONG[wrong](rows)
    told = [rows.run("build", "recipe.yaml", "-q", "--store", each, "--engine", each) for each in ("local", "ray")]
    assert told[0].code in (1, 2) and told[0].err
    assert (told[1].code, told[1].err) == (told[0].code, told[0].err)


def test_an_object_that_is_damaged_is_made_anew(rows: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    rows.build("recipe.yaml", "--engine", "ray")
    source = next(body for body in recorded(rows.folder / "store").values() if body["kind"] == "source")
    text = object_name(source["table"]["text"])
    path = rows.folder / "store" / FORMAT / "objects" / text[:2] / text
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-100] + bytes(100))
    edit = ("--set", "prompts.length.max=50")
    assert rows.digest("recipe.yaml", "--engine", "ray", *edit) == rows.digest("recipe.yaml", *edit, store="fresh")


def test_what_workers_wrote_is_spared_by_a_collection_that_runs_beside(
    rows: Project, monkeypatch: pytest.MonkeyPatch, stretched: None
) -> None:
    from runtime.executors.ray import Ray

    received, collected = Ray.receive, []

    def receive(self: Ray, reference: Any) -> Any:
        made = received(self, reference)
        collected.append(collect(Store(self.store.folder)))
        return made

    monkeypatch.setattr(Ray, "receive", receive)
    assert rows.digest("recipe.yaml", "--engine", "ray") == rows.digest(store="local")
    assert len(collected) > 10 and {each.objects for each in collected} == {0}


def test_tasks_send_what_they_make_on_every_cluster_that_another_machine_may_join(tmp_path: Path) -> None:
    from runtime.executors.ray import Ray

    store = Store(tmp_path / "store")
    with store.building(), closing(Ray(store, "ray", 2)) as executor:
        assert executor.site().sends


def test_the_least_bound_that_is_named_is_that_of_a_task_beside_others_on_its_machine(tmp_path: Path) -> None:
    from runtime.executors.ray import Ray
    from runtime.tables.spill import complain_larger

    store = Store(tmp_path / "store")
    store.bound = Bound(800 << 20)
    with store.building(), closing(Ray(store, "ray", 2)) as executor:
        share = executor.allowance(Resources(1))
        assert (share.tasks, share.processes) == (2, 3) and share.most < store.bound.most
        with pytest.raises(StoreError, match="does not fit into 800 MB") as told:
            complain_larger("the rows", 2 * share.most, share)
        assert told.value.hint is not None
        larger = int(told.value.hint.split("--memory ")[1].split("MB")[0]) << 20
        assert replace(share, limit=larger).most >= 2 * share.most


def read_and_make(shared: Store, piece: str, tell: Any) -> list[str]:
    """A task that reads one object, and makes another."""
    made = list[str]()
    with shared.new_object(made) as file:
        file.write(shared.read_path(piece).read_bytes() * 2)
    return made


def test_a_worker_sends_what_it_makes_and_not_what_it_reads_and_what_is_forgotten_leaves_the_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("obstore", reason="obstore is not installed")
    monkeypatch.setenv("RECIPE_CACHE", str(tmp_path / "cache"))
    location = shared_at(f"file://{tmp_path}/shared")
    store, read = open_at(location), list[str]()
    with store.building():
        assert store.running is not None
        with store.new_object(read) as file:
            file.write(b"abc")
        site = Site(location, Path(store.running.name).name, store.bound, versions_of(ALIKE), True)
        made, held = unpack(perform(site, read_and_make, pack(store, store), pack(*read, store)), store)
        sent = tmp_path / "shared" / FORMAT / "objects"
        assert {path.name for path in sent.glob("*/*")} == {*made} and {*made, *read} == {*held}
        store.forget(*made)
        assert not list(sent.glob("*/*"))
        OPENED.pop().stack.close()


def test_the_cache_of_a_worker_holds_to_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore", reason="obstore is not installed")
    monkeypatch.setenv("RECIPE_CACHE", str(tmp_path / "cache"))
    location = shared_at(f"file://{tmp_path}/shared", 1000)
    store, left = open_at(location), list[str]()
    store.prepare()
    with store.new_object(left) as file:
        file.write(bytes(2000))
    with Opened(Site(location, "1" * 32, store.bound, {}, True)).stack:
        assert not store.object_path(*left).exists()


class Laid:
    """An engine that is called by the folder of its checkpoint."""

    version, window = "1", 1

    def __init__(self, folder: Path, configuration: Any) -> None:
        self.name = str(folder)

    def close(self) -> None:
        pass


def test_a_checkpoint_is_laid_out_on_the_machine_that_goes_on_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore", reason="obstore is not installed")
    monkeypatch.setenv("RECIPE_CACHE", str(tmp_path / "here"))
    monkeypatch.setattr("runtime.training.checkpoints.open_checkpoint", Laid)
    location, made = shared_at(f"file://{tmp_path}/shared"), list[str]()
    with (store := open_at(location)).building():
        assert store.running is not None
        with store.new_object(made) as file:
            file.write(b"weights")
        store.send(made)
        record = CheckpointRecord(
            **{"kind": "sft", "digest": "1" * 64, "ids": "2" * 64, "columns": {}, "rows": 1, "table": {}, "key": "3" * 64},
            **{"files": {"model.safetensors": f"object:{made[0]}"}, "metrics": f"object:{made[0]}", "counts": {}},
            **{"manifest": {}, "made": {}, "snapshot": {}},
        )
        site = Site(location, Path(store.running.name).name, store.bound, versions_of(ALIKE), True)
        teaching = Teaching(store, Any, "4" * 64, "sft", record, "", record, Training())  # type: ignore[arg-type]
        tasks = pack(teaching, store), pack((store, record, None), store)
        monkeypatch.setenv("RECIPE_CACHE", str(tmp_path / "there"))
        folders = [
            unpack(tasks[0], open_at(shared_at(f"file://{tmp_path}/shared"))).run().start.folder,
            Path(open_here(site, open_trained, tasks[1]).name),
        ]
        for folder in folders:
            assert folder.is_relative_to(tmp_path / "there") and (folder / "model.safetensors").read_bytes() == b"weights"
        OPENED.pop().stack.close()


# -- who dies meanwhile


def die_once(shared: Path, piece: int, tell: Any) -> int:
    """A task whose worker is killed in the middle, the first time."""
    if piece == 2 and not shared.exists():
        shared.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return piece * piece


def raise_once(shared: Path, piece: int, tell: Any) -> int:
    """A task that counts how often it is run, and fails."""
    with open(shared, "a") as file:
        file.write("x")
    raise Damaged("it is damaged", "mend it")


def test_a_task_whose_worker_dies_is_run_again_and_one_that_fails_is_not(tmp_path: Path) -> None:
    from runtime.executors.ray import Ray

    store = Store(tmp_path / "store")
    with store.building():
        executor = Ray(store, "ray", 2)
        assert list(executor.run(die_once, tmp_path / "died", range(5), Resources(), print)) == [0, 1, 4, 9, 16]
        assert (tmp_path / "died").exists()
        with pytest.raises(Damaged, match="it is damaged"):
            executor.start(raise_once, tmp_path / "count", 1, Resources(), print).result()
        assert (tmp_path / "count").read_text() == "x"
        with pytest.raises(StoreError, match="no machine of the Ray cluster has 3 GPUs"):
            executor.start(die_once, tmp_path, 0, Resources(gpus=3), print)
        executor.close()


def test_what_waits_for_a_machine_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime.executors.ray import Ray

    monkeypatch.setattr("runtime.executors.ray.LOOK", 0.1)
    store = Store(tmp_path / "store")
    with store.building(), closing(Ray(store, "ray", 2)) as executor:
        executor.gpus = 2  # as they were on a machine that was there when the build began
        for begin in (
            lambda: executor.start(die_once, tmp_path, 0, Resources(1, gpus=2), print).result(),
            lambda: executor.engine(open_echo, ("9",), 2),
        ):
            with pytest.raises(StoreError, match=r"can take a task that needs 1 core, 2 GPUs, .* has 2 cores, "):
                begin()
        assert executor.start(die_once, tmp_path, 3, Resources(), print).result() == 9


def workers() -> list[int]:
    """The processes of the cluster's workers."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if (path / "cmdline").read_bytes().startswith(b"ray::") and ancestor(int(path.name)) == os.getpid():
                found.append(int(path.name))
        except OSError:
            continue
    return found


def ancestor(process: int) -> int:
    """The parent of the parent: a worker is begun by the raylet, and that by whoever began the cluster."""
    for _ in range(2):
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return process


def kill_workers(times: int, every: float, stop: threading.Event) -> list[int]:
    """Kill a worker after another."""
    killed, chance = list[int](), random.Random(times)
    while len(killed) < times and not stop.wait(chance.uniform(0.02, every)):
        busy = [each for each in workers() if b"perform" in Path(f"/proc/{each}/cmdline").read_bytes()]
        for each in busy[:1]:
            os.kill(each, signal.SIGKILL)
            killed.append(each)
    return killed


@pytest.mark.parametrize("times", [1, pytest.param(50, marks=pytest.mark.nightly)])
def test_a_build_whose_workers_are_killed_makes_the_same(times: int, rows: Project, stretched: None) -> None:
    one, killed, stop, number = rows.digest(store="local"), list[int](), threading.Event(), 0
    thread = threading.Thread(target=lambda: killed.extend(kill_workers(times, 0.04 if times < 5 else 1, stop)))
    thread.start()
    try:
        while thread.is_alive():
            number += 1
            assert rows.digest("recipe.yaml", "--engine", "ray", store=f"ray {number}") == one
    finally:
        stop.set()
        thread.join()
    assert len(killed) == times


def child(project: Project, address: str, *arguments: str, env: Mapping[str, str] = os.environ) -> subprocess.Popen[str]:
    """A build in a process of its own, on the cluster of this one."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "runtime.cli.main", "build", "recipe.yaml", "--store", "store", "--engine", "ray", *arguments],
        cwd=project.folder,
        env={**env, "PYTHONPATH": path, "RAY_ADDRESS": address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


ENDS = {"killed": [signal.SIGKILL], "killed often": [signal.SIGKILL] * 20, "interrupted": [signal.SIGINT] * 5}


@pytest.mark.parametrize("ends", ["killed", *(pytest.param(name, marks=pytest.mark.nightly) for name in (*ENDS,)[1:])])
def test_a_build_that_is_ended_in_the_middle_goes_on(ends: str, rows: Project, cluster: str) -> None:
    one = rows.digest(store="local")
    for number, how in enumerate(ENDS[ends]):
        store = f"store {number}"
        running = child(rows, cluster, "--store", store)
        assert running.stderr is not None
        line = running.stderr.readline()
        assert line.startswith("built"), line
        time.sleep(0.05 * number)
        running.send_signal(how)
        said = running.communicate(timeout=60)[1]
        assert running.returncode in (-how, 130, 0), said
        assert how == signal.SIGKILL or "Traceback" not in said
        report = rows.build("recipe.yaml", "--engine", ("ray", "local")[number % 2], store=store)
        assert report["outputs"][0]["digest"] == one and report["reused"]


@pytest.fixture(params=["1"], ids="{0} cores".format)
def machines(request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """A cluster of two machines, whose head has so many cores; says its address, and kills one of them."""
    from runtime.executors.temporary import temporary_folder

    with temporary_folder() as folder:
        helper = subprocess.Popen(
            [sys.executable, "-m", "tests.ray_machines", str(folder), request.param],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert helper.stdin is not None and helper.stdout is not None
        address = next(line.strip() for line in helper.stdout if ":" in line)

        def say(line: str) -> str:
            assert helper.stdin is not None and helper.stdout is not None
            if line in ("address", "folder"):
                return address if line == "address" else str(folder)
            helper.stdin.write(line + "\n")
            helper.stdin.flush()
            return next(line for line in helper.stdout if line.startswith("killed"))

        yield say
        helper.stdin.close()
        helper.wait(60)


@pytest.mark.nightly
def test_a_machine_that_is_lost_ends_no_build_and_its_head_leaves_one_that_goes_on(
    machines: Callable[[str], str], rows: Project
) -> None:
    one, address = rows.digest(store="local"), machines("address")
    for number, lost in enumerate(("nobody", "other", "head")):
        store = f"store {number}"
        running = child(rows, "", "--engine", f"ray://{address}", "--store", store)
        assert running.stderr is not None
        assert running.stderr.readline().startswith("built")
        if lost != "nobody":
            machines(lost)
        out, said = running.communicate(timeout=300)
        assert "Traceback" not in said and "Traceback" not in out
        assert running.returncode == 0 or (lost == "head" and running.returncode == 1 and "error: " in said), said
        if running.returncode == 0:
            assert one[:12] in out
        assert rows.digest(store=store) == one


#: A build whose task waits for ever on a GPU.
WAITING = """
import signal, sys, time
from contextlib import closing
from pathlib import Path
import ray
from runtime.executors.executor import Resources
from runtime.executors.ray import Ray, call_function, silent
from runtime.store.store import Store, StoreError
store = Store(Path(sys.argv[1]))
with store.building(), closing(Ray(store, sys.argv[2], 1)) as executor:
    task = executor.start(call_function, (signal.pause, ()), None, Resources(gpus=1), silent)
    while ray.available_resources().get("GPU"):
        time.sleep(0.1)
    print("begun", flush=True)
    try:
        task.result()
    except StoreError as error:
        print(error, flush=True)
"""


@pytest.mark.nightly
def test_a_task_whose_machine_with_gpus_is_lost_is_told(machines: Callable[[str], str], tmp_path: Path) -> None:
    command = [sys.executable, "-c", WAITING, str(tmp_path / "store"), f"ray://{machines('address')}"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "begun\n"
        machines("other")
        assert "no machine of the Ray cluster can take a task that needs 1 core, 1 GPU, " in waiting.stdout.readline()


@pytest.mark.nightly
@pytest.mark.parametrize("machines", ["0", "1"], indirect=True, ids="{0} cores".format)
def test_machines_that_share_no_folder_build_over_a_store_at_a_url(
    machines: Callable[[str], str], rows: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, address = rows.digest(store="local"), machines("address")
    monkeypatch.setenv("RECIPE_CACHE", str(tmp_path / "cache"))
    url = f"file://{tmp_path}/shared"
    running = child(rows, "", "--engine", f"ray://{address}", "--store", url)
    out, said = running.communicate(timeout=300)
    assert running.returncode == 0, said
    assert one[:12] in out and not (rows.folder / ".recipe" / FORMAT).exists()
    assert list(Path(machines("folder")).glob(f"cache/*/{FORMAT}/objects/*/*"))  # the other machine worked, too
    shards = list((tmp_path / "cache").glob(f"*/{FORMAT}/outputs/*/*.parquet"))
    assert shards and all(pq.read_metadata(shard).num_rows for shard in shards)
    monkeypatch.setenv("RECIPE_CACHE", str(tmp_path / "another"))
    report = rows.build("recipe.yaml", "--store", url)
    assert report["outputs"][0]["digest"] == one and not report["ran"]
    assert rows.run("store", "verify", "--remote", "--store", url).code == 0


# -- engines and trainings


class Echo:
    """An engine that says what it is asked, and fails where it is asked to."""

    name, version, window = "echo", "1", 3

    def run(self, requests: Iterator[Request]) -> Iterator[Answer]:
        for request in requests:
            text = str(request.messages[0]["content"])
            if text == "fail":
                raise EngineError("it fails", "ask otherwise")
            if text == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            yield Answer(request.address, Reply(text, None, "stop", 1, 1), None, 0.1)

    def close(self) -> None:
        pass


def open_echo(version: str) -> Echo:
    if version == "none":
        raise EngineError("there is none", "install one")
    Echo.version = version
    return Echo()


def asked(*texts: str) -> list[Request]:
    return [Request(text.encode(), [{"role": "user", "content": text}], {}, 0) for text in texts]


def test_an_engine_that_is_asked_from_afar_is_one_like_any_other() -> None:
    from runtime.executors.answering import Answering, Remote

    def remote(version: str) -> Remote:
        there = Answering(open_echo, (version,))
        return Remote(lambda method, *given: getattr(there, method)(*given), lambda: None)

    with pytest.raises(EngineError, match="there is none"):
        remote("none")
    engine = remote("7")
    assert (engine.name, engine.version, engine.window) == ("echo", "7", 3)
    for count in (1, 50):  # as it is asked a second time for what another build left undone
        requests = asked(*map(str, range(count)))
        answers = list(engine.run(iter(requests)))
        assert sorted(each.address for each in answers) == sorted(each.address for each in requests)
        assert all(each.reply is not None and each.reply.text.encode() == each.address for each in answers)
    with pytest.raises(EngineError, match="it fails") as failed:
        list(engine.run(iter(asked("1", "fail", "3"))))
    assert failed.value.hint == "ask otherwise"


def test_an_engine_whose_worker_dies_is_told(tmp_path: Path) -> None:
    from runtime.executors.ray import Ray

    store = Store(tmp_path / "store")
    with store.building(), closing(Ray(store, "ray", 2)) as executor:
        engine = executor.engine(open_echo, ("8",), 1)
        assert [each.address for each in engine.run(iter(asked("1", "2")))] == [b"1", b"2"]
        with pytest.raises(EngineError, match="the worker of the engine ended"):
            list(engine.run(iter(asked("1", "die"))))
        engine.close()


@pytest.mark.nightly
def test_the_built_in_model_says_on_a_worker_what_it_says_here(rows: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    if absent := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        pytest.skip(f"the built-in model needs what is not installed: {', '.join(absent)}")
    monkeypatch.setenv("RECIPE_CONFIG", str(rows.folder / "none.yaml"))
    tiny = str(ROOT / "recipes/ko/tiny.yaml")
    reports = [rows.build(tiny, "--engine", each, store=each) for each in ("local", "ray")]
    assert reports[0]["asked"]["traces/generate"]["new"] == 4 == reports[1]["asked"]["traces/generate"]["new"]
    assert reports[0]["outputs"][0]["digest"] == reports[1]["outputs"][0]["digest"]


@pytest.mark.nightly
def test_a_training_on_a_worker_makes_the_checkpoint_of_one_here(request: pytest.FixtureRequest) -> None:
    for name in ("torch", "transformers", "trl"):
        pytest.importorskip(name)
    taught: Project = request.getfixturevalue("school")
    digests = [
        {each["output"]: each["digest"] for each in taught.build("recipe.yaml", "--engine", each, *TARGET, store=each)["outputs"]}
        for each in ("local", "ray")
    ]
    assert digests[0]["train.sft"] == digests[1]["train.sft"]


@pytest.mark.nightly
def test_a_checkpoint_is_trained_on_and_asked_on_workers_as_it_is_here(request: pytest.FixtureRequest) -> None:
    for name in ("torch", "transformers", "trl"):
        pytest.importorskip(name)
    taught: Project = request.getfixturevalue("school")
    said = json.loads((taught.folder / "recipe.yaml").read_text())
    said["train"]["more"] = {**said["train"]["sft"], "init": "sft", "epochs": 1}
    del said["train"]["more"]["model"]
    said["models"]["own"] = {"from": "train.sft"}
    said["tables"]["u"] = {"from": "a", "steps": [{"select": ["prompt"]}, {"generate": {"model": "own", "max_tokens": 4}}]}
    taught.write("recipe.yaml", json.dumps(said))
    targets = [word for name in ("u", "train.more") for word in ("--target", name)]
    reports = [taught.build("recipe.yaml", "--engine", each, *targets, store=each) for each in ("local", "ray")]
    digests = [{each["output"]: each["digest"] for each in report["outputs"]} for report in reports]
    assert digests[0] == digests[1] and {*digests[0]} == {"u", "train.more"}


# -- what people are told


def test_what_is_no_engine_is_a_wrong_call(rows: Project) -> None:
    for wrong in ("rays", "ray://", "ray://host", "ray://host:1/x", "http://host:1", "ray://a b:1", "ray://h:1\n"):
        ran = rows.run("build", "recipe.yaml", "--engine", wrong)
        assert ran.code == 2 and "is no engine for a build" in ran.err, wrong
    assert rows.run("build", "recipe.yaml", "--engine", "local", "-q").code == 0


def test_a_configuration_that_names_no_executor_says_where(rows: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    rows.write("config.yaml", "executor: spark\n")
    monkeypatch.setenv("RECIPE_CONFIG", str(rows.folder / "config.yaml"))
    ran = rows.run("build", "recipe.yaml")
    assert ran.code == 2 and "`spark` is no executor" in ran.err and "config.yaml:1:11" in ran.err


def test_ray_that_is_not_installed_says_how_to_install_it(rows: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    ran = rows.run("build", "recipe.yaml", "--engine", "ray")
    assert ran.code == 1 and "pip install 'data-recipe[ray]'" in ran.err and "Traceback" not in ran.err


def test_a_bound_that_workers_do_not_fit_into_is_told(rows: Project) -> None:
    ran = rows.run("build", "recipe.yaml", "--engine", "ray", "--memory", "600MB")
    assert ran.code == 1 and "a build with 2 workers on a machine does not fit into 600 MB" in ran.err
    assert "the least that works is 760 MB" in ran.err


def test_a_build_that_runs_nothing_starts_no_ray(rows: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    one = rows.digest()
    monkeypatch.setattr("runtime.executors.ray.Ray", None)
    assert rows.digest("recipe.yaml", "--engine", "ray") == one


@pytest.mark.nightly
@pytest.mark.parametrize("mode", [{"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}], ids=str)
def test_who_has_not_the_token_of_a_cluster_does_not_get_in(mode: dict[str, str], rows: Project, cluster: str) -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    running = child(rows, cluster, env={**plain, **mode})
    said = running.communicate(timeout=120)[1]
    assert running.returncode == 1 and "no Ray cluster answers at" in said and "Traceback" not in said


@pytest.mark.nightly
def test_a_cluster_of_ones_own_is_silent_and_leaves_nothing(rows: Project, tmp_path: Path) -> None:
    plain, env = (
        rows.run("build", "recipe.yaml", "-q", "--store", "local"),
        {**os.environ, "TMPDIR": "/tmp", "HOME": str(tmp_path)},
    )
    before = set(Path("/tmp").glob("recipe-ray-*"))
    command = [sys.executable, "-m", "runtime.cli.main", "build", "recipe.yaml", "-q", "--engine", "ray", "--store", "local2"]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run(command, cwd=rows.folder, env={**env, "PYTHONPATH": path}, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout.replace("local2", "local"), ran.stderr) == (0, plain.out, "")
    assert set(Path("/tmp").glob("recipe-ray-*")) <= before and not (tmp_path / ".ray").exists()
    assert json.loads(rows.run("store", "verify", "--store", "local2", "--json").out)


def test_an_address_where_nobody_answers_is_told(rows: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    for address in ("127.0.0.1:1", "127.0.0.1:99999", "no.such.host.example:6379"):
        ran = rows.run("build", "recipe.yaml", "--engine", f"ray://{address}")
        assert ran.code == 1 and f"no Ray cluster answers at `{address}`" in ran.err and "hint: `ray start --head`" in ran.err
