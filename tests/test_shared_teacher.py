"""Machines that build the same recipe at the same time and ask one teacher: each request is answered once."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from operators.asks.asks import Reply
from runtime.completions.engines.engine import EngineError
from runtime.completions.exchange import SCHEMA
from runtime.completions.leases import LEASE, Leases, bucket_of
from runtime.completions.memo import Completion, CompletionMemo
from runtime.completions.segments import Damage, name_of, read_segment
from runtime.completions.sharing import Sharing, take_in
from runtime.store.bucket import Bucket
from runtime.store.location import shared_at
from runtime.store.opening import open_at
from runtime.store.remote import Remote
from runtime.store.shared import SharedStore
from tests.buckets import make_bucket, serving
from tests.conftest import Project
from tests.machines import Machines, asking, ended, wait_for
from tests.teacher import Teacher, configure, teaching
from tests.test_teacher_kills import killed


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch, serving(patch) as url:
        make_bucket(url, "bucket")
        yield url


@pytest.fixture
def url(server: str, tmp_path: Path) -> str:
    return f"s3://bucket/{tmp_path.name}"


@pytest.fixture
def teacher() -> Iterator[Teacher]:
    with teaching() as made:
        yield made


def test_two_machines_ask_for_nothing_twice(
    project: Project, url: str, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking(project, 150)
    configure(project.folder, teacher, monkeypatch, concurrency=2)
    teacher.seconds = 0.02
    machines = Machines(project, url, monkeypatch)
    reports = [ended(build) for build in [machines.start("one"), machines.start("two")]]
    assert set(teacher.tried.values()) == {1} and len(teacher.tried) == 150
    assert len({report["outputs"][0]["digest"] for report in reports}) == 1
    asked = [report["asked"].get("traces/generate", {"new": 0})["new"] for report in reports]
    assert sum(asked) == 150 and min(asked) > 10, asked


@pytest.mark.nightly
def test_after_a_death_only_what_was_under_way_is_asked_for_again(
    project: Project, url: str, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking(project, 150)
    configure(project.folder, teacher, monkeypatch, concurrency=2)
    teacher.seconds = 0.02
    machines = Machines(project, url, monkeypatch)
    first = machines.start("one")
    wait_for(lambda: sum(teacher.asked.values()) >= 60)
    killed(first)
    paid = sum(teacher.asked.values())
    second = ended(machines.start("two"))
    told = second["asked"]["traces/generate"]
    twice = sum(teacher.tried.values()) - len(teacher.tried)
    sent = told["memoised"] + told["elsewhere"]
    assert paid - sent - 2 <= twice <= paid - sent + 4
    assert told["orphaned"] >= twice
    assert second["outputs"][0]["rows"] == 150


@pytest.mark.nightly
def test_a_machine_that_was_killed_goes_on_at_once_with_what_it_has(
    project: Project, url: str, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own lease does not keep it waiting, and nothing that it wrote down is asked for again."""
    asking(project, 100)
    configure(project.folder, teacher, monkeypatch, concurrency=1)
    teacher.seconds = 0.02
    machines = Machines(project, url, monkeypatch)
    first = machines.start("one")
    wait_for(lambda: sum(teacher.asked.values()) >= 30)
    killed(first)
    began = time.monotonic()
    assert ended(machines.start("one"))["outputs"][0]["rows"] == 100
    assert time.monotonic() - began < 30
    assert sum(teacher.tried.values()) - len(teacher.tried) <= 6


