"""A store that machines share: at a URL, with a cache on each, the same digests as in a folder, and nothing done twice."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.completions.joining import join_segments
from runtime.completions.memo import CompletionMemo
from runtime.completions.segments import Segments
from runtime.export.between import pull_shared, push_shared
from runtime.store.bucket import Bucket, reason_of
from runtime.store.layout import FORMAT
from runtime.store.lease import collecting
from runtime.store.location import Location, shared_at
from runtime.store.opening import open_at
from runtime.store.record import Record
from runtime.store.remote import Remote
from runtime.store.shared import SharedStore
from runtime.store.store import Damaged, StoreError
from runtime.tables.memo import Memo
from runtime.tables.table import open_table
from tests.buckets import SECRET, at, make_bucket, serving, use
from tests.conftest import ROOT, Project
from tests.machines import asking
from tests.teacher import configure, teaching

QUICKSTART = "b4b1ce25c59e"
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch, serving(patch) as url:
        make_bucket(url, "bucket")
        yield url


def named(scheme: str, request: pytest.FixtureRequest) -> str:
    """The URL of a store that is not made yet."""
    if scheme == "file":
        pytest.importorskip("obstore", reason="obstore is not installed")
        return f"file://{request.getfixturevalue('tmp_path')}/shared"
    request.getfixturevalue("server")
    return f"s3://bucket/tests/{next(NUMBERS)}"


@pytest.fixture(params=["s3", pytest.param("file", marks=pytest.mark.nightly)])
def url(request: pytest.FixtureRequest) -> str:
    return named(request.param, request)


@pytest.fixture(params=["s3", "file"])
def either(request: pytest.FixtureRequest) -> str:
    """The same, with every change on a folder as well."""
    return named(request.param, request)


@pytest.fixture
def s3(server: str) -> str:
    return f"s3://bucket/tests/{next(NUMBERS)}"


@pytest.fixture
def on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Go on as another machine: with a cache of its own."""

    def go(machine: str) -> None:
        monkeypatch.setenv("RECIPE_CACHE", str(tmp_path / machine))

    go("first")
    return go


def ran(report: dict[str, Any]) -> list[str]:
    names: list[str] = report["ran"]
    return names


def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Bucket]:
    """The bucket of each store that is opened from now on, by its URL."""
    seen: dict[str, Bucket] = {}
    make = Bucket.__init__

    def noted(self: Bucket, url: str) -> None:
        make(self, url)
        seen[url] = self

    monkeypatch.setattr(Bucket, "__init__", noted)
    return seen


# -- builds


def test_the_quickstart_has_its_digest_and_a_second_machine_runs_nothing(
    either: str, on: Callable[[str], None], project: Project
) -> None:
    url = either
    recipe = str(ROOT / "recipes/ko/quickstart.yaml")
    assert project.digest(recipe, "--show-restricted", store=url).startswith(QUICKSTART)
    on("second")
    report = project.build(recipe, store=url)
    assert (ran(report), report["outputs"][0]["digest"][:12]) == ([], QUICKSTART)
    shards = list((project.folder / report["outputs"][0]["path"]).glob("*.parquet"))
    assert shards and all(shard.stat().st_size for shard in shards)


def test_an_edit_on_a_second_machine_runs_what_it_changes_alone(url: str, on: Callable[[str], None], project: Project) -> None:
    project.build(store=url)
    on("second")
    assert ran(project.build("recipe.yaml", "--set", "prompts.length.min=12", store=url)) == ["prompts", "output prompts"]


def test_a_diff_plan_why_and_export_work_with_an_empty_cache(url: str, on: Callable[[str], None], project: Project) -> None:
    project.build(store=url)
    commands = (["plan", "recipe.yaml"], ["diff", "recipe.yaml", "--set", "prompts.length.min=9"], ["store", "ls"])
    more = (["why", "recipe.yaml", "--match", "물은"], ["export", "recipe.yaml", "--to", "out"], ["status"])
    for number, command in enumerate([*commands, *more]):
        on(f"machine {number}")
        done = project.run(*command, "--store", url)
        assert (done.code, done.err) == (0, ""), (command, done.out + done.err)


