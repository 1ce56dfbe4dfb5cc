"""What counts as a phrase that comes again: text does, however it is laid out, and layout without words does not."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from operators.kernels.repetition import repeated
from operators.kernels.text import Texts

WORDS = [
    "물은",
    "끓고",
    "하늘은",
    "파란가",
    "we",
    "look",
    "next",
    "case",
    "because",
    "12",
    "40",
    "ต่อไป",
    "แล้ว",
    "поэтому",
    "далее",
]


def share(text: str | None, phrase: int = 32, times: int = 10) -> float | None:
    """The share of a text that repeats; None where the measure abstains."""
    (part,), (whole,) = (each.tolist() for each in repeated(Texts(pa.array([text], pa.large_string())), phrase, times))
    return None if whole < 0 else part / whole


def prose(seed: int, count: int = 60) -> str:
    """Words that make no phrase of 32 characters twice."""
    chance = random.Random(seed)
    return " ".join(f"{chance.choice(WORDS)}{chance.randrange(10**6)}" for _ in range(count))


def lines(seed: int, count: int = 40, indent: str = "", mark: str = "") -> str:
    return "\n".join(f"{indent}{mark}{prose(seed * 1000 + n, 3)}" for n in range(count))


LAYOUT = {
    "deep indentation": lines(1, indent=" " * 48),
    "tabs": lines(2, indent="\t" * 40),
    "wide padding": "\n".join(f"{prose(n, 1)}{' ' * 60}{prose(n + 99, 1)}" for n in range(40)),
    "table rules": "\n".join(f"| {prose(n, 1)} | {prose(n + 50, 1)} |\n|{'---|' * 12}" for n in range(30)),
    "aligned table rules": "\n".join(f"{prose(n, 2)}\n|{':-----:|' * 8}" for n in range(30)),
    "separators": "\n".join(f"{prose(n, 2)}\n{'=' * 60}\n{'-' * 60}" for n in range(30)),
    "thematic breaks": "\n".join(f"{prose(n, 2)}\n* * * * * * * * * * * * * * * * * *" for n in range(30)),
    "leaders": "\n".join(f"{prose(n, 1)} {'.' * 50} {n}" for n in range(30)),
    "grid of signs": "\n".join([prose(1), *["# . . # . . # . . # . . # . . # . ."] * 30]),
    "dense grid": "\n".join([prose(1), *["..#..##...#..##...#..##...#..##...#..##."] * 30]),
    "grid of digits": "\n".join([prose(1), *["0 1 0 0 1 1 0 1 0 0 1 1 0 1 0 0 1 1"] * 30]),
    "sudoku": "\n".join([prose(1), *["5 3 . | . 7 . | . . .", "6 . . | 1 9 5 | . . ."] * 20]),
    "grid of letters": "\n".join([prose(1), *["| A | B | C | D | E | F | G | H | A | B |"] * 30]),
    "grid of syllables": "\n".join([prose(1), *["가 나 다 라 가 나 다 라 가 나 다 라 가 나 다 라 가"] * 30]),
    "labelled grid": "\n".join([prose(1), *(f"| row {n} | . | . | 5 | . | x | . | . | . | . | . | . |" for n in range(40))]),
    "emoji grid": "\n".join([prose(1), *["⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜"] * 30]),
    "nested lists": lines(3, indent=" " * 24, mark="- "),
    "box drawing": "\n".join([prose(1), *["├──┼──┼──┼──┼──┼──┼──┼──┼──┼──┼──┼──┤"] * 30]),
    "matrices": "\n".join([prose(1), *["[0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0],"] * 30]),
}

LOOPS = {
    "one sentence": "그런데 다시 생각해 보면 이 답은 맞지 않는 것 같다. " * 40,
    "a word": "Hmm. " * 300,
    "a word on lines of its own": "Wait.\n\n" * 200,
    "single letters": "E? " * 400,
    "syllables": "'늏'은 '늏'? " * 200,
    "a pair that never ends": "(3,?) " * 400,
    "numbers in a line": "11,943,699,902 = 11,943,699,902, " * 60,
    "in a list": "- 같은 말을 다시 한 번 적어 둔다고 말한다\n" * 40,
    "in a table": "| 첫째 사람은 언제나 거짓만 말한다 | 둘째 사람은 참만 말한다 |\n" * 40,
    "indented": "".join(f"{' ' * (n % 7)}print('the same line again and again')\n" for n in range(40)),
    "between rules": "같은 말이다\n---\n" * 100,
    "between grids": "다시 한 번 판을 살펴보자\n0 1 0\n1 1 0\n" * 60,
    "signs that never end": "( " * 3000,
    "Thai": "เราต้องลองอีกครั้งหนึ่งเพราะยังไม่ถูกต้อง" * 40,
}


@pytest.mark.parametrize("text", LAYOUT.values(), ids=LAYOUT)
def test_layout_that_repeats_is_no_phrase(text: str) -> None:
    assert share(text) == 0


@pytest.mark.parametrize("text", LOOPS.values(), ids=LOOPS)
def test_text_that_repeats_is_a_phrase_however_it_is_laid_out(text: str) -> None:
    found = share(text)
    assert found is not None and found > 0.8


@pytest.mark.parametrize("seed", range(40))
def test_the_share_does_not_depend_on_indentation_and_white_space(seed: int) -> None:
    chance = random.Random(seed)
    loop = prose(seed, 5)
    said = [prose(seed + 1), *([loop] * chance.randrange(3, 25)), prose(seed + 2)]
    plain = "\n".join(said)
    other = ""
    for word in plain.split(" "):
        gap = "".join(chance.choice(" \t\u00a0\u3000\u2003") for _ in range(chance.randrange(1, 30)))
        other += word.replace("\n", chance.choice(["\n", "\r\n", "  \n\n\t"]) + " " * chance.randrange(40)) + gap
    assert share(other.rstrip()) == share(plain)


@pytest.mark.parametrize("seed", range(20))
def test_rows_beside_it_change_nothing_of_a_row(seed: int) -> None:
    chance = random.Random(seed)
    known = [*LAYOUT.values(), *LOOPS.values(), "", None, "\n", " ", "|", "-", "a", "\u200b"]
    chosen = chance.sample(known, 12)
    part, whole = repeated(Texts(pa.array(chosen, pa.large_string())), 32, 10)
    together = [None if b < 0 else a / b for a, b in zip(part.tolist(), whole.tolist(), strict=True)]
    assert together == [share(each) for each in chosen]


def test_in_layout_alone_nothing_repeats_and_without_a_character_it_abstains() -> None:
    assert [share(each) for each in ("   \n ", "-----\n=====", "A = 3/2 = 1.5\nB = 2", "", None)] == [0, 0, 0, None, None]


@pytest.mark.parametrize("phrase", [2, 3, 5, 7, 31, 64, 100])
def test_phrases_of_any_length_are_found(phrase: int) -> None:
    made = "".join(chr(0xAC00 + 7 * n) for n in range(phrase))
    other = "".join(chr(0xC000 + 3 * n) for n in range(3 * phrase))
    assert share(made * 3 + other, phrase, 3) == 0.5
    assert share(made * 2 + other, phrase, 3) == 0
