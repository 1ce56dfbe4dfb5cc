"""Keys: files, profiles and versions change those that read them; names, comments and order change none."""

from __future__ import annotations

import copy
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import compiler.graph.keys
from compiler.graph.facts import installed_version
from runtime.build.session import Session
from tests import keyed
from tests.conftest import ROOT, Project
from tests.keyed import KIWI, Bench, Result, able, keys_of, result_of, session_of
from tests.mutations import ASKED, JUDGED, TRANSLATED, WIDE, A, Mutation, recipe
from tests.test_keys import both_keys, check_build, check_key

bed, teacher = keyed.bed, keyed.teacher

# -- files


def source_keys(project: Project, **a: Any) -> list[str | None]:
    return [key for name, _, key in keys_of(session_of(project, recipe(a=A | a), "store")) if name == "source"]


def test_a_changed_byte_is_a_new_key(bed: Bench) -> None:
    text = (bed.folder / "a.jsonl").read_text("utf-8")
    bed.write("byte.jsonl", text)
    before = source_keys(bed, file="byte.jsonl")
    bed.write("byte.jsonl", text.replace("파란", "푸른", 1))
    after = source_keys(bed, file="byte.jsonl")
    assert len(set(before) & set(after)) == 1, "the other source keeps its key"


def test_a_renamed_moved_or_touched_file_is_the_same_key(bed: Bench) -> None:
    before = source_keys(bed)
    assert source_keys(bed, file="moved/renamed.jsonl") == before
    assert source_keys(bed, file="m*/*.jsonl") == before
    os.utime(bed.folder / "a.jsonl", (1, 1))
    assert source_keys(bed) == before


def test_a_file_renamed_to_another_format_is_a_new_key(bed: Bench) -> None:
    shutil.copy(bed.folder / "quoted.csv", bed.folder / "quoted.tsv")
    said = recipe(a=A | {"file": "quoted.csv"}), recipe(a=A | {"file": "quoted.tsv"})
    mutation = Mutation("source.file", *said, "source")
    pair = bed.built_alone(mutation)
    check_build(mutation, pair)
    check_key(mutation, both_keys(pair.sessions))
    assert pair.before != pair.after


def test_equal_options_and_other_files_never_share_a_key(bed: Bench) -> None:
    one = {"category": "x", "license": "A"}
    files = {"a.jsonl": 0, "b.jsonl": 0, "moved/renamed.jsonl": 0}
    said = recipe(
        sources={f"s{place}": one | {"file": file} for place, file in enumerate(files)},
        tables={"t": {"from": ["s0", "s1", "s2"]}},
    )
    keys = [key for name, _, key in keys_of(session_of(bed, said, "store")) if name == "source"]
    assert len(set(keys)) == 3, "not even sources of equal bytes: the name of a source is in its row ids"


# -- language profiles


def profiled(project: Project, old: str = "", new: str = "", **share: Any) -> list[tuple[str, str, str | None]]:
    """The keys with a Korean profile beside the recipe, in which `old` is written as `new`."""
    assert isinstance(result_of(session_of(project, recipe(), "store")), Result)  # what is not built has no digest to be in a key
    text = (ROOT / "recipes" / "languages" / "ko.yaml").read_text("utf-8")
    assert old in text
    project.write("languages/ko.yaml", text.replace(old, new, 1) if old else text)
    said = recipe({"language_share": {"of": "target", "min": 0.3, **share}}, {"length": {"min": 1}}, "unique")
    try:
        return keys_of(session_of(project, said, "store"))
    finally:
        (project.folder / "languages" / "ko.yaml").unlink()


def test_a_changed_script_is_a_new_key_of_the_share_alone(bed: Bench) -> None:
    before, after = profiled(bed), profiled(bed, "AC00-D7A3", "AC00-D7A2")
    columns = [
        dict((name, key) for name, aspect, key in keys if aspect == "columns" and name != "unique") for keys in (before, after)
    ]
    assert columns[0]["length"] == columns[1]["length"]
    assert columns[0]["language_share"] != columns[1]["language_share"]
    assert [each for each in before if each[0] in ("source", "combine")] == [
        each for each in after if each[0] in ("source", "combine")
    ]


def test_another_mark_of_the_answer_is_a_new_key_where_marks_are_those_of_the_language(bed: Bench) -> None:
    mark = ("[정답, 답,", "[정답임, 답,")
    assert profiled(bed, *mark, marks="language") != profiled(bed, marks="language")
    assert profiled(bed, *mark) == profiled(bed)


