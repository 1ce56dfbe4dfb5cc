"""Answers are scored as the rules say, from the completion to right or wrong, case by case and against real grading."""

from __future__ import annotations

import importlib.util
import json
import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from operators.base.scope import Scope
from operators.declared.profile import LanguageProfile
from operators.kernels.answer import as_text
from operators.kernels.choices import labels_of, place_of
from operators.kernels.maths.numbers import as_math
from operators.kernels.text import Texts
from operators.maps.extract import Extract
from operators.maps.spans import Spans
from operators.measures.score import Score
from tests.conftest import ROOT, loaded

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("math_verify") is None, reason="not installed: math-verify"),
    pytest.mark.skipif(os.name != "posix", reason="the limits are those of POSIX"),
]

CASES: list[dict[str, Any]] = [
    json.loads(line) for line in (Path(__file__).parent / "scoring" / "cases.jsonl").read_text("utf-8").splitlines()
]
#: Seconds of CPU time, of children too, within which all cases are scored; a trap may take 10.
BOUND = 100


def used() -> float:
    """Seconds of CPU time that this process and its children had."""
    return sum(os.times()[:4])


def text(said: Any) -> str | None:
    """A text of a case; a long one is written as parts, of which `[part, times]` repeats."""
    if said is None or isinstance(said, str):
        return said
    return "".join(part if isinstance(part, str) else part[0] * part[1] for part in said)


def entry(language: str, name: str) -> Any:
    """An entry of the profile of a language."""
    profile = yaml.safe_load((ROOT / "recipes" / "languages" / f"{language}.yaml").read_text("utf-8"))
    return LanguageProfile.model_validate(profile).entry(name)


def scored(answers: list[str | None], golds: list[str | None], kind: str, language: str = "ko") -> list[int]:
    """The score of each answer."""
    score = Score.model_validate({"kind": kind, "language": language})
    entries = {name: entry(language, name) for _, name in score.entries()}
    told = [Texts(pa.array(each, pa.large_string())) for each in (answers, golds)]
    (found,) = score.compare(told[0], told[1:], entries)
    return [int(each) for each in found]


def extracted(
    completions: list[str | None], rule: str, opened: bool = False, language: str = "ko", **said: Any
) -> list[str | None]:
    """The answer of each completion, as the steps before the score take it out."""
    column = pa.array(completions, pa.large_string())
    _, solution = Spans(opened=opened).change(column, {})
    extract = Extract.model_validate({"rule": rule, "language": language, **said})
    (answer,) = extract.change(solution, {name: entry(language, name) for _, name in extract.entries()})
    found: list[str | None] = answer.to_pylist()
    return found


def grouped(*names: str) -> Iterable[tuple[tuple[str, ...], list[dict[str, Any]]]]:
    """The cases that are equal in these; one that names no mark has those of its language."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for case in CASES:
        groups[tuple({"mark": "", **case}[name] for name in names)].append(case)
    return groups.items()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the pipeline makes of every case, by what the case shows; and how it went."""
    here, since = tmp_path_factory.mktemp("scoring") / "here", used()
    answers: dict[str, str | None] = {}
    for (rule, mark, language), cases in grouped("rule", "mark", "language"):
        completions = [text(case["completion"]) for case in cases]
        told = [None if each is None else each.replace("HERE", str(here)) for each in completions]
        marked = {"mark": mark} if mark else {}
        answers |= zip((case["shows"] for case in cases), extracted(told, rule, language=language, **marked), strict=True)
    found: dict[str, Any] = {}
    for (kind, language), cases in grouped("kind", "language"):
        own = [answers[case["shows"]] for case in cases]
        scores = scored(own, [text(case["gold"]) for case in cases], kind, language)
        for case, answer, score in zip(cases, own, scores, strict=True):
            found[case["shows"]] = (answer if answer is None else answer.replace(str(here), "HERE"), score)
    return {"found": found, "made": here.exists(), "seconds": used() - since}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["shows"])