def test_a_build_of_nothing_makes_few_requests(
    s3: str, on: Callable[[str], None], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.build(store=s3)
    seen = counted(monkeypatch)
    project.build(store=s3)
    assert dict(seen[s3].calls) == {"get": 2, "head": 4}  # a look at each of the records that it names
    on("second")
    project.build(store=s3)
    first = seen[s3].calls
    project.build(store=s3)
    assert (first["get"], first.total(), dict(seen[s3].calls)) == (6, 10, {"get": 2, "head": 4})


def test_a_store_is_opened_from_a_value_that_travels(url: str, on: Callable[[str], None], project: Project) -> None:
    digest = project.digest(store=url)
    for location in (shared_at(url), Location(project.folder / ".recipe")):
        again = open_at(pickle.loads(pickle.dumps(location)))  # noqa: S301
        assert again.location == location
    store = open_at(shared_at(url))
    assert store.last_build("test/plain").outputs["prompts"]["digest"] == digest


def test_columns_that_another_machine_measured_are_found(
    url: str, on: Callable[[str], None], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.build(store=url)
    on("second")
    expected = project.run("diff", "recipe.yaml", "--store", url, "--set", "prompts.length.min=12").out
    assert "(exact)" in expected


# -- the cache


def test_the_cache_holds_to_its_bound_and_what_left_is_fetched_again(
    url: str, on: Callable[[str], None], project: Project, tmp_path: Path
) -> None:
    digest = project.digest(store=url)
    project.build("recipe.yaml", "--cache", "0MB", store=url)
    objects = {path.name for path in (tmp_path / "first").glob(f"*/{FORMAT}/objects/*/*")}
    shown = {Path(os.readlink(path)).name for path in (tmp_path / "first").glob(f"*/{FORMAT}/outputs/*/*.parquet")}
    assert objects == shown
    assert project.digest("recipe.yaml", "--set", "prompts.length.min=3", store=url) == digest
    assert ran(project.build("recipe.yaml", "--set", "prompts.length.min=12", store=url)) == ["prompts", "output prompts"]


def test_what_a_running_build_holds_stays_in_the_cache(either: str, on: Callable[[str], None], project: Project) -> None:
    project.build(store=either)
    running, other = open_at(shared_at(either)), open_at(shared_at(either, cache=0))
    assert isinstance(other, SharedStore)
    with running.building():
        (key,) = [stage["key"] for name, stage in running.last_build("test/plain").stages.items() if name == "a"]
        record = running.hold_record(key, Record)
        assert record is not None and other.cache.shrink() > 0
        assert all(running.object_path(digest).exists() for digest in record.objects())
    assert other.cache.shrink() > 0
    assert not all(running.object_path(digest).exists() for digest in record.objects())


def test_a_damaged_cache_is_mended_from_the_bucket(url: str, on: Callable[[str], None], project: Project, tmp_path: Path) -> None:
    project.build(store=url)
    for path in (tmp_path / "first").glob(f"*/{FORMAT}/objects/*/*"):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-9] + b"no longer")
    assert ran(project.build("recipe.yaml", "--set", "prompts.length.min=12", store=url)) == ["prompts", "output prompts"]


def test_a_cache_of_another_store_is_told(on: Callable[[str], None], project: Project, tmp_path: Path) -> None:
    pytest.importorskip("obstore", reason="obstore is not installed")
    project.build(store=f"file://{tmp_path}/shared")
    (tmp_path / "shared").rename(tmp_path / "elsewhere")
    ran = project.run("build", "recipe.yaml", "--store", f"file://{tmp_path}/shared")
    assert ran.code == 1 and "is of another store" in ran.err and "move that folder away" in ran.err


# -- damage in the bucket


def objects_of(url: str) -> list[str]:
    return [item.path for item in Remote(url).bucket.list(f"{FORMAT}/objects")]


def test_a_damaged_object_of_the_bucket_is_never_served(url: str, on: Callable[[str], None], project: Project) -> None:
    digest = project.digest(store=url)
    bucket = Bucket(url)
    for path in objects_of(url):
        bucket.put(path, b"no table")
    on("second")
    assert project.digest(store=url) == digest
    on("third")
    assert project.build(store=url)["ran"] == []


def test_a_damaged_record_of_the_bucket_is_made_anew(url: str, on: Callable[[str], None], project: Project) -> None:
    digest = project.digest(store=url)
    bucket = Bucket(url)
    for item in list(bucket.list(f"{FORMAT}/results")):
        bucket.put(item.path, b"no record")
    on("second")
    report = project.build(store=url)
    assert report["outputs"][0]["digest"] == digest and len(ran(report)) == 3
    on("third")
    assert ran(project.build(store=url)) == []


