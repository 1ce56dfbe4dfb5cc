"""Builds that die or fail at a chosen touch of the disk, each in a child forked from one warm process."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import runtime
from runtime.build.verify import verify
from runtime.store.files import Files
from runtime.store.store import Store
from tests.conftest import ROOT, Project
from tests.fault_layers import Deadly, Full, Hasty, Watched
from tests.warm import python

CODE = Path(runtime.__file__).parent.parent

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


# -- one build in a child


def in_child(work: Callable[[], int]) -> int:
    """The exit code of work done in a forked child; a child that raises ends with 99."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        os._exit(work())
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(99)


def build_with(project: Project, store: str, files: Files, hasty: bool = False) -> int:
    """Build through a layer of files, in this process; what is printed goes beside the store."""
    import runtime.store.opening
    import runtime.store.store

    runtime.store.store.Files = lambda: files  # type: ignore[assignment, attr-defined]
    if hasty:
        runtime.store.opening.Store = Hasty  # type: ignore[misc]
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


def examine(project: Project, store: str) -> dict[str, Any]:
    """What is found in a store as it was left, and in that of a build after it. Raises AssertionError where that fails."""
    folder = project.folder / store
    left = verify(Store(folder)) if (folder / "v4" / "names").is_dir() else []
    kept = len(list((folder / "v4" / "results").glob("*/*.json")))
    code = build_with(project, store, Files())
    if code:
        raise AssertionError((project.folder / f"{store}.err").read_text())
    report = json.loads((project.folder / f"{store}.out").read_text())
    return {
        "left": left,
        "kept": kept,
        "ran": len(report["ran"]),
        "after": verify(Store(folder)),
        "digest": report["outputs"][0]["digest"],
        "rows": repr(rows_of(project, report)),
        "rubbish": len(list((folder / "v4" / "tmp").iterdir())),
    }


def complaints(found: dict[str, Any] | None, clean: dict[str, Any]) -> list[str]:
    """What is wrong with a store after a death and a second build, by what an untouched build is like."""
    if found is None:
        return ["the next build fails"]
    wrong = [f"left behind: {problem}" for problem in found["left"]]
    wrong += [f"after: {problem}" for problem in found["after"]]
    if (found["digest"], found["rows"]) != (clean["digest"], clean["rows"]):
        wrong.append("another dataset came out")
    if found["kept"] + found["ran"] != clean["kept"] + clean["ran"]:
        wrong.append(f"{found['kept']} stages were recorded, and {found['ran']} ran again")
    if found["rubbish"]:
        wrong.append(f"{found['rubbish']} files are left in tmp")
    return wrong


def watch(project: Project, way: str) -> tuple[str, list[tuple[str, str]]]:
    """Every point of one build: (action, name of the copy of the store as a kill there leaves it)."""
    (project.folder / way).mkdir()

    def work() -> int:
        files = Watched(project.folder / f"{way}-store", project.folder / way, way == "torn")
        code = build_with(project, f"{way}-store", files, way == "hasty")
        files.keep("end")
        (project.folder / f"{way}.points").write_text(json.dumps(files.points))
        return code

    assert in_child(work) == 0
    return way, json.loads((project.folder / f"{way}.points").read_text())


def die(project: Project, number: int) -> dict[str, Any]:
    """Kill a build at a point."""
    store = f"killed-{number}"
    code = in_child(lambda: build_with(project, store, Deadly(number)))
    return {"store": store, "code": code, "number": number}


def fill(project: Project, number: int) -> dict[str, Any]:
    """Build on a disk that is full from a write on."""
    store = f"full-{number}"
    code = in_child(lambda: build_with(project, store, Full(number)))
    said = (project.folder / f"{store}.err").read_text() + (project.folder / f"{store}.out").read_text()
    return {"store": store, "code": code, "number": number, "said": said}


def look(project: Project, store: str) -> dict[str, Any] | None:
    """What is found in a store that a build left; nothing where the next build fails."""
    try:
        return examine(project, store)
    except Exception:
        traceback.print_exc()
        return None
    finally:
        shutil.rmtree(project.folder / store, ignore_errors=True)


class Letters:
    """A segmenter of letters: the real one has a gigabyte and threads, and a fork copies the one and loses the other."""

    def tokenize(self, texts: list[str]) -> Iterator[list[str]]:
        return map(list, texts)


def warm(project: Project) -> None:
    """Import what a build imports, but start no thread: those do not survive a fork."""
    import operators.kernels.segments
    import tests.warm_build  # noqa: F401
    from runtime.build.session import Session

    operators.kernels.segments.kiwi = lambda workers: Letters()  # type: ignore[assignment]
    with contextlib.chdir(project.folder):
        opened = Session("recipe.yaml", store_folder="warm")
        assert opened.graph and opened.facts
    gc.collect()
    gc.freeze()  # so that a child does not touch, and copy, what it only inherits


#: What leaves a store behind, in a child each.
JOBS: dict[str, Callable[[Project, Any], Any]] = {
    "watch": watch,
    "kill": die,
    "fill": fill,
    "look": lambda project, store: {"store": store},
}


def main(folder: str, jobs: str) -> None:
    """Do jobs, each a kind and a value, in this warm process; one line of JSON for each.

    What is left is looked at when all that dies has died: a build in this process starts threads, which no child would have.
    """
    project = Project(Path(folder))
    warm(project)
    for kind, said in [(kind, JOBS[kind](project, value)) for kind, value in json.loads(jobs)]:
        print(json.dumps([kind, said if kind == "watch" else {**said, "found": look(project, said["store"])}]), flush=True)
    gc.unfreeze()


def each_of(project: Project, jobs: list[tuple[str, Any]], processes: int = 2) -> list[tuple[str, Any]]:
    """(kind, what came of it) for each job, worked through by several warm processes side by side."""
    running = [
        subprocess.Popen(
            [python(), "-m", "tests.faults", str(project.folder), json.dumps(jobs[first::processes])],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(CODE)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for first in range(min(processes, len(jobs)))
    ]
    said = [process.communicate()[0] for process in running]
    assert all(process.returncode == 0 for process in running)
    return [tuple(json.loads(line)) for each in said for line in each.splitlines()]


if __name__ == "__main__":
    main(*sys.argv[1:])
