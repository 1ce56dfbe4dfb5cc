"""The search for overlap with benchmarks finds what a naive comparison of everything with everything finds, and no more."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.kernels.fold import folded, normal_stream, places_of, raw_stream
from operators.kernels.overlap import sought
from operators.kernels.overlap.ngrams import Item, Unit
from operators.kernels.overlap.rolling import Substrings, windows
from operators.kernels.overlap.search import Index
from operators.kernels.segments import cuts_of
from operators.kernels.text import Ints, Texts, string_of
from tests.brute import all_grams, places

DATES = ("년", "월", "일")


def texts(rows: Sequence[str | None]) -> Texts:
    return Texts(pa.array(rows, pa.large_string()))


def by_words(rows: list[str]) -> list[Ints]:
    return cuts_of("words", rows, 1)


UNITS = [Unit(False, 5, by_words), Unit(True, 5, by_words), Unit(False, 24), Unit(True, 15)]
NAIVE = [(False, str.split, 5), (True, str.split, 5), (False, None, 24), (True, None, 15)]


#: Words and marks of which something folds to what its neighbours make of it.
ODD_WORDS, ODD_MARKS = ["ㅋㅋㅋ", "ㄱ", "ｶﾀｶﾅｶ", "กำลังน้ำ", "ﬁn"], ["\u0301", "ﾞ", "\u11a8"]


def corpus(seed: int, count: int, longest: int, odd: bool = False) -> list[str]:
    """Texts of few words, so that much stands in many of them, with marks and spaces that a person may type."""
    chosen = random.Random(seed)
    words = [
        "물은",
        "왜",
        "끓나요",
        "다음",
        "중",
        "옳은",
        "것을",
        "고르시오",
        "Water",
        "boils",
        "１００",
        "2025년",
        "가나다라마바사",
        "ab",
        "0",
    ]
    marks = ["", "", "", ",", ".", "?", "…", "\n", "  "]
    if odd:
        words, marks = words + ODD_WORDS, marks + ODD_MARKS
    return [" ".join(chosen.choice(words) + chosen.choice(marks) for _ in range(chosen.randrange(longest))) for _ in range(count)]


def items_of(rows: Sequence[str]) -> list[Item]:
    return [Item(at % 2, at, (text, *rows[at + 1 : at + 2])) for at, text in enumerate(rows)]


def naive(items: Sequence[Item], rows: Sequence[str], boilerplate: Sequence[str], common: int) -> dict[int, int]:
    """Row -> places in it that begin an n-gram of any pass."""
    found: dict[int, int] = {}
    for raw, cut, length in NAIVE:
        grams = all_grams(items, raw, cut, length, DATES, boilerplate, common)
        for number, row in enumerate(rows):
            if begun := places(row, raw, cut, grams):
                found[number] = found.get(number, 0) + len(begun)
    return found


def counted(index: Index, rows: Sequence[str]) -> dict[int, int]:
    """Row -> places in it that begin an n-gram."""
    return {row: hit.places for row, hit in index.search([texts(rows)]).items()}


@pytest.mark.parametrize("odd", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_what_is_found_is_what_a_naive_scan_finds(seed: int, odd: bool) -> None:
    items, rows = items_of(corpus(seed, 12, 30, odd)), corpus(seed + 100, 60, 60, odd) + corpus(seed, 12, 30, odd)
    boilerplate, common = corpus(seed, 1, 9), 3
    index = Index(UNITS, items, DATES, boilerplate, common)
    wanted = naive(items, rows, boilerplate, common)
    assert wanted and len(wanted) < len(rows)
    assert counted(index, rows) == wanted
    assert odd or not index.apart


def test_a_search_that_skips_windows_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: a filter before the comparison that lets one window in two pass."""
    whole = sought.Window.among

    def half(self: sought.Window, hashes: np.ndarray[Any, Any]) -> tuple[Ints, Ints]:
        at, which = whole(self, hashes)
        return at[::2], which[::2]

    monkeypatch.setattr(sought.Window, "among", half)
    with pytest.raises(AssertionError):
        test_what_is_found_is_what_a_naive_scan_finds(0, False)


