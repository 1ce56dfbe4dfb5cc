"""The languages that ship whole: their profiles say every entry, and their first recipes build from real data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from operators.declared.profile import LanguageProfile
from tests.conftest import ROOT, Project

WHOLE = ["th", "vi", "tr", "hi"]
#: Those that the paper reasons in besides English.
ANCHORS = ["ru", "zh"]
#: No segmenter but those of Korean has an adapter, and `near_ngram` is for scripts whose characters are words.
LACKS = {"segmenter", "near_ngram"}


def profile(code: str) -> LanguageProfile:
    return LanguageProfile.model_validate(yaml.safe_load((ROOT / f"recipes/languages/{code}.yaml").read_text("utf-8")))


@pytest.mark.parametrize("code", [*WHOLE, *ANCHORS])
def test_a_whole_profile_says_every_entry(code: str) -> None:
    said = profile(code)
    lacks = {name for name in LanguageProfile.model_fields if getattr(said, name) is None} - LACKS
    # Letters of its own tell a language from others of its script.
    assert lacks <= ({"own_letters"} if "Latin" not in (said.scripts or {}) else set())
    assert said.prompts is not None and said.behaviours is not None
    assert {name for name, value in said.prompts if not value} == set()
    assert {name for name, value in said.behaviours if not value} == set()


@pytest.mark.parametrize("code", [*WHOLE, *ANCHORS, "ko"])
@pytest.mark.parametrize("anchor", ["en", "ru", "zh"])
def test_a_prompt_is_there_for_each_anchor_of_the_paper_and_names_the_language(code: str, anchor: str) -> None:
    pytest.importorskip("gflanguages", reason="the extra `language` is not installed")
    from compiler.language.conformance.subject import Subject
    from compiler.language.conformance.words import prompts
    from compiler.language.known import know

    known, other = know(code), know(anchor)
    found = [*prompts(Subject(profile(code), profile(anchor), known, other, known.sample, other.sample))]
    assert [each for each in found if each.state != "ok"] == []
    assert len(found) == 5


@pytest.mark.parametrize("code", WHOLE)
def test_a_first_recipe_is_right(code: str, data: Path, tmp_path: Path) -> None:
    checked = run(tmp_path, "check", code, data)
    assert checked.code == 0, checked.err


@pytest.mark.nightly
@pytest.mark.parametrize("code", WHOLE)
def test_a_first_recipe_builds_from_real_data(code: str, data: Path, tmp_path: Path) -> None:
    built = run(tmp_path, "build", code, data, "--json", "--store", "store")
    (output,) = built.json["outputs"]
    said: dict[str, Any] = yaml.safe_load((ROOT / f"recipes/{code}/quickstart.yaml").read_text("utf-8"))
    rows = pq.read_table(tmp_path / output["path"], columns=["category"])
    counted = rows.group_by("category").aggregate([("category", "count")]).to_pylist()
    assert {row["category"]: row["category_count"] for row in counted} == said["mixture"]["take"]


def run(folder: Path, command: str, code: str, data: Path, *arguments: str) -> Any:
    return Project(folder).run(command, str(ROOT / f"recipes/{code}/quickstart.yaml"), "--allow-path", str(data), *arguments)
