"""A folder that is pulled may be anybody's: nothing is read or written outside, nothing hangs, nothing unsound is kept."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from blake3 import blake3

from runtime.store.parts import sealed, unsealed
from tests.conftest import Project, Ran
from tests.test_remote import EDITS, RECIPE

Damage = Callable[[Path, Path], None]


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that is built, locked and pushed."""
    project = Project(tmp_path_factory.mktemp("pushed"))
    (project.folder / ".recipe").mkdir()
    project.rows("a.jsonl", [{"prompt": f"물은 왜 끓나요 {at}", "n": at} for at in range(6)])
    project.rows("b.jsonl", [{"prompt": f"하늘은 왜 파란가요 {at}", "options": ["가", "나"]} for at in range(4)])
    project.write("recipe.yaml", RECIPE)
    assert project.run("lock", "recipe.yaml", "-q").code == 0
    assert project.run("store", "push", "pushed", "--measures").code == 0
    return project


@pytest.fixture
def alarm() -> Iterator[None]:
    """A pull that waits for a pipe is ended."""
    signal.alarm(600)
    yield
    signal.alarm(0)


def first(root: Path, pattern: str) -> Path:
    return sorted(root.glob(pattern))[0]


def reseal(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Another content under a seal that fits."""
    body = unsealed(path.read_bytes())
    assert body is not None
    changed = change(body)
    path.write_bytes(sealed(body if changed is None else changed))


def record(change: Callable[[dict[str, Any]], Any], kind: str = "results") -> Damage:
    def damage(root: Path, outside: Path) -> None:
        for path in sorted(root.glob(f"{kind}/*/*/*.json")):
            reseal(path, change)

    return damage


def name(change: Callable[[dict[str, Any]], Any]) -> Damage:
    return lambda root, outside: reseal(root / "names/test/remote/last-build.json", change)


def pipe(pattern: str) -> Damage:
    def damage(root: Path, outside: Path) -> None:
        path = first(root, pattern)
        path.unlink()
        os.mkfifo(path)

    return damage


def link(pattern: str) -> Damage:
    def damage(root: Path, outside: Path) -> None:
        path = first(root, pattern)
        path.rename(outside / "moved")
        path.symlink_to(outside / "moved")

    return damage


def folder(pattern: str) -> Damage:
    def damage(root: Path, outside: Path) -> None:
        path = first(root, pattern)
        path.unlink()
        path.mkdir()

    return damage


def device(root: Path, outside: Path) -> None:
    path = first(root, "objects/*/*")
    path.unlink()
    path.symlink_to("/dev/zero")


def endless(root: Path, outside: Path) -> None:
    path = first(root, "results/*/*/*.json")
    with open(path, "r+b") as file:
        file.truncate(1 << 40)


def other_object(content: bytes) -> Damage:
    """Every record names an object that is what its name says and none of ours."""

    def damage(root: Path, outside: Path) -> None:
        digest = blake3(content).hexdigest()
        (root / "objects" / digest[:2]).mkdir(exist_ok=True)
        (root / "objects" / digest[:2] / digest).write_bytes(content)
        for path in root.glob("results/*/*/*.json"):
            body = unsealed(path.read_bytes()) or {}
            text = json.dumps(body["table"])
            for each in {str(one) for one in walk(body["table"], "frame")}:
                text = text.replace(each, f"object:{digest}")
            reseal(path, lambda body, text=text: {**body, "table": json.loads(text)})  # type: ignore[misc]

    return damage


def walk(value: Any, wanted: str) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from (part for key, part in value.items() if key == wanted)
        for part in value.values():
            yield from walk(part, wanted)
    elif isinstance(value, list):
        for part in value:
            yield from walk(part, wanted)


def arrow(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def astray() -> bytes:
    """A table one of whose labels is none of those that it has."""
    label = pa.DictionaryArray.from_arrays(pa.array([5], pa.int32()), pa.array(["a"]), safe=False)
    return arrow(pa.table({"row_id": pa.array([bytes(16)], pa.uuid()), "source": label}))


def nested(root: Path, outside: Path) -> None:
    path = first(root, "results/*/*/*.json")
    text = b'{"key": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    path.write_bytes(blake3(text).hexdigest().encode() + b"\n" + text)


HOSTILE: dict[str, Damage] = {
    "a pipe for an object": pipe("objects/*/*"),
    "a pipe for a record": pipe("results/*/*/*.json"),
    "a pipe for a name": pipe("names/*/*/last-build.json"),
    "a folder for an object": folder("objects/*/*"),
    "a folder for a record": folder("beside/*/*/*.json"),
    "a device for an object": device,
    "an object that is a link out": link("objects/*/*"),
    "a record that is a link out": link("results/*/*/*.json"),
    "a name that is a link out": link("names/*/*/last-build.json"),
    "a record without an end": endless,
    "a record nested too deep": nested,
    "a record that is a list": record(lambda body: [body]),
    "a record whose table is text": record(lambda body: {**body, "table": "x"}),
    "a record whose table is of no kind": record(lambda body: {**body, "table": {**body["table"], "kind": "os"}}),
    "a record with another number of rows": record(lambda body: {**body, "rows": body["rows"] + 1}),
    "a record with fewer rows than none": record(lambda body: {**body, "rows": -1}),
    "columns beside a table with more rows": record(lambda body: {**body, "rows": 10**9}, "beside"),
    "columns beside nothing": record(lambda body: {**body, "of": None}, "beside"),
    "a record whose frame is a path": record(lambda body: {**body, "table": {"kind": "based", "rows": 1, "columns": {}, "frame": "../../mine"}}),  # noqa: E501
    "a record that left out a path": record(lambda body: {**body, "without": ["../../../mine"]}),
    "an object that is no table": other_object(b"nothing"),
    "an object of other columns": other_object(arrow(pa.table({"x": [1]}))),
    "an object that leads out of itself": other_object(astray()),
    "a name whose keys are paths": name(lambda body: body["stages"]["a"].update(key="../../../../outside/mine")),
    "a name whose columns are paths": name(lambda body: body["beside"].append("../../../../outside/mine")),
    "a name whose output is a path": name(lambda body: body["outputs"].update({"../../../x": body["outputs"]["dataset"]})),
    "a name of another recipe": name(lambda body: body.update(recipe="test/other")),
    "a name without stages": name(lambda body: {"recipe": "test/remote"}),
}  # fmt: skip


def pulled(pushed: Project, folder: Path, damage: Damage) -> tuple[Project, Ran]:
    shutil.copytree(pushed.folder / "pushed", folder / "pushed")
    (folder / "outside").mkdir()
    (folder / "outside" / "mine.json").write_text("mine")
    damage(folder / "pushed" / "v4", folder / "outside")
    other = Project(folder / "other")
    (other.folder / ".recipe").mkdir(parents=True)
    for each in ("recipe.yaml", "recipe.lock"):
        shutil.copy(pushed.folder / each, other.folder / each)
    return other, other.run("store", "pull", "../pushed")


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_none_of_ours_is_refused_and_named(pushed: Project, tmp_path: Path, kind: str) -> None:
    other, ran = pulled(pushed, tmp_path, HOSTILE[kind])
    assert ran.code == 1 and "push it again" in ran.err and "Traceback" not in ran.err, ran.out + ran.err
    assert (tmp_path / "outside" / "mine.json").read_text() == "mine"
    for command in (["diff", "recipe.yaml", "--set", EDITS[0]], ["plan", "recipe.yaml"], ["store", "gc"], ["store", "verify"]):
        ran = other.run(*command)
        assert "Traceback" not in ran.err and ran.code in (0, 1)
    assert (tmp_path / "outside" / "mine.json").read_text() == "mine"
    assert not list((other.folder / ".recipe" / "v4" / "tmp").iterdir())


@pytest.mark.usefixtures("alarm")
def test_names_that_are_none_of_ours_are_passed_over(pushed: Project, tmp_path: Path) -> None:
    def clutter(root: Path, outside: Path) -> None:
        for each in ("results/ab", "memo/ab/cd", "../memos/v1/memo/ab/cd"):
            (root / each).mkdir(parents=True)
            (root / each / ("x" * 255)).write_text("x")
            os.mkfifo(root / each / "pipe.journal")
        (root / "results" / "up").symlink_to("/")
        (root / "memo" / "zz").mkdir()
        (root / "objects" / "none").write_text("x")

    other, ran = pulled(pushed, tmp_path, clutter)
    assert ran.code == 0 and other.run("store", "verify").code == 0


def test_a_link_that_stays_in_the_folder_is_pulled(pushed: Project, tmp_path: Path) -> None:
    def moved(root: Path, outside: Path) -> None:
        path = first(root, "objects/*/*")
        path.rename(root / "kept")
        path.symlink_to(root / "kept")

    other, ran = pulled(pushed, tmp_path, moved)
    assert ran.code == 0 and other.run("store", "verify").code == 0
