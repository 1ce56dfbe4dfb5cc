"""`recipe new`: a project for a language that nobody wrote about here."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.language.draft import draft, quoted
from compiler.language.entries import entries
from compiler.language.known import Unknown, know
from compiler.recipe.profiles import load_profile
from compiler.text.composing import read_document
from compiler.text.project import Place, package_root
from compiler.text.spans import Text
from operators.declared.profile import LanguageProfile
from tests.conftest import Project

pytest.importorskip("gflanguages", reason="the extra `language` is not installed")


@pytest.mark.parametrize(
    ("code", "scripts", "digits", "marks", "own"),
    [
        ("th", {"Thai": ("0E01-0E3A", "0E40-0E5B")}, "๐๑๒๓๔๕๖๗๘๙", (".", ","), ""),
        ("kk", {"Cyrillic": ("0400-052F", "2DE0-2DFF", "A640-A69F", "1E030-1E06D")}, "0123456789", (",", "\xa0"), "ғқңүұһәө"),
        ("tr", {"Latin": ("0041-005A", "0061-007A", "00C0-00D6", "00D8-00F6", "00F8-024F")}, "0123456789", (",", "."), "ğış"),
        ("bn", {"Bengali": ("0980-09FE",)}, "০১২৩৪৫৬৭৮৯", (".", ","), ""),
    ],
)
def test_a_language_is_known_by_its_code(
    code: str, scripts: dict[str, tuple[str, ...]], digits: str, marks: tuple[str, str], own: str
) -> None:
    known = know(code)
    assert (known.scripts, known.digits, (known.decimal, known.group), known.own) == (scripts, digits, marks, own)


def test_a_script_is_named_in_the_code_or_is_the_usual_one() -> None:
    assert [[*know(code).scripts] for code in ("sr", "sr-Latn")] == [["Cyrillic"], ["Latin"]]
    assert [*know("ja").scripts] == ["Han", "Katakana", "Hiragana"]


def test_a_code_of_three_letters_is_that_of_two() -> None:
    assert know("kaz").name == know("kk").name == "Kazakh"


def test_of_a_language_that_is_not_known_the_nearest_is_told() -> None:
    with pytest.raises(Unknown) as told:
        know("kkk")
    assert "nothing is known of a language `kkk`" in str(told.value)
    assert "ISO 639" in told.value.hint


@pytest.mark.parametrize("code", ["kk", "am", "km", "ar", "he", "el", "ja", "yo", "uz", "sw", "ta", "my", "ka", "sr-Latn", "bo"])
def test_a_draft_is_a_profile_that_says_every_entry(code: str, tmp_path: Path) -> None:
    path = tmp_path / "languages" / f"{code}.yaml"
    path.parent.mkdir()
    path.write_text(text := draft(know(code), "../profile.schema.json"), "utf-8")
    place = Place(tmp_path / "recipe.yaml", "recipe.yaml", tmp_path, package_root(), (tmp_path, package_root()))
    profile = load_profile(path, place).profile
    assert profile.scripts and profile.digits and profile.ngrams and profile.prompts
    assert [entry.name for entry in entries() if f"\n{entry.name}:" not in text and f"\n# {entry.name}:" not in text] == []


def test_what_yaml_would_take_for_something_else_is_in_quotes() -> None:
    said = ["no", "Yes", "1", "a b", "\xa0", "'", "Chinese (Simplified)"]
    node = read_document(Text("x", None, f"[{', '.join(map(quoted, said))}]"))
    assert isinstance(node.value, list) and [each.value for each in node.value] == said


def test_a_new_project_builds_and_is_not_written_over(tmp_path: Path) -> None:
    place = Project(tmp_path)
    made = place.run("new", "mine", "--language", "kk", "--json")
    assert made.code == 0, made.err
    assert all((tmp_path / "mine" / name).is_file() for name in made.json["files"])
    assert "languages/kk.yaml" in made.json["files"]
    built = place.run("build", "mine/recipe.yaml")
    assert built.code == 0 and "8 rows" in built.out, built.err
    again = place.run("new", "mine", "--language", "kk")
    assert again.code == 1 and "already has recipe.yaml" in again.err


def test_a_language_whose_profile_is_shipped_gets_none_of_its_own(tmp_path: Path) -> None:
    made = Project(tmp_path).run("new", "mine", "--language", "th")
    assert made.code == 0 and "pkg:languages/th.yaml" in made.out
    assert not (tmp_path / "mine" / "languages").exists()


def test_every_entry_of_a_profile_is_read_or_names_it() -> None:
    unread = [entry.name for entry in entries() if not entry.readers]
    assert unread == ["format", "name", "cased"]
    assert [entry.name for entry in entries()] == [*LanguageProfile.model_fields]
