"""`recipe check --language CODE`: profiles that are right pass, and each mistake in one is named with the line to write."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import yaml

from compiler.language.conformance import comparing
from compiler.language.conformance.comparing import bound
from compiler.language.conformance.conform import CHECKS, conform
from compiler.language.conformance.subject import Exam, Subject, Verdict
from compiler.language.draft import draft
from compiler.language.known import know
from operators.declared.profile import LanguageProfile
from tests.conftest import ROOT, Project

pytest.importorskip("gflanguages", reason="the extra `language` is not installed")
pytest.importorskip("py3langid", reason="the extra `language` is not installed")
SHIPPED = sorted(path.stem for path in (ROOT / "recipes" / "languages").glob("*.yaml"))


@cache
def said_by(code: str) -> dict[str, Any]:
    """A shipped profile, or the draft of one, as plain data."""
    path = ROOT / "recipes" / "languages" / f"{code}.yaml"
    said: dict[str, Any] = yaml.safe_load(path.read_text("utf-8") if path.exists() else draft(know(code), "x"))
    return said


def tried(code: str, anchor: str = "en", exams: tuple[Exam, ...] = (), alarms: bool = True, **said: Any) -> list[Verdict]:
    """The verdicts on a profile with some entries said otherwise; None leaves one out. Looking for false alarms takes long."""
    merged = {name: value for name, value in (said_by(code) | said).items() if value is not None}
    profile, other = LanguageProfile.model_validate(merged), LanguageProfile.model_validate(said_by(anchor))
    known, known_anchor = know(code), know(anchor)
    subject = Subject(profile, other, known, known_anchor, known.sample, known_anchor.sample, exams)
    return conform(subject, [each for each in CHECKS if alarms or each is not comparing.alarms])


def wrong(found: list[Verdict]) -> dict[str, Verdict]:
    return {each.check: each for each in found if each.state == "wrong"}


@pytest.mark.parametrize("code", SHIPPED)
def test_a_shipped_profile_conforms(code: str) -> None:
    if code == "ko":
        pytest.importorskip("kiwipiepy", reason="the extra `ko` is not installed")
    assert wrong(tried(code)) == {}


@pytest.mark.parametrize("code", ["kk", "he", "ja", "uz", "ta", "my", "id", "bn"])
def test_a_draft_conforms_before_a_speaker_read_it(code: str) -> None:
    assert wrong(tried(code)) == {}


@pytest.mark.parametrize(("code", "anchor"), [("kk", "ru"), ("ru", "zh"), ("uk", "ru"), ("ko", "zh")])
def test_a_language_is_told_from_another_anchor_than_english(code: str, anchor: str) -> None:
    if code == "ko":
        pytest.importorskip("kiwipiepy", reason="the extra `ko` is not installed")
    found = {each.check: each for each in tried(code, anchor, alarms=False)}
    assert found["told from the anchor"].state == "ok", found["told from the anchor"].told


def prompts(**said: Any) -> dict[str, Any]:
    return {"prompts": {"system": {"en": "Think carefully in English, and answer in Thai."}, **said}}


CHARACTERS = {"segments": "characters", "raw": "characters"}
LATIN = {"Latin": ["0041-005A", "0061-007A", "00C0-024F"]}
#: (language, what is said wrongly, the check that names it, what it names).
MISTAKES: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    ("th", {"scripts": None}, "scripts", "no `scripts`"),
    ("th", {"scripts": LATIN}, "scripts", "0 of 73 letters"),
    ("th", {"scripts": {"Thai": ["0E01-0E2E"]}}, "scripts", "not in the ranges"),
    ("th", {"scripts": {"Thai": ["0E00-0EFF"]}}, "scripts, no more", "letters of Lao"),
    ("th", {"scripts": {"Thai": ["0000-0E5B"]}}, "scripts, no more", "letters of Latin"),
    ("tr", {"scripts": {"Latin": ["0041-024F"]}}, "scripts, no more", "signs: `[`"),
    ("kk", {"scripts": {"Cyrillic": ["0410-044F"]}}, "scripts", "`ё`"),
    ("kk", {"own_letters": "ғқң"}, "", ""),
    ("kk", {"own_letters": "ғқs"}, "own_letters", "`s`"),
    ("tr", {"own_letters": "ae"}, "own_letters", "letters of English"),
    ("th", {"digits": "๑๒๓๔๕๖๗๘๙๐"}, "digits", "another place"),
    ("th", {"digits": "๐๑๒๓๕๔๖๗๘๙"}, "digits", "`๕`"),
    ("th", {"digits": "๐๑๒๓๔๕๖๗๘"}, "digits", "9 different digits"),
    ("th", {"number_marks": {"decimal": ",", "group": "."}}, "number_marks", "CLDR has the decimal mark `.`"),
    ("tr", {"number_marks": {"decimal": ".", "group": ","}}, "number_marks", "CLDR has the decimal mark `,`"),
    ("tr", {"number_marks": {"decimal": ",", "group": ","}}, "number_marks", "decimals and of groups"),
    ("th", {"answer_labels": [["ก", "ข", "ง", "จ"], ["1", "2", "3", "4", "5"]]}, "answer_labels", "one is missing"),
    ("th", {"answer_labels": [["ก", "ข", "ข", "ง"]]}, "answer_labels", "twice"),
    ("th", {"answer_labels": [["1", "3", "2", "4"]]}, "answer_labels", "not in order"),
    ("th", {"answer_labels": [["ก", "ข", "ค"], ["ข", "ก", "ค"]]}, "answer_labels", "two options"),
    ("th", {"answer_marks": ["Answer", "Solution"]}, "answer_marks", "not in Thai"),
    ("th", {"label_words": {"before": ["option", "choice"]}}, "label_words", "not in Thai"),
    ("tr", {"answer_marks": ["Answer", "Final answer"]}, "answer_marks", "not in Turkish"),
    ("tr", {"fold": ["nfc", "yo"]}, "fold", "`yo` is for letters"),
    ("tr", {"fold": ["nfc", "arabic_letters"]}, "fold", "`arabic_letters` is for letters"),
    ("th", {"ngrams": {"segments": "words", "raw": "words"}}, "segments", "no space stands between"),
    ("th", {"ngrams": {**CHARACTERS, "size": 1}}, "no false alarm, segments", "taken for one another"),
    ("tr", {"squeezed_length": 8}, "no false alarm, squeezed", "taken for one another"),
    ("tr", {"negation_cues": ["e"]}, "", ""),
    ("th", {"negation_cues": ["ร"]}, "negation_cues", "found in nearly every text"),
    ("tr", {"negation_cues": ["not", "except"]}, "negation_cues", "not in Turkish"),
    ("th", {"above_options": ["[ก-๙ ]{1,90}"]}, "above_options", "stands for usual words"),
    ("th", {"behaviours": {"verification": ["[ก-ฮ]"]}}, "behaviours", "found in nearly every text"),
    ("th", {"directives": ["ตอบใน \\boxed{"]}, "directives, rendered", "torn"),
    ("th", {"directives": ["Give the answer in a box."]}, "directives", "not in Thai"),
    ("th", {"prompts": {"system": {"en": "Think carefully, and answer in Korean."}}}, "prompts.system.en", "does not name Thai"),
    ("th", {"prompts": {"system": {"en": "คิดให้รอบคอบเป็นภาษาไทย Thai แล้วตอบเป็นภาษาไทย"}}}, "prompts.system.en", "it is in `th`"),
    ("th", prompts(monolingual="Think carefully, in the language of the question only."), "prompts.monolingual", "`en`"),
    ("tr", prompts(short="Solve the problem in a few sentences, and answer in the same language."), "prompts.short", "`en`"),
    ("th", prompts(translate="Translate the text into natural Korean."), "prompts.translate", "does not name Thai"),
)


@pytest.mark.parametrize(("code", "said", "check", "told"), MISTAKES)
def test_a_mistake_in_a_profile_is_named(code: str, said: dict[str, Any], check: str, told: str) -> None:
    found = wrong(tried(code, alarms="alarm" in check, **said))
    if not check:
        assert found == {}, "what is short or odd need not be wrong"
        return
    assert check in found, sorted(found)
    assert told in found[check].told
    assert found[check].line or check.startswith("answer_labels")


def test_cues_are_counted_in_exam_items() -> None:
    exams = (Exam("ข้อใดไม่ใช่ผลไม้", ("กล้วย", "หิน", "ถูกทุกข้อ")), Exam("ข้อใดเป็นผลไม้", ("กล้วย", "หิน")))
    found = {each.check: each.told for each in tried("th", exams=exams, alarms=False, negation_cues=["ไม่ใช่", "ยกเว้น"])}
    assert found["negation_cues, found"] == "in 1 of 2 exam items"
    assert found["above_options, found"] == "in 1 of 2 exam items"


def test_the_bound_of_none_in_n_is_three_in_n() -> None:
    assert bound(0, 100) == pytest.approx(0.0295, abs=1e-4)
    assert bound(2, 100) > bound(1, 100) > bound(0, 100)


def test_a_new_project_is_tried_from_its_folder(tmp_path: Any) -> None:
    place = Project(tmp_path)
    assert place.run("new", ".", "--language", "kk").code == 0
    good = place.run("check", "--language", "kk")
    assert good.code == 0 and "score 14 of 14" in good.out, good.out + good.err
    profile = tmp_path / "languages" / "kk.yaml"
    profile.write_text(profile.read_text("utf-8").replace('digits: "0123456789"', 'digits: "0123456798"'), "utf-8")
    bad = place.run("check", "recipe.yaml", "--language", "kk", "--json")
    assert bad.code == 2
    assert [each["check"] for each in bad.json["checks"] if each["state"] == "wrong"] == ["digits"]


def test_what_is_missing_is_a_message(tmp_path: Any) -> None:
    place = Project(tmp_path)
    assert "`recipe new --language xx` drafts one" in place.run("check", "--language", "xx").err
    assert "say which recipe" in place.run("check").err
    (tmp_path / "exams.jsonl").write_text('{"question": "x"}\n')
    assert "exams.jsonl:1: no item of an exam" in place.run("check", "--language", "th", "--exams", "exams.jsonl").err
