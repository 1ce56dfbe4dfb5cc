"""Merged options: the neighbours are those of another BM25, no child leaks or loses its answer, and every refusal is told."""

from __future__ import annotations

import importlib.util
import json
import math
import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from operators.kernels.labels import SERIES, extended, in_order, labelled
from operators.kernels.text import Texts
from operators.measures.negation import Negation
from tests.conftest import Project

AVAILABLE = all(importlib.util.find_spec(name) is not None for name in ("bm25s", "scipy"))
pytestmark = pytest.mark.skipif(not AVAILABLE, reason="not installed: bm25s and scipy")

WORDS = [
    *"산강왕별물불흙말소양꽃새",
    "서울",
    "부산",
    "수도",
    "나라",
    "바다",
    "도시",
    "조선",
    "고려",
    "금성",
    "소금",
    "종이",
    "나무",
]
LABELS = {
    "letters": [f"({label}) " for label in "ABCDEFGHIJ"],
    "numbers": [f"{label}. " for label in range(1, 11)],
    "circled": [f"{label} " for label in "①②③④⑤⑥⑦⑧⑨⑩"],
    "syllables": [f"{label}) " for label in "가나다라마바사아자차"],
    "none": [""] * 10,
}


def items(count: int, seed: int = 3, source: str = "a") -> list[dict[str, Any]]:
    """Exam items of every convention, some of them alike."""
    chance = random.Random(seed)
    made = []
    for place in range(count):
        question = " ".join(chance.choices(WORDS, k=chance.randint(3, 8))) + f" {source}{place}번은 무엇인가"
        texts = list(dict.fromkeys(" ".join(chance.choices(WORDS, k=chance.randint(1, 5))) for _ in range(9)))[
            : chance.randint(2, 5)
        ]
        labels = LABELS[chance.choice(list(LABELS))]
        options = [label + text for label, text in zip(labels, texts, strict=False)]
        made.append({"prompt": question, "options": options, "gold": chance.randrange(len(options)), "other": source})
    return made


def recipe(**more: Any) -> str:
    columns = {"prompt": "prompt", "options": "options", "gold": {"index": "gold"}, "other": "other"}
    sources = {
        name: {"file": f"{name}.jsonl", "category": "exams", "license": license, "columns": columns}
        for name, license in (("a", "A"), ("b", "B"))
    }
    said = {"format": 1, "recipe": "test/exams", "language": {"target": "ko"}, "seed": 7, "sources": sources}
    return json.dumps(said | {"prompts": [{"merge_options": {"cues": ["않"], **more}}]}, ensure_ascii=False)


@pytest.fixture
def bed(project: Project) -> Project:
    project.rows("a.jsonl", items(60))
    project.rows("b.jsonl", items(60, 4, "b"))
    return project


def family(
    bed: Project, said: str, store: str = "store"
) -> tuple[list[dict[str, Any]], list[tuple[dict[str, Any], dict[str, Any]]]]:
    """(all rows, each child with its parent)."""
    bed.write("recipe.yaml", said)
    rows = bed.table(store=store)
    given = {row["prompt"]: row for name in "ab" for row in map(json.loads, (bed.folder / f"{name}.jsonl").open())}
    parents = {row["item_id"]: row for row in rows if given[row["prompt"]]["options"] == row["options"]}
    return rows, [(row, parents[row["item_id"]]) for row in rows if row is not parents[row["item_id"]]]


def bare(options: list[str]) -> list[str]:
    known = labelled(options, [extended(labels) for labels in SERIES])
    return options if known is None else known[1]


# -- retrieval


def okapi() -> Any:
    """rank-bm25 with the idf that is never negative."""
    rank_bm25 = pytest.importorskip("rank_bm25")

    class Okapi(rank_bm25.BM25Okapi):  # type: ignore[misc]
        def _calc_idf(self, counts: dict[str, int]) -> None:
            self.idf = {word: math.log(1 + (self.corpus_size - df + 0.5) / (df + 0.5)) for word, df in counts.items()}

    return Okapi


def test_scores_and_neighbours_are_those_of_another_bm25() -> None:
    from operators.kernels.bm25 import K1, SCALE, B, Pool

    chance = random.Random(5)
    questions = [chance.choices(WORDS, k=chance.randint(1, 12)) for _ in range(300)]
    queries = [*questions[:120], ["그런", "말은", "없다"], [], ["바다", "바다", "산"]]
    told = list(Pool(questions).nearest(queries, 20))
    other = okapi()(questions, k1=K1, b=B)
    for query, (places, scores) in zip(queries, told, strict=True):
        right = other.get_scores(query) / (K1 + 1) if query else np.zeros(300)
        order = sorted(np.flatnonzero(right > 0).tolist(), key=lambda at: (-round(right[at], 7), at))[:20]
        assert np.abs(scores / SCALE - right[places]).max(initial=0) < 1e-6
        assert [round(right[at], 7) for at in places] == [round(right[at], 7) for at in order]
        assert set(places.tolist()) == set(order) or len(order) == 20


