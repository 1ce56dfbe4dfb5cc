"""What counts as one letter where texts are compared: by the profile's rules, where an operator reads them, and nowhere else."""

from __future__ import annotations

import json
import random
import string
import unicodedata
from typing import Any

import pyarrow as pa
import pytest
import yaml

from operators.kernels.equal import compared
from operators.kernels.fold import folded, normal_stream, places_of
from operators.kernels.text import Texts, string_of
from operators.measures.decontaminate import Decontaminate
from operators.text.fold import WORDING, Folding, letters
from tests.conftest import ROOT, Project

LANGUAGES = sorted(path.stem for path in (ROOT / "recipes" / "languages").glob("*.yaml"))
#: Two ways to write one text, by the rule that makes them one.
TWINS = {
    "joiners": ("می‌خواهم", "میخواهم"),
    "invisible": ("물은\u200b 왜\ufeff", "물은 왜"),
    "digits": ("सन् १९४७", "सन् 1947"),
    "arabic_letters": ("كتاب يك", "کتاب یک"),
    "hamza": ("مسئول أنا", "مسیول انا"),
    "vowel_marks": ("كَتَبَ", "كتب"),
    "yo": ("Ещё", "Еще"),
    "nukta": ("ज़मीन पढ़ना", "जमीन पढना"),
    "chandrabindu": ("आँख", "आंख"),
    "nasals": ("हिन्दी पञ्च", "हिंदी पंच"),
    "sara_ae": ("เเมว", "แมว"),
    "tone_place": ("hòa thúy KHỎE", "hoà thuý KHOẺ"),
}


def forms(texts: list[str], *rules: str, normalise: tuple[str, ...] = ("nfc", "space")) -> list[str]:
    return compared(pa.array(texts), normalise, Folding.of(rules, case="case" in normalise)).to_pylist()  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", TWINS)
def test_a_rule_makes_its_twins_one_and_without_it_they_are_two(rule: str) -> None:
    one, two = TWINS[rule]
    assert len(set(forms([one, two], rule))) == 1
    assert len(set(forms([one, two]))) == 2
    folding = Folding.of([rule])  # type: ignore[list-item]
    assert folded(one, folding).replace(" ", "") == folded(two, folding).replace(" ", "")


def test_every_rule_has_twins_or_is_a_form_or_of_case() -> None:
    assert set(TWINS) | {"nfc", "nfkc", "turkish_case"} == set(WORDING)


def test_turkish_case_holds_only_where_case_does_not_count() -> None:
    texts = ["IŞIK İçin", "ışık için"]
    assert len(set(forms(texts, "turkish_case"))) == 2
    assert len(set(forms(texts, "turkish_case", normalise=("nfc", "case")))) == 1
    assert len(set(forms(texts, normalise=("nfc", "case")))) == 2


@pytest.mark.parametrize(
    "text",
    ["$X_ي$", r"\(X ي\)", r"\[X\]", r"\begin{align}X ي\end{align}", "`X ي`", "```\nX ي\n```", "camelCase", "MAX_LEN", "H2O"],
)
def test_neither_case_nor_letters_fold_in_formulas_code_and_names_of_programs(text: str) -> None:
    assert forms([f"Say {text} ي"], "arabic_letters", normalise=("nfc", "case")) == [f"say {text} ی"]


