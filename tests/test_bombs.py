"""Recipes that would eat the machine are told what they are; a check is small and short whatever it reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from operators.conditions.expression import MOST_PARTS, Refusal, parse
from operators.conditions.growth import sized
from operators.measures.where import Where
from runtime.stages import conditions
from runtime.stages.conditions import TooMuchText, cell_bytes, evaluate
from runtime.store.store import StoreError
from tests.conftest import Project
from tests.limits import MEGABYTES, watched

HEAD = """format: 1
recipe: test/bomb
language: {target: ko}
sources: {a: {file: a.jsonl, category: c, license: A}}
"""


def steps(*texts: str) -> str:
    return HEAD + "prompts:\n" + "".join(f"  - {text}\n" for text in texts)


def where(condition: str, name: str = "w") -> str:
    return f"{{name: {name}, where: {json.dumps(condition)}}}"


def nested(value: str, by: str, times: int) -> str:
    for _ in range(times):
        value = f"replace({value}, 'b', {by})"
    return f"length({value}) > 3"


#: What a recipe says -> what is said of it.
CHECKED = {
    "a constant that grows": (steps(where(nested("'b'", f"'{'b' * 10}'", 12))), "its constants make text of up to"),
    "a constant beside a column": (steps(where("prompt = 'b' AND " + nested("'b'", f"'{'b' * 10}'", 12))), "its constants make"),
    "not not": (steps(where("not " * 520 + "prompt = 'a'")), "nested deeper than 100 levels"),
    "not, deeper": (steps(where("not " * 5000 + "prompt = 'a'")), "nested deeper than 100 levels"),
    "brackets": (steps(where("(" * 3000 + "prompt = 'a'" + ")" * 3000)), "nested deeper than 100 levels"),
    "cases": (steps(where("case when prompt = 'a' then true else " * 300 + "false" + " end" * 300)), "nested deeper than 100"),
    "sums": (steps(where("length(prompt) > " + "+".join(["1"] * 5000))), "nested deeper than 100 levels"),
    "a numeral": (steps(where("length(prompt) > " + "9" * 42)), "a whole number of 42 digits is too large"),
    "a long numeral": (steps(where("length(prompt) > " + "9" * 5000)), "a whole number of 5000 digits is too large"),
    "an exponent": (steps(where("length(prompt) > 1e999999")), "`1e999999` is too large for a number"),
    "a list": (steps(where(f"length(prompt) in ({','.join(['1'] * 30_000)})")), "more than 20,000 parts"),
    "a long text": (steps(where(f"prompt = '{'a' * 500_000}'")), "longer than 100,000 characters"),
    "many lists": (
        steps(*(where(f"length(prompt) in ({','.join(['1+1'] * 4500)})", f"w{i}") for i in range(45))),
        "together more than 20,000 parts",
    ),
    "many conditions": (steps(*(where(f"prompt <> 'a{i}'", f"w{i}") for i in range(2400))), "together more than 20,000 parts"),
    "many patterns": (
        steps(*(where(" OR ".join(["regexp_matches(prompt, '(x{1,500}){1,2}')"] * 9), f"w{i}") for i in range(90))),
        "together more than 20,000 parts",
    ),
    "an aliased condition": (
        HEAD
        + f'description: &c "length(prompt) in ({",".join(map(str, range(15_000)))})"\nprompts:\n'
        + "".join(f"  - {{name: w{i}, where: *c}}\n" for i in range(300)),
        "aliases count as what they repeat",
    ),
    "aliases of aliases": (
        "k0: &k0 [x]\n" + "".join(f"k{i}: &k{i} [*k{i - 1}, *k{i - 1}]\n" for i in range(1, 40)),
        "10,000 values",
    ),
    "an alias of itself": ("a: &a [*a, *a]\n", "contains itself"),
    "lists in lists": ("[" * 500_000, "nested deeper than 50 levels"),
    "items in items": ("- " * 400_000, "nested deeper than 50 levels"),
    "a long key": (HEAD + "? " + "a" * 900_000 + "\n: 1\n", "unknown key"),
    "keys": ("{" + ",".join(f"k{i}: 1" for i in range(9000)) + "}", "unknown key `k8999`"),
    "one key again": (HEAD + "x: {" + ",".join("a: 1" for _ in range(9000)) + "}", "the key `a` stands here twice"),
    "a seed": (HEAD + "seed: " + "9" * 100_000 + "\n", "is beyond 64 bits"),
    "a seed of hexadecimal digits": (HEAD + "seed: 0x" + "f" * 100_000 + "\n", "is beyond 64 bits"),
    "a huge number": (HEAD + "prompts: [{length: {min: 1.0e300}}]\n", "exceeded maximum size"),
    "wrong steps": (steps(*(f"{{lenght{i}: 1}}" for i in range(3000))), "unknown key `lenght2999`"),
    "names that are near to many": (
        HEAD.replace(
            "{a: {file: a.jsonl, category: c, license: A}}",
            "{" + ",".join(f"source{i}: {{file: a.jsonl, category: c{i}, license: A}}" for i in range(1000)) + "}",
        )
        + "tables: {t: {from: source1, steps: [{length: {min: 1, only: {source: ["
        + ",".join(f"sorce{i}" for i in range(1000, 4000))
        + "]}}}]}}\n",
        "did you mean `source399`?",
    ),
    "columns that are near to many": (
        HEAD
        + f"prompts:\n  - measure: {{{', '.join(f'meas{i}: {{length: {{}}}}' for i in range(1500))}}}\n"
        + "".join(f"  - {{name: w{i}, where: 'meas{i} > 1'}}\n" for i in range(600))
        + "".join(f"  - {{name: l{i}, length: {{in: maes{i}, min: 1}}}}\n" for i in range(600)),
        "there is no column `maes599` here",
    ),
    "categories": (
        steps("{length: {min: 1, only: {category: [" + ",".join(f"c{i}" for i in range(9000)) + "]}}}"),
        "no source has the category `c8999`",
    ),
}


@pytest.fixture
def place(project: Project) -> Path:
    project.rows("a.jsonl", ["b", "a"])
    return project.folder


#: Of each kind one is tried with every change, and its siblings in the night.
NIGHTLY = {
    *("a constant beside a column", "not not", "brackets", "cases", "sums", "a long numeral", "an exponent", "a long text"),
    *("many lists", "many patterns", "items in items", "keys", "one key again", "a seed", "a huge number", "wrong steps"),
    *("columns that are near to many", "categories", "many texts", "one text many times", "a text in itself"),
}


def tried(names: dict[str, Any]) -> list[Any]:
    return [pytest.param(name, marks=[pytest.mark.nightly] if name in NIGHTLY else []) for name in names]


@pytest.mark.parametrize("name", tried(CHECKED))
def test_a_check_is_small_and_short_whatever_it_reads(place: Path, name: str) -> None:
    recipe, told = CHECKED[name]
    (place / "recipe.yaml").write_text(recipe, "utf-8")
    ran = watched(place, "check", "recipe.yaml")
    assert (ran.code, "Traceback" in ran.said) == (2, False), ran.said[-2000:]
    assert told in ran.said and "--> recipe.yaml:" in ran.said, ran.said[:2000]
    assert ran.megabytes < MEGABYTES


def test_a_pattern_leads_through_each_folder_once(place: Path) -> None:
    deep = place
    for number in range(50):
        deep = deep / "d"
        deep.mkdir()
        (deep / f"{number}.jsonl").write_text('{"prompt": "a"}\n', "utf-8")
    for pattern in ("**/**/**/**/**/**/*.jsonl", "**/*/**/*/**/*/**/*.jsonl", "**/d/**/d/**/d/**/d/**/*.jsonl"):
        (place / "recipe.yaml").write_text(steps("unique").replace("a.jsonl", f"'{pattern}'"), "utf-8")
        ran = watched(place, "check", "recipe.yaml")
        assert ran.code == 0 and "not proven" not in ran.said, ran.said
    for pattern, told in (("a/" * 100_000, "not proven"), ("*?" * 60, "no file matches"), ("a" * 5000 + "*", "no file matches")):
        (place / "recipe.yaml").write_text(steps("unique").replace("a.jsonl", f"'{pattern}b.jsonl'"), "utf-8")
        ran = watched(place, "check", "recipe.yaml")
        assert ran.code == (0 if told == "not proven" else 2) and told in ran.said, ran.said[:500]


def test_a_pattern_that_leads_through_more_than_any_project_has_is_told(
    place: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.sources.readers.globs.MOST_NAMES", 2)
    project.write("recipe.yaml", steps("unique").replace("a.jsonl", "'**/a.jsonl'"))
    ran = project.run("check", "recipe.yaml")
    assert ran.code == 2 and "`**/a.jsonl` leads through more than 2 names" in ran.err and "--> recipe.yaml:4:" in ran.err


def test_large_files_are_looked_at_and_not_read(place: Path) -> None:
    sources = "{" + ", ".join(f"s{i}: {{file: many.json, category: c, license: A}}" for i in range(200)) + "}"
    rows = ",".join(['{"prompt": "a"}'] * 400_000)
    (place / "many.json").write_text(f"[{rows}]", "utf-8")
    (place / "long.json").write_text('[{"prompt": "' + "a" * 100_000_000 + '"}]', "utf-8")
    with (place / "tokenizer.json").open("wb") as file:
        file.truncate(3 << 30)
    said = {
        "many": HEAD.replace("{a: {file: a.jsonl, category: c, license: A}}", sources)
        + "tables: {t: {from: s1, steps: [unique]}}\n",
        "long": steps("unique").replace("a.jsonl", "long.json"),
        "tokens": HEAD
        + "models: {m: {id: a/b, license: mit, terms: mit, tokenizer: tokenizer.json}}\n"
        + "prompts: [{token_length: {in: prompt, max: 3, tokenizer: m}}]\n",
    }
    told = {"many": "ok test/bomb", "long": "its first row does not end within 64 MB", "tokens": "is larger than 256 MB"}
    for name, recipe in said.items():
        (place / "recipe.yaml").write_text(recipe, "utf-8")
        ran = watched(place, "check", "recipe.yaml")
        assert told[name] in ran.said and ran.megabytes < MEGABYTES, (name, ran.said[:2000], ran.megabytes)


def test_what_is_extended_and_set_counts_too(place: Path) -> None:
    for number in range(8):
        head = f"extends: r{number + 1}.yaml\n" if number < 7 else ""
        listed = "".join(f"  - {{name: w{number}x{each}, length: {{min: 1}}}}\n" for each in range(1900))
        (place / f"r{number}.yaml").write_text(f"{head}prompts:\n{listed}", "utf-8")
    (place / "recipe.yaml").write_text("format: 1\nrecipe: a/b\nextends: r0.yaml\n", "utf-8")
    ran = watched(place, "check", "recipe.yaml")
    assert ran.code == 2 and "60,827 values together with what it extends" in ran.said and "--> recipe.yaml:1:1" in ran.said
    (place / "recipe.yaml").write_text(steps("unique"), "utf-8")
    ran = watched(place, "check", "recipe.yaml", *(each for number in range(5000) for each in ("--set", f"x{number}=1")))
    assert ran.code == 2 and "there are 5000 `--set`, and 200 are the most" in ran.said


#: A condition -> rows, and what a build says of it.
BUILT: dict[str, tuple[str, list[Any], str | None]] = {
    "nested replace": (nested("prompt", f"'{'b' * 10}'", 12), ["b", "물은"], "a text of more than 22,369,621 bytes of row"),
    "replace by itself": (nested("prompt", "prompt", 4), ["b" * 250, "물은"], "would make a text of more than"),
    "replace that does not grow": (nested("prompt", "'c'", 30), ["b" * 250, "물은"], None),
    "one text many times": (f"length(concat({','.join(['prompt'] * 3000)})) > 3", ["b" * 400_000, "물은"], "would make a text"),
    "many texts": (
        " OR ".join(f"contains(upper(prompt || '{i}'), 'ZZ')" for i in range(300)) + " OR prompt = '물은'",
        ["b" * 10_000] * 500 + ["물은"],
        None,
    ),
    "a text in itself": ("prompt LIKE prompt OR contains(prompt, reverse(prompt))", ["%a_" * 5000 + "b", "물은"], None),
}


@pytest.mark.parametrize("name", tried(BUILT))
def test_a_condition_over_hostile_rows_is_bounded(place: Path, project: Project, name: str) -> None:
    condition, rows, told = BUILT[name]
    project.rows("a.jsonl", rows)
    (place / "recipe.yaml").write_text(steps(where(condition)), "utf-8")
    ran = watched(place, "build", "recipe.yaml", "--allow-empty")
    assert "Traceback" not in ran.said and ran.code == (0 if told is None else 1), ran.said[-2000:]
    assert (told or "") in ran.said and ran.megabytes < MEGABYTES, (ran.said, ran.megabytes)


def test_what_is_guarded_is_computed_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pa.array(["ab" * 40, "b", "", None, "물은 왜 끓나요", "aaab"], pa.large_string())
    options = pa.array([["a"], ["b" * 90], None, [], ["x", "y"], ["a"]], pa.large_list(pa.large_string()))
    columns = {"prompt": rows, "options": options}
    for text in (
        nested("prompt", "'bb'", 5),
        nested("prompt", "'b'", 40),
        "concat(prompt, '\"?0\"', upper('\"??1\"')) > 'b'",
        "replace(prompt, '', 'x') = prompt",
        "replace(prompt, 'a', NULL) IS NULL",
        "length(prompt || 'x' || upper(prompt)) > 9",
        "options || options = options",
        "concat(prompt, NULL, 1) <> 'b'",
        "CASE WHEN length(prompt) > 9 THEN prompt = 'x' ELSE replace(prompt, 'a', 'bbb') = 'bbbbbbbbbb' END",
        "substring(prompt, 2, 3)::INTEGER = 1 OR prompt[1] = 'a'",
        "coalesce(nullif(trim(prompt), ''), 'none') = 'none'",
    ):
        operator = Where(that=text)
        read = {name: columns[name] for name in operator.parsed.columns}
        plain = evaluate(operator, read)
        monkeypatch.setattr(conditions, "AT_ONCE", 10)
        monkeypatch.setattr(conditions, "MOST_OF_ROW", 10)
        assert evaluate(operator, read) == plain, text
        monkeypatch.undo()


def test_a_branch_that_is_not_taken_makes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    grown = nested("prompt", "'bbbbbbbbbb'", 12)
    rows = pa.array(["b" * 20, "c"], pa.large_string())
    held = evaluate(Where(that=f"CASE WHEN length(prompt) > 9 THEN true ELSE {grown} END"), {"prompt": rows})
    three = pa.concat_arrays([rows[1:], rows])
    assert held.to_pylist() == [1, 0]
    with pytest.raises(TooMuchText) as raised:
        evaluate(Where(that=f"CASE WHEN length(prompt) < 9 THEN true ELSE {grown} END"), {"prompt": three})
    assert raised.value.place == 1


def test_no_text_is_longer_than_its_bound() -> None:
    import duckdb

    cells = ["", "aab", "ß", "ΐŉ", "물은", "a" * 30, "q\"u'o"]
    table = pa.table({"prompt": pa.array(cells, pa.large_string()), "options": pa.array([[cell, cell] for cell in cells])})
    lengths = {name: cell_bytes(table.column(name).combine_chunks()) for name in table.column_names}
    for text in ("replace(prompt, 'a', prompt)", "replace(prompt, 'aa', 'bcde')", "upper(lower(prompt))",
                 "options::VARCHAR", "prompt || options[1] || 'x'", "concat(prompt, 1.5::DOUBLE)",
                 "nfc_normalize(reverse(prompt))", "CASE WHEN prompt > 'b' THEN prompt || prompt ELSE 'long enough' END",
                 "coalesce(nullif(prompt, ''), 'none')"):  # fmt: skip
        made = parse(f"{text} = 'x'").tree["left"]
        bound = sized(made, lengths)[0]
        told = duckdb.from_arrow(table).query("t", f"SELECT coalesce(strlen(({text})::VARCHAR), 0) FROM t").fetchall()
        assert all(length <= most for (length,), most in zip(told, bound + [0.0] * len(cells), strict=True)), text


def test_a_condition_that_takes_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "PATIENCE", 0.1)
    slow = Where(that=" OR ".join(f"regexp_matches(prompt || '{i}', '[a-z]*x.*(y|z{i})$')" for i in range(300)))
    with pytest.raises(StoreError, match="took more than 0 s over [0-9,]* rows"):
        evaluate(slow, {"prompt": pa.array(["x" * 20_000] * 2000, pa.large_string())})
    monkeypatch.undo()
    assert evaluate(Where(that="prompt = 'x'"), {"prompt": pa.array(["x"], pa.large_string())}).to_pylist() == [1]


def test_a_pattern_counts_as_what_it_repeats() -> None:
    assert parse("regexp_matches(prompt, '(ab{3}){2,5}')").parts == 3 + 20
    with pytest.raises(Refusal, match=f"{MOST_PARTS:,} parts"):
        parse("regexp_matches(prompt, '(\\pL{1,999}){1,2}')")
