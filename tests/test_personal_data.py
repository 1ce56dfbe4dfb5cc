"""Personal data: what belongs to a person is found in several languages, and what looks like it is left alone."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest
import yaml

from operators.declared.profile import LanguageProfile
from operators.kernels.personal import KINDS, places_in, proven, rules_of
from operators.maps.mask_personal_data import MaskPersonalData
from tests.conftest import ROOT

#: Language -> sentences around a number, identity numbers (made by python-stdnum, no person's), telephone numbers.
PLANTED = {
    "ko": (
        ["제 번호는 {}입니다.", "{}", "(연락처: {}, 오후)"],
        ["930623-1234567", "821106-2098765", "9001011234568"],
        ["010-2345-6789", "01023456789", "010 2345 6789", "02-345-6789", "+82 10-2345-6789", "０１０－２３４５－６７８９"],
    ),
    "th": (
        ["หมายเลข{}ครับ", "{}", "เบอร์ {} นะ"],
        ["1101700230708", "1-1017-00230-70-8", "๑๑๐๑๗๐๐๒๓๐๗๐๘"],
        ["081-234-5679", "0812345679", "02-234-5679", "+66 81 234 5679"],
    ),
    "tr": (
        ["Numaram {}.", "{}", "no: {}, sonra"],
        ["10000000146", "12345678950"],
        ["0532 123 45 67", "05321234567", "+90 532 123 45 67", "0212 234 56 78"],
    ),
    "vi": (
        ["Số của tôi là {}.", "{}", "liên hệ: {}, chiều"],
        ["001099012345", "079203004567"],
        ["0912345678", "091 234 5678", "0912.345.678", "+84 91 234 5678"],
    ),
    "hi": (
        ["नंबर {} है", "{}", "संख्या: {}।"],
        ["234123412346", "2341 2341 2346", "२३४१२३४१२३४६", "ABCPE1234F"],
        ["+91 98765 43210", "+91-9876543210", "98765 43210"],
    ),
    "en": (["My number is {}.", "{}"], ["123-45-6789"], ["(415) 555-2671", "415-555-2671", "+1 415 555 2671"]),
    "zh": (["号码是{}。", "{}"], ["11010519491231002X"], ["13812345678", "138 1234 5678"]),
    "ru": (["Мой номер {}.", "{}"], ["500100732259"], ["+7 912 345-67-89", "8 (912) 345-67-89"]),
    "fa": (["کد ملی {} است"], ["0084575948"], []),
}
ANYWHERE = [
    ("email", "hong.gil@mail.go.kr"),
    ("card", "4111 1111 1111 1111"),
    ("card", "4111111111111111"),
    ("phone", "+49 30 1234 5678"),
]
#: What a person writes that belongs to none.
LIKE = [
    *(
        "2024-01-05 10:20",
        "3.01012345678",
        "9788937460449",
        "1,234,567,890",
        "192.168.010.123",
        "a01012345678f",
        "010-1234-56789",
    ),
    *("2024-1234-5678", "4111 1111 1111 1112", "me@example.com", "@mention", "user@localhost", "x = 12-345", "010-0000-0000"),
    *("4878030015734997 + 11 = ", "v1.23.456", "20240105123456"),
]
#: Language -> numbers whose check digits are wrong, or that nothing near them names.
UNPROVEN = {
    "ko": ["9001011234567"],
    "th": ["1101700230704", "1-1017-00230-70-4"],
    "tr": ["10000000145", "12345678951"],
    "vi": ["123456789", "912345678901"],
    "hi": ["234123412345", "9876543210123"],
    "fa": ["0084575949"],
}


def found(language: str, texts: list[str]) -> list[list[tuple[str, str]]]:
    """(kind, text) of what is found in each text."""
    said = yaml.safe_load((ROOT / f"recipes/languages/{language}.yaml").read_text("utf-8"))
    numbers = LanguageProfile.model_validate(said).entry("personal_data")
    places = places_in(pa.array(texts), rules_of(KINDS, [numbers]))
    return [[(kind, text[start:end]) for start, end, kind in places.get(row, [])] for row, text in enumerate(texts)]


@pytest.mark.parametrize("language", PLANTED)
def test_what_is_planted_is_found_as_it_is_written(language: str) -> None:
    sentences, ids, phones = PLANTED[language]
    planted = [*(("id", each) for each in ids), *(("phone", each) for each in phones), *ANYWHERE]
    pairs = [(sentence.format(number), kind, number) for sentence in sentences for kind, number in planted]
    assert found(language, [text for text, _, _ in pairs]) == [[(kind, number)] for _, kind, number in pairs]


@pytest.mark.parametrize("language", PLANTED)
def test_what_looks_like_it_is_left_alone(language: str) -> None:
    sentences, _, _ = PLANTED[language]
    texts = [sentence.format(number) for sentence in sentences for number in [*LIKE, *UNPROVEN.get(language, ())]]
    assert found(language, texts) == [[] for _ in texts]


def test_numbers_of_a_list_are_found_one_by_one() -> None:
    told = "010-1234-5678,010-2222-3333 010 4444 5555/a@mail.kr;b@mail.kr"
    ((*kinds,),) = ([kind for kind, _ in each] for each in found("ko", [told]))
    assert kinds == ["phone", "phone", "phone", "email", "email"]


def test_a_number_without_proof_of_its_own_is_found_behind_its_name() -> None:
    assert found("vi", ["CMND số 123456789", "số 123456789"]) == [[("id", "123456789")], []]
    assert found("ko", ["여권번호 M12345678", "모델명 M12345678"]) == [[("id", "M12345678")], []]


def test_check_digits_are_those_of_their_schemes() -> None:
    assert proven("2363", ["verhoeff"]) and not proven("2364", ["verhoeff"])
    assert not proven("A363", ["verhoeff"]) and not proven("²363", [{"weights": [1, 1, 1], "digits": "0123456789"}])
    assert proven("79927398713", ["luhn"]) and not proven("0000000000000000", ["luhn"])


def test_masking_changes_what_is_found_and_nothing_else() -> None:
    texts = pa.array(["\u1100\u1161 a@mail.kr, ＋８２ 10 1234 5678 \ufdd0끝", None, "없음"])
    (masked,) = MaskPersonalData(mark="<{kind}>").change(texts, {"personal_data": {}})
    assert masked.to_pylist() == ["\u1100\u1161 <email>, <phone> \ufdd0끝", None, "없음"]


@pytest.mark.parametrize("part", ["a@", "010-1234-5678 ", "1", "1-", "(02", "a@b.c1.", "+82 10 "])
def test_a_hostile_text_takes_linear_time(part: str) -> None:
    start = time.process_time()
    found("ko", [part * (1_000_000 // len(part))])
    assert time.process_time() - start < 5
