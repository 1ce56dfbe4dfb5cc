"""The lock: what it pins, what `--locked` refuses by name, and what stands in where the data is absent."""

from __future__ import annotations

import json
import re

import pytest

from operators.measures.length import Length
from tests.conftest import ROOT, Project


@pytest.fixture
def locked(project: Project) -> Project:
    assert project.run("lock", "recipe.yaml", "--store", "store", "-q").code == 0
    return project


def refusal(project: Project, *arguments: str) -> str:
    """What a locked build says when it refuses."""
    ran = project.run("build", "recipe.yaml", "--store", "store", "--locked", "-q", *arguments)
    assert ran.code == 1, ran.out + ran.err
    return ran.err


def test_what_was_locked_builds_locked(locked: Project) -> None:
    assert locked.run("build", "recipe.yaml", "--store", "another", "--locked", "-q").code == 0


def test_a_changed_byte_of_a_source_is_named(locked: Project) -> None:
    locked.rows("a.jsonl", ["다른 물음이 여기 있습니다"])
    assert "the files of the source `a` differ: a.jsonl" in refusal(locked)


READING = "prompts: [{language_share: {of: target, min: 0.01}}]\n"
"""Steps that read the entry `scripts` of the profile."""


def with_profile(project: Project, old: str = "", new: str = "") -> None:
    """A profile beside the recipe, with a part in another form."""
    profile = (ROOT / "recipes" / "languages" / "ko.yaml").read_text("utf-8")
    project.write("languages/ko.yaml", profile.replace(old, new) if old else profile)


@pytest.fixture
def reading(project: Project) -> Project:
    """A locked recipe whose operators read its profile."""
    said = (project.folder / "recipe.yaml").read_text("utf-8")
    project.write("recipe.yaml", said[: said.index("prompts:")] + READING)
    with_profile(project)
    assert project.run("lock", "recipe.yaml", "--store", "store", "-q").code == 0
    return project


def test_a_changed_entry_of_a_profile_is_named(reading: Project) -> None:
    with_profile(reading, "Hangul: [1100-11FF, ", "Hangul: [1100-11FE, ")
    assert "the language profile `ko` differs: scripts" in refusal(reading)


def test_an_entry_of_a_profile_that_nothing_reads_breaks_no_lock(reading: Project) -> None:
    with_profile(reading, "cased: false", "cased: true")
    assert reading.run("build", "recipe.yaml", "--store", "store", "--locked", "-q").code == 0


def test_a_changed_prompt_file_is_named(locked: Project) -> None:
    profile = (ROOT / "recipes" / "languages" / "ko.yaml").read_text("utf-8")
    text = locked.write("languages/system.txt", "Think carefully.\n")
    named = re.sub(r"    en: >-\n.*?\n    #", "    en: {file: system.txt}\n    #", profile, flags=re.DOTALL)
    locked.write("languages/ko.yaml", named)
    assert locked.run("lock", "recipe.yaml", "--store", "store", "-q").code == 0
    text.write_text("Think carefully!\n")
    assert "the prompt file `languages/system.txt` differs" in refusal(locked)
    assert "Think" not in (locked.folder / "recipe.lock").read_text("utf-8")


@pytest.mark.parametrize("said", ["missing.txt", "../../outside.txt", "a\\0b"])
def test_a_prompt_file_that_cannot_be_read_is_told_at_its_line(project: Project, said: str) -> None:
    profile = (ROOT / "recipes" / "languages" / "ko.yaml").read_text("utf-8")
    file = f'    en: {{file: "{said}"}}\n    #'
    project.write("languages/ko.yaml", re.sub(r"    en: >-\n.*?\n    #", lambda _: file, profile, flags=re.DOTALL))
    ran = project.run("check", "recipe.yaml")
    assert ran.code == 2 and "languages/ko.yaml:" in ran.err and "Traceback" not in ran.err


def test_a_changed_operator_version_is_named(locked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Length, "version", 2)
    assert "the operator `length` is version 2, and 1 in the lock" in refusal(locked)


def test_another_output_is_named_and_not_published(locked: Project) -> None:
    before = (locked.folder / "store/v4/names/test/plain/outputs/prompts/_manifest.json").read_text()
    assert "the output `prompts` is" in refusal(locked, "--set", "prompts.length.min=10")
    assert (locked.folder / "store/v4/names/test/plain/outputs/prompts/_manifest.json").read_text() == before


