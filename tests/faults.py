"""Builds that die or fail at a chosen touch of the disk, each in a child forked from one warm process."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import runtime
from runtime.files import Buffer, Files
from runtime.store import Record, Store, hash_path
from runtime.verify import verify
from tests.conftest import Project

CODE = Path(runtime.__file__).parent.parent
KILLED = 137

#: One recipe with every kind of stage: sources, a combination, a map, cheap and dear measures, set decisions, children.
EVERYTHING = """
    format: 1
    recipe: test/everything
    language: {target: ko, anchor: en}
    seed: 7
    sources:
      a: {file: a.jsonl, category: one, license: A}
      b: {file: b.jsonl, category: two, license: A}
    prompts:
      - language_share: {of: target, min: 0.3}
      - morphemes: {min: 2, workers: 1}
      - normalise: {}
      - length: {min: 3}
      - unique: {}
    mixture: {take: {one: 12, two: 20}, repeat: {two: 2}, shortage: error}
    """


def everything(folder: Path, rows: int = 40) -> Project:
    """A project whose build passes through every kind of stage."""
    (folder / ".recipe").mkdir(parents=True)
    project = Project(folder)
    project.write("recipe.yaml", EVERYTHING)
    first = [f"물은 왜 {number} 번째로 끓나요? {'가' * (number % 7)}" for number in range(rows)]
    project.rows("a.jsonl", [*first, first[1], first[1].replace("가", "\u1100\u1161"), "why is the sky blue?", "짧"])
    project.rows("b.jsonl", [f"하늘 {number} 은 왜 파란가요?" for number in range(15)])
    return project


# -- layers of files that stop the world


class Counted(Files):
    """Counts what is done to the disk."""

    def __init__(self) -> None:
        self.actions: list[str] = []

    def before(self, action: str, path: Path) -> None:
        self.actions.append(action)


class Deadly(Files):
    """Ends the process before the action of a number, as SIGKILL would: no `finally` runs, nothing is flushed."""

    def __init__(self, number: int, torn: bool = False) -> None:
        self.number, self.torn, self.seen = number, torn, 0

    def before(self, action: str, path: Path) -> None:
        self.seen += 1
        if self.seen > self.number and not (self.torn and action == "write"):
            os._exit(KILLED)

    def write(self, file: BinaryIO, path: Path, data: Buffer) -> int:
        self.before("write", path)
        if self.seen > self.number:
            half = memoryview(data).cast("B")
            file.write(half[: len(half) // 2])
            file.flush()
            os._exit(KILLED)
        return file.write(data)


class Full(Files):
    """A disk that has no more room from the write of a number on, or may not be written at all."""

    def __init__(self, number: int = 0, error: int = errno.ENOSPC) -> None:
        self.number, self.error, self.seen = number, error, 0

    def before(self, action: str, path: Path) -> None:
        self.seen += action == "write"
        if self.seen > self.number and (action != "fsync" or self.error != errno.ENOSPC):
            raise OSError(self.error, os.strerror(self.error), str(path))


class Hasty(Store):
    """A store in the wrong order, for the twin: it writes a record before the objects that the record names."""

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        super().__init__(folder, files)
        self.late: dict[str, Path] = {}

    @contextmanager
    def new_object(self, made: list[str]) -> Iterator[BinaryIO]:
        path = self.root / "tmp" / f"late-{len(self.late)}-{os.getpid()}"
        with self.files.create(path) as file:
            yield file
        made.append(hash_path(path))
        self.late[made[-1]] = path

    def read_path(self, digest: str) -> Path:
        return self.late[digest] if digest in self.late else super().read_path(digest)

    def write_record(self, key: str, body: dict[str, Any], kind: str = "results") -> Record:
        record = super().write_record(key, body, kind)
        for digest in sorted(record.objects() & set(self.late)):
            self.files.make_folder(self.object_path(digest).parent)
            self.files.rename(self.late.pop(digest), self.object_path(digest))
        return record


# -- one build in a child


def in_child(work: Callable[[], int]) -> int:
    """The exit code of work done in a forked child; a child that raises ends with 99."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        os._exit(work())
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(99)


def build_with(project: Project, store: str, files: Files, hasty: bool = False) -> int:
    """Build through a layer of files, in this process; what is printed goes beside the store."""
    import runtime.store

    runtime.store.Files = lambda: files  # type: ignore[assignment, misc]
    if hasty:
        runtime.store.Store = Hasty  # type: ignore[misc]
    os.environ["RECIPE_THREADS"] = "1"
    ran = project.run("build", "recipe.yaml", "--store", store, "--json")
    (project.folder / f"{store}.out").write_text(ran.out)
    (project.folder / f"{store}.err").write_text(ran.err)
    return ran.code