def test_what_is_never_closed_costs_no_more_than_its_length() -> None:
    for part in ("$", "`", "```", r"\(", r"\[", r"\begin{a}", "$$", "a_"):
        assert forms([part * 50_000], "yo", normalise=("nfc", "case"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_profile_folds_and_streams_agree_with_strings(language: str) -> None:
    said = yaml.safe_load((ROOT / "recipes" / "languages" / f"{language}.yaml").read_text("utf-8"))
    folding, chosen = Folding.of(said["fold"]), random.Random(language)
    known = "".join(char for rule in folding.rules for char in letters().get(rule, ())) + "".join(folding.sequences)
    chars = known + "각ᆨ가ﾞｶ\u0301\u0307\u0323ạaàẞﬁ x,.\n!한नเแI" + string.ascii_letters
    for _ in range(300):
        row = unicodedata.normalize("NFC", "".join(chosen.choice(chars) for _ in range(chosen.randrange(30))))
        stream = normal_stream(Texts(pa.array(["가", row, None, row])), folding)
        assert string_of(stream.row(1)) == string_of(stream.row(3)) == folded(row, folding).replace(" ", "")
        assert len(places_of(row, False, folding)) == len(stream.row(1)) + 1


def recipe(project: Project, rules: str | None, **step: Any) -> list[str]:
    """The prompts that `unique` keeps of rows that differ in what one rule makes the same."""
    project.rows("a.jsonl", [text for pair in TWINS.values() for text in pair])
    said = "" if rules is None else f"fold: {rules}\n"
    project.write("languages/xx.yaml", f"format: 1\nlanguage: xx\nname: X\n{said}")
    whole = {
        "format": 1,
        "recipe": "test/fold",
        "language": {"target": "xx"},
        "sources": {"a": {"file": "a.jsonl", "category": "c", "license": "A"}},
        "prompts": [{"unique": {"normalise": ["nfc", "space"]} | step}],
    }
    project.write("recipe.yaml", json.dumps(whole))
    return [row["prompt"] for row in project.table("recipe.yaml")]


def test_unique_folds_by_the_profile_or_as_told(project: Project) -> None:
    every = list(TWINS)
    assert len(recipe(project, str(every))) == len(TWINS)
    assert len(recipe(project, str(every), fold=[])) == 2 * len(TWINS)
    assert len(recipe(project, None)) == 2 * len(TWINS)
    assert len(recipe(project, None, fold=["yo", "nukta"])) == 2 * len(TWINS) - 2


def test_only_rules_that_are_read_move_a_key_and_an_empty_fold_moves_none(project: Project) -> None:
    recipe(project, None)
    for fold in ("[]", "[turkish_case]"):
        recipe(project, fold)
        assert project.build()["ran"] == []
    recipe(project, "[yo]")
    project.write("languages/xx.yaml", (project.folder / "languages/xx.yaml").read_text("utf-8").replace("yo", "nukta"))
    assert project.build()["ran"] != []


def test_white_space_of_every_kind_is_white_space(project: Project) -> None:
    texts = [f"물은{space}왜" for space in " \v\f\t\x1c\x1f\x85\u00a0\u2003\u3000\n"]
    assert len(set(forms(texts))) == 1


def test_an_unknown_rule_is_told_at_its_place(project: Project) -> None:
    recipe(project, "[yo]")
    project.write("languages/xx.yaml", "format: 1\nlanguage: xx\nname: X\nfold: [yoo]\n")
    ran = project.run("check", "recipe.yaml")
    assert ran.code == 2 and "languages/xx.yaml:4:8" in ran.err and "yo" in ran.err


PERSIAN = "مسئول كتابخانه‌ي مركزي شهر در سال ۱۳۹۸ چه كسي بود و كتاب‌ها را چگونه به مدارس مي‌رساند؟"
TYPED = "مسیول کتابخانهی مرکزی شهر در سال 1398 چه کسی بود و کتابها را چگونه به مدارس میرساند؟"


def looked(project: Project, target: str, judged: str, row: str, item: str) -> int:
    """How many rows stay of one that has an item in other letters."""
    project.rows("rows.jsonl", [row, "این متن دربارهٔ چیز دیگری است"])
    project.rows("facts.jsonl", [{"q": item, "a": "1"}])
    whole = {
        "format": 1,
        "recipe": "test/overlap",
        "language": {"target": target},
        "sources": {"a": {"file": "rows.jsonl", "category": "c", "license": "A"}},
        "benchmarks": {
            "facts": {
                "items": {"file": "facts.jsonl", "columns": {"prompt": "q", "gold_answer": "a"}},
                "task": "exact", "extract": "last_line", "language": judged, "license": "A",
            }
        },
        "tables": {"t": {"from": "a"}},
        "decontaminate": {"against": ["facts"], "segmenter": "words"},
    }  # fmt: skip
    project.write("recipe.yaml", json.dumps(whole))
    return len(project.table("recipe.yaml"))


def test_an_item_in_letters_that_writers_confuse_is_found(project: Project) -> None:
    assert looked(project, "fa", "fa", TYPED, PERSIAN) == 1


def test_a_benchmark_is_looked_for_by_the_profile_of_its_own_language_too(project: Project) -> None:
    assert looked(project, "en", "fa", TYPED, PERSIAN) == 1
    assert looked(project, "en", "en", TYPED, PERSIAN) == 2


def test_which_benchmark_is_looked_for_by_which_language_is_in_the_key() -> None:
    languages = [("en", "fa"), ("fa", "en"), ("en", "en"), ("target", "en")]
    assert len({str(Decontaminate(languages=each).parameters("measured")) for each in languages}) == len(languages)
    assert Decontaminate(languages=("target", "target")).parameters("measured") == {}
