"""Push and pull: enough to judge an edit without the data, and nothing that a row says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project

RECIPE = """
format: 1
recipe: test/remote
language: {target: ko, anchor: en}
seed: 7
sources:
  a: {file: a.jsonl, category: one, license: A, columns: {prompt: prompt, n: {field: n, as: integer}}, on_bad_row: quarantine}
  b: {file: b.jsonl, category: two, license: unknown, columns: {prompt: prompt, options: options}}
prompts:
  - normalise: {form: NFC}
  - measure: {size: {length: {}}}
  - length: {min: 4}
  - where: "NOT contains(prompt, 'blue')"
  - unique: {normalise: [nfc, case], fold: []}
  - sample: {rows: 9}
mixture: {take: {one: 4, two: 5}, shortage: up_to, repeat: {two: 2}}
"""
SECRETS = ["물은 왜 끓나요", "하늘은왜파란가요", "옵션하나", "quarantined-text", "각각"]


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that is built, locked and pushed, which nobody may change."""
    project = Project(tmp_path_factory.mktemp("remote"))
    (project.folder / ".recipe").mkdir()
    project.rows("a.jsonl", [{"prompt": f"{SECRETS[0]} {at}", "n": at} for at in range(6)] + [{"prompt": "x", "n": SECRETS[3]}])
    options = [SECRETS[2], "나"]
    project.rows("b.jsonl", [{"prompt": f"{SECRETS[1]} {at}", "options": options} for at in range(4)] + [{"prompt": "각각 각각"}])
    project.write("recipe.yaml", RECIPE)
    assert project.run("lock", "recipe.yaml", "-q").code == 0
    ran = project.run("store", "push", "pushed", "--measures")
    assert ran.code == 0 and "stay where they are" in ran.out, ran.out + ran.err
    return project


@pytest.fixture
def built(whole: Project, tmp_path: Path) -> Project:
    """Another like it."""
    return Project(shutil.copytree(whole.folder, tmp_path, symlinks=True, dirs_exist_ok=True))


def without_data(built: Project, folder: Path) -> Project:
    """A machine with the recipe, the lock and what was pulled."""
    (folder / ".recipe").mkdir(parents=True)
    for name in ("recipe.yaml", "recipe.lock"):
        shutil.copy(built.folder / name, folder / name)
    made = Project(folder)
    ran = made.run("store", "pull", str(built.folder / "pushed"))
    assert ran.code == 0, ran.out + ran.err
    return made


def answers(project: Project, *settings: str) -> list[Any]:
    """What check, plan and diff say, without the texts and the notes that the files are absent."""
    said = [f"--set={each}" for each in settings]
    check = project.run("check", "recipe.yaml", *said, "--json")
    plan = project.run("plan", "recipe.yaml", *said, "--json")
    diff = project.run("diff", "recipe.yaml", *said, "--json")
    assert check.code == plan.code == diff.code == 0, check.err + plan.err + diff.err
    (found,) = diff.json
    for rows in found["rows"]:
        for example in (*rows["entering"], *rows["leaving"]):
            example["text"] = None
    return [check.json["outputs"], plan.json["stages"], found]


EDITS = ["prompts.length.min=9", "prompts.sample.rows=5", "mixture.take.one=2", "seed=3", "prompts.unique.normalise=[]"]


@pytest.mark.parametrize("edit", EDITS)
def test_check_plan_and_diff_say_the_same_where_none_of_the_data_is(built: Project, tmp_path: Path, edit: str) -> None:
    other = without_data(built, tmp_path / "other")
    assert answers(other, edit) == answers(built, edit)
    assert answers(other, edit)[2]["rows"][0]["exact"]


def test_no_text_of_any_row_is_pushed(built: Project) -> None:
    pushed = [path for path in (built.folder / "pushed").rglob("*") if path.is_file()]
    assert len(pushed) > 10
    for path in pushed:
        content = path.read_bytes()
        for secret in SECRETS:
            assert secret.encode() not in content and secret.encode("utf-16-le") not in content, path
            assert json.dumps(secret).strip('"').encode() not in content, path