def test_a_search_that_begins_at_some_windows_only_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: windows of a text at every eighth place, of strings that have those of every fourth."""
    made = sought.Sought.window
    monkeypatch.setattr(sought.Sought, "window", lambda *given: replace(made(*given), step=made(*given).step * 2))
    with pytest.raises(AssertionError):
        test_what_is_found_is_what_a_naive_scan_finds(0, False)


PARTS = st.lists(st.sampled_from([*ODD_WORDS, *ODD_MARKS, "물은 왜", "끓나요", "Water ", "x", " ", "…", "각", "ｅ"]), max_size=14)
CHARACTERS = [Unit(True, 12), Unit(False, 12)]


@given(PARTS, PARTS, PARTS)
@settings(deadline=None)
def test_raw_text_is_found_by_its_sign_in_folded_text_whatever_stands_around_it(
    before: list[str], within: list[str], after: list[str]
) -> None:
    text = unicodedata.normalize("NFC", "".join([*before, *within, *after]))
    items = [Item(0, 0, (unicodedata.normalize("NFC", "".join(within)),)), Item(0, 1, ("가나다라마바사아자차카타파하",))]
    alone = counted(Index(CHARACTERS[:1], items, DATES, (), 10), [text])
    index = Index(CHARACTERS, items, DATES, (), 10)
    assert {row: len(places) for row, places in index.within(texts([text])).get(0, {}).items()} == alone


def test_a_sign_leaves_out_the_character_that_what_follows_may_change() -> None:
    text = "물은 왜 끓나요 여러분 ｶ"
    index = Index([Unit(True, 10), Unit(False, 24)], [Item(0, 0, (text,))], DATES, (), 10)
    assert not index.apart and set(index.search([texts([f"앞 {text}", f"앞 {text}ﾞ 뒤"])])) == {0, 1}
    sign = index.normal[index.lead].strings
    assert string_of(sign.points[sign.start[-1] : sign.end[-1]]) == "물은왜끓나요여러분"


@given(st.lists(st.text(max_size=40), min_size=1, max_size=6))
@settings(deadline=None)
def test_a_stream_has_what_counts_of_each_text_and_leads_back_to_it(rows: list[str]) -> None:
    held = texts(rows)
    normal, raw = normal_stream(held), raw_stream(held)
    for number, row in enumerate(rows):
        text = unicodedata.normalize("NFC", row)
        assert string_of(normal.row(number)) == folded(text).replace(" ", "")
        assert string_of(raw.row(number)) == "".join(text.split())
        assert len(places_of(text, False)) == len(normal.row(number)) + 1
        assert len(places_of(text, True)) == len(raw.row(number)) + 1


def test_windows_at_every_few_places_are_those_of_every_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operators.kernels.overlap.rolling.CHUNK", 16)
    points = np.array([at * at % 31 for at in range(101)], dtype=np.uint32)
    every, fourth = (np.concatenate([made for _, (made,) in windows(points, [(6, step)])]) for step in (1, 4))
    assert fourth.tolist() == every[::4].tolist()


@pytest.mark.parametrize("width", [1, 5, 8, 13, 24])
def test_equal_windows_have_equal_hashes_across_chunks(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operators.kernels.overlap.rolling.CHUNK", 16)
    points = np.array([at % 7 + 1 for at in range(100)], dtype=np.uint32)
    hashes = np.concatenate([made for _, (made,) in windows(points, [(width, 1)])])
    assert len(hashes) == 100 - width + 1
    assert len(set(hashes.tolist())) == 7
    told = Substrings(points).hashes(np.arange(len(hashes)), np.arange(len(hashes)) + width)
    assert len(set(zip(hashes.tolist(), told.tolist(), strict=True))) == 7


def test_the_first_thing_found_is_told_with_its_place_in_the_text() -> None:
    item = Item(0, 7, ("서울은 대한민국의 수도이며 한강이 도시를 가로질러 흐르고 있다",))
    row = "들어가며. 「서울은, 대한민국의 수도이며\n한강이 도시를 가로질러 흐르고 있다」 끝"
    hit = Index([Unit(False, 24)], [item], (), (), 10).search([texts(["물", None, row])])[2]
    assert (hit.benchmark, hit.item, hit.found_in, hit.column) == (0, 7, 0, 0)
    assert row[hit.first : hit.last].startswith("서울은, 대한민국의")


@pytest.mark.parametrize(
    "text",
    [
        "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
        "2024년 3월 5일 2025년 4월 6일 2026년 5월 7일 2027년 6월 8일",
        "하하하하하하하하하하하하하하하하하하하하하하하하하하하하",
        "정답입니다 정답입니다 정답입니다 정답입니다 정답입니다 정답입니다",
        "1+1=?",
    ],
)
def test_what_carries_no_evidence_is_never_found(text: str) -> None:
    index = Index(UNITS, [Item(0, 0, (text,))], DATES, (), 10)
    assert index.search([texts([f"앞에 {text} 뒤에"])]) == {} and index.silent == 1


def test_a_short_item_is_found_as_a_whole_and_its_options_alone_are_not() -> None:
    item = Item(0, 0, ("대한민국 수도는 어디입니까", "서울특별시 광역시"))
    index = Index([Unit(False, 13, by_words)], [item], (), (), 10)
    found = index.search(
        [texts(["문제: 대한민국 수도는 어디입니까?", "대한민국 수도는", "서울특별시 광역시", "대한민국수도는어디입니까"])]
    )
    assert set(found) == {0}


def test_what_stands_in_many_items_of_a_benchmark_is_boilerplate() -> None:
    text = "다음 글을 읽고 물음에 가장 알맞은 답을 고르십시오"
    items = [Item(0, at, (f"{text} {at}번 {'가나다라마바사아자차카타파하'[at]} 이야기",)) for at in range(12)]
    rows = [text, items[3].texts[0]]
    unit = Unit(False, 5, by_words)
    assert set(Index([unit], items, (), (), 10).search([texts(rows)])) == {1}
    assert set(Index([unit], items, (), (), 12).search([texts(rows)])) == {0, 1}