def test_a_refusal_says_how_to_accept_each_thing(locked: Project) -> None:
    locked.rows("a.jsonl", ["다른 물음이 여기 있습니다"])
    said = refusal(locked)
    assert "`recipe lock recipe.yaml --update a`" in said and "accept everything with `recipe lock recipe.yaml`" in said


def test_one_thing_is_accepted_with_what_is_made_from_it(locked: Project) -> None:
    locked.rows("a.jsonl", ["다른 물음이 여기 있습니다"])
    assert locked.run("lock", "recipe.yaml", "--store", "store", "--update", "a", "-q").code == 0
    assert locked.run("build", "recipe.yaml", "--store", "store", "--locked", "-q").code == 0


def test_accepting_one_thing_refuses_another(reading: Project) -> None:
    before = (reading.folder / "recipe.lock").read_bytes()
    reading.rows("a.jsonl", ["다른 물음이 여기 있습니다"])
    with_profile(reading, "Hangul: [1100-11FF, ", "Hangul: [1100-11FE, ")
    ran = reading.run("lock", "recipe.yaml", "--store", "store", "--update", "a", "-q")
    assert ran.code == 1 and "language profile `ko`" in ran.err and "source `a`" not in ran.err
    assert (reading.folder / "recipe.lock").read_bytes() == before


def test_an_output_that_an_edit_changed_is_accepted_by_its_name(locked: Project) -> None:
    text = (locked.folder / "recipe.yaml").read_text()
    (locked.folder / "recipe.yaml").write_text(text.replace("min: 3", "min: 12"))
    assert "--update prompts" in refusal(locked)
    assert locked.run("lock", "recipe.yaml", "--store", "store", "--update", "prompts", "-q").code == 0
    assert locked.run("build", "recipe.yaml", "--store", "store", "--locked", "-q").code == 0


def test_accepting_what_did_not_change_is_told(locked: Project) -> None:
    ran = locked.run("lock", "recipe.yaml", "--store", "store", "--update", "lenght", "-q")
    assert ran.code == 1 and "nothing of `lenght` differs from the lock" in ran.err


def test_a_lock_that_cannot_be_read_is_written_anew(locked: Project) -> None:
    (locked.folder / "recipe.lock").write_text("{")
    assert locked.run("lock", "recipe.yaml", "--store", "store", "-q").code == 0
    assert locked.run("build", "recipe.yaml", "--store", "store", "--locked", "-q").code == 0


def test_a_locked_build_needs_a_lock(project: Project) -> None:
    assert "there is no lock" in refusal(project)


def test_a_lock_holds_no_text_of_any_row(locked: Project) -> None:
    assert "물은" not in (locked.folder / "recipe.lock").read_text("utf-8")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2}', '{"format": 1}', '{"format": 1, "recipe": 3, "sources": []}'])
def test_a_damaged_lock_is_told_and_never_believed(locked: Project, text: str) -> None:
    (locked.folder / "recipe.lock").write_text(text)
    ran = locked.run("build", "recipe.yaml", "--store", "store", "-q")
    assert ran.code == 2 and "recipe.lock" in ran.err and "recipe lock" in ran.err


def test_the_locks_digest_stands_in_where_the_files_are_absent_and_the_plan_says_so(locked: Project) -> None:
    (locked.folder / "a.jsonl").unlink()
    ran = locked.run("plan", "recipe.yaml", "--store", "store")
    assert ran.code == 0 and "0 to run" in ran.out and "the lock's digest stands in" in ran.out
    assert locked.run("build", "recipe.yaml", "--store", "store", "-q").code == 0
    missing = locked.run("build", "recipe.yaml", "--store", "another", "-q")
    assert missing.code == 1 and "the files of the source `a` are not here" in missing.err


def test_a_check_without_lock_or_files_proves_less_and_says_so(project: Project) -> None:
    ran = project.run("check", "recipe.yaml", "--set", "sources.a.file=elsewhere/a.jsonl")
    assert ran.code == 0 and "not proven: no lock and no files for the source `a`" in ran.out


def test_the_quickstart_is_what_its_lock_says(project: Project) -> None:
    ran = project.run("build", "pkg:ko/quickstart", "--store", "store", "--locked", "--json")
    assert ran.code == 0, ran.out
    lock = json.loads((ROOT / "recipes" / "ko" / "quickstart.lock").read_text("utf-8"))
    assert ran.json["outputs"][0]["digest"] == lock["outputs"]["dataset"]["digest"]
    sources = [stage for stage in ran.json["stages"] if stage["name"] in lock["sources"]]
    assert sum(stage["rows"] for stage in sources) >= 150
