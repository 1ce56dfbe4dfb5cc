"""The marks of an answer, which are in no wrong language, are those of the language's profile unless a recipe says others."""

from __future__ import annotations

import pytest
from pyarrow import array, large_string

from operators.asks.generate import Generate
from operators.declared.cot import Cot, Solution
from operators.kernels.text import Texts
from operators.measures.language_share import LanguageShare

SCRIPTS = {"scripts": {"Cyrillic": ["0400-04FF"]}}
TEXT = "Ответ: 42\nthe number is the sum of both"


def counted(solution: Solution, entries: dict[str, object]) -> tuple[int, int]:
    """(letters of the language, all letters) of a solution, as the step that follows from a declaration counts them."""
    cot = Cot(teacher=Generate(model="teacher"), solution=solution)
    (step,) = (each.operator for each in cot.steps() if each.label == "solution_language")
    assert isinstance(step, LanguageShare)
    assert (("target", "answer_marks") in step.entries()) is (solution.marks is None)
    part, whole = step.measure(Texts(array([TEXT], large_string())), entries)
    return int(part[0]), int(whole[0])


@pytest.mark.parametrize(
    ("solution", "profile", "part"),
    [
        (Solution(), {"answer_marks": ["Ответ"]}, 0),
        (Solution(), {}, 5),
        (Solution(marks=("Ответ",)), {}, 0),
        (Solution(marks=("Answer",)), {"answer_marks": ["Ответ"]}, 5),
    ],
    ids=["the profile's", "a profile without any", "said", "others said"],
)
def test_marks_of_the_profile_count_neither_way_unless_others_are_said(
    solution: Solution, profile: dict[str, object], part: int
) -> None:
    assert counted(solution, SCRIPTS | profile)[0] == part
