"""An object that was blanked or cut off while nothing read it is found by the build that would name its dataset."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project
from tests.test_missing_objects import STEPS, recipe

BLANKS: dict[str, Callable[[bytes], bytes]] = {
    "zeroed": lambda content: bytes(len(content)),
    "zeroed at its end": lambda content: content[:-4096] + bytes(min(len(content), 4096)),
    "cut off": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "other bytes": lambda content: b"x" * len(content),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, dict[str, Any]]:
    project = Project(tmp_path_factory.mktemp("blanked"))
    project.rows("a.jsonl", [{"prompt": f"{place}번 문제는 무엇인가요" + "?" * (place % 7)} for place in range(40)])
    project.write("recipe.yaml", recipe(STEPS))
    return project, project.build()


def named(store: Path) -> Iterator[Path]:
    """The objects that the record of the dataset names: its shards, and the frames, ledgers and text it is made of."""
    from runtime.store.record import OutputRecord, Record
    from runtime.store.store import Store

    opened = Store(store)
    for record in opened.records(Record):
        if isinstance(record, OutputRecord):
            yield from (opened.object_path(digest) for digest in sorted(record.objects()))


@pytest.mark.parametrize("kind", BLANKS)
def test_a_blanked_object_is_found_by_the_build_that_would_name_it(built: tuple[Project, dict[str, Any]], kind: str) -> None:
    project, report = built
    names = [path.relative_to(project.folder / "store") for path in named(project.folder / "store")]
    assert len(names) > 4
    for name in names:
        shutil.rmtree(project.folder / "other", ignore_errors=True)
        shutil.copytree(project.folder / "store", project.folder / "other", symlinks=True)
        path = project.folder / "other" / name
        path.chmod(0o644)
        path.write_bytes(BLANKS[kind](path.read_bytes()))
        again = project.build(store="other")
        assert [each["digest"] for each in again["outputs"]] == [each["digest"] for each in report["outputs"]]
        assert path.read_bytes() == (project.folder / "store" / name).read_bytes(), name
        assert project.run("store", "verify", "--store", "other").code == 0, name


def test_a_checkpoint_and_a_pulled_store_have_no_marks_to_look_for(built: tuple[Project, dict[str, Any]]) -> None:
    from runtime.build.built import set_blank_aside
    from runtime.store.record import CheckpointRecord, Counts, Record
    from runtime.store.store import Store

    store = Store(built[0].folder / "store")
    nothing, none = "0" * 64, "object:" + "0" * 64
    tree = {"kind": "based", "rows": 0, "columns": {}, "frame": none, "text": None}
    said = {"kind": "sft", "digest": nothing, "ids": nothing, "columns": {}, "rows": 0, "table": tree, "counts": Counts()}
    assert not set_blank_aside(store, CheckpointRecord(**said, files={"config.json": none}, metrics=none, manifest={}))
    assert not set_blank_aside(store, Record(**said))