@pytest.mark.parametrize(
    "change", [("영일이삼", "공일이삼"), ("cased: false", "cased: true"), ("# Korean", "# 한국어"), ("kiwipiepy-model", "model")]
)
def test_an_entry_that_no_step_reads_is_in_no_key(bed: Bench, change: tuple[str, str]) -> None:
    assert profiled(bed, *change) == profiled(bed)


def test_a_changed_prompt_is_a_new_key_of_the_step_that_asks_with_it_alone(bed: Bench) -> None:
    text = (ROOT / "recipes" / "languages" / "ko.yaml").read_text("utf-8")
    named: dict[str, Any] = {"generate": ASKED | {"system": "system"}}
    assert isinstance(result_of(session_of(bed, recipe(), "store")), Result)
    for step, old in (({"translate": TRANSLATED}, "natural Korean."), (named, "Think carefully,")):
        keys = []
        assert old in text
        for said in (text, text.replace(old, f"{old} Please.", 1)):
            bed.write("languages/ko.yaml", said)
            try:
                keys.append([keys_of(session_of(bed, recipe(each), "store")) for each in (step, {"judge": JUDGED})])
            finally:
                (bed.folder / "languages" / "ko.yaml").unlink()
        before, after = keys
        asked = [[key for name, _, key in each[0] if name in step] for each in keys]
        assert None not in asked[0] and asked[0] != asked[1]
        assert before[1] == after[1]


# -- what is installed

EVERY = recipe(
    {"language_share": {"of": "target", "min": 0.1}},
    {"length": {"min": 1}},
    {"where": "length(prompt) > 2"},
    {"normalise": {"form": "NFKC"}},
    {"unique": {}},
    {"sample": {"share": 0.9}},
    {"mixture": {"take": {"one": 1}, "shortage": "up_to"}},
    *([{"name": "last", "morphemes": {"min": 1}}] if KIWI else []),
    {"echo": {"in": "prompt", "max": 1}},
    *([{"token_length": {"tokenizer": "teacher", "in": "prompt", "min": 1}}] if able("token_length") else []),
    *([{"parsable": {"in": "prompt"}}] if able("parsable") else []),
    *([{"translate": TRANSLATED}, {"judge": JUDGED}, {"generate": ASKED}] if able("generate") else []),
)


def test_another_version_of_what_an_operator_depends_on_is_a_new_key(bed: Bench) -> None:
    session = session_of(bed, EVERY, "store")
    for name in ("unicode", "duckdb", "kiwipiepy", "kiwipiepy-model", "pyarrow", "numpy", "tokenizers", "math-verify", "sympy"):
        facts = replace(session.facts, version=lambda each, name=name: "0" if each == name else installed_version(each))
        for index, node in session.graph:
            known = (session.facts, facts)
            keys = [compiler.graph.keys.ingredients(session.graph, index, each, "input {}".format) for each in known]
            # A decision and a keep say it through their inputs, which stand still here.
            assert (keys[0] != keys[1]) == (name in node.operator.depends()), (node.operator.name, name)


# -- what is no part of a key

SPOKEN = """
format: 1
recipe: test/spoken
language: {target: ko, anchor: en}
seed: 7
sources:
  a: {file: a.jsonl, category: one, license: A, columns: {prompt: prompt, other: other, n: {field: n, as: integer}}}
  b: {file: b.jsonl, category: two, license: B}
prompts:
  - length: {min: 3, max: 90}
  - language_share: {of: target, min: 0.1}
  - measure: {size: {length: {}}, share: {language_share: {of: target}}}
  - unique: {by: prompt}
mixture: {take: {one: 3, two: 2}, repeat: {one: 2, two: 1}}
"""

REPHRASED = """
mixture:
    repeat: {two: 1, one: 2}
    take:
        two: 2
        one: 3
# a comment
prompts:
    - {name: not too long, length: {max: 90, min: 3}}    # another
    - name: enough Korean
      language_share: {min: 0.10, of: target}
    - {name: columns, measure: {share: {language_share: {of: target}}, size: {length: {}}}}
    - {name: once, unique: {by: prompt, normalise: [nfc, invisible, space]}}
sources:
    b: {license: B, category: "two", file: b.jsonl}
    a: {columns: {n: {as: integer, field: n}, other: other, prompt: {field: prompt}}, license: A, category: one, file: ./a.jsonl}
language: {anchor: en, target: ko}
seed: 7
recipe: test/spoken
format: 1
"""


