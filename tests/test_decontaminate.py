"""Rows with text of a benchmark are dropped with what was found, and no benchmark reaches a training unlooked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime.tables.segmented import Segmented
from tests.conftest import Project

LEAK = "서울은 대한민국의 수도이며 한강이 도시를 가로질러 흐르고 인구가 가장 많은 곳이다"
ITEMS = [
    {"question": LEAK, "answer": "1"},
    {"question": "바다에서 가장 깊은 곳은 마리아나 해구이며 그 깊이는 대략 만 미터를 넘는다고 한다", "answer": "2"},
]
ROWS = [
    "물은 왜 끓나요?",
    f"다음을 읽으시오. {LEAK}. 그렇다면 답은?",
    LEAK.replace(" ", ""),
    LEAK.replace("이며", "이며,\n"),
    "산에서 가장 높은 곳은 어디이며 그 높이는 대략 몇 미터인지 설명해 주세요",
]
RECIPE: dict[str, Any] = {
    "format": 1,
    "recipe": "test/clean",
    "language": {"target": "xx", "anchor": "en"},
    "sources": {"a": {"file": "a.jsonl", "category": "one", "license": "A"}},
    "prompts": [{"length": {"min": 3}}],
    "benchmarks": {
        "facts": {
            "items": {"file": "facts.jsonl", "columns": {"prompt": "question", "gold_answer": "answer"}},
            "task": "math", "extract": "first_boxed", "language": "xx", "license": "A",
        }
    },
    "decontaminate": {"against": ["facts"]},
}  # fmt: skip
PROFILE = """format: 1
language: xx
name: Korean without a segmenter
scripts: {Hangul: [AC00-D7A3]}
number_marks: {decimal: ".", group: ","}
ngrams: {segments: words, raw: words, dates: [년]}
"""


@pytest.fixture
def clean(project: Project) -> Project:
    project.rows("a.jsonl", ROWS)
    project.rows("facts.jsonl", ITEMS)
    project.write("languages/xx.yaml", PROFILE)
    return said(project)


def said(project: Project, **fields: Any) -> Project:
    """The recipe with some of its sections said otherwise; None leaves one out."""
    whole = {name: value for name, value in (RECIPE | fields).items() if value is not None}
    project.write("recipe.yaml", json.dumps(whole, ensure_ascii=False))
    return project


def prompts(project: Project, *arguments: str) -> list[str]:
    return sorted(row["prompt"] for row in project.table("recipe.yaml", *arguments))


def test_rows_with_text_of_a_benchmark_are_dropped(clean: Project) -> None:
    assert prompts(clean) == sorted([ROWS[0], ROWS[4]])


@pytest.mark.parametrize(
    ("passes", "kept"),
    [(["raw"], [0, 2, 3, 4]), (["segments"], [0, 2, 4]), (["segments", "raw"], [0, 2, 4]), (["squeezed"], [0, 4])],
)
def test_each_pass_finds_its_own(clean: Project, passes: list[str], kept: list[int]) -> None:
    said(clean, decontaminate={"against": ["facts"], "passes": passes, "ngram": 9})
    assert prompts(clean) == sorted(ROWS[at] for at in kept)


@pytest.mark.parametrize(("library", "module"), [("kiwipiepy", "kiwipiepy"), ("python-mecab-ko", "mecab")])
def test_either_segmenter_finds_what_has_no_spaces(clean: Project, library: str, module: str) -> None:
    pytest.importorskip(module)
    said(clean, decontaminate={"against": ["facts"], "passes": ["segments"], "segmenter": library})
    assert prompts(clean) == sorted([ROWS[0], ROWS[4]])


def test_why_names_benchmark_item_pass_and_the_text(clean: Project) -> None:
    clean.build()
    told = clean.run("why", "recipe.yaml", "--store", "store", "--match", "다음을 읽으시오").out
    assert "decontaminate DROPPED: facts " in told and "segments, characters " in told and "of prompt" in told, told
    assert "    서울은 대한민국의 수도이며 한강이" in told
    item = told.split("DROPPED: facts ")[1].split(":")[0]
    found = clean.run("why", "recipe.yaml", "--store", "store", item).out
    assert LEAK in found and "benchmark.facts: read" in found


def test_a_flagged_row_stays_and_its_ledger_tells(clean: Project) -> None:
    said(clean, decontaminate={"against": ["facts"], "on_hit": "flag"})
    assert len(prompts(clean)) == len(ROWS)
    told = clean.run("why", "recipe.yaml", "--store", "store", "--match", "다음을 읽으시오").out
    assert "decontaminate passed: facts " in told


def test_boilerplate_that_is_declared_is_never_found(clean: Project) -> None:
    said(clean, decontaminate={"against": ["facts"], "except": [LEAK]})
    assert len(prompts(clean)) == len(ROWS)


def test_more_places_than_one_may_be_asked_for(clean: Project) -> None:
    said(clean, decontaminate={"against": ["facts"], "min_hits": 1000})
    assert len(prompts(clean)) == len(ROWS)
    ran = clean.run("diff", "recipe.yaml", "--store", "store", "--set", "decontaminate.min_hits=1")
    assert "3" in ran.out, ran.out + ran.err


def test_the_digest_stays_whatever_the_order_of_rows_items_and_threads(clean: Project) -> None:
    before = clean.digest()
    clean.rows("a.jsonl", ROWS[::-1])
    clean.rows("facts.jsonl", ITEMS[::-1])
    assert clean.digest(store="another") == before


def test_another_item_is_another_key_and_an_equal_one_is_none(clean: Project) -> None:
    clean.build()
    assert clean.build()["ran"] == []
    clean.rows("facts.jsonl", [*ITEMS, {"question": ROWS[4], "answer": "3"}])
    assert prompts(clean) == [ROWS[0]]


def test_a_benchmark_without_files_is_not_proven_in_check_and_plan_and_stops_a_build(clean: Project) -> None:
    said(clean, benchmarks={"facts": {**RECIPE["benchmarks"]["facts"], "items": {}, "obtain": "ask the authors"}})
    for command in (["check"], ["plan", "--store", "store"]):
        told = clean.run(command[0], "recipe.yaml", *command[1:])
        assert told.code == 0 and "not proven: the benchmark `facts` has no files here" in told.out
        assert "ask the authors" in told.out
    ran = clean.run("build", "recipe.yaml", "--store", "store")
    assert ran.code == 2 and "ask the authors" in ran.err and "recipe.yaml:" in ran.err


def test_a_benchmark_that_nobody_declared_is_told_at_its_place(clean: Project) -> None:
    said(clean, decontaminate={"against": ["facs"]})
    ran = clean.run("check", "recipe.yaml")
    assert ran.code == 2 and "there is no benchmark `facs`" in ran.err


# -- the proof


TRAINED: dict[str, Any] = {
    "sources": {
        "a": {"file": "a.jsonl", "category": "one", "license": "A"},
        "said": {"file": "said.jsonl", "category": "one", "license": "A", "columns": {"prompt": "prompt", "completion": "said"}},
    },
    "models": {name: {"id": f"test/{name}", "license": "mit", "terms": "mit"} for name in ("teacher", "student")},
    "cot": {"schema": "short", "teacher": {"model": "teacher", "recorded": "said"}},
    "train": {"sft": {"objective": "sft", "model": "student", "data": "dataset", "system": "none"}},
    "evaluate": {"held_out": ["facts"], "models": ["student"]},
    "decontaminate": {},
    "mixture": {"take": {"one": 1}},
}


@pytest.fixture
def trained(clean: Project) -> Project:
    clean.rows("said.jsonl", [{"prompt": row, "said": "말"} for row in ROWS])
    clean.write("languages/xx.yaml", PROFILE + "prompts: {short: 짧게, system: {en: 길게}}\n")
    return said(clean, **TRAINED)


def checked(project: Project, **fields: Any) -> str:
    """What a check says of the recipe; nothing where it is right."""
    ran = said(project, **(TRAINED | fields)).run("check", "recipe.yaml")
    assert ran.code in (0, 2) and "Traceback" not in ran.err
    return ran.err if ran.code else ""


def test_a_training_behind_decontamination_is_right(trained: Project) -> None:
    assert checked(trained) == ""


def test_without_it_the_path_is_drawn(trained: Project) -> None:
    told = checked(trained, decontaminate=None)
    assert "`train.sft` learns `prompt`, in which nobody looked for `facts`" in told
    assert "a -> prompts -> traces -> dataset -> train.sft" in told and "recipe.yaml:1:" in told


def test_text_that_a_teacher_adds_later_is_not_proven(trained: Project) -> None:
    told = checked(trained, decontaminate=None, prompts=[{"length": {"min": 3}}, {"decontaminate": {}}])
    assert "learns `completion`" in told and "generate -> traces -> dataset -> train.sft" in told


def test_text_that_is_born_later_is_not_proven(trained: Project) -> None:
    born = [{"decontaminate": {}}, {"style_directives": {"texts": ["짧게 답하시오."]}}]
    told = checked(trained, decontaminate=None, traces=born)
    assert "learns `prompt`" in told and "style_directives -> dataset -> train.sft" in told


def test_a_step_that_lets_few_places_pass_is_told_in_a_diff(clean: Project) -> None:
    said(clean)
    clean.write("before.yaml", (clean.folder / "recipe.yaml").read_text("utf-8"))
    said(clean, decontaminate={"against": ["facts"], "min_hits": 2})
    assert "fewer than 2 places are of a benchmark" in clean.run("diff", "before.yaml", "recipe.yaml", "--store", "store").out


def test_a_second_table_that_nobody_looked_through_is_not_proven(trained: Project) -> None:
    tables = {"more": {"from": "said"}, "both": {"from": ["dataset", "more"]}}
    told = checked(trained, tables={"more": tables["more"]}, train={"sft": {**TRAINED["train"]["sft"], "data": "more"}})
    assert "said -> train.sft" in told or "said -> more -> train.sft" in told


def test_a_column_that_a_map_changes_afterwards_is_not_proven(trained: Project) -> None:
    traces = [{"decontaminate": {}}, {"normalise": {"of": "completion"}}]
    assert "learns `completion`" in checked(trained, decontaminate=None, traces=traces)


@pytest.mark.parametrize("step", [{"on_hit": "flag"}, {"only": {"category": "one"}}, {"in": ["prompt"]}])
def test_a_step_that_lets_rows_pass_proves_nothing(trained: Project, step: dict[str, Any]) -> None:
    assert "nobody looked for `facts`" in checked(trained, decontaminate=step)


def test_a_set_that_a_benchmark_is_parallel_to_is_looked_for_too(trained: Project) -> None:
    facts = RECIPE["benchmarks"]["facts"]
    both = {"facts": {**facts, "parallel_to": ["original"]}, "original": {**facts, "language": "en"}}
    assert checked(trained, benchmarks=both) == ""
    told = checked(trained, benchmarks=both, decontaminate={"against": ["facts"]})
    assert "nobody looked for `original`" in told
    alone = {"facts": both["facts"]}
    assert "there is no benchmark `original`" in checked(trained, benchmarks=alone)


def test_looking_for_its_text_is_the_one_way_from_a_held_out_benchmark(trained: Project) -> None:
    assert checked(trained) == ""
    told = checked(trained, tables={"leak": {"from": "benchmark.facts"}}, outputs=["leak"])
    assert "`facts` reaches `leak`" in told


# -- the memo


def test_a_text_is_segmented_once_whatever_is_looked_for(clean: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("kiwipiepy")
    clean.write("languages/xx.yaml", PROFILE.replace("segments: words", "segments: kiwipiepy"))
    segmented: list[str] = []
    whole = Segmented.append

    def told(self: Segmented, library: str, made: dict[bytes, bytes]) -> None:
        segmented.extend(digest.hex() for digest in made)
        whole(self, library, made)

    monkeypatch.setattr(Segmented, "append", told)
    assert prompts(clean) == sorted([ROWS[0], ROWS[4]])
    first = len(segmented)
    assert first < len(ITEMS) + len(ROWS)  # the rows in which no n-gram's text stands are never segmented
    clean.rows("more.jsonl", [{"question": "새로운 문제 하나를 여기에 더하고 그 답은 아무도 모른다고 합니다", "answer": "4"}])
    more = {
        **RECIPE["benchmarks"]["facts"],
        "items": {"file": "more.jsonl", "columns": {"prompt": "question", "gold_answer": "answer"}},
    }
    said(clean, benchmarks=RECIPE["benchmarks"] | {"more": more}, decontaminate={"against": ["facts", "more"]})
    assert prompts(clean) == sorted([ROWS[0], ROWS[4]])
    assert len(segmented) == first + 1 and len(set(segmented)) == len(segmented)


def test_damaged_segments_are_told_set_aside_and_made_anew(clean: Project) -> None:
    pytest.importorskip("kiwipiepy")
    clean.write("languages/xx.yaml", PROFILE.replace("segments: words", "segments: kiwipiepy"))
    before = clean.digest()
    path = min((clean.folder / "store").glob("memos/v*/memo/*/*/*.cuts"))
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(data))
    assert "segmented again" in (ran := clean.run("store", "verify", "--store", "store")).out + ran.err
    clean.rows("a.jsonl", [*ROWS, "새 물음 하나"])
    clean.build()
    assert clean.run("store", "verify", "--store", "store").code == 0
    clean.rows("a.jsonl", ROWS)
    assert clean.digest(store="another") == before
