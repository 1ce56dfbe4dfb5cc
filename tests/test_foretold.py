"""What a diff says of an edit in words: no licence that no row can have, no source that nobody touched, and no Python."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import pytest

from tests.conftest import Project

EXAMS = [
    {"prompt": f"다음 중 {word} 것은 무엇인가요? {at}", "options": [f"{word}{at}{end}" for end in "가나다라"], "gold": at % 4}
    for at, word in enumerate(["맞는", "큰", "작은", "빠른", "느린", "붉은", "푸른", "높은"])
]
MAPPED = {"columns": {"prompt": "prompt", "options": "options", "gold": {"index": "gold"}}}
RECIPE: dict[str, Any] = {
    "format": 1,
    "recipe": "test/foretold",
    "language": {"target": "ko"},
    "seed": 7,
    "sources": {
        "forum": {"file": "forum.jsonl", "category": "daily", "license": "B"},
        "exams": {"file": "exams.jsonl", "category": "exams", "license": "A", **MAPPED},
    },
    "prompts": [{"length": {"min": 3}}],
    "mixture": {"take": {"daily": 2, "exams": 4}},
}


@pytest.fixture
def foretold(project: Project) -> Project:
    project.rows("forum.jsonl", ["물은 왜 끓나요? 알려 주세요", "하늘은 왜 파란가요? 알려 주세요"])
    project.rows("exams.jsonl", EXAMS[:5])
    project.rows("more.jsonl", EXAMS[5:])
    project.rows("facts.jsonl", [{"q": "물은 왜 끓나요? 알려 주세요", "a": "열"}])
    write(project, "before.yaml")
    project.build("before.yaml")
    return project


def write(project: Project, name: str, **changes: Any) -> None:
    project.write(name, json.dumps({**RECIPE, **changes}, ensure_ascii=False))


def diff(project: Project, **changes: Any) -> tuple[str, dict[str, Any]]:
    """What a diff with some sections changed says, as text and as data."""
    write(project, "after.yaml", **changes)
    said = ["diff", "before.yaml", "after.yaml", "--store", "store"]
    ran, data = project.run(*said), project.run(*said, "--json")
    assert ran.code == 0 and data.code == 0, ran.err + data.err
    (found,) = data.json if isinstance(data.json, list) else data.json["recipes"]
    return ran.out, found


def classes(found: dict[str, Any]) -> list[str]:
    """What is said of the classes of outputs."""
    return [each["message"] for each in found["obligations"] if each["kind"] == "licence" and "is of class" in each["message"]]


@pytest.mark.skipif(importlib.util.find_spec("bm25s") is None, reason="bm25s is not installed")
@pytest.mark.parametrize(("given", "licence"), [("A", ""), ("unknown", "unknown"), ("B", "")])
def test_merged_options_have_a_class_that_their_donors_can_give(foretold: Project, given: str, licence: str) -> None:
    sources = RECIPE["sources"] | {"more": {"file": "more.jsonl", "category": "exams", "license": given, **MAPPED}}
    prompts = [*RECIPE["prompts"], {"merge_options": {"only": {"category": "exams"}, "max_options": 6}}]
    told = classes(diff(foretold, sources=sources, prompts=prompts)[1])
    assert told == ([f"the output `dataset` is of class {licence} now, and was B, by `more`"] if licence else [])


def test_a_source_that_the_mixture_leaves_out_gives_no_class(foretold: Project) -> None:
    sources = RECIPE["sources"] | {"crawl": {"file": "more.jsonl", "category": "web", "license": "unknown", **MAPPED}}
    out, found = diff(foretold, sources=sources)
    assert classes(found) == [] and "the same 6 rows" in out


def test_a_class_that_goes_is_told_with_what_brought_it(foretold: Project) -> None:
    told = classes(diff(foretold, mixture={"take": {"exams": 4}})[1])
    assert told == ["the output `dataset` is of class A now, and was B, without `forum`"]


def test_a_source_that_comes_through_is_named_and_no_other_of_its_class(foretold: Project) -> None:
    sources = RECIPE["sources"] | {"more": {"file": "more.jsonl", "category": "web", "license": "unknown", **MAPPED}}
    mixture = {"take": {"daily": 2, "exams": 4, "web": 1}}
    told = classes(diff(foretold, sources=sources, mixture=mixture)[1])
    assert told == ["the output `dataset` is of class unknown now, and was B, by `more`"]


def test_a_benchmark_that_is_looked_for_obliges_nobody_who_trains(foretold: Project) -> None:
    items = {"file": "facts.jsonl", "columns": {"prompt": "q", "gold_answer": "a"}}
    benchmark = {"task": "math", "language": "ko", "license": "B", "extract": "last_line", "items": items}
    out, found = diff(foretold, benchmarks={"facts": benchmark}, decontaminate={"against": ["facts"], "ngram": 5})
    assert all("facts" not in each["message"] for each in found["obligations"])
    assert (
        "+ benchmark facts: file facts.jsonl, license B" in out
        and "before.yaml:1" not in out.split("meaning")[1].split("plan")[0]
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"sources": RECIPE["sources"] | {"crawl": {"file": "more.jsonl", "category": "web", "license": "A", **MAPPED}}},
        {"prompts": [{"measure": {"size": {"length": {}}}}, {"select": {"columns": ["prompt", "size"]}}]},
        {"prompts": [{"select": {"columns": {"question": "prompt"}}}, {"length": {"in": "question", "min": 3}}]},
        {
            "prompts": [
                {"length": {"min": 3, "only": {"category": ["daily", "exams"]}}},
                {"unique": {"by": ["prompt", "options"]}},
            ]
        },
        {"sources": {"forum": RECIPE["sources"]["forum"]}, "mixture": {"take": {"daily": 1}}},
    ],
    ids=["a source", "a measure and fewer columns", "another name", "lists", "a source less"],
)
def test_a_plan_is_told_in_the_words_of_recipes(foretold: Project, changes: dict[str, Any]) -> None:
    out, _ = diff(foretold, **changes)
    for odd in ("None", "['", "dropped it", " is gone,", " differs, ", "True", "False"):
        assert odd not in out, out


def test_where_a_build_stops_is_said_before_what_it_would_make(foretold: Project) -> None:
    out, _ = diff(foretold, mixture={"take": {"daily": 2, "exams": 40}})
    first = out.splitlines()[0]
    assert first.index("the build stops: `exams` has 5 of the 40 that the mixture takes") < first.index("rows (exact)")


def test_a_change_that_no_recipe_reads_is_said_so(foretold: Project) -> None:
    out, found = diff(foretold)
    assert found["empty"] and "no change of meaning" in out
