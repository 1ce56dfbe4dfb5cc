"""Hostile recipes, names and cells: a diagnostic or the right rows, never a traceback."""

# ruff: noqa: E501 (recipes in one line)

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Project, Ran

HEAD = "format: 1\nrecipe: test/hostile\nlanguage: {target: ko, anchor: en}\n"
VALID = (
    HEAD
    + """seed: 7
sources:
  a: {file: a.jsonl, category: one, license: A, columns: {prompt: prompt, x: x}}
  b: {file: "a.jsonl", category: two, license: B, on_bad_row: quarantine}
prompts:
  - length: {min: 3, max: 100}
  - name: share
    language_share: {of: target, min: 0.30}
  - where: "length(prompt) > 3"
  - unique: {by: [prompt], normalise: [nfc, space]}
  - measure: {chars: {length: {}}}
tables:
  t: {from: [a, b], steps: [{sample: {rows: 5}}]}
mixture: {take: {one: 2, two: 3}, shortage: up_to}
outputs: [dataset, t]
"""
)
TOKENS = [
    "null", "[]", "{}", "- ", ": ", "\n", "  ", '"', "'", "&a ", "*a", "<<: ", "!!int ", "0x1F", "1e999", "~", "|", ">",
    "\t", "#", "%", "\x00", "\x1b[31m", "\u202e", "\ufeff", "\u2028", "가", "extends: ../x\n", "extends: recipe.yaml\n",
    "where: ", "drop: length", "before: share", "-1", "9" * 30, "..", "/", ".inf", "yes", "012", "2026-01-01", "C",
    "unknown", "models: {}\n", "prompts", "length", "unique", "row_id",
]  # fmt: skip
NASTY = [
    '"; DROP TABLE x; --', "it's", "a b", "a\nb", "\x1b[31mred", "\u202eevil", "\u200d", "select", "from", "NULL", "한국어", "*", "%s", "{0}", "$1",
    "-", "--", "/*", "\\", "decided", "kept", "verdicts", "rank", "detail", "weight", "rows", "content", "cells", "unit", "lowest", "at",
    "holds", "part", "whole", "true", "1", " ", "a" * 200, "items", "é", "__proto__", "model_config", "x'||'y", "\t", "\x85",
]  # fmt: skip
OWN = ["row_id", "item_id", "copy", "source", "category", "license", "dropped_by", "prompt.digest", ".at", "a\0b", ""]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("hostile"))
    (made.folder / ".recipe").mkdir()
    made.rows(
        "a.jsonl", [{"prompt": "물은 왜 끓나요", "x": "abc"}, {"prompt": "sky", "x": "zzz"}, {"prompt": "하늘은", "x": None}]
    )
    return made


def quoted(name: str) -> str:
    return json.dumps(name)


def column(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def told(ran: Ran) -> bool:
    """Whether the command ended well, or refused with a diagnostic."""
    return ran.code == 0 or (ran.code == 2 and "error: " in ran.err)


# Recipes


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_mutation_of_a_recipe_ends_in_a_traceback(place: Project, data: st.DataObject) -> None:
    text = VALID
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        moved = data.draw(st.sampled_from(TOKENS) | st.integers(0, len(text)).map(lambda at, text=text: text[at : at + 20]))
        text = text[:start] + moved + text[end:]
    (place.folder / "mutated.yaml").write_text(text, "utf-8", newline="")
    assert told(place.run("check", "mutated.yaml"))


LEAF = st.none() | st.booleans() | st.integers(-3, 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5) | st.sampled_from(
    [*TOKENS, "a", "b", "one", "prompt", "x", "t", "dataset", "target", "ko", "a.jsonl", "A", "B"])  # fmt: skip
VALUE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(TOKENS) | st.text(max_size=3), inner, max_size=3),
)


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_no_change_of_a_value_ends_in_a_traceback(place: Project, data: st.DataObject) -> None:
    import yaml

    recipe = yaml.safe_load(VALID)
    for _ in range(data.draw(st.integers(1, 3))):
        part: Any = recipe
        while True:
            keys = list(range(len(part))) if isinstance(part, list) else list(part)
            key = data.draw(st.sampled_from(keys)) if keys else None
            if key is None or not isinstance(part[key], (dict, list)) or data.draw(st.integers(0, 3)) == 0:
                break
            part = part[key]
        if key is not None:
            part[key] = data.draw(VALUE)
    (place.folder / "changed.yaml").write_text(json.dumps(recipe))
    assert told(place.run("check", "changed.yaml"))


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_end_in_a_traceback(place: Project, content: bytes) -> None:
    (place.folder / "bytes.yaml").write_bytes(content)
    assert place.run("check", "bytes.yaml").code == 2