def keys_said(project: Project, text: str) -> list[tuple[str, str, str | None]]:
    path = project.write("said.yaml", text)
    return keys_of(Session(str(path), store_folder=str(project.folder / "store")))


def test_names_comments_key_order_and_form_are_in_no_key(bed: Bench) -> None:
    project = copy.copy(bed)
    project.write("said.yaml", SPOKEN)
    before = project.build("said.yaml")
    spoken, rephrased = (
        keys_said(project, SPOKEN),
        keys_said(project, REPHRASED.replace("prompt: {field: prompt}", "prompt: prompt")),
    )
    assert spoken == rephrased
    after = project.build("said.yaml")
    assert not after["ran"] and after["outputs"] == before["outputs"]


def test_steps_moved_into_an_extended_base_keep_their_keys(bed: Bench) -> None:
    base, own = SPOKEN.split("prompts:\n")
    bed.write(
        "base.yaml",
        "format: 1\nrecipe: test/base\nlanguage: {target: ko, anchor: en}\nsources: {}\nprompts:\n" + own.split("mixture")[0],
    )
    moved = base + "extends: base.yaml\nmixture" + own.split("mixture")[1]
    assert keys_said(bed, moved) == keys_said(bed, SPOKEN)


def test_a_renamed_step_is_still_explained_by_why(bed: Bench) -> None:
    bed.write("said.yaml", SPOKEN)
    rows = bed.table("said.yaml")
    bed.write("said.yaml", REPHRASED.replace("prompt: {field: prompt}", "prompt: prompt"))
    bed.build("said.yaml")
    told = bed.run("why", "said.yaml", rows[0]["row_id"].hex(), "--store", "store", "--json")
    assert told.code == 0, told.err
    said = [step for event in told.json["rows"][0]["events"] for step in event.get("steps", ())]
    assert [step["step"] for step in said] == ["not too long", "enough Korean"] and all(step["values"] for step in said)


def test_equal_maps_share_their_text_whatever_the_column_is_called(bed: Bench) -> None:
    form = {"form": "NFKD"}
    before, after = (
        recipe({"normalise": form}),
        recipe({"select": {"columns": {"question": "prompt"}}}, {"normalise": {"of": "question", **form}}),
    )
    mutation = Mutation("select.columns", before, after, "keep")
    check_build(mutation, bed.built_alone(mutation))


def test_the_order_of_selected_columns_is_not_served_from_another_recipe(bed: Bench) -> None:
    before, after = (recipe({"select": columns}, a=A | WIDE) for columns in (["other", "n"], ["n", "other"]))
    mutation = Mutation("select.columns", before, after, "keep")
    check_build(mutation, bed.built_alone(mutation))


def test_a_preview_follows_the_size_of_its_source(bed: Bench, tmp_path: Path) -> None:
    said = recipe(a=A | {"file": "grown.jsonl"}, tables={"t": {"from": "a", "steps": [{"mixture": {"take": {"one": 99}}}]}})
    results: list[Result | str] = []
    for more in (0, 20):  # twenty rows that leave the ten lowest items as they are, and are a larger whole
        bed.rows("grown.jsonl", [f"text number {place}" for place in [*range(100), *range(2500, 2500 + more)]])
        results.append(result_of(session_of(bed, said, "store", 10)))
    assert results[1] == result_of(session_of(bed, said, str(tmp_path / "cold"), 10))
    assert results[0] != results[1]


@pytest.mark.parametrize(
    "said",
    [
        recipe(a=A | {"columns": {"prompt": "prompt", "own": "other", "Own": "o2"}}),
        recipe({"measure": {"Prompt": {"length": {}}}}),
        recipe({"name": "w", "where": "length(prompt) > 2"}, {"name": "W", "where": "length(prompt) > 3"}),
        recipe({"measure": {"source": {"length": {}}}}),
    ],
    ids=["columns of a source", "a measured column", "steps", "a column of our own"],
)
def test_names_that_are_one_to_sql_are_refused(bed: Bench, said: dict[str, Any]) -> None:
    session_of(bed, said, "store")
    refused = bed.run("check", "recipe.yaml")
    assert refused.code != 0 and (
        "differ only in case" in refused.out + refused.err or "project's own" in refused.out + refused.err
    )
