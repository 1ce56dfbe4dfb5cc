"""Records and last builds are read as typed values: one that lacks a part, or holds another than ours, is damage."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.build.verify import verify
from runtime.store.names import LastBuild
from runtime.store.parts import Sealed, Unsound, sealed, unsealed
from runtime.store.record import KINDS, BesideRecord, Record
from runtime.store.store import Store
from tests.conftest import Project
from tests.teacher import configure, teaching

RECIPE = """
format: 1
recipe: test/kinds
language: {target: ko, anchor: en}
models:
  teacher: {id: test/teacher, license: mit, terms: mit, endpoint: lab}
sources:
  a: {file: a.jsonl, category: one, license: A, on_bad_row: quarantine}
  b: {file: b.jsonl, category: two, license: B, columns: {prompt: prompt, options: options, gold: {index: gold}}}
prompts:
  - length: {min: 3}
  - merge_options: {only: {category: two}, max_options: 4}
  - normalise: {}
cot:
  teacher: {model: teacher, max_tokens: 64}
  think: {language_share: {of: target, min: 0.0}}
"""
MADE = {Record, *KINDS.values(), BesideRecord, LastBuild}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with records of each kind but those of trainings and evaluations."""
    project = Project(tmp_path_factory.mktemp("kinds"))
    project.rows("a.jsonl", ["물은 왜 끓나요?", "하늘은 왜 파란가요?", 7])
    project.rows(
        "b.jsonl", [{"prompt": f"물은 몇 도에서 {n}번 끓나요?", "options": [f"{n}도", f"{n + 1}도"], "gold": 0} for n in range(6)]
    )
    project.write("recipe.yaml", RECIPE)
    with pytest.MonkeyPatch.context() as patched, teaching() as teacher:
        configure(project.folder, teacher, patched, attempts=1)
        project.build()
        yield Store(project.folder / "store")


def files_of(store: Store) -> list[Path]:
    kinds = [path for kind in (Record, BesideRecord) for path in sorted((store.root / kind.folder).glob("*/*.json"))]
    return [*kinds, *sorted((store.root / "names").rglob("last-build.json"))]


def kind_of(path: Path) -> type[Sealed]:
    return {"results": Record, "beside": BesideRecord}.get(path.parts[-3], LastBuild)


def read(path: Path) -> Sealed:
    return kind_of(path).read(unsealed(path.read_bytes()) or {})


def test_what_is_read_is_written_again_byte_for_byte(store: Store) -> None:
    files = files_of(store)
    kinds = {type(read(path)) for path in files}
    assert MADE - kinds == {KINDS["manifest"], KINDS["scores"]}
    assert [path for path in files if sealed(read(path).body()) != path.read_bytes()] == []


#: What JSON may hold in the place of anything.
OTHERS: list[Any] = [None, True, -1, 10**30, 0.5, "", "x", "../../x", "object:x", [], [[]], [None], {}, {"x": None}, {"x": {}}]


def broken(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each part left out, and each in another form; then a part that nobody knows."""
    for name in body:
        yield f"without {name}", {part: each for part, each in body.items() if part != name}
        for other in OTHERS:
            yield f"{name}: {other!r}", {**body, name: other}
    yield "more", {**body, "more": 1}


def test_what_none_of_ours_would_hold_is_refused_and_nothing_else_is_raised(store: Store) -> None:
    taken = refused = 0
    for path in files_of(store):
        kind, body = kind_of(path), unsealed(path.read_bytes()) or {}
        for said, other in broken(body):
            try:
                made = kind.read(other)
            except Unsound as error:
                refused += 1
                assert str(error).startswith("it")
                continue
            taken += 1
            # What is taken is what it says, and can be asked whatever ours can.
            assert made.body() == {name: each for name, each in other.items() if each is not None or name in made.body()}, said
            if isinstance(made, Record):
                assert made.objects() >= set() and made.result.digest == made.digest and made.content and list(made.textless())
    assert refused > 20 * taken > 0


def test_a_record_with_another_table_than_ours_is_refused(store: Store) -> None:
    for path in files_of(store):
        body = unsealed(path.read_bytes()) or {}
        name = {"results": "table", "beside": "of"}.get(path.parts[-3])
        if name is None:
            continue
        for part in ("kind", *(part for part in body[name] if part != "kind")):
            with pytest.raises(Unsound):
                kind_of(path).read({**body, name: {each: value for each, value in body[name].items() if each != part}})
        deep = body[name]
        for _ in range(2000):
            deep = {"kind": "combined", "rows": 1, "columns": {}, "frame": "object:" + "0" * 64, "parts": [deep]}
        with pytest.raises(Unsound):
            kind_of(path).read({**body, name: deep})


def test_a_sealed_file_that_is_no_record_is_damage(store: Store, tmp_path: Path) -> None:
    shutil.copytree(store.folder, tmp_path / "other", symlinks=True)
    other = Store(tmp_path / "other")
    path = next((other.root / "results").glob("*/*.json"))
    body = unsealed(path.read_bytes()) or {}
    path.chmod(0o644)
    path.write_bytes(sealed({**body, "rows": "many"}))
    assert any(f"results/{path.stem[:12]} is damaged" in problem for problem in verify(other))
    assert other.find(path.stem) is None and not path.exists()
    name = next((other.root / "names").rglob("last-build.json"))
    name.write_bytes(sealed({"recipe": "test/kinds"}))
    assert "the name test/kinds is damaged" in verify(other)
    assert other.last_build("test/kinds").stages == {}


def test_a_record_of_another_kind_of_stage_is_told(store: Store, tmp_path: Path) -> None:
    project = Project(store.folder.parent)
    shutil.copytree(store.folder, tmp_path / "other", symlinks=True)
    other = Store(tmp_path / "other")
    plain = next(record for record in store.records(Record) if type(record) is Record)
    for record in store.records(Record):
        other.replace_record(plain.replaced(key=record.key))
    for command in (
        ["why", "recipe.yaml", "--match", "물은"],
        ["show", "recipe.yaml", "--near", "length"],
        ["plan", "recipe.yaml"],
    ):
        ran = project.run(*command, "--store", str(other.folder))
        assert "Traceback" not in ran.err and ran.code in (0, 1), ran.err
        assert ran.code == 0 or "is that of another stage" in ran.err or "not been run yet" in ran.err, (command, ran.err)


def test_who_looks_for_one_kind_of_record_leaves_the_others_in_place(store: Store) -> None:
    before = files_of(store)
    found = list(store.records(KINDS["ledger"]))
    assert found and {type(record) for record in found} == {KINDS["ledger"]} and files_of(store) == before
    other = next(record for record in store.records(Record) if type(record) is Record)
    assert store.look_up(other.key, KINDS["ledger"]) is None and files_of(store) == before


def test_a_record_in_the_place_of_another_kind_is_written_over_it(store: Store, tmp_path: Path) -> None:
    shutil.copytree(store.folder, tmp_path / "other", symlinks=True)
    other = Store(tmp_path / "other")
    wrong, right = next(store.records(KINDS["ledger"])), next(store.records(KINDS["shards"]))
    other.replace_record(wrong.replaced(key=right.key))
    assert other.write_record(right).body() == right.body() and other.find(right.key).body() == right.body()  # type: ignore[union-attr]


def test_a_record_is_never_changed(store: Store) -> None:
    record = next(store.records(Record))
    with pytest.raises(AttributeError, match="never changed"):
        record.rows = 7  # type: ignore[misc]
    assert record.replaced(rows=record.rows + 1).rows == record.rows + 1
    with pytest.raises(TypeError, match="has the parts"):
        Record(kind="x")  # type: ignore[call-arg]
