"""Near duplicates: rows go for rows that are truly near, whatever the parts, threads and order; what they share is told."""

from __future__ import annotations

import hashlib
import json
import random
from fractions import Fraction
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest

from operators.kernels.shingles import bands, common, numbers, rows_of_bands, shingles
from operators.sets.near_duplicates import NearDuplicates
from tests.conftest import Project

pytest.importorskip("rensa")

RECIPE = """
format: 1
recipe: test/near
seed: 7
language: {target: ko}
sources:
  a: {file: a.jsonl, category: one, license: A}
prompts:
  - length: {min: 3}
  - near_duplicates: {threshold: 0.6, max_share: 1}
"""


def some_texts(count: int = 120) -> list[str]:
    """Sentences of few words, of which many are near to others."""
    chance = random.Random(5)
    words = ["하늘은", "물은", "바다는", "왜", "파란가요", "끓나요", "짠가요", "깊은가요", "이유를", "근거를", "길게", "짧게"]
    made: list[str] = []
    for _ in range(count):
        said = list(chance.choice(made).split()) if made and chance.random() < 0.6 else chance.choices(words, k=9)
        said[chance.randrange(len(said))] = chance.choice(words)
        made.append(" ".join(said))
    return [*made, "짧다", "짧다!", "1", ""]


@pytest.fixture
def near(project: Project) -> Project:
    project.write("recipe.yaml", RECIPE)
    project.rows("a.jsonl", [{"prompt": text} for text in some_texts()])
    return project


def grams(text: str) -> set[str]:
    plain = text.replace(" ", "").replace("!", "")
    return {plain[at : at + 5] for at in range(max(1, len(plain) - 4))} if plain else set()


def fates(project: Project) -> dict[str, tuple[str, str | None]]:
    """Row -> (its text, the row that it is near to), told by `why`."""
    told = json.loads(project.run("why", "recipe.yaml", "--match", "", "--limit", "1000", "--json", "--store", "store").out)
    found = {}
    for row in told["rows"]:
        last = row["events"][-1]
        if last.get("dropped_by") != "length":
            found[row["row_id"]] = (
                row["cells"]["prompt"],
                next((each["near"] for each in row["events"] if "near" in each), None),
            )
    return found


# -- what is compared


def test_shingles_are_the_distinct_n_grams_of_each_text() -> None:
    texts = [*some_texts(40), None, "가나다라마가나다라마"]
    plain = [None if text is None else text.replace(" ", "") for text in texts]
    _, bounds = shingles(pa.array(plain, pa.large_string()), 5)
    assert np.diff(bounds).tolist() == [len(grams(text or "")) if text != "짧다!" else 1 for text in texts]


def test_what_two_texts_share_is_counted_truly() -> None:
    texts = some_texts(60)
    hashes, bounds = shingles(pa.array([text.replace(" ", "").replace("!", "") for text in texts], pa.large_string()), 5)
    pairs = [(one, other) for one in range(0, 60, 3) for other in range(60)]

    def sets(places: list[int]) -> tuple[np.ndarray, np.ndarray]:
        own = [hashes[bounds[at] : bounds[at + 1]] for at in places]
        return np.concatenate(own), np.cumsum([0, *map(len, own)])

    others = [other for _, other in pairs]
    found = common(*sets([one for one, _ in pairs]), hashes, bounds[:-1][others], bounds[1:][others])
    assert found.tolist() == [len(grams(texts[one]) & grams(texts[other])) for one, other in pairs]


def test_the_numbers_of_a_text_are_a_set() -> None:
    hashes, bounds = numbers(pa.array(["3개와 12개", "12, 그리고 ３, 12", "12", "없음", None, "312"]))
    one, other, fewer, none, null, joined = (
        set(hashes[start:end].tolist()) for start, end in zip(bounds, bounds[1:], strict=False)
    )
    assert one == other > fewer and not none and not null and len(joined - one) == 1