def test_a_case_is_scored_as_it_says(case: dict[str, Any], told: dict[str, Any]) -> None:
    assert told["found"][case["shows"]] == (text(case["answer"]), case["correct"])


def test_no_case_shows_what_another_shows() -> None:
    assert len(CASES) >= 120 and len({case["shows"] for case in CASES}) == len(CASES)


def test_the_traps_leave_no_file_and_are_bounded(told: dict[str, Any]) -> None:
    assert not told["made"] and told["seconds"] < BOUND


def test_the_parent_does_not_import_what_compares() -> None:
    program = "from tests.test_scoring import scored\nassert scored(['1'], ['1'], 'math') == [1]"
    assert not {"math_verify", "latex2sympy2_extended"} & loaded(program)


def test_scores_are_equal_whatever_the_batch_and_its_order() -> None:
    answers: list[str | None] = ["1/2", "다섯", None, "x=3", "1/2", "5"]
    golds: list[str | None] = ["0.5", "5", "5", "3", "0.6", None]
    whole = scored(answers, golds, "math")
    assert whole == [1, 0, 0, 1, 0, -1]
    assert scored(answers[::-1], golds[::-1], "math") == whole[::-1]
    assert [score for each in zip(answers, golds, strict=True) for score in scored([each[0]], [each[1]], "math")] == whole
    assert scored([], [], "math") == []


def test_one_answer_is_right_for_one_gold_answer_and_wrong_for_another() -> None:
    assert scored(["5", "5"], ["5", "6"], "math") == [1, 0]


def test_an_answer_without_tags_is_thinking_where_the_prompt_opened_it() -> None:
    assert extracted(["\\boxed{5}", "a</think>\\boxed{5}"], "first_boxed", opened=True) == [None, "5"]


@pytest.mark.parametrize("mark", ["Answer", "정답", "คำตอบ", "پاسخ", "答案", "उत्तर", "Đáp án", "[답]", "답 (최종)"])
def test_a_mark_in_any_script_is_found_beside_what_is_no_word(mark: str) -> None:
    before = ["", "풀이\n", "so ", "1.", "- ", "(", "“", "> ", "**", "__", "`", "|", "\u3000", "\u200f", "1️⃣"]
    after = ["", " ", "**", "__ ", "`", "\u00a0"]
    told: list[str | None] = [f"{one}{mark}{other}: 5" for one in before for other in after]
    assert extracted(told, "last_answer_tag", mark=mark) == ["5"] * len(told)
    words: list[str | None] = [f"{one}{mark}: 5" for one in ("가", "x", "é", "7", "ق", "ा", "a_", "ن\u200c")]
    assert extracted(words, "last_answer_tag", mark=mark) == [None if mark[0].isalpha() else "5"] * len(words)


def test_emphasis_leaves_every_answer_whole() -> None:
    answers = ["5", "5!", "x_1", "2**3", "2*x", "2**-1", "(a+b)**2", "π**2", "A_b_c", "$x^*$", "f(x)", "③", "서울", "사과_개수"]
    for mark in ("*", "**", "***", "_", "__", "`", "**_", "**`"):
        told: list[str | None] = []
        for each in answers:
            told += [f"{mark}정답: {each}{mark[::-1]}", f"{mark}최종 정답:{mark[::-1]} {each}", f"정답: {mark}{each}{mark[::-1]}"]
        assert extracted(told, "last_answer_tag", mark="정답") == [each for each in answers for _ in range(3)]


def test_answers_are_equal_whatever_the_batch_and_its_order() -> None:
    told: list[str | None] = ["**Answer: 5**", None, "Answer: 6", "none", "", "a\nAnswer:\n`7`", "<answer>8</answer>"]
    whole = extracted(told, "last_answer_tag")
    assert whole == ["5", None, "6", None, None, "7", "8"]
    assert extracted(told[::-1], "last_answer_tag") == whole[::-1]
    assert [answer for each in told for answer in extracted([each], "last_answer_tag")] == whole
    assert extracted([], "last_answer_tag") == extracted([], "choice_label") == []


