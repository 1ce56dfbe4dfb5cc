"""Labels of options are one table: what is written in any convention of any profile is read back as the same place."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
import yaml

from operators.declared.mapping import Gold
from operators.declared.profile import LanguageProfile
from operators.declared.source import Source
from operators.grow.exams import speaking
from operators.kernels.boxes import boxes, first_box, last_box
from operators.kernels.choices import is_sign, labels_of, place_of
from operators.kernels.labels import SERIES, extended, labelled
from operators.kernels.text import Texts
from operators.maps.extract import Extract
from operators.measures.score import Score
from runtime.sources.readers.items import convert_items
from tests.conftest import ROOT, Project

PROFILES = {
    path.stem: LanguageProfile.model_validate(yaml.safe_load(path.read_text("utf-8")))
    for path in sorted((ROOT / "recipes" / "languages").glob("*.yaml"))
}
#: How a label is written: in each of these it is the label alone.
ALONE = (
    "{}",
    "({})",
    "[{}]",
    "{}.",
    "{})",
    " {} ",
    "$ {} $",
    "\\text{{{}}}",
    "\\textbf{{({})}}",
    "**{}**",
    "“{}”",
    "（{}）",
    "{}:",
)
BEHIND = ("({}) {}", "{}. {}", "{}) {}", "{}: {}", "\\text{{{}. {}}}", "**{}.** {}", "[{}] {}", "({}): {}")
#: Names of places, none of which is or begins with a label.
NAMES = {
    "ko": "서울특별시",
    "en": "Seoul",
    "fa": "تهران",
    "tr": "Ankara",
    "th": "กรุงเทพ",
    "vi": "Hà Nội",
    "hi": "दिल्ली",
    "ru": "Москва",
    "zh": "北京",
}


def conventions(code: str) -> list[tuple[str, ...]]:
    """What the profile lists, as far as it goes on, and the signs and letters that are read in every language."""
    listed = [extended(each) for each in PROFILES[code].answer_labels or ()]
    return [*listed, *(SERIES[place] for place in (0, 1, 2, 3, 4, 5))]


def extracted(code: str, answers: list[str], **said: Any) -> list[str | None]:
    step = Extract.model_validate({"rule": "choice_label", "language": code, **said})
    entries = {name: PROFILES[code].entry(name) for _, name in step.entries()}
    (found,) = step.change(pa.array(answers, pa.large_string()), entries)
    told: list[str | None] = found.to_pylist()
    return told


def scored(code: str, answers: list[str | None], golds: list[str]) -> list[int]:
    score = Score.model_validate({"kind": "choice", "language": code})
    told = [Texts(pa.array(each, pa.large_string())) for each in (answers, golds)]
    (found,) = score.compare(told[0], told[1:], {name: PROFILES[code].entry(name) for _, name in score.entries()})
    return [int(each) for each in found]


def read(code: str, form: str, golds: list[Any], options: list[Any]) -> tuple[list[int | None], dict[int, str]]:
    """(the place of each gold, the reason for each row that cannot be read)."""
    gold = Gold.model_validate({form: "g"}).read_by(PROFILES[code])
    source = Source.model_validate(
        {
            "file": "a.jsonl",
            "category": "x",
            "license": "A",
            "columns": {"prompt": "q", "options": "o", "gold": gold.model_dump()},
        }
    )
    made = convert_items(source, {"o": options, "g": golds}, untyped=False)
    return made["gold"].array.to_pylist(), dict(made["options"].bad)


@pytest.mark.parametrize("code", sorted(PROFILES))
def test_a_label_is_read_as_its_place_by_gold_extract_and_score(code: str) -> None:
    for labels in conventions(code):
        count = min(len(labels), 14)
        texts = [f"x{place}" for place in range(count)]
        written = [form.format(label) for label in labels[:count] for form in ALONE]
        places = [place for place in range(count) for _ in ALONE]
        golds, bad = read(code, "letter", written, [texts] * len(written))
        assert golds == places and not bad, labels
        numbers = [str(place + 1) for place in places]
        assert scored(code, list(written), numbers) == [1] * len(written), labels
        # What no extraction can credit: the label of any other option.
        assert scored(code, list(written), [str(place + 2) for place in places]) == [0] * len(written)
        assert scored(code, list(written), [str(max(place, 1)) if place else "9" for place in places]) == [0] * len(written)
        boxed = extracted(code, [f"1. x\n\\boxed{{{each}}}" for each in written])
        assert scored(code, boxed, numbers) == [1] * len(written), labels
        assert scored(code, extracted(code, [f"x\n{label}" for label in labels[:count]]), numbers[:: len(ALONE)]) == [1] * count


@pytest.mark.parametrize("code", sorted(PROFILES))
def test_a_label_with_its_option_is_read_behind_every_mark_of_the_profile(code: str) -> None:
    marks = [*(PROFILES[code].answer_marks or ()), "Answer"]
    for labels in conventions(code):
        count = min(len(labels), 10)
        for place, label in enumerate(labels[:count]):
            told = [form.format(label, NAMES[code]) for form in BEHIND]
            solutions = [f"\\boxed{{{each}}}" for each in told] + [f"a\n{mark}: {each}" for mark in marks for each in told[:3]]
            found = extracted(code, solutions)
            assert scored(code, found, [str(place + 1)] * len(found)) == [1] * len(found), (label, solutions, found)


@pytest.mark.parametrize("code", sorted(PROFILES))
def test_two_labels_and_words_are_none(code: str) -> None:
    for labels in conventions(code):
        one, other = labels[0], labels[2]
        told = [
            f"({one}) ({other})",
            f"({one}), ({other})",
            f"{one}. {other}",
            f"{one}/{other}",
            f"{one}, {other}",
            f"{one} {other}",
        ]
        # A sign ends where it ends; a letter with more letters is a word.
        told += [] if len(one) == 1 and is_sign(one) else [f"{one}x"]
        told += [f"{one}x{other}", f"{one}-{other}", f"({one}", f"({one}]", f"{one}) {NAMES[code]} {other}) {NAMES[code]}"]
        assert extracted(code, [f"\\boxed{{{each}}}" for each in told]) == [None] * len(told), labels
    words = ["Apple", "I think", "A형", "Bx", "1.5", "2²", "3 cm", "12,000", "½", "-1", "0", "", "N/A", "None", NAMES[code]]
    assert extracted(code, [f"\\boxed{{{each}}}" for each in words]) == [None] * len(words)


@pytest.mark.parametrize("code", sorted(PROFILES))
def test_labels_of_options_are_found_and_written_anew(code: str) -> None:
    for labels in (extended(each) for each in PROFILES[code].answer_labels or ()):
        options = [f"({label}) x{place}" for place, label in enumerate(labels[:4])]
        known = labelled(options, [labels])
        assert known is not None and known[1] == ["x0", "x1", "x2", "x3"]
        assert [known[0].written(place, text) for place, text in enumerate(known[1])] == options


@pytest.mark.parametrize("code", sorted(PROFILES))
def test_every_profile_knows_labels_marks_and_options_that_speak_of_others(code: str) -> None:
    profile = PROFILES[code]
    assert profile.answer_labels and profile.answer_marks and profile.label_words and profile.above_options


ABOVE = yaml.safe_load((ROOT / "tests" / "labels" / "above_options.yaml").read_text("utf-8"))


@pytest.mark.parametrize(("code", "above", "other"), [(code, each["above"], each["other"]) for code, each in ABOVE.items()])
def test_an_option_that_speaks_of_the_others_is_known(code: str, above: list[str], other: list[str]) -> None:
    expressions = PROFILES[code].above_options
    assert speaking([[each, "x"] for each in above], expressions) == [True] * len(above)
    assert speaking([["x", each] for each in (*other, NAMES[code])], expressions) == [False] * (len(other) + 1)


def test_digits_that_are_letters_are_numbers_where_no_convention_has_one() -> None:
    chinese, korean = (labels_of(PROFILES[code].answer_labels, PROFILES[code].digits) for code in ("zh", "ko"))
    assert [place_of(each, chinese) for each in ("三", "(四)", "〇")] == [3, 4, None]
    assert [place_of(each, korean) for each in ("이", "사")] == [None, 7]


GOLDS = [
    ("letter", "B", 1), ("letter", "b)", 1), ("letter", "②", 1), ("letter", "❷", 1), ("letter", "⒉", 1), ("letter", "나", 1),
    ("letter", "㉯", 1), ("letter", "ㄴ", 1), ("letter", "２", 1), ("letter", "2번", 1), ("letter", 2, 1), ("letter", "Z", None),
    ("letter", "A형", None), ("letter", "A, B", None), ("letter", "0", None), ("number", "②", 1), ("number", "۲", 1),
    ("number", "2번", 1), ("number", 2.0, 1), ("number", "2.0", 1), ("number", "B", None), ("number", 0, None),
    ("number", 4, None), ("number", 1.5, None), ("index", "๑", 1), ("index", 1.0, 1), ("index", "②", None),
    ("index", True, None), ("index", -1, None), ("index", 3, None), ("text", "둘", 1), ("text", " 둘 ", 1), ("text", "넷", None),
]  # fmt: skip


@pytest.mark.parametrize(("form", "value", "place"), GOLDS, ids=str)
def test_a_gold_is_a_place_or_an_error_by_name(form: str, value: Any, place: int | None) -> None:
    golds, bad = read("ko", form, [value], [["하나", "둘", "셋"]])
    assert golds == [place] and (0 in bad) == (place is None)
    assert place is not None or bad[0].startswith("`g` is ")


def test_whole_numbers_of_exact_columns_are_places() -> None:
    from decimal import Decimal

    assert read("ko", "index", [Decimal("1"), Decimal("1.00")], [["a", "b"]] * 2)[0] == [1, 1]
    assert read("ko", "index", [Decimal("1.5"), float("nan")], [["a", "b"]] * 2)[1].keys() == {0, 1}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["가", "가"], "`o` has the right option twice, as number 1 and number 2"),
        (["가", "나", " 가 "], "`o` has the right option twice, as number 1 and number 3"),
        (["가", ""], "`o[1]` is empty, and an option is not"),
        (["가", " "], "`o[1]` is empty, and an option is not"),
        (["가", None], "`o[1]` is null, not text"),
        (["가"], "`o` has 1 option, and a right one is chosen among two or more"),
        ([], "`g` is given, but there are no options"),
        ("['가' '나']", "`o` looks like a Python list, and is none of texts and numbers with commas between them"),
    ],
    ids=str,
)
def test_options_among_which_none_is_right_are_named(options: Any, reason: str) -> None:
    assert read("ko", "index", [0], [options])[1] == {0: reason}


def test_labels_that_a_row_gives_come_first() -> None:
    options = {"0": "x", "1": "y", "2": "z"}
    assert read("ko", "letter", ["1", "B"], [options] * 2) == ([1, None], {1: "`g` is `B`, but there are 3 options"})
    assert read("ko", "letter", ["(b)"], [{"A": "x", "B": "y"}])[0] == [1]


RECIPE = """
format: 1
recipe: test/golds
language: {target: ko}
sources: {a: {file: a.jsonl, category: x, license: A, on_bad_row: quarantine, columns: {prompt: q, options: o, gold: {FORM}}}}
prompts: [unique]
"""


@pytest.mark.parametrize(
    ("form", "golds", "told"),
    [
        ("index: g", [1, 2, 3, 2], "none of 4 `g` is 0, and 1 are the number of options"),
        ("number: g", [0, 1, 2, 1], "1 of 4 `g` are 0, and none is the last option"),
        ("index: g", [1, 2] * 20, "none of 40 `g` is 0, and all of them fit if they count from 1"),
    ],
)
def test_a_file_that_counts_otherwise_is_told_before_anything_is_built(
    project: Project, form: str, golds: list[int], told: str
) -> None:
    project.rows("a.jsonl", [{"q": f"물음 {at}", "o": ["가", "나", "다"], "g": gold} for at, gold in enumerate(golds)])
    project.write("recipe.yaml", RECIPE.replace("FORM", form))
    ran = project.run("build", "recipe.yaml")
    assert ran.code == 1 and told in ran.err and f"say `gold: {{{'number' if 'index' in form else 'index'}: g}}`" in ran.err
    project.write("recipe.yaml", RECIPE.replace("FORM", f"{form}, trust: true"))
    assert project.run("build", "recipe.yaml").code == 0


def test_few_golds_that_may_count_otherwise_are_a_warning(project: Project) -> None:
    project.rows("a.jsonl", [{"q": f"물음 {at}", "o": ["가", "나", "다", "라"], "g": at} for at in (1, 2, 3)])
    project.write("recipe.yaml", RECIPE.replace("FORM", "index: g"))
    assert "warning: a: none of 3 `g` is 0" in project.run("build", "recipe.yaml").out


# -- boxes


def test_boxes_that_hold_nothing_or_never_close_are_none() -> None:
    empty = [
        "\\boxed{}",
        "\\boxed{ }",
        "\\boxed{\\ }",
        "\\boxed{\\phantom{2}}",
        "\\boxed{\\text{}}",
        "\\boxed{$ $}",
        "\\boxed{{}}",
    ]
    empty += [
        "\\boxed{\\boxed{}}",
        "\\boxed{\\quad~}",
        "\\boxed{\\phantom{\\boxed{3}}}",
        "\\boxed",
        "\\boxedwidth{3}",
        "\\fbox{\u200b}",
    ]
    for one in empty:
        assert first_box(one) is None and first_box(f"{one} so \\boxed{{8}}") == last_box(f"\\boxed{{8}} {one}") == "8", one
    assert list(boxes("\\boxed{\\frac{1}{2} is near, \\fbox{\\{8\\}} and \\boxed {\\boxed{9}}")) == ["\\{8\\}", "\\boxed{9}"]


@pytest.mark.parametrize("text", ["\\boxed{", "\\boxed{\\boxed{1}", "{\\boxed{1}", "\\boxed{}", "\\boxed{\\phantom{"])
def test_hostile_boxes_take_linear_time(text: str) -> None:
    import time

    taken = []
    for times in (10_000, 100_000):
        since = time.process_time()
        list(boxes(text * times + "}" * times))
        taken.append(time.process_time() - since)
    assert taken[1] < 40 * max(taken[0], 0.01)


def test_the_marks_of_a_benchmark_are_its_own() -> None:
    from operators.declared.benchmark import Benchmark

    said = {"task": "choice", "language": "ko", "license": "A"}
    taken = Benchmark.model_validate(said | {"extract": {"rule": "choice_label", "mark": ["풀이", "답"]}}).taken()
    assert taken.mark == ("풀이", "답") and taken.language == "ko"
    assert extracted("ko", ["답: B", "풀이: C", "정답: B"], mark=["풀이", "답"]) == ["B", "C", None]
    assert Benchmark.model_validate(said | {"extract": "first_boxed"}).taken().rule == "first_boxed"