def test_a_push_that_forgets_to_leave_text_out_is_noticed(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime.store.record import KINDS, BesideRecord, Record

    for kind in (Record, BesideRecord, *KINDS.values()):
        monkeypatch.setattr(kind, "textless", lambda record: (f"object:{each}" for each in record.objects()))
    shutil.rmtree(built.folder / "pushed")
    assert built.run("store", "push", "pushed", "--measures").code == 0
    with pytest.raises(AssertionError):
        test_no_text_of_any_row_is_pushed(built)


def test_text_is_pushed_by_no_call(built: Project) -> None:
    ran = built.run("store", "push", "elsewhere")
    assert ran.code == 2 and "--measures" in ran.err and not (built.folder / "elsewhere").exists()


def test_a_pulled_store_is_whole_and_a_build_says_what_it_lacks(built: Project, tmp_path: Path) -> None:
    other = without_data(built, tmp_path / "other")
    assert other.run("store", "verify").code == 0
    ran = other.run("build", "recipe.yaml", "-q")
    assert ran.code == 1 and "are not here" in ran.err and "without its text" in ran.err


def test_a_build_that_fails_for_want_of_text_takes_nothing_away(built: Project, tmp_path: Path) -> None:
    other = without_data(built, tmp_path / "other")
    before = answers(other, EDITS[0])
    assert other.run("build", "recipe.yaml", "-q").code == 1
    assert answers(other, EDITS[0]) == before


def test_where_the_data_is_a_build_makes_the_text_anew_and_gives_the_same(built: Project, tmp_path: Path) -> None:
    other = without_data(built, tmp_path / "other")
    for name in ("a.jsonl", "b.jsonl"):
        shutil.copy(built.folder / name, other.folder / name)
    assert other.run("build", "recipe.yaml", "--locked", "-q").code == 0
    assert other.run("store", "verify").code == 0


def test_pushing_and_pulling_twice_copies_nothing(built: Project, tmp_path: Path) -> None:
    again = built.run("store", "push", "pushed", "--measures", "--json").json
    assert (again["records"], again["objects"]) == (0, 0)
    other = without_data(built, tmp_path / "other")
    pulled = other.run("store", "pull", str(built.folder / "pushed"), "--json").json
    assert (pulled["records"], pulled["objects"]) == (0, 0)


def first(folder: Path, pattern: str) -> Path:
    return sorted((folder / "pushed" / "v4").glob(pattern))[0]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def escape(path: Path) -> None:
    """A record whose objects lead elsewhere, sealed as a whole one would be."""
    from runtime.store.parts import sealed, unsealed

    body = unsealed(path.read_bytes())
    assert body is not None
    path.write_bytes(sealed({**body, "object": "object:../../../../etc/passwd"}))


DAMAGES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "a flipped bit of an object": ("objects/*/*", flip),
    "a flipped bit of a record": ("results/*/*/*.json", flip),
    "an object that is missing": ("objects/*/*", Path.unlink),
    "a record that leads out of the store": ("beside/*/*/*.json", escape),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_not_what_its_name_says_is_not_pulled(built: Project, tmp_path: Path, name: str) -> None:
    pattern, damage = DAMAGES[name]
    damage(first(built.folder, pattern))
    (tmp_path / "other" / ".recipe").mkdir(parents=True)
    ran = Project(tmp_path / "other").run("store", "pull", str(built.folder / "pushed"))
    assert ran.code == 1 and ("damaged" in ran.err or "missing" in ran.err) and "push it again" in ran.err


def test_two_results_of_one_key_are_told_and_neither_is_taken(built: Project, tmp_path: Path) -> None:
    path = first(built.folder, "results/*/*/*.json")
    path.with_name(f"{'0' * 64}.json").write_bytes(path.read_bytes())
    (tmp_path / "other" / ".recipe").mkdir(parents=True)
    ran = Project(tmp_path / "other").run("store", "pull", str(built.folder / "pushed"))
    assert ran.code == 1 and "has several results" in ran.err


def test_an_empty_folder_is_told(project: Project) -> None:
    ran = project.run("store", "pull", "nowhere")
    assert ran.code == 1 and "there is nothing to pull" in ran.err
