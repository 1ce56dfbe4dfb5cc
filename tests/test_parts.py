"""A benchmark's item is found by its question and options, whatever their labels and order; one part of it alone is none."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest
import yaml

from operators.kernels.labels import extended
from operators.kernels.overlap.ngrams import Item
from operators.kernels.segments import cuts_of
from operators.kernels.text import Texts
from operators.measures.decontaminate import Decontaminate
from tests.conftest import ROOT

KING = ("다음 중 조선의 제4대 임금은?", ("태종", "세종", "문종", "단종"))
PRIME = ("Which of these is prime?", ("4", "6", "9", "11"))
CELL = ("광합성이 일어나는 세포 소기관은?", ("미토콘드리아", "리보솜", "엽록체", "골지체"))
#: One short item in each language that ships.
SHORT = {
    "ko": KING,
    "en": ("Which planet has rings?", ("Mars", "Saturn", "Venus", "Mercury")),
    "fa": ("پایتخت ایران کجاست؟", ("شیراز", "تهران", "تبریز", "مشهد")),
    "hi": ("भारत की राजधानी क्या है?", ("मुंबई", "दिल्ली", "चेन्नई", "पटना")),
    "ru": ("Столица какой страны Рим?", ("Испании", "Италии", "Греции", "Турции")),
    "th": ("เมืองหลวงของไทยคือที่ใด", ("เชียงใหม่", "กรุงเทพ", "ภูเก็ต", "ระยอง")),
    "tr": ("Türkiye'nin başkenti neresidir?", ("İzmir", "Ankara", "Bursa", "Konya")),
    "vi": ("Thủ đô của nước ta là gì?", ("Huế", "Hà Nội", "Đà Nẵng", "Vinh")),
    "zh": ("下列哪一个城市是中国的首都？", ("上海", "北京", "广州", "深圳")),
}
OTHERS = ("ㅋ", "ㅎ", "ㅌ", "ㅍ")


def profile(language: str) -> dict[str, Any]:
    said = yaml.safe_load((ROOT / "recipes" / "languages" / f"{language}.yaml").read_text("utf-8"))
    return {name: said[name] for name in ("ngrams", *Decontaminate.may_lack) if name in said}


def found(
    items: list[tuple[str, tuple[str, ...]]], rows: list[tuple[str, list[str] | None]], language: str = "ko", **said: Any
) -> list[bool]:
    """Whether each row, a prompt and its options, has an item."""
    step = Decontaminate(**{"passes": ("parts",), "segmenter": "words"} | said)
    made = [Item(0, at, ("\n".join([question, *options]),), question, options) for at, (question, options) in enumerate(items)]
    index = step.index([made], profile(language), lambda library, texts: cuts_of("words", texts, 1))
    prompts = Texts(pa.array([prompt for prompt, _ in rows], pa.large_string()))
    shown = pa.array([options for _, options in rows], pa.large_list(pa.large_string()))
    hits = index.search([prompts], 0, shown)
    return [row in hits for row in range(len(rows))]


def written(question: str, options: list[str] | tuple[str, ...], labels: Any, close: str = ". ", between: str = "\n") -> str:
    return question + "".join(f"{between}{label}{close}{each}" for label, each in zip(labels, options, strict=False))


def test_a_copy_is_found_with_other_labels_another_order_in_columns_or_with_its_question_alone() -> None:
    question, options = KING
    rows = [
        (question, list(options)),
        (question, list(options[::-1])),
        (question, [f"({label}) {each}" for label, each in zip("가나다라", options, strict=True)]),
        (written(question, options, "ABCD"), None),
        (written(question, options[::-1], "①②③④", " ", " "), None),
        (written(question, options, ["1", "2", "3", "4"], ") "), None),
        ("다음 문제를 풀어라.\n\n문제: " + written(question, options, "가나다라") + "\n\n정답을 고르시오.", None),
        (f"{question}\n" + "\n".join(options), None),
        (f"{question} " + ", ".join(options), None),
        (question, None),
        (f"Q: {question}\n단계별로 생각하세요.", None),
        (question.replace(" ", ""), None),
    ]
    assert found([KING, CELL], rows) == [True] * len(rows)


def test_what_shares_one_part_is_no_copy() -> None:
    question, options = PRIME
    rows = [
        (question, ["21", "23", "25", "27"]),
        (written(question, ["21", "23", "25", "27"], "ABCD"), None),
        (f"{question} 21, 23, 25, 27", None),
        (f"{question}\n21\n23\n25\n27", None),
        ("Which of these is a square?", list(options)),
        ("\n".join(options), None),
        ("11", None),
        ("I was asked which of these is prime and which is not, and I said that I had never learned what that means.", None),
    ]
    assert found([PRIME], rows, "en") == [False] * len(rows)
    assert found([KING], [("세종의 아버지는 누구인가?", list(KING[1])), ("세종", None)]) == [False, False]


def test_options_that_were_added_or_one_that_was_changed_hide_no_item() -> None:
    question, options = KING
    shown = [*options, "예종", "성종"], [*options[:3], "예종"], ["태종", "예종", "성종", "단종"]
    assert found([KING], [(question, each) for each in shown]) == [True, True, False]


def test_a_question_with_too_few_letters_needs_its_options_or_to_be_copied_sign_for_sign() -> None:
    item = ("3 + 4 = ?", ("5", "6", "7", "8"))
    rows: list[tuple[str, list[str] | None]] = [
        ("3 + 4 = ?", None), ("3+4=", ["5", "6", "7", "8"]), ("3 - 4 = ?", None), ("34", None), ("3 + 4 = ?", ["1", "2"])
    ]  # fmt: skip
    assert found([item], rows) == [True, True, False, False, False]


def test_a_stem_of_many_items_is_evidence_with_options_that_tell_alone() -> None:
    stem = "다음 글의 내용과 일치하는 것은?"
    items = [(stem, (f"{at}번 사실이다", f"{at}번 거짓이다", f"{at}번 모른다")) for at in range(12)]
    rows = [(stem, None), (stem, ["3번 사실이다", "3번 거짓이다", "3번 모른다"]), (stem, ["ㄱ", "ㄴ", "ㄷ"])]
    assert found(items, rows) == [False, True, False]
    assert found(items, rows, common=20) == [True, True, False]


def test_what_is_exempt_is_looked_for_nowhere() -> None:
    assert found([KING], [(KING[0], None)], **{"except": (KING[0],)}) == [False]


@pytest.mark.parametrize("language", SHORT)
def test_a_short_item_of_every_language_is_found_in_every_labelling(language: str) -> None:
    question, options = SHORT[language]
    chosen = random.Random(language)
    labellings = [extended(tuple(labels)) for labels in profile(language).get("answer_labels", [["A", "B", "C", "D"]])]
    rows: list[tuple[str, list[str] | None]] = [(question, None), (question, list(options))]
    for labels in labellings:
        for close, between in ((". ", "\n"), (") ", "\n"), (") ", "  ")):
            rows.append((written(question, chosen.sample(options, len(options)), labels, close, between), None))
    assert found([(question, options)], rows, language) == [True] * len(rows)
    others = [(written(question, OTHERS, labels, ") "), None) for labels in labellings]
    assert found([(question, options)], [*others, (question, list(OTHERS))], language) == [False] * (len(others) + 1)


def test_hostile_text_behind_a_question_costs_little() -> None:
    tails = ["A. " * 50_000, "① " * 50_000, "\n" * 100_000, "(" * 100_000, ", " * 50_000]
    assert len(found([KING], [(f"{KING[0]} {tail}", None) for tail in tails])) == len(tails)