def test_neighbours_do_not_depend_on_how_many_are_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import operators.kernels.bm25 as kernel

    questions = [random.Random(place).choices(WORDS, k=6) for place in range(200)]
    told = []
    for size in (1, 7, 64):
        monkeypatch.setattr(kernel, "QUERIES", size)
        told.append([(places.tolist(), scores.tolist()) for places, scores in kernel.Pool(questions).nearest(questions, 9)])
    assert told[0] == told[1] == told[2]


def test_words_that_are_looked_up_late_change_no_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    import operators.kernels.bm25 as kernel

    chance = random.Random(8)
    often = [f"흔{at}" for at in range(6)]
    for size in (1, 40, 3000):
        questions = [[*chance.choices(WORDS, k=chance.randint(0, 4)), *chance.choices(often, k=5)] for _ in range(size)]
        questions += questions[: size // 3]
        pool, queries = kernel.Pool(questions), [*questions[:60], [], ["없다"], ["바다", "바다"]]
        told = []
        for work in (0, 1 << 60):
            monkeypatch.setattr(kernel, "PRUNED", work)
            told.append([(places.tolist(), scores.tolist()) for places, scores in pool.nearest(queries, 9)])
        assert told[0] == told[1]


def test_equal_scores_stand_in_the_order_of_the_pool() -> None:
    from operators.kernels.bm25 import Pool

    ((places, scores),) = Pool([["산", "강"]] * 5 + [["산", "강", "산"]]).nearest([["강"]], 3)
    assert places.tolist() == [0, 1, 2] and len(set(scores.tolist())) == 1


# -- likeness


def test_near_duplicates_in_pairs_are_those_of_sets_of_grams() -> None:
    from operators.kernels.alike import Alike, forms, grams, near

    chance = random.Random(2)
    texts = [" ".join(chance.choices(WORDS[:6], k=chance.randint(1, 9))) for _ in range(300)]
    texts += [text + "!" for text in texts[:40]] + [text + " 또한 그렇다" for text in texts[40:80]] + ["산", "산 ", "ＡＢ", "ab"]
    made = forms(pa.array(texts, pa.large_string()))
    ones = np.repeat(np.arange(len(texts)), 8)
    others = np.array([chance.randrange(len(texts)) for _ in ones])
    for least in (Fraction(8, 10), Fraction(1, 2)):
        told = Alike(made).pairs(ones, others, least)
        form = made.to_pylist()
        right = [form[a] == form[b] or near(grams(form[a]), [grams(form[b])], least) for a, b in zip(ones, others, strict=True)]
        assert told.tolist() == right and any(right) and not all(right)


def test_forms_leave_out_case_width_space_and_punctuation_but_never_all() -> None:
    from operators.kernels.alike import forms

    assert forms(pa.array(["“Ｓeoul  City”.", "+", "<", "서 울!"])).to_pylist() == ["seoulcity", "+", "<", "서울"]


# -- labels


@pytest.mark.parametrize("name", sorted(set(LABELS) - {"none"}))
def test_labels_are_found_left_out_and_written_anew(name: str) -> None:
    options = [label + text for label, text in zip(LABELS[name], WORDS, strict=False)]
    known = labelled(options[:4], [extended(labels) for labels in SERIES])
    assert known is not None and known[1] == WORDS[:4]
    assert [known[0].written(place, text) for place, text in enumerate(WORDS[:10])] == options


@pytest.mark.parametrize(
    "options",
    [
        ["1.5", "2.5", "3.5"],
        ["1 개", "2 개", "3 개"],
        ["A형", "B형"],
        ["① 산", "③ 강"],
        ["(A) 산", "B) 강"],
        ["① 산", "강"],
        ["(1 산", "(2 강"],
    ],
)
def test_what_is_no_label_in_all_options_is_text(options: list[str]) -> None:
    assert labelled(options, [extended(labels) for labels in SERIES]) is None


def test_a_convention_of_its_own_is_not_extended() -> None:
    assert extended(["ก", "ข", "ค"]) == ("ก", "ข", "ค") and len(extended(["A", "B", "C", "D", "E"])) == 26


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("고르시오. ① 산 ② 강", True),
        ("고르시오.\n(A) 산\n(B) 강", True),
        ("1. 산 2. 강", True),
        ("1.5와 2.5 가운데", False),
        ("(A)만 있다", False),
        ("BABA", False),
    ],
)
def test_options_in_the_question_are_seen(text: str, inside: bool) -> None:
    import pyarrow.compute as pc

    found = [pc.match_substring_regex(pa.array([text]), in_order(labels[:2]))[0].as_py() for labels in ("①②", "AB", "12")]
    assert any(found) == inside