def rows_of(project: Project, report: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows that a build's only output shows, from the files it shows them in."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (output,) = report["outputs"]
    shards = sorted((project.folder / output["path"]).glob("*.parquet"))
    rows: list[dict[str, Any]] = pa.concat_tables([pq.read_table(shard) for shard in shards]).to_pylist()
    return rows


def examine(project: Project, store: str) -> int:
    """Look at a store as it was left, build again, look again; what was found goes beside the store."""
    folder = project.folder / store
    left = verify(Store(folder)) if (folder / "v1" / "names").is_dir() else []
    kept = len(list((folder / "v1" / "results").glob("*/*.json")))
    code = build_with(project, store, Files())
    if code:
        raise AssertionError((project.folder / f"{store}.err").read_text())
    report = json.loads((project.folder / f"{store}.out").read_text())
    found = {
        "left": left, "kept": kept, "ran": len(report["ran"]), "digest": report["outputs"][0]["digest"], "after": verify(Store(folder)),
        "rows": repr(rows_of(project, report)), "rubbish": len(list((folder / "v1" / "tmp").iterdir())),
    }
    (project.folder / f"{store}.found").write_text(json.dumps(found))
    return 0


def complaints(found: dict[str, Any], clean: dict[str, Any]) -> list[str]:
    """What is wrong with a store after a death and a second build, by what an untouched build is like."""
    wrong = [f"left behind: {problem}" for problem in found["left"]] + [f"after: {problem}" for problem in found["after"]]
    if (found["digest"], found["rows"]) != (clean["digest"], clean["rows"]):
        wrong.append("another dataset came out")
    if found["kept"] + found["ran"] != clean["kept"] + clean["ran"]:
        wrong.append(f"{found['kept']} stages were recorded, and {found['ran']} ran again")
    if found["rubbish"]:
        wrong.append(f"{found['rubbish']} files are left in tmp")
    return wrong


def die_and_look(project: Project, way: str, number: int) -> dict[str, Any]:
    """Kill a build at a point, look at what is left and build again: the exit code and what was found."""
    store = f"{way}-{number}"
    code = in_child(lambda: build_with(project, store, Deadly(number, way == "torn"), way == "hasty"))
    looked = in_child(lambda: examine(project, store))
    path = project.folder / f"{store}.found"
    shutil.rmtree(project.folder / store, ignore_errors=True)
    return {"code": code, "number": number, "found": json.loads(path.read_text()) if looked == 0 else None}


def fill_and_look(project: Project, number: int) -> dict[str, Any]:
    """Build on a disk that is full from a write on, then with room again."""
    store = f"full-{number}"
    code = in_child(lambda: build_with(project, store, Full(number)))
    said = (project.folder / f"{store}.err").read_text() + (project.folder / f"{store}.out").read_text()
    looked = in_child(lambda: examine(project, store))
    path = project.folder / f"{store}.found"
    shutil.rmtree(project.folder / store, ignore_errors=True)
    return {"code": code, "number": number, "said": said, "found": json.loads(path.read_text()) if looked == 0 else None}


class Alone:
    """The segmenter without its threads, which a fork would lose: the same tokens, one text at a time."""

    def __init__(self) -> None:
        from kiwipiepy import Kiwi

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.kiwi = Kiwi(num_workers=0)
        self.kiwi.tokenize("물")  # the first text makes it load the rest of its model

    def tokenize(self, texts: list[str]) -> Iterator[Any]:
        return map(self.kiwi.tokenize, texts)


def warm() -> None:
    """Import what a build imports and load the segmenter, but start no thread: those do not survive a fork."""
    import duckdb  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    import compiler.compile  # noqa: F401
    import operators.morphemes
    import runtime.build  # noqa: F401
    import runtime.cli.build
    import runtime.funnel  # noqa: F401
    import runtime.output  # noqa: F401

    loaded = Alone()
    operators.morphemes.segmenter = lambda workers: loaded  # type: ignore[assignment]


def main(folder: str, way: str, points: str) -> None:
    """Work through points in this warm process; one line of JSON for each."""
    project = Project(Path(folder))
    warm()
    for number in json.loads(points):
        done = fill_and_look(project, number) if way == "full" else die_and_look(project, way, number)
        print(json.dumps(done), flush=True)


def each_point(project: Project, way: str, points: list[int], processes: int = 2) -> list[dict[str, Any]]:
    """What happened at each point, worked through by several warm processes side by side."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults", str(project.folder), way, json.dumps(points[first::processes])],
            cwd=CODE, stdout=subprocess.PIPE, text=True,
        )
        for first in range(processes)
    ]
    said = [process.communicate()[0] for process in running]
    assert all(process.returncode == 0 for process in running)
    return [json.loads(line) for each in said for line in each.splitlines()]


if __name__ == "__main__":
    main(*sys.argv[1:])