@pytest.mark.parametrize("threshold", ["0.3", "0.5", "0.8", "0.95", "1"])
def test_bands_miss_at_most_one_of_a_hundred_pairs_at_the_threshold(threshold: str) -> None:
    rows = rows_of_bands(128, Fraction(threshold))
    assert (1 - float(threshold) ** rows) ** (128 // rows) <= 0.01 + 1e-9


def test_the_sketch_of_this_version_of_the_library_is_on_record() -> None:
    hashes, bounds = shingles(pa.array(["하늘은왜파랗게보이나요", "물"], pa.large_string()), 5)
    assert bands(hashes, bounds, 128, 6, 7)[:3].tolist() == [
        [626688791, 3825574384],
        [24611236, 3578753357],
        [1459593690, 660299298],
    ]


def test_nothing_that_is_read_is_a_number_below_what_makes_sense() -> None:
    for said in ({"threshold": 0.2}, {"permutations": 8}, {"ngram": 0}, {"most_compared": 0}):
        with pytest.raises(ValueError, match="greater than or equal"):
            NearDuplicates.model_validate(said)


# -- which rows go


def test_a_row_goes_for_the_first_of_lower_rank_that_is_truly_near(near: Project) -> None:
    near.build()
    told = fates(near)
    dropped = {row: other for row, (_, other) in told.items() if other is not None}
    assert 20 < len(dropped) < 110
    rank = {row: hashlib.sha256(f"7/near_duplicates/{UUID(row)}".encode()).hexdigest() for row in told}
    for row, (text, other) in told.items():
        own = grams(text)
        like = [
            each
            for each, (against, _) in told.items()
            if rank[each] < rank[row] and len(own & grams(against)) * 10 >= 6 * len(own | grams(against)) > 0
        ]
        # No pair is missed here; whatever is found is the lowest of all, dropped or not.
        assert other == (min(like, key=rank.__getitem__) if like else None), text


@pytest.mark.parametrize("way", [{"RECIPE_PARTS": "16"}, {"RECIPE_PARTS": "4", "RECIPE_THREADS": "2"}], ids=str)
def test_the_digest_is_the_same_in_parts_and_on_threads(
    way: dict[str, str], near: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = near.digest()
    for name, value in way.items():
        monkeypatch.setenv(name, value)
    assert near.digest(store="parts") == one


def test_the_digest_is_the_same_in_any_order_of_rows_and_files(near: Project) -> None:
    one = near.digest()
    texts = [{"prompt": text} for text in some_texts()]
    random.Random(1).shuffle(texts)
    near.rows("a.jsonl", texts)
    assert near.digest(store="another") == one


@pytest.mark.long
@pytest.mark.parametrize("seed", range(21))
def test_each_seed_has_one_digest_over_parts_and_orders(seed: int, near: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    near.write("recipe.yaml", RECIPE.replace("seed: 7", f"seed: {seed}"))
    one, texts, found = near.digest(), [{"prompt": text} for text in some_texts()], set()
    for parts in ("1", "4", "16"):
        random.Random(seed).shuffle(texts)
        near.rows("a.jsonl", texts)
        monkeypatch.setenv("RECIPE_PARTS", parts)
        found.add(near.digest(store=f"store-{parts}"))
    assert found == {one}


def test_few_pairs_at_a_time_find_what_many_do(near: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    one = near.digest()
    monkeypatch.setattr("runtime.stages.pairs.AT_ONCE", 16)
    assert near.digest(store="few") == one


def test_more_rows_than_can_be_held_are_refused_before_any_is_compared(near: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.stages.pairs.HELD", 1 << 24)
    ran = near.run("build", "recipe.yaml", "--store", "store", "--memory", "400MB")
    assert ran.code == 1 and "does not fit into 400 MB" in ran.err and "build with --memory" in ran.err, ran.err


def test_adding_a_row_drops_only_rows_that_are_near_to_it(near: Project) -> None:
    near.build()
    before = fates(near)
    added = "하늘은 물은 바다는 왜 파란가요 끓나요 짠가요 깊은가요 이유를"
    near.rows("a.jsonl", [{"prompt": text} for text in [*some_texts(), added]])
    near.build()
    for row, (text, other) in fates(near).items():
        if row in before and other != before[row][1]:
            assert len(grams(text) & grams(added)) * 10 >= 6 * len(grams(text) | grams(added))


# -- the guard


def test_a_build_stops_where_more_of_a_source_goes_than_it_says(near: Project) -> None:
    ran = near.run("build", "recipe.yaml", "--store", "store", "--set", "prompts.near_duplicates.max_share=0.1")
    assert ran.code == 1 and "rows of `a`: that is more than its `max_share`" in ran.err and "max_share: 1" in ran.err, ran.err
    near.build()
    ran = near.run("diff", "recipe.yaml", "--store", "store", "--set", "prompts.near_duplicates.max_share=0.1")
    assert "the build stops" in ran.out and "rows of `a` would go" in ran.out, ran.out


# -- what is told before and after


def bounds_of(project: Project, setting: str) -> tuple[int, int]:
    """How many rows a diff says that there will be; a build of it has so many."""
    told = project.run("diff", "recipe.yaml", "--store", "store", "--json", "--set", setting).json
    (output,) = told[0]["rows"]
    low, high = output["after"]["all"]
    (built,) = project.build("recipe.yaml", "--set", setting)["outputs"]
    assert low <= built["rows"] <= high
    return low, high


def test_a_diff_is_exact_where_no_row_leaves_that_another_went_for(near: Project) -> None:
    near.rows(
        "a.jsonl", [{"prompt": text} for text in [*some_texts(), "전혀 다른 문장이며 아무것과도 비슷하지 않은 아주 긴 글입니다"]]
    )
    near.build()
    low, high = bounds_of(near, "prompts.length.max=40")
    assert low == high


def test_a_diff_bounds_what_becomes_of_rows_whose_near_row_leaves(near: Project) -> None:
    near.build()
    low, high = bounds_of(near, "prompts.length.max=32")
    assert high - low < 60


def test_a_diff_bounds_what_a_further_source_does(near: Project) -> None:
    near.build()
    near.rows("b.jsonl", [{"prompt": text} for text in some_texts(40)[::3]])
    low, high = bounds_of(near, "sources.b={file: b.jsonl, category: two, license: A}")
    assert low < high < 300


def test_why_tells_what_both_share_and_where_they_differ(near: Project) -> None:
    near.write("recipe.yaml", RECIPE.replace("0.6", "0.5"))
    near.rows(
        "a.jsonl",
        [
            {"prompt": "하늘은 왜 파랗게 보이나요? 이유를 길게 써 주세요."},
            {"prompt": "하늘은 왜 파랗게 보이나요? 이유를 짧게 써 주세요."},
        ],
    )
    near.build()
    out = near.run("why", "recipe.yaml", "--store", "store", "--match", "하늘은").out
    assert "it is nearly the same as the row" in out and "n-grams of both are in each" in out
    assert "`길게` here, `짧게` there" in out or "`짧게` here, `길게` there" in out, out


def test_why_withholds_what_is_restricted_of_either_row(near: Project) -> None:
    said = RECIPE.replace("license: A}", "license: A}\n  b: {file: b.jsonl, category: two, license: B}")
    near.write("recipe.yaml", said.replace("0.6", "0.5"))
    near.rows("a.jsonl", [{"prompt": "하늘은 왜 파랗게 보이나요? 이유를 길게 써 주세요."}])
    near.rows("b.jsonl", [{"prompt": "하늘은 왜 파랗게 보이나요? 이유를 짧게 써 주세요."}])
    near.build()
    out = near.run("why", "recipe.yaml", "--store", "store", "--match", "하늘은", "--json").out
    assert '"near": "' in out and "짧게" not in out and '"pieces": null' in out, out
    shown = near.run("why", "recipe.yaml", "--store", "store", "--match", "하늘은", "--json", "--show-restricted").out
    assert "짧게" in shown


def test_conversations_are_near_by_the_turns_that_are_named(near: Project) -> None:
    asked = ["하늘은 왜 파랗게 보이나요? 이유를 길게 써 주세요.", "하늘은 왜 파랗게 보이나요? 이유를 짧게 써 주세요."]
    answers = ["빛이 흩어져서요", "그 까닭은 바다와 산과 들에 있습니다"]
    talks = [zip(("user", "assistant"), said, strict=True) for said in zip(asked, answers, strict=True)]
    near.rows("a.jsonl", [{"messages": [{"role": who, "content": said} for who, said in talk]} for talk in talks])
    for by, kept in (("assistant.last", 2), ("user", 1)):
        said = RECIPE.replace("license: A}", "license: A, columns: {messages: messages}}").replace(
            "{min: 3}", "{min: 3, in: user}"
        )
        near.write("recipe.yaml", said.replace("threshold: 0.6", f"threshold: 0.5, by: {by}"))
        assert len(near.table("recipe.yaml")) == kept
    out = near.run("why", "recipe.yaml", "--store", "store", "--match", "하늘은").out
    assert "`길게` here, `짧게` there" in out or "`짧게` here, `길게` there" in out, out