# -- children


@pytest.mark.parametrize(
    "more", [{}, {"max_options": 4}, {"k": 2, "salt": "x"}, {"near": 0.3}, {"from": {"source": "b"}}], ids=str
)
def test_a_child_keeps_its_answer_and_its_options_are_distinct(bed: Project, more: dict[str, Any]) -> None:
    from operators.kernels.alike import forms

    rows, born = family(bed, recipe(**more))
    assert len(born) > 60 and len(rows) == 120 + len(born)
    pool = {text for row in rows if row["source"] == "b" or "from" not in more for text in bare(row["options"])}
    for child, parent in born:
        mine, own = bare(child["options"]), bare(parent["options"])
        assert mine[child["gold"]] == own[parent["gold"]] and child["prompt"] == parent["prompt"]
        assert len(own) < len(mine) <= more.get("max_options", 10) and set(own) < set(mine) and len(set(mine)) == len(mine)
        came = [text for text in mine if text not in own]
        right, *others = forms(pa.array([own[parent["gold"]], *came])).to_pylist()
        assert set(came) <= pool and not any(right in other or other in right for other in others)
        label = next(labels for labels in LABELS.values() if parent["options"][1].startswith(labels[1]))
        assert all(option.startswith(each) for option, each in zip(child["options"], label, strict=False))
    assert len({child["gold"] for child, _ in born}) > 2, "the right option stands in many places"


def test_what_is_given_is_wrong_where_it_comes_from(bed: Project) -> None:
    rows, born = family(bed, recipe())
    ids = {row["row_id"].hex(): row for row in rows}
    for child, parent in born[:12]:
        told = bed.run("why", "recipe.yaml", child["row_id"].hex(), "--store", "store", "--json")
        (event,) = [each for each in told.json["rows"][0]["events"] if each["fate"] == "born"]
        assert event["copy_of"] == parent["row_id"].hex() and 0 < len(event["donors"]) <= 5
        given = [ids[each] for each in event["donors"]]
        wrong = {text for row in given for at, text in enumerate(bare(row["options"])) if at != row["gold"]}
        assert set(bare(child["options"])) - set(bare(parent["options"])) <= wrong
        classes = {parent["license"], *(row["license"] for row in given)}
        assert child["license"] == ("B" if "B" in classes else "A")


def test_a_child_of_an_open_item_is_as_closed_as_its_donors(bed: Project) -> None:
    _, born = family(bed, recipe(only={"source": "a"}, **{"from": {"source": "b"}}))
    assert {child["license"] for child, _ in born} == {"B"} and {parent["license"] for _, parent in born} == {"A"}


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"prompt": None}, "no question"),
        ({"options": ["하나"], "gold": None}, "fewer than two options"),
        ({"options": ["둘", "하나", "하나"]}, "an option stands twice"),
        ({"prompt": "수도는? ① 서울 ② 부산", "options": ["서울", "부산"]}, "the options stand in the question"),
        ({"options": ["①", "②"]}, "the options stand in the question"),
        ({"prompt": "수도가 되지 않는 도시는"}, "a negation cue"),
        ({"options": ["하나", "위의 것 모두 정답"]}, "an option speaks of the others"),
        ({"options": ["① 하나", "② 정답 없음."]}, "an option speaks of the others"),
        ({"prompt": "zxcvb"}, "no similar item"),
        ({"options": ["서울시 모든 것의 전부", "산"], "gold": 0, "prompt": "바다 산 강 a900번은"}, None),
    ],
)
def test_an_item_that_is_none_is_told_why_and_gives_nothing(bed: Project, item: dict[str, Any], reason: str | None) -> None:
    odd = {"prompt": "바다 산 강", "options": ["특이한 것", "별난 것"], "gold": 0, "other": "odd"} | item
    bed.rows("a.jsonl", [*items(60), odd])
    bed.write("recipe.yaml", recipe())
    report = bed.build()
    (line,) = [note for note in report["notes"] if "merge_options" in note]
    assert (f"{reason} 1" in line) == (reason is not None), line
    rows = bed.table()
    if reason is not None:
        assert sum(row["other"] == "odd" for row in rows) == 1
        told = [row for row in rows if row["other"] == "odd"][0]["row_id"].hex()
        assert f"no child: {reason}" in bed.run("why", "recipe.yaml", told, "--store", "store").out
        assert reason == "no similar item" or not any("별난 것" in row["options"] for row in rows if row["other"] != "odd")