@pytest.mark.nightly
def test_two_builds_with_one_cache_ask_for_nothing_twice(
    project: Project, url: str, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking(project, 150)
    configure(project.folder, teacher, monkeypatch, concurrency=2)
    teacher.seconds = 0.02
    machines = Machines(project, url, monkeypatch)
    reports = [ended(build) for build in [machines.start("one"), machines.start("one")]]
    assert set(teacher.tried.values()) == {1} and len(teacher.tried) == 150
    assert len({report["outputs"][0]["digest"] for report in reports}) == 1


@pytest.mark.nightly
def test_a_build_that_is_not_heard_of_stops_asking_and_the_next_goes_on(
    project: Project, url: str, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking(project, 100)
    configure(project.folder, teacher, monkeypatch, concurrency=1)
    monkeypatch.setenv("RECIPE_CACHE", str(project.folder / "one"))
    teacher.seconds = 0.02
    with monkeypatch.context() as inner:
        inner.setattr("runtime.completions.leases.LEASE", 4.0)
        inner.setattr("runtime.completions.leases.EVERY", 1000.0)
        inner.setattr("runtime.completions.leases.Leases.renew", once(Leases.renew))
        done = project.run("build", "recipe.yaml", "--store", url)
    paid = sum(teacher.asked.values())
    assert done.code == 1 and "others ask for what is missing" in done.err and paid < 100, done.err
    monkeypatch.setattr("runtime.completions.sharing.Sharing.dead", lambda self, owner: True)
    assert project.build(store=url)["outputs"][0]["rows"] == 100
    assert set(teacher.tried.values()) == {1}


def once(renew: Callable[[Leases], None]) -> Callable[[Leases], None]:
    """The same for the first call; a later one does nothing, as where a machine sleeps."""
    called: list[Leases] = []

    def call(self: Leases) -> None:
        if not called:
            renew(self)
        called.append(self)

    return call


# -- leases alone


def nobody(owner: str) -> bool:
    return False


def test_a_bucket_has_one_owner_at_a_time(server: str, url: str) -> None:
    """Whatever the order in which builds look, take and release: a look may be old when a claim is made."""
    chosen = random.Random(7)
    builds = [Leases(Remote(url), f"home.{number}") for number in range(4)]
    held: dict[int, str] = {}
    for build in builds:
        build.renew()
    for _ in range(60):
        build = chosen.choice(builds)
        if build.held and chosen.random() < 0.5:
            build.release()
            held = {bucket: owner for bucket, owner in held.items() if owner != build.owner}
        else:
            taken, orphaned = build.take({1, 2, 3}, chosen.random() < 0.5, nobody)
            assert not taken & held.keys() and not orphaned
            held |= dict.fromkeys(taken, build.owner)


def test_a_claim_made_after_an_old_look_does_not_hold(server: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick, third = (Leases(Remote(url), f"home.{name}") for name in ("slow", "quick", "third"))
    for build in (slow, quick, third):
        build.renew()
    old = slow.claims()
    for build in (quick, third):
        assert build.take({5}, True, nobody) == ({5}, set())
        if build is quick:
            quick.release()
    looks = [old]
    monkeypatch.setattr(slow, "claims", lambda: looks.pop() if looks else Leases.claims(slow))
    assert slow.take({5}, True, nobody) == (set(), set())


def test_a_dead_builds_buckets_are_taken_and_told(server: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dead, living = Leases(Remote(url), "home.dead"), Leases(Remote(url), "home.living")
    dead.renew()
    assert dead.take({1, 2}, True, nobody) == ({1, 2}, set())
    living.renew()
    assert living.take({1, 2}, True, nobody) == (set(), set())
    assert living.take({1, 2}, True, lambda owner: owner == "home.dead") == ({1, 2}, {1, 2})
    assert dead.holds
    monkeypatch.setattr("runtime.completions.leases.LEASE", 0.0)
    assert not dead.holds


def test_buckets_are_the_same_everywhere() -> None:
    assert [bucket_of(bytes([first])) for first in (0, 3, 4, 255)] == [0, 0, 1, 63]


def test_what_a_released_claim_leaves_is_little(server: str, url: str) -> None:
    build = Leases(Remote(url), "home.one")
    build.renew()
    for _ in range(5):
        build.take({1}, True, nobody)
        build.release()
    assert len(list(Bucket(url).list("memos/v1/completions/claims"))) == 2


def test_a_build_that_was_not_heard_of_for_too_long_never_asks_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("runtime.completions.leases.ticks", lambda: now[0])
    leases = Leases(Remote(url), "home.build")
    assert not leases.holds
    leases.renew()
    assert leases.holds
    now[0] += LEASE  # it was suspended, and others took what it held
    leases.renew()
    assert not leases.holds


@pytest.mark.parametrize("name", ["address", "text", "seal"])
def test_a_segment_that_lacks_a_cell_is_damaged(name: str) -> None:
    columns = {each.name: pa.nulls(1, each.type) for each in SCHEMA}
    columns |= {"address": pa.array([b"a" * 32], pa.binary(32)), "seal": pa.array([b"s" * 16], pa.binary(16))}
    columns |= {each: pa.array(["x"], SCHEMA.field(each).type) for each in ("model", "purpose", "engine", "text")}
    columns |= {"seconds": pa.array([1.0]), name: pa.nulls(1, SCHEMA.field(name).type)}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns, schema=SCHEMA), sink)
    with pytest.raises(Damage, match=f"has no {name}"):
        read_segment(name_of(sink.getvalue()), sink.getvalue())


def test_what_was_paid_for_is_sent_before_others_may_ask_where_an_engine_fails(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECIPE_CACHE", str(tmp_path / "one"))
    store = open_at(shared_at(url))
    assert isinstance(store, SharedStore)
    with store.building():
        memo = CompletionMemo(store)
        sharing = Sharing(memo, store, "build")
        addresses = {bytes([at]) * 32 for at in range(40)}
        with pytest.raises(EngineError), sharing.running(), closing(sharing.turns(addresses, 100)) as turns:
            for turn in turns:
                reply = Reply("so", None, "stop", 1, 1)
                memo.keep([Completion(each, "m", "generate", "e", reply, 0.1) for each in sorted(turn.addresses)])
                raise EngineError("the server went away", "look at it")
        assert sharing.segments.waiting() == 0 and len(sharing.segments.names()) == 1
        assert all(claim.released for claims in sharing.leases.claims().values() for claim in claims[-1:])


def test_a_completion_that_was_damaged_here_is_taken_in_again_and_not_paid_for(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECIPE_CACHE", str(tmp_path / "one"))
    store = open_at(shared_at(url))
    with store.building():
        memo = CompletionMemo(store)
        address = b"a" * 32
        memo.keep([Completion(address, "m", "generate", "e", Reply("so", None, "stop", 1, 1), 0.1)])
        take_in(memo)
        memo.set_aside([address])
        assert memo.present([address]) == set()
        take_in(memo)
        assert memo.present([address]) == {address}
