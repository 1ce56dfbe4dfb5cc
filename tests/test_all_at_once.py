"""All mistakes of a recipe in one round, wherever they are found, and no mistake that only follows from another."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from tests.conftest import Project

RECIPE = """
format: 1
recipe: test/all
language: {target: xx, anchor: en}
models:
  teacher: {id: lab/t, license: mit, terms: mit}
  student: {id: lab/s, license: mit}
sources:
  daily: {file: data/daily.jsonl, category: daily, license: A, columns: {prompt: question, level: level}}
  exams: {file: data/exams.jsonl, category: exams, license: A}
  done: {file: data/done.jsonl, category: traces, license: A, columns: {prompt: q, completion: a}}
prompts:
  - language_share: {of: target, min: 0.3}
  - length: {min: 3, max: 900}
  - measure: {size: {length: {}}}
  - where: "length(prompt) > 2"
  - unique: {by: prompt}
cot:
  schema: monolingual
  teacher: {model: teacher, recorded: done}
  solution: {language: target, answer: boxed}
traces:
  - repetition: {max: 0.5}
mixture: {take: {daily: 1}}
train:
  sft: {objective: sft, model: student, data: dataset, system: none}
"""
PROFILE = """
language: xx
name: Example
scripts: {Hangul: [AC00-D7A3]}
prompts: {monolingual: 생각}
"""
#: What is written -> what a person writes instead, and a part of what is told.
MISTAKES = {
    "a key": ("min: 3, max", "mni: 3, max", "unknown key `mni`"),
    "a value": ("max: 900", "max: nine", "`max` takes a whole number"),
    "a column of a file": ("prompt: question", "prompt: questoin", "the files have no column `questoin`"),
    "a column of a table": ("{by: prompt}", "{by: promt}", "there is no column `promt`"),
    "a licence": ("category: exams, license: A", "category: exams, license: AA", "`license` is a class"),
    "a tab": ("  student:", "\tstudent:", "a tab indents this line"),
    "an indent": ("  exams: {", "   exams: {", "a key of this map is expected here"),
    "a language": ("anchor: en", "anchor: ek", "there is no language profile `ek`"),
    "the same name": ("  - where:", "  - length: {min: 4}\n  - where:", "two steps are named `length`"),
    "a key twice": ("seed", "seed", ""),
    "min over max": ("{of: target, min: 0.3}", "{of: target, min: 0.3, max: 0.1}", "`min` 0.3 is above `max` 0.1"),
    "a model": ("model: student", "model: studnt", "there is no model `studnt`"),
    "an amount": ("take: {daily: 1}", "take: {daily: 500}", "the mixture takes 500 of `daily`"),
    "a file": ("data/exams.jsonl", "data/exam.jsonl", "no file matches `data/exam.jsonl`"),
    "an operator": ("  - repetition:", "  - repetitoin:", "unknown key `repetitoin`"),
    "a function": ("length(prompt) > 2", "lenght(prompt) > 2", "the function `lenght` is not allowed"),
    "a category": ("take: {daily: 1}", "take: {daily: 1, exmas: 1}", "no source has the category `exmas`"),
    "a table": ("data: dataset", "data: datset", "there is no such table"),
    "a choice": ("answer: boxed", "answer: box", "`answer` is one of"),
    "a tag": ("answer: boxed", "answer: !x boxed", "the tag `!x` is not allowed"),
}
del MISTAKES["a key twice"]


@pytest.fixture
def whole(project: Project) -> Project:
    project.rows(
        "data/daily.jsonl", [{"question": "물은 왜 끓나요", "level": "a"}, {"question": "하늘은 왜 파란가요", "level": "b"}]
    )
    project.rows("data/exams.jsonl", ["바다는 왜 짠가요"])
    project.rows("data/done.jsonl", [{"q": "물은 왜 끓나요", "a": "<think>물</think>답"}])
    project.write("languages/xx.yaml", PROFILE)
    return project


def told(project: Project, *names: str) -> list[str]:
    """What a check says of the recipe with some mistakes."""
    text = RECIPE
    for name in names:
        right, wrong, _ = MISTAKES[name]
        assert right in text, name
        text = text.replace(right, wrong, 1)
    project.write("recipe.yaml", text)
    ran = project.run("check", "recipe.yaml")
    assert ran.code == (2 if names else 0), ran.out + ran.err
    return re.findall(r"^error: (.*)$", ran.err, re.MULTILINE)


def test_the_recipe_is_right(whole: Project) -> None:
    assert told(whole) == []


@pytest.mark.parametrize("name", MISTAKES)
def test_one_mistake_is_told_once_and_nothing_that_follows_from_it(whole: Project, name: str) -> None:
    (message,) = told(whole, name)
    assert MISTAKES[name][2] in message


PLACES = {name: right for name, (right, _, _) in MISTAKES.items()}


@pytest.mark.parametrize("name", MISTAKES)
def test_any_other_mistake_is_told_beside_it(whole: Project, name: str) -> None:
    for other in MISTAKES:
        # Two mistakes in one place are one text.
        if other == name or PLACES[other] in PLACES[name] or PLACES[name] in PLACES[other]:
            continue
        found = told(whole, name, other)
        wanted = [MISTAKES[each][2] for each in (name, other)]
        assert len(found) == 2 and all(any(part in message for message in found) for part in wanted), (name, other, found)


def test_all_of_them_are_told_together(whole: Project) -> None:
    together = [name for name in MISTAKES if name not in ("a value", "a category", "a tag", "an operator")]
    found = told(whole, *together)
    assert sorted(found) == sorted(dict.fromkeys(found)) and len(found) == len(together)
    assert all(any(MISTAKES[name][2] in message for message in found) for name in together)
    assert len(list(combinations(together, 2))) > 100


SYNTAX = {
    "a tab under a key": "a:\n\tb: 1\n\tc: 2\nd: 3\n",
    "a tab among spaces": "a:\n  b: 1\n\tc: 2\nd: 3\n",
    "one space too many": "a:\n  b: {x: 1}\n   c: 2\nd: 3\n",
    "one space too few": "a:\n  b: {x: 1}\n c: 2\nd: 3\n",
    "an item and a tab": "a:\n  b: 1\n  c: 2\nd:\n  - x\n\t- y\n",
    "with what is under it": "a:\n  b: {x: 1}\n   c:\n      e: 1\nd: 3\n",
    "carriage returns": "a:\r\n  b: 1\r\n\tc: 2\r\nd: 3\r\n",
}


@pytest.mark.parametrize("name", SYNTAX)
def test_a_line_that_is_indented_otherwise_is_read_as_its_neighbours_are(name: str) -> None:
    from compiler.text.composing import look_at
    from compiler.text.spans import Text

    found = look_at(Text("r.yaml", None, SYNTAX[name]))
    assert found.problems and not found.torn and found.root is not None
    plain = found.root.plain()
    assert set(plain) == {"a", "d"} and set(plain["a"]) == {"b", "c"}
    for key in ("b", "c"):  # and everything stands where it was written
        span = found.root.find(("a", key), key=True)
        assert span.text.lines[span.line - 1][span.column - 1 : span.end_column - 1] == key


TORN = {
    "a bracket": "a: {b: 1\nc: {}\nd: [1]\n",
    "a list": "a: [1, 2\nc: {}\nd: [1]\n",
    "a quote": "a: 'b\nc: {}\nd: [1]\n",
    "an odd letter": "a: @b\nc: {}\nd: [1]\n",
    "a bracket in text": "a: [\\boxed{}]\nc: {}\nd: [1]\n",
}


@pytest.mark.parametrize("name", TORN)
def test_a_line_that_cannot_be_read_is_left_out_with_no_word_of_what_it_held(name: str) -> None:
    from compiler.text.composing import look_at
    from compiler.text.spans import Text

    found = look_at(Text("r.yaml", None, TORN[name]))
    assert found.torn and len(found.problems) == 1 and found.root is not None
    assert found.problems[0].span is not None and found.problems[0].span.line == 1
    assert found.root.plain() == {"c": {}, "d": [1]}


def test_a_text_with_many_such_lines_tells_the_first_and_ends() -> None:
    from compiler.text.composing import look_at
    from compiler.text.spans import Text

    found = look_at(Text("r.yaml", None, "a:\n" + "".join(f"  k{at}: 1\n\tx{at}: 2\n" for at in range(3000))))
    assert 0 < len(found.problems) <= 10
    long = look_at(Text("r.yaml", None, "a: [\n" + "b: @\n" * 60_000))
    assert 0 < len(long.problems) <= 10


def test_what_stands_under_a_misspelt_key_is_looked_at(whole: Project) -> None:
    text = RECIPE.replace("\nprompts:", "\npromts:").replace("- length: {min: 3, max: 900}", "- lenght: {min: 30, max: 9}")
    whole.write("recipe.yaml", text)
    assert re.findall(r"^error: (.*)$", whole.run("check", "recipe.yaml").err, re.MULTILINE) == [
        "unknown key `promts`",
        "unknown key `lenght`",
        "`min` 30 is above `max` 9, so no row can pass",
    ]


def test_a_broken_profile_template_and_benchmark_are_told_with_the_recipe(whole: Project) -> None:
    whole.write("languages/xx.yaml", PROFILE.replace("scripts: {Hangul: [AC00-D7A3]}", "scripts: {Hangul: [ZZ]}"))
    whole.write("benchmarks/facts.yaml", "format: 1\nbenchmark: fact\ntask: math\nlanguage: xx\nlicense: A\n")
    text = RECIPE.replace("system: none}", "system: none, template: data/templat.jinja}").replace("max: 900", "max: x")
    whole.write("recipe.yaml", text + "evaluate: {held_in: [facts, facst]}\ndecontaminate: {against: evaluated}\n")
    whole.write("data/template.jinja", "{{ messages }}")
    ran = whole.run("check", "recipe.yaml")
    found = re.findall(r"^error: (.*)$", ran.err, re.MULTILINE)
    parts = ["`ZZ` is no range", "the benchmark needs `extract`", "the file is called `facts`", "templat.jinja"]
    for part in [*parts, "`max` takes a whole number", "there is no benchmark `facst`"]:
        assert any(part in each for each in found), (part, found)
    assert "did you mean `template.jinja`?" in ran.err and len(found) == 6


def test_a_recipe_that_is_wrong_is_used_by_no_command(whole: Project) -> None:
    told(whole, "a key")
    for command in (["show", "recipe.yaml"], ["plan", "recipe.yaml"], ["build", "recipe.yaml"], ["lock", "recipe.yaml"]):
        ran = whole.run(*command, "--store", "store") if command[0] != "show" else whole.run(*command)
        assert ran.code == 2 and "unknown key `mni`" in ran.err, command


def test_prompts_of_a_recipe_whose_only_source_is_recorded_are_told_to_be_none(whole: Project) -> None:
    lines = [
        line for line in RECIPE.splitlines() if not line.startswith(("  daily:", "  exams:", "  - ", "mixture", "train", "  sft"))
    ]
    whole.write("recipe.yaml", "\n".join(lines).replace("prompts:", "prompts: []").replace("traces:", "traces: []"))
    ran = whole.run("check", "recipe.yaml")
    assert ran.code == 2 and "`prompts` reads no rows" in ran.err and ran.err.count("error:") == 1


def test_completions_of_a_source_that_is_wrong_are_asked_for_by_nobody(whole: Project) -> None:
    whole.write("recipe.yaml", RECIPE.replace("category: traces, license: A,", "category: traces, license: A, encoding: utf-99,"))
    ran = whole.run("check", "recipe.yaml")
    assert ran.code == 2 and "there is no encoding `utf-99`" in ran.err and ran.err.count("error:") == 1