def test_options_that_may_be_right_are_refused(project: Project) -> None:
    one = {"prompt": "나라의 수도는 어디", "options": ["서울", "제주"], "gold": 0, "other": "x"}
    two = {"prompt": "다른 나라의 수도는 어디", "gold": 0, "other": "x"}
    two["options"] = ["도쿄", "서울특별시", "서 울!", "울", "오사카", "제주."]
    project.rows("a.jsonl", [one])
    project.rows("b.jsonl", [two])
    rows, born = family(project, recipe(only={"source": "a"}, **{"from": {"source": "b"}}))
    assert [sorted(child["options"]) for child, _ in born] == [["서울", "오사카", "제주"]]
    (line,) = [note for note in project.build()["notes"] if "merge_options" in note]
    assert "3 that may be right, 1 nearly there already" in line


def test_a_nearly_equal_question_gives_nothing_and_leaves_its_place(project: Project) -> None:
    base = "조선의 왕 가운데 한글을 만든 사람은 누구인지 고르시오"
    rows = [{"prompt": base + end, "options": [f"왕{place} 하나", f"왕{place} 둘"], "gold": 0, "other": "x"}
            for place, end in enumerate(["", "?", "!!"])]  # fmt: skip
    far = {"prompt": "조선의 왕 이름", "options": ["세종", "태조 이성계"], "gold": 0, "other": "far"}
    project.rows("a.jsonl", rows)
    project.rows("b.jsonl", [far])
    _, born = family(project, recipe(k=1, only={"source": "a"}))
    assert born == []
    _, born = family(project, recipe(k=1, only={"source": "a"}, **{"from": {"category": "exams"}}))
    assert len(born) == 3 and all("태조 이성계" in child["options"] and len(child["options"]) == 3 for child, _ in born)


def test_an_item_and_its_styled_child_are_one_item(project: Project) -> None:
    project.rows("a.jsonl", items(8))
    project.rows("b.jsonl", items(1, 9, "b"))
    said = json.loads(recipe(k=1))
    said["prompts"].insert(0, {"style_directives": {"texts": ["짧게 답하세요."]}})
    project.write("recipe.yaml", json.dumps(said, ensure_ascii=False))
    rows = project.table()
    for row in rows:
        mine = {text for each in rows if each["item_id"] == row["item_id"] for text in bare(each["options"])}
        assert set(bare(row["options"])) <= mine


def test_cues_are_looked_for_in_exam_items_alone(bed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    measure, seen = Negation.measure, list[str | None]()

    def watched(self: Negation, texts: Texts, entries: Mapping[str, Any]) -> Any:
        seen.extend(texts.strings())
        return measure(self, texts, entries)

    monkeypatch.setattr(Negation, "measure", watched)
    said = json.loads(recipe(only={"category": "exams"}))
    said["sources"]["b"]["category"] = "daily"
    family(bed, json.dumps(said))
    assert sorted(map(str, seen)) == sorted({item["prompt"] for item in items(60)})


def test_order_threads_and_combination_decide_nothing(bed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    bed.write("recipe.yaml", recipe())
    digest = bed.digest()
    bed.rows("a.jsonl", random.Random(1).sample(items(60), 60))
    monkeypatch.setenv("RECIPE_THREADS", "1")
    assert bed.digest(store="other") == digest
    bed.write("recipe.yaml", recipe().replace('"seed": 7', '"seed": 8'))
    assert bed.digest(store="other") != digest


def test_counts_of_a_stage_add_up(bed: Project) -> None:
    bed.write("recipe.yaml", recipe())
    report = bed.build()
    (stage,) = [each for each in report["stages"] if each["name"] == "prompts/merge_options"]
    counts = stage["counts"]
    assert counts["in"] == 120 and counts["in"] + counts["born"] == counts["out"] and counts["born"] > 60


def test_the_line_of_a_build_tells_the_length_of_the_right_option() -> None:
    from operators.grow.exams import twice_rank

    assert [twice_rank(["aaa", "b", "cc"], gold) for gold in range(3)] == [6, 2, 4]
    assert twice_rank(["a", "b", "c"], 1) == 4