def test_a_score_reads_the_entries_of_its_kind_alone() -> None:
    said = {kind: Score.model_validate({"kind": kind, "language": "th"}) for kind in ("math", "choice", "exact")}
    assert {kind: score.entries() for kind, score in said.items()} == {
        "math": (("th", "number_marks"),),
        "choice": (("th", "answer_labels"), ("th", "digits"), ("th", "label_words")),
        "exact": (("th", "fold"),),
    }
    assert {"math-verify", "sympy"} <= set(said["math"].depends()) and said["choice"].depends() == ("unicode",)


def test_numbers_are_read_by_the_marks_of_the_language() -> None:
    turkish, russian = {"decimal": ",", "group": "."}, {"decimal": ",", "group": " "}
    told = {"3,14": "3.14", "1.234": "1234", "1.234.567,8": "1234567.8", "3.14": "3.14", "1;2": "1,2", "x_1,5": "x_1.5"}
    assert {each: as_math(each, turkish) for each in told} == told
    # What could be a list of numbers is left as it is.
    assert as_math("1,5,7", turkish) == "1,5,7" and as_math("1.2.3", turkish) == "1.2.3"
    assert as_math("1 234 567,5", russian) == "1234567.5" and as_math("12 34", russian) == "12 34"
    assert as_math("1\\,234", russian) == "1234" and as_math("1,234.5", {}) == "1,234.5"


def test_a_label_is_its_option_in_every_convention() -> None:
    known = labels_of([["A", "B"], ["ก", "ข"]])
    assert [place_of(each, known) for each in ("ข", "(ข)", "b", "2", "②", "C", "", "()", "Ab")] == [*[2] * 5, 3, *[None] * 3]


def test_marks_around_a_text_do_not_count_and_signs_do() -> None:
    assert as_text("「서울」.") == "서울" and as_text("−5") != as_text("5") and as_text("5") != as_text("5%")


def compared(answer: str, gold: str, marks: Any, **said: Any) -> list[int]:
    """The score of one answer by the number marks that are given."""
    told = [Texts(pa.array([each], pa.large_string())) for each in (answer, gold)]
    (found,) = Score.model_validate({"kind": "math", **said}).compare(told[0], told[1:], {"number_marks": marks})
    return [int(each) for each in found]


def test_gold_answers_may_have_the_number_marks_of_another_language() -> None:
    russian, english = {"decimal": ",", "group": " "}, {"decimal": ".", "group": ","}
    said = {"language": "ru", "gold_language": "en"}
    assert Score.model_validate({"kind": "math", **said}).entries() == (("ru", "number_marks"), ("en", "number_marks"))
    for answer in ("2 125", "2125", "2\\,125"):
        assert compared(answer, "2,125", {"ru": russian, "en": english}, **said) == [1]
        assert compared(answer, "2,125", russian, language="ru") == [0]


def test_a_unit_that_is_told_counts_for_nothing_even_beside_another() -> None:
    english = {"decimal": ".", "group": ","}
    for answer in ("12개", "12 개", "12\\,개", "\\frac{24}{2} 개"):
        assert compared(answer, "12", english) == [1] and compared(answer, "12명", english) == [0]
        assert compared(answer, "12명", english, units=["개"]) == [1]
    # What changes the number, bounds it or stands alone is no unit.
    assert [compared(answer, "5", english, units=["개"]) for answer in ("5만 개", "5개 이상", "다섯 개", "개")] == [[0]] * 4


def test_what_mathematics_alone_reads_is_refused_elsewhere() -> None:
    scope = Scope({"answer": "text", "gold_answer": "text"}, frozenset(), frozenset())
    for kind, said in (("math", []), ("choice", ["units"]), ("exact", ["units"])):
        assert [each.path[0] for each in Score.model_validate({"kind": kind, "units": ["개"]}).complain(scope)] == said