def test_a_result_that_was_removed_in_the_bucket_is_sent_again(url: str, on: Callable[[str], None], project: Project) -> None:
    project.build(store=url)
    bucket = Bucket(url)
    for item in [*bucket.list(f"{FORMAT}/results"), *bucket.list(f"{FORMAT}/names"), *bucket.list(f"{FORMAT}/objects")]:
        bucket.delete(item.path)
    assert ran(project.build(store=url)) == []
    on("second")
    assert ran(project.build(store=url)) == []


# -- dear measures


def test_a_record_is_refused_whose_object_is_neither_here_nor_in_the_bucket(
    url: str, on: Callable[[str], None], project: Project
) -> None:
    project.build(store=url)
    store = open_at(shared_at(url))
    record = next(each for each in store.records(Record) if each.objects())
    on("second")
    lost, second = sorted(record.objects())[0], open_at(shared_at(url))
    assert isinstance(second, SharedStore)
    second.remote.bucket.delete(second.remote.object_path(lost))
    with second.building(), pytest.raises(Damaged, match=f"{lost[:12]} is missing, here and in"):
        second.write_record(record)


def test_values_of_dear_measures_travel_and_broken_ones_are_not_believed(url: str, on: Callable[[str], None]) -> None:
    cells, values = np.arange(48, dtype=np.uint8).reshape(3, 16), np.array([[1], [2], [3]])

    def opened() -> SharedStore:
        store = open_at(shared_at(url))
        assert isinstance(store, SharedStore)
        return store

    first = opened()
    first.prepare()
    for part in (slice(0, 2), slice(2, 3)):
        Memo(first, "0" * 64, 1).append(cells[part], values[part])
    on("second")
    assert Memo(opened(), "0" * 64, 1).look_up(cells)[1].tolist() == values.tolist()
    journals = sorted(item.path for item in Bucket(url).list("memos/v1/memo"))
    bucket = Bucket(url)
    for path in journals:
        bucket.put(path, (bucket.get(path) or b"")[:-1] + b"!")
    on("third")
    known, _ = Memo(opened(), "0" * 64, 1).look_up(cells)
    assert known.sum() <= 1 and list(bucket.list("memos/v1/memo")) == []


# -- who is refused, and what a person is told


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("s4://bucket/x", "begins with one of s3://"),
        ("s3://", "names no bucket"),
        ("s3://bucket/../x", "leads elsewhere"),
        (f"s3://key:{SECRET}@bucket/x", "credentials come from the environment"),
        (f"s3://bucket/x?key={SECRET}", "settings of a bucket come from the environment"),
        ("file://host/x", "three slashes"),
    ],
)
def test_a_wrong_url_is_a_wrong_call(project: Project, named: str, said: str) -> None:
    done = project.run("build", "recipe.yaml", "--store", named)
    assert done.code == 2 and said in done.err and SECRET not in done.out + done.err


def test_a_bucket_that_is_not_there_is_told_in_a_sentence(server: str, on: Callable[[str], None], project: Project) -> None:
    done = project.run("build", "recipe.yaml", "--store", "s3://nobody/x", "--quiet")
    assert done.code == 1 and done.err.startswith("error: the store `s3://nobody/x` has no such bucket\nhint: ")
    assert len(done.err.splitlines()) == 2


def test_a_server_that_is_not_there_is_told_in_a_sentence(
    on: Callable[[str], None], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("obstore", reason="obstore is not installed")
    monkeypatch.setattr("runtime.store.bucket.RETRIES", 1)
    use(monkeypatch, at(9))
    done = project.run("build", "recipe.yaml", "--store", "s3://bucket/x", "--quiet")
    assert done.code == 1 and done.err.startswith("error: the store `s3://bucket/x` cannot be reached\nhint: ")


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (
            "PermissionDeniedError",
            "status code: 403 Forbidden",
            "may not be used with these credentials (HTTP 403)",
        ),
        ("UnauthenticatedError", "status code: 401", "does not accept these credentials"),
        ("PermissionDeniedError", "403 SignatureDoesNotMatch StringToSign", "does not accept these credentials"),
        ("GenericError", "PUT http://169.254.169.254/latest/api/token in 1s", "cannot be opened without credentials"),
        ("GenericError", "Account must be specified", "cannot be opened without credentials"),
        ("GenericError", "status code: 301 Moved Permanently", "is in another region"),
        ("GenericError", "status code: 503 Slow Down", "answers with HTTP 503"),
        ("GenericError", "LocalFileSystem: No space left on device (os error 28)", "has no space left"),
        ("GenericError", "LocalFileSystem: Permission denied (os error 13)", "cannot be written or read by you"),
        ("GenericError", "LocalFileSystem: Operation not supported (os error 95)", "cannot be used as a folder"),
        ("GenericError", "error sending request: dns error", "cannot be reached"),
    ],
)
def test_each_failure_of_a_server_has_its_sentence(kind: str, text: str, said: str) -> None:
    assert said in reason_of(kind, text)[0]