BOMBS = {
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{c}: &{c} [{', '.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)),
    "brackets": "[" * 10_000,
    "braces": "{" * 10_000,
    "dashes": "- " * 10_000,
    "digits": "format: " + "9" * 10_000,
    "circle": "a: &a [*a]",
    "python": "x: !!python/object/apply:os.system [ls]",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_yaml_bomb_is_refused(place: Project, name: str) -> None:
    (place.folder / "bomb.yaml").write_text(BOMBS[name])
    ran = place.run("check", "bomb.yaml")
    assert ran.code == 2 and "--> bomb.yaml:" in ran.err


# Names


def named(place: Project, name: str) -> Ran:
    """Build a recipe that says a name wherever a recipe may say one."""
    place.write(
        "named.yaml",
        HEAD
        + f"""
sources: {{{quoted(name)}: {{file: a.jsonl, category: {quoted(name)}, license: A, columns: {{prompt: prompt, {quoted(name)}: x}}}}}}
prompts:
  - {{name: {quoted(name)}, length: {{in: {quoted(name)}, min: 3}}}}
  - {{name: u, unique: {{by: [prompt, {quoted(name)}], normalise: []}}}}
  - where: {quoted(column(name) + " <> 'zzz'")}
  - sample: {{rows: 9, salt: {quoted(name)}}}
mixture: {{take: {{{quoted(name)}: 9}}, shortage: up_to}}
""",
    )
    return place.run("build", "named.yaml", "--json")


def rows_of(place: Project, ran: Ran) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    (output,) = ran.json["outputs"]
    rows: list[dict[str, Any]] = pq.read_table(place.folder / output["path"]).to_pylist()
    return rows


@pytest.mark.parametrize("name", NASTY)
def test_any_name_names_its_own_thing(place: Project, name: str) -> None:
    ran = named(place, name)
    assert ran.code == 0, ran.out + ran.err
    (row,) = rows_of(place, ran)
    assert (row["prompt"], row[name], row["source"], row["category"]) == ("물은 왜 끓나요", "abc", name, name)


@pytest.mark.parametrize("name", OWN)
def test_a_name_of_the_projects_own_is_refused(place: Project, name: str) -> None:
    ran = named(place, name)
    assert ran.code == 2 and ran.json["diagnostics"]


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=8))
def test_no_name_ends_in_a_traceback(place: Project, name: str) -> None:
    ran = named(place, name)
    assert ran.code == 2 or [row[name] for row in rows_of(place, ran)] == ["abc"]


@pytest.mark.parametrize("name", [*OWN[:7], "Prompt"])
def test_a_measured_column_does_not_take_the_name_of_another(place: Project, name: str) -> None:
    place.write(
        "measured.yaml",
        HEAD + "sources: {a: {file: a.jsonl, category: one, license: B}}\n"
        f"prompts: [{{length: {{min: 1}}}}, {{measure: {{{name}: {{length: {{}}}}}}}}]\nmixture: {{by: {name}, take: {{one: 99}}}}\n",
    )
    assert told(place.run("build", "measured.yaml"))
    assert name != "license" or place.run("check", "measured.yaml").code == 2


@pytest.mark.parametrize("origin", ["t", "later"])
def test_a_table_does_not_read_itself_or_a_later_one(place: Project, origin: str) -> None:
    place.write(
        "circle.yaml",
        HEAD + "sources: {a: {file: a.jsonl, category: one, license: A}}\n"
        f"tables: {{t: {{from: {origin}}}, later: {{from: a}}}}\noutputs: [t]\n",
    )
    ran = place.run("check", "circle.yaml")
    assert ran.code == 2 and "circle.yaml:5:20" in ran.err


ODD = {
    "salt": "[{sample: {rows: 2, salt: ' AS copy'}}]",
    "by nothing": "[{unique: {by: []}}]",
    "dropped_by": "[{measure: {c: {length: {}}}}, {select: {columns: {dropped_by: c, prompt: prompt}}}, {length: {min: 1}},"
    " {mixture: {by: dropped_by, take: {one: 12}}}]",
}


@pytest.mark.parametrize("name", ODD)
def test_odd_parameters_are_refused_or_run(place: Project, name: str) -> None:
    place.write("odd.yaml", HEAD + f"sources: {{a: {{file: a.jsonl, category: one, license: A}}}}\nprompts: {ODD[name]}\n")
    assert told(place.run("build", "odd.yaml"))


