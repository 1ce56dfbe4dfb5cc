"""Recorded answers to word problems and exams: the score says of numbers and labels what plain Python says."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.test_scoring import extracted, pytestmark, scored

__all__ = ["pytestmark"]

#: Nearer than any two of the gold numbers that a model could mean: doubles written in full, which differ in their last place.
PLACES = Decimal("0.000001")


def lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in data.decode().splitlines()]


@pytest.fixture(scope="module")
def problems(data: Path) -> list[dict[str, Any]]:
    """Word problems with what a model said after `the answer is`."""
    return [row for path in sorted((data / "kt_ai").glob("kor-D_*.json")) for row in lines(path)]


@pytest.fixture(scope="module")
def exams(data: Path) -> list[tuple[str, str]]:
    """(the key that a model wrote, the right one) of each exam item whose right answer is here."""
    folder = data / "thai_exam"
    right = {
        json.dumps([row["question"], row["a"], row["b"]]): row["answer"] for path in folder.glob("*.jsonl") for row in lines(path)
    }
    found = []
    for path in sorted((folder / "traces").iterdir()):
        for row in lines(path):
            item = json.loads(row["result"]["inputMessages"][-1]["content"])
            told = re.findall(r'"correct_answer_key"\s*:\s*"(\w)"', row["result"]["text"])
            gold = right.get(json.dumps([item["question"], item.get("a"), item.get("b")]))
            if told and gold is not None:
                found.append((told[-1], gold))
    return found


def number(text: str) -> str | None:
    """The first number of a text, as it stands."""
    found = re.search(r"-?[0-9][0-9,]*(?:\.[0-9]+)?", text)
    return None if found is None else found[0]


def test_a_number_is_right_where_it_is_the_gold_number_to_six_places(problems: list[dict[str, Any]]) -> None:
    told = [(number(row["completion"]), row["answer"]) for row in problems]
    near = [answer is not None and abs(Decimal(answer.replace(",", "")) - Decimal(gold)) < PLACES for answer, gold in told]
    scores = scored([answer for answer, _ in told], [gold for _, gold in told], "math")
    assert len(told) == 1503 and Counter(near) == {True: 1182, False: 321}
    assert scores == near


def test_a_number_with_a_full_stop_is_no_mathematics(problems: list[dict[str, Any]]) -> None:
    stopped = [row for row in problems if re.fullmatch(r" ?[0-9]+\.", row["completion"])][:20]
    answers = extracted([row["completion"] for row in stopped], "last_line")
    golds = [str(answer).removesuffix(".") for answer in answers]
    assert len(stopped) == 20 and scored(answers, golds, "math") == [0] * 20
    assert scored(answers, golds, "exact") == [1] * 20


def test_an_exam_answer_is_right_where_its_letter_is_the_gold_letter(exams: list[tuple[str, str]]) -> None:
    answers, golds = ([pair[place] for pair in exams] for place in (0, 1))
    same = [int(answer == gold) for answer, gold in exams]
    assert len(exams) > 600 and 0 < sum(same) < len(same)
    assert scored(answers, golds, "choice") == same
    for written in ("12345", "①②③④⑤", "가나다라마"):
        assert scored(answers, [written["abcde".index(gold)] for gold in golds], "choice") == same