def test_looks_at_held_out_benchmarks_are_seen_by_every_machine(either: str, on: Callable[[str], None]) -> None:
    first = open_at(shared_at(either))
    first.prepare()
    for line in ("one", "two"):
        first.add_look("ko/recipe", line)
        time.sleep(1.1 if either.startswith("s3") else 0.01)
    on("second")
    assert open_at(shared_at(either)).look_lines("ko/recipe") == "one\ntwo"


COMMANDS = (
    *("build R", "plan R", "diff R --set prompts.length.min=9", "why R --match x", "lock R", "export R --to out", "verify R"),
    *("explain R", "show R --near length", "store ls", "store gc", "store gc --remote", "store verify --remote", "store verify"),
    *("store completions ls", "store path test/plain", "store upgrade", "status"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_that_a_server_is_away(
    on: Callable[[str], None], project: Project, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    pytest.importorskip("obstore", reason="obstore is not installed")
    monkeypatch.setattr("runtime.store.bucket.RETRIES", 0)
    use(monkeypatch, at(9))
    done = project.run(*command.replace("R", "recipe.yaml").split(), "--store", "s3://bucket/x")
    assert (done.code, done.out) == (1, "") and len(done.err.splitlines()) == 2, done.out + done.err
    assert done.err.startswith("error: the store `s3://bucket/x` cannot be reached")


def test_a_library_that_is_missing_is_told(on: Callable[[str], None], project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    done = project.run("build", "recipe.yaml", "--store", "s3://bucket/x")
    assert done.code == 1 and done.err == "error: a shared store needs `obstore`\nhint: pip install 'data-recipe[shared]'\n"


def test_a_server_that_writes_over_what_is_there_is_refused(
    s3: str, on: Callable[[str], None], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(self: Bucket, path: str, data: bytes) -> bool:
        self.put(path, data)
        return True

    monkeypatch.setattr(Bucket, "create", careless)
    done = project.run("build", "recipe.yaml", "--store", s3, "--quiet")
    assert done.code == 1 and "writes over an object" in done.err
    assert Bucket(s3).get("store.json") is None


def test_a_store_in_a_folder_is_not_taken_for_a_bucket(on: Callable[[str], None], project: Project) -> None:
    pytest.importorskip("obstore", reason="obstore is not installed")
    project.build()
    done = project.run("build", "recipe.yaml", "--store", f"file://{project.folder}/store")
    assert done.code == 1 and "is a store in a folder\nhint: name it without file://" in done.err


@pytest.mark.parametrize("format", ["v2", "v99"])
def test_another_format_is_told_and_not_read(url: str, on: Callable[[str], None], project: Project, format: str) -> None:
    Bucket(url).put("store.json", json.dumps({"id": "1", "format": format, "memos": "memos/v1"}).encode())
    done = project.run("build", "recipe.yaml", "--store", url, "--quiet")
    assert done.code == 1 and f"is in the format {format}" in done.err
    assert ("install a newer version" in done.err) == (format == "v99")


def test_credentials_stand_nowhere(server: str, on: Callable[[str], None], project: Project, tmp_path: Path) -> None:
    said = []
    for url in ("s3://bucket/secrets", "s3://nobody/x"):
        for command in (["build", "recipe.yaml", "--json"], ["plan", "recipe.yaml"], ["lock", "recipe.yaml"], ["store", "ls"]):
            done = project.run(*command, "--store", url)
            said.append(done.out + done.err)
    assert not any(SECRET in each or "AKTESTS" in each for each in said)
    bucket = Bucket("s3://bucket/secrets")
    kept = [bucket.get(item.path) or b"" for item in bucket.list("")]
    kept += [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) > 10 and not any(SECRET.encode() in each for each in kept)


def test_a_server_that_fails_is_asked_again_and_then_told(
    s3: str, on: Callable[[str], None], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was made before it failed is in the store: the next build goes on."""
    send = Remote.send_object
    left = [3]

    def failing(self: Remote, digest: str, path: Path) -> bool:
        left[0] -= 1
        if left[0] < 0:
            use(monkeypatch, at(9))
            return Bucket(self.url).put("x", b"") is None
        return send(self, digest, path)

    with monkeypatch.context() as inner:
        inner.setattr("runtime.store.bucket.RETRIES", 1)
        inner.setattr(Remote, "send_object", failing)
        before = os.environ["AWS_ENDPOINT_URL"]
        done = project.run("build", "recipe.yaml", "--store", s3, "--quiet")
        use(monkeypatch, before)
    assert done.code == 1 and "cannot be reached" in done.err
    report = project.build(store=s3)
    assert 0 < len(ran(report)) < 3


# -- completions


def test_a_second_machine_asks_for_nothing(
    either: str, on: Callable[[str], None], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = either
    asking(project, 30)
    with teaching() as teacher:
        configure(project.folder, teacher, monkeypatch)
        digest = project.digest(store=url)
        on("second")
        report = project.build(store=url)
        assert (ran(report), report["outputs"][0]["digest"]) == ([], digest)
        on("third")
        # Another recipe of the same requests has no record to reuse, and asks for nothing all the same.
        other = project.build("recipe.yaml", "--set", "prompts.length.min=4", store=url)
        assert other["outputs"][0]["digest"] == digest
        assert sum(teacher.asked.values()) == 30
        assert project.digest(store="folder") == digest


def test_what_a_killed_build_did_not_send_is_sent_by_the_next(
    url: str, on: Callable[[str], None], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking(project, 30)
    with teaching() as teacher:
        configure(project.folder, teacher, monkeypatch)
        with monkeypatch.context() as inner:
            inner.setattr("runtime.completions.segments.Segments.send", lambda self: 0)
            project.build(store=url)
        Bucket(url).put("probe/x", b"")
        for item in [*Bucket(url).list(f"{FORMAT}/results")]:
            Bucket(url).delete(item.path)
        project.build("recipe.yaml", "--set", "prompts.length.min=4", store=url)
        on("second")
        project.build("recipe.yaml", "--set", "prompts.length.min=5", store=url)
        assert sum(teacher.asked.values()) == 30


def test_a_store_of_a_url_is_a_shared_store(url: str, on: Callable[[str], None]) -> None:
    store = open_at(shared_at(url))
    assert isinstance(store, SharedStore) and not store.exists
    assert store.find("0" * 64) is None and list(store.records(Record)) == []
    with pytest.raises(StoreError, match="missing"):
        store.read_path("0" * 64)


# -- commands on the bucket


def gone(ran: Any) -> tuple[int, int]:
    assert ran.code == 0, ran.out + ran.err
    return ran.json["records"], ran.json["objects"]


def test_gc_removes_what_nothing_needs_once_it_is_old(url: str, on: Callable[[str], None], project: Project) -> None:
    project.build(store=url)
    project.build("recipe.yaml", "--set", "prompts.length.min=12", store=url)
    gc = ("store", "gc", "--remote", "--json", "--store", url)
    assert gone(project.run(*gc)) == (0, 0)  # nothing is a day old
    time.sleep(1.1)
    assert gone(project.run(*gc, "--grace", "0", "--dry-run")) == (2, 2)
    on("second")
    assert gone(project.run(*gc, "--grace", "0")) == (2, 2)
    assert ran(project.build("recipe.yaml", "--set", "prompts.length.min=12", store=url)) == []
    assert project.run("store", "verify", "--remote", "--store", url).out == f"clean: {url}\n"
    on("third")
    assert ran(project.build(store=url)) == ["prompts", "output prompts"]


def test_gc_leaves_what_a_running_build_holds(
    url: str, on: Callable[[str], None], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.build(store=url)
    project.build("recipe.yaml", "--set", "prompts.length.min=12", store=url)
    time.sleep(1.1)
    running = open_at(shared_at(url))
    assert isinstance(running, SharedStore)
    first = [record.key for record in running.records(Record)]
    with running.building():
        assert all(running.hold_record(key, Record) for key in first)
        running.lease.write()
        refused = project.run("store", "gc", "--remote", "--grace", "0", "--store", url)
        assert refused.code == 1 and "say --grace 12 or more" in refused.err
        monkeypatch.setattr("runtime.store.remote_gc.YOUNG", timedelta(0))  # nothing here gets old enough
        assert gone(project.run("store", "gc", "--remote", "--grace", "0", "--json", "--store", url)) == (0, 0)
    assert gone(project.run("store", "gc", "--remote", "--grace", "0", "--json", "--store", url)) == (2, 2)


def test_gc_joins_small_segments_and_loses_no_completion(
    s3: str, on: Callable[[str], None], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.completions.segments.MOST", 7)
    monkeypatch.setattr("runtime.completions.sharing.MOST", 7)
    bucket, place = Bucket(s3), "memos/v1/completions/segments"
    asking(project, 30)
    with teaching() as teacher:
        configure(project.folder, teacher, monkeypatch)
        digest = project.digest(store=s3)
        assert len(list(bucket.list(place))) >= 5
        bucket.put(f"{place}/{'0' * 64}", b"no completions")
        time.sleep(1.1)
        for _ in range(2):
            assert project.run("store", "gc", "--remote", "--grace", "0", "--store", s3).code == 0
            assert len(list(bucket.list(place))) == 2
        bucket.delete(f"{place}/{'0' * 64}")
        on("second")
        assert project.digest("recipe.yaml", "--set", "prompts.length.min=4", store=s3) == digest
        assert sum(teacher.asked.values()) == 30


def test_segments_that_are_joined_while_they_are_read_are_read_joined(
    s3: str, on: Callable[[str], None], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.completions.segments.MOST", 7)
    asking(project, 30)
    with teaching() as teacher:
        configure(project.folder, teacher, monkeypatch)
        project.build(store=s3)
    time.sleep(1.1)
    on("second")
    store = open_at(shared_at(s3))
    segments = Segments(CompletionMemo(store), Remote(s3))
    names, many, joined = segments.names, len(segments.names()), []

    def listed() -> list[str]:
        found = names()
        joined.append(0 if joined else join_segments(Remote(s3), timedelta(0)))
        return found

    monkeypatch.setattr(segments, "names", listed)
    assert segments.take_in() == 30 and joined == [many, 0] and many > 1


def test_a_build_waits_for_gc_before_it_names_what_may_go(
    s3: str, on: Callable[[str], None], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.build(store=s3)
    remote = Remote(s3)
    waited = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        remote.bucket.delete(f"{FORMAT}/gc")

    with collecting(remote):
        with pytest.raises(StoreError, match="another machine collects"), collecting(Remote(s3)):
            pass
        monkeypatch.setattr("runtime.store.lease.time.sleep", sleep)
        project.build("recipe.yaml", "--set", "prompts.length.min=12", store=s3)
    assert waited == [0.5]


def test_verify_tells_what_is_damaged_in_the_bucket(url: str, on: Callable[[str], None], project: Project) -> None:
    project.build(store=url)
    bucket, paths = Bucket(url), objects_of(url)
    (record,) = [item.path for item in bucket.list(f"{FORMAT}/beside")]
    for path in paths:
        bucket.put(path, b"no table")
    bucket.put(record, b"no record")
    bucket.put("memos/v1/completions/segments/" + "0" * 64, b"no completions")
    verify = ("store", "verify", "--remote", "--store", url)
    told = project.run(*verify)
    assert told.code == 1 and len(told.out.splitlines()) == len(paths) + 3, told.out
    for what in (f"object {paths[0][-64:][:12]}", f"record beside/{Path(record).name[:12]}", "completions 000000000000"):
        assert f"the {what} is damaged" in told.out or f"the {what} are damaged" in told.out
    assert project.run(*verify, "--mend").code == 1
    on("second")
    project.build(store=url)
    assert project.run(*verify).code == 0


def test_a_folder_is_pushed_and_pulled_whole(
    url: str, on: Callable[[str], None], project: Project, new_project: Callable[[], Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    asking(project, 20)
    with teaching() as teacher:
        configure(project.folder, teacher, monkeypatch)
        digest = project.digest(store="folder")
        assert project.run("store", "push", url, "--show-restricted", "--store", "folder").code == 0
        assert project.run("store", "pull", url, "--store", "other").code == 0
        for store in (url, "other"):
            report = project.build(store=store)
            assert (ran(report), report["outputs"][0]["digest"]) == ([], digest)
            project.build("recipe.yaml", "--set", "prompts.length.min=4", store=store)
        assert sum(teacher.asked.values()) == 20
    again = project.run("store", "push", url, "--json", "--show-restricted", "--store", "folder").json
    assert (again["records"], again["objects"]) == (0, 0)


def test_dear_values_are_pushed_and_pulled(either: str, on: Callable[[str], None], tmp_path: Path) -> None:
    cells, values = np.arange(32, dtype=np.uint8).reshape(2, 16), np.array([[1], [2]])
    shared = open_at(shared_at(either))
    assert isinstance(shared, SharedStore)
    first, second = (open_at(Location(tmp_path / name)) for name in ("a", "b"))
    first.prepare()
    Memo(first, "0" * 64, 1).append(cells, values)
    push_shared(first, shared, restricted=False)
    pull_shared(second, shared)
    assert Memo(second, "0" * 64, 1).look_up(cells)[1].tolist() == values.tolist()


def test_text_that_may_not_be_redistributed_is_pushed_only_when_it_is_asked_for(
    url: str, on: Callable[[str], None], project: Project
) -> None:
    recipe = str(ROOT / "recipes/ko/quickstart.yaml")
    project.build(recipe, store="folder")
    refused = project.run("store", "push", url, "--store", "folder")
    assert refused.code == 1 and "say --show-restricted" in refused.err
    assert list(Bucket(url).list(FORMAT)) == []
    assert project.run("store", "push", url, "--show-restricted", "--store", "folder").code == 0
    assert project.run("store", "verify", "--remote", "--store", url).code == 0


def test_commands_of_a_bucket_ask_for_one(project: Project) -> None:
    project.build()
    for command in (["gc", "--remote"], ["verify", "--remote"], ["gc", "--grace", "1"]):
        assert project.run("store", *command, "--store", "store").code == 2


def test_an_object_of_many_blocks_is_read_whole(either: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.store.bucket.BLOCK", 1000)
    bucket, content = Bucket(either), os.urandom(9999)
    (tmp_path / "object").write_bytes(content)
    for path, data in (("many", content), ("one", content[:1000]), ("none", b"")):
        (tmp_path / "object").write_bytes(data)
        bucket.put(path, tmp_path / "object")
        with open(tmp_path / "read", "wb") as file:
            assert bucket.read_into(path, file)
        assert (tmp_path / "read").read_bytes() == data
    assert not bucket.read_into("absent", file)


def test_only_the_parts_that_are_read_are_fetched(
    either: str, on: Callable[[str], None], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECIPE_PARTS", "4")
    project.rows("a.jsonl", [f"question {number:04d}: 물은 왜 끓나요?" for number in range(64)])
    project.build(store=either)
    on("second")
    store = open_at(shared_at(either))
    record = store.find(store.last_build("test/plain").stages["a"]["key"])
    assert record is not None
    table = open_table(store, record.table)
    ids = table.column("row_id", 2)
    assert len(ids) == table.spread[2] and len(list((store.root / "objects").glob("*/*"))) == 1
    (_, batch) = next(table.batches(["prompt"], first=table.bounds[2], last=table.bounds[3]))
    assert len(batch["prompt"]) == len(ids) and len(list((store.root / "objects").glob("*/*"))) == 2


@pytest.mark.parametrize("license", ["B", "unknown"])
def test_text_that_may_not_be_redistributed_is_shared_where_that_is_asked_for(
    license: str, project: Project, on: Callable[[str], None], tmp_path: Path
) -> None:
    url = f"file://{tmp_path}/bucket"
    recipe = project.folder / "recipe.yaml"
    recipe.write_text(recipe.read_text("utf-8").replace("license: A", f"license: {license}"), "utf-8")
    for command in ("build", "lock"):
        refused = project.run(command, "recipe.yaml", "--store", url)
        assert refused.code == 1 and "say --show-restricted" in refused.err
    assert list(Bucket(url).list(f"{FORMAT}/objects")) == []
    assert project.run("build", "recipe.yaml", "--store", url, "--show-restricted").code == 0
    on("second")
    assert project.run("build", "recipe.yaml", "--store", url).code == 0  # what is there is no new text
    assert project.run("build", "recipe.yaml", "--store", "folder").code == 0