def test_a_source_called_items_does_not_change_a_preview(new_project: Any) -> None:
    project = new_project()
    for name in ("first", "second"):
        project.rows(f"{name}.jsonl", [f"{name} {number}" for number in range(40)])
    project.write(
        "recipe.yaml",
        HEAD
        + "sources: {items: {file: first.jsonl, category: one, license: A}, other: {file: second.jsonl, category: one, license: A}}\n"
        "prompts: [{length: {min: 1}}]\n",
    )
    assert project.build("recipe.yaml", "--sample", "10")["outputs"][0]["rows"] == 10


# Cells

CELL = st.none() | st.text(max_size=6) | st.text(st.characters(categories=["Cs", "Cc", "Cf", "Mn", "Lo"]), max_size=6) | st.sampled_from(
    ['"; DROP TABLE x; --', "\x1b[31m", "\0", "NULL", "'", "e\u0301", "\u1112\u1161\u11ab", "\u202e", "\ufeff", " ", "a,b\n"])  # fmt: skip


def whole(text: str | None) -> bool:
    """Whether a cell can be written as UTF-8."""
    return text is None or not any("\ud800" <= char <= "\udfff" for char in text)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(CELL, CELL), max_size=12))
def test_the_rows_kept_are_those_that_python_keeps(place: Project, rows: list[tuple[str | None, str | None]]) -> None:
    lines = [json.dumps({"prompt": prompt, "x": x}) for prompt, x in rows]
    (place.folder / "cells.jsonl").write_text("".join(line + "\n" for line in lines))
    place.write(
        "cells.yaml",
        HEAD
        + """
sources: {a: {file: cells.jsonl, category: one, license: A, on_bad_row: quarantine, columns: {prompt: prompt, x: x}}}
prompts: [{length: {min: 2}}, {unique: {by: [prompt, x], normalise: [], fold: []}}, {where: "x IS NULL OR x <> 'NULL'"}]
""",
    )
    ran = place.run("build", "cells.yaml", "--json", "--allow-empty")
    assert ran.code == (0 if rows else 2 if place.run("check", "cells.yaml").code else 0), ran.out
    if ran.code:
        return
    read = [(each["prompt"], each["x"]) for each in map(json.loads, lines)]
    good = [row for row in read if all(map(whole, row))]
    kept = {(p, x) for p, x in good if p is not None and len(unicodedata.normalize("NFC", p)) >= 2 and x != "NULL"}
    made = [(row["prompt"], row["x"]) for row in rows_of(place, ran)]
    assert len(made) == len(kept) and set(made) == kept
    assert ran.json["stages"][0]["counts"]["quarantined"] == len(read) - len(good)


@pytest.mark.parametrize("rows", [[], [None, None], ["가" * 350_000, "나"], [""]])
def test_extreme_tables_build(place: Project, rows: list[str | None]) -> None:
    place.rows("extreme.jsonl", rows)  # type: ignore[arg-type]
    place.write(
        "extreme.yaml",
        HEAD + "sources: {a: {file: extreme.jsonl, category: one, license: A, columns: {prompt: {field: prompt}}}}\n"
        "prompts: [{length: {min: 1}}, {language_share: {of: target, min: 0.5}}, unique]\n",
    )
    ran = place.run("build", "extreme.yaml", "--json", "--allow-empty")
    if ran.code == 0:
        assert sorted(row["prompt"] for row in rows_of(place, ran)) == sorted(row for row in rows if row)
    else:
        assert not rows and ran.code == 2  # a file without rows has no columns


def test_nothing_of_a_row_or_name_steers_the_terminal(new_project: Any) -> None:
    project = new_project()
    name = "\x1b[31m\u202e\x9b"
    project.rows("a.jsonl", [{"prompt": f"hello {name}", name: name}])
    project.write(
        "recipe.yaml",
        HEAD + f"description: {quoted(name)}\nsources: {{{quoted(name)}: {{file: a.jsonl, category: {quoted(name)}, license: A, "
        f"columns: {{prompt: prompt, {quoted(name)}: {quoted(name)}}}}}}}\nprompts: [{{name: {quoted(name)}, length: {{min: 1}}}}]\n",
    )
    for command in (
        ["check"],
        ["build"],
        ["plan"],
        ["explain"],
        ["why", "--match", "hello"],
        ["show"],
        ["show", "--graph"],
        ["status"],
    ):
        ran = project.run(command[0], *(["recipe.yaml"] if command[0] != "status" else []), *command[1:])
        assert [char for char in ran.out + ran.err if not char.isprintable() and char != "\n"] == [], command
    assert "hello" in project.run("why", "recipe.yaml", "--match", "hello").out
    assert project.run("why", "recipe.yaml", "--match", "\udcff").code == 1
