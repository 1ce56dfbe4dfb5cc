"""The leak benchmark: each kind of leak does what its name says, and its plain passes find what they say they find."""

from __future__ import annotations

import importlib.util
import re
import sys
from random import Random

import pytest

from tests.conftest import ROOT

sys.path.append(str(ROOT / "benchmarks"))

from leaking import kinds, naive, peers
from leaking.counting import Shared, at_most, upper_bound

ITEM = (
    "철수는 시장에서 사과 12개를 샀고, 영희가 가게에서 배 7개를 샀습니다. "
    "두 사람이 산 과일을 모두 바구니에 담으면 바구니에는 과일이 몇 개 있습니까?"
)
FILLERS = ["어제는 하루 종일 비가 왔다.", "내일은 산에 오르려고 한다."]
NEEDS_KIWI = pytest.mark.skipif(importlib.util.find_spec("kiwipiepy") is None, reason="morphemes need kiwipiepy")


def leaked(kind: str, text: str = ITEM) -> str:
    return kinds.kinds(FILLERS)[kind](text, Random(1))


def letters(text: str) -> str:
    return "".join(char for char in text if char.isalpha())


def test_an_exact_leak_is_the_item() -> None:
    assert leaked("exact") == ITEM


def test_a_wrapped_leak_is_the_item_between_other_texts() -> None:
    before, item, after = leaked("wrapped in other text").split("\n")
    assert item == ITEM and {before, after} == set(FILLERS)


@pytest.mark.parametrize("kind", ["lines broken elsewhere", "lines broken within words"])
def test_other_lines_are_the_same_text_but_for_its_white_space(kind: str) -> None:
    text = leaked(kind)
    assert "\n" in text and "".join(text.split()) == "".join(ITEM.split())
    assert (text.split() == ITEM.split()) == (kind == "lines broken elsewhere")


def test_without_spaces_no_white_space_is_left() -> None:
    assert leaked("spaces removed") == ITEM.replace(" ", "")


def test_a_stray_space_stands_within_a_word_and_no_space_is_lost() -> None:
    text = leaked("stray spaces in words")
    assert text.replace(" ", "") == ITEM.replace(" ", "")
    words = text.split()
    assert len(words) > len(ITEM.split()) and not set(words) <= set(ITEM.split())


def test_other_punctuation_leaves_letters_numbers_and_words() -> None:
    text = leaked("punctuation changed", f"{ITEM} 값은 1,500원이다.")
    assert naive.normalised(text).split() == naive.normalised(f"{ITEM} 값은 1,500원이다.").split()
    assert "샀고," not in text and "1,500" in text


@NEEDS_KIWI
def test_particles_are_swapped_behind_nouns_and_nowhere_else() -> None:
    assert leaked("particles swapped") == (
        "철수가 시장에서 사과 12개는 샀고, 영희는 가게에서 배 7개는 샀습니다. "
        "두 사람은 산 과일은 모두 바구니에 담으면 바구니에는 과일은 몇 개 있습니까?"
    )


def test_other_numbers_have_as_many_digits_and_nothing_else_changes() -> None:
    text = leaked("numbers changed")
    assert letters(text) == letters(ITEM) and len(text) == len(ITEM)
    assert all(new != old for new, old in zip(re.findall("[0-9]+", text), ["12", "7"], strict=True))


@NEEDS_KIWI
def test_reordered_clauses_are_the_same_and_none_follows_the_one_it_followed() -> None:
    before = kinds.clauses(ITEM)
    assert before == [
        "철수는 시장에서 사과 12개를 샀고,",
        "영희가 가게에서 배 7개를 샀습니다.",
        "두 사람이 산 과일을 모두 바구니에 담으면",
        "바구니에는 과일이 몇 개 있습니까?",
    ]
    assert leaked("clauses reordered") == " ".join([before[1], before[3], before[0], before[2]])


def test_every_sixth_word_is_dropped() -> None:
    words = ITEM.split()
    assert leaked("every 6th word dropped").split() == [word for at, word in enumerate(words) if at % 6 != 5]


@NEEDS_KIWI
@pytest.mark.parametrize(
    ("kind", "short"),
    [("numbers changed", "사과를 먹었다"), ("clauses reordered", "비가 온다"), ("every 6th word dropped", "비가 온다"),
     ("particles swapped", "빨리 먹었다"), ("punctuation changed", "비가 온다"), ("stray spaces in words", "비 a")],
)  # fmt: skip
def test_a_kind_that_has_nothing_to_change_leaves_the_text_alone(kind: str, short: str) -> None:
    assert leaked(kind, short) == short


@NEEDS_KIWI
def test_segments_cover_all_but_spaces_and_morphemes_that_share_a_syllable_are_one() -> None:
    text = "Ａ반에 갔고, 1,500원을 냈다!"
    assert "".join(naive.segments(text)) == naive.squeezed(text) == "a반에갔고1500원을냈다"
    assert "갔" in naive.segments(text)


@NEEDS_KIWI
def test_the_shortcut_finds_what_looking_at_every_window_finds() -> None:
    items = [[ITEM], ["바구니에 과일이 있습니까?"], ["짧다"]]
    rows = [leaked(kind) for kind in kinds.kinds(FILLERS)] + FILLERS + ["그 바구니에 과일이 있습니까? 없다."]
    plain = []
    for row in rows:
        hits = set()
        for name, each in naive.PASSES.items():
            units = each.units(row)
            known = {gram for item in items for gram in naive.grams(each.units(item[0]), each.size, whole=True)}
            known = {gram for gram in known if naive.evident(gram)}
            if any(tuple(units[at : at + size]) in known for size in range(1, each.size + 1) for at in range(len(units))):
                hits.add(name)
        plain.append(hits)
    assert naive.flag(rows, items) == plain
    assert plain[0] == {"segments", "raw", "squeezed"} and set() in plain


@pytest.mark.parametrize(
    ("text", "said"),
    [("가나다라마바사아", True), ("가나다라마바사 1", False), ("가나가나가다라라", False), ("가나다라마가나다라마", False)],
)
def test_a_gram_is_evidence_with_eight_letters_of_five_kinds_and_no_period(text: str, said: bool) -> None:
    assert naive.evident(text.replace(" ", "")) == said


def test_eight_words_in_a_row_are_what_the_peer_looks_for() -> None:
    words = ITEM.split()
    rows = [" ".join(words[2:10]), " ".join(words[2:9]), ITEM.replace(" ", "  ")]
    assert [bool(passes) for passes in peers.whitespace_8(rows, [[ITEM]])] == [True, False, True]


def test_the_bound_is_the_rate_at_which_so_few_hits_are_a_chance_in_twenty() -> None:
    assert upper_bound(0, 100) == pytest.approx(1 - 0.05 ** (1 / 100))
    assert at_most(3, 1000, upper_bound(3, 1000)) == pytest.approx(0.05)
    assert upper_bound(5, 5) == 1


def test_the_longest_shared_text_is_told_with_its_item() -> None:
    assert Shared(["아무 상관이 없는 다른 글이다", ITEM]).longest("그래서 산 과일을 모두 바구니에 담으면?") == (
        1,
        "산과일을모두바구니에담으면",
    )
