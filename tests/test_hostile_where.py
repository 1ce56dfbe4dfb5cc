"""Conditions from strangers: pure ones run as Python would, all others are refused where they stand."""

# ruff: noqa: E501 (recipes in one line)

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.conditions.expression import Refusal, parse
from tests.conftest import Project, Ran

ROWS: list[dict[str, Any]] = [
    {"prompt": "hello", "x": "12", "o": ["a", "b"], "n": 3},
    {"prompt": "물은 왜 끓나요", "x": "abc", "o": ["c"], "n": 0},
    {"prompt": "((", "x": None, "o": None, "n": -9},
    {"prompt": None, "x": "", "o": [], "n": None},
    {"prompt": "It's 100%", "x": "9" * 30, "o": ["a"], "n": 2**62},
]
RECIPE = """format: 1
recipe: test/where
language: {{target: ko}}
sources: {{a: {{file: a.jsonl, category: one, license: A, columns: {{prompt: prompt, x: x, options: o, n: {{field: n, as: integer}}}}}}}}
prompts:
  - where: {}
"""

REFUSED = """
prompt = (SELECT 'x')
prompt IN (SELECT prompt FROM rows)
EXISTS (SELECT 1)
prompt = ANY (SELECT 'x')
row_number() OVER () > 1
length(prompt) OVER (PARTITION BY x) > 1
max(length(prompt)) > 1
count(*) > 1
count(prompt) FILTER (WHERE true) > 1
length(DISTINCT prompt) > 1
random() < 0.5
prompt = uuid()::VARCHAR
now() > '2020-01-01'
prompt > current_date
prompt > current_timestamp
prompt = localtime
prompt = user
prompt = current_user
prompt = current_setting('home_directory')
prompt = getenv('HOME')
prompt = getvariable('x')
prompt IN (SELECT content FROM read_text('/etc/passwd'))
prompt = read_text('/etc/passwd')
prompt IN (FROM read_csv('/etc/passwd'))
prompt IN (TABLE duckdb_settings)
prompt IN (FROM query('SELECT 1'))
query('SELECT 1') = prompt
prompt IN (VALUES ('x'))
COLUMNS(*) = 'x'
COLUMNS('p.*') = 'x'
* = 'x'
list_filter(options, o -> o = 'a') = options
list_transform(options, lambda o: o) = options
list_contains(options, lambda o: o)
array_sort(options) = options
prompt = $1
prompt = ?
prompt = $name
prompt = #1
1) UNION SELECT (1
true) UNION ALL (SELECT prompt FROM rows
true) ORDER BY (1
true) LIMIT (1
true) GROUP BY (prompt
true) QUALIFY (row_number() OVER () = 1
true) USING SAMPLE (10
true) -- the rest
true) /* the rest
true); DROP TABLE rows; SELECT (1
true; SELECT 1
prompt = 'x';
system.main.length(prompt) > 1
main.length(prompt) > 1
prompt.length() > 1
length(prompt) > 1 AND rows.prompt = 'x'
a.prompt = 'x'
main.rows.prompt = 'x'
{'a': prompt}.a = 'x'
struct_pack(a := prompt).a = 'x'
(prompt, 1) = ('x', 1)
[prompt] = options
MAP {'a': prompt}['a'] = 'x'
prompt->>'a' = 'x'
prompt::DATE > '2020-01-01'
prompt::BLOB = 'x'
prompt::STRUCT(a INT) IS NULL
prompt::ENUM('a') IS NULL
prompt::VARCHAR[] IS NULL
prompt::JSON IS NULL
prompt::INET IS NULL
prompt::some_type IS NULL
prompt::main.text IS NULL
prompt::VARCHAR((SELECT 3)) = 'x'
prompt::VARCHAR(random()) = 'x'
prompt::VARCHAR(n) = 'x'
prompt COLLATE NOCASE = 'x'
prompt COLLATE de = 'x'
nextval('s') > 1
currval('s') > 1
txid_current() > 1
version() = prompt
pi() > n
current_schema() = prompt
current_query() = prompt
in_search_path('a', 'b')
pg_typeof(prompt) = 'x'
error(prompt) = 'x'
set_seed(0.5) IS NULL
setseed(0.5) IS NULL
write_log(prompt) IS NULL
glob(prompt) = 'x'
regexp_replace(prompt, 'a', 'b') = 'x'
repeat(prompt, 1000000000) = 'x'
rpad(prompt, 1000000000, 'x') = 'x'
printf('%s', prompt) = 'x'
hash(prompt) = 1
md5(prompt) = 'x'
prompt ^@ 'x'
n ^ 2 > 1
n << 70 > 1
prompt = U&'\\0041'
DEFAULT
GROUPING(prompt) = 1
rowid > 1
row_id IS NOT NULL
prompt_ = 'x'
prompt
n + 1
TRUE
1 = 1
regexp_matches(prompt, '(')
regexp_matches(prompt, '(a{1000}){1000}')
regexp_matches(prompt, '(a)\\1')
regexp_matches(prompt, '(?=a)')
prompt =
'
"prompt
prompt = 'x' OR
(prompt = 'x'
)
SELECT 1
prompt = 'x' FROM rows
prompt = 'x', 1
:::
""".strip().splitlines()

P = "prompt"
ALLOWED: dict[str, Callable[[str | None, str | None, list[str | None] | None, int | None], bool]] = {
    "prompt = 'hello'": lambda p, x, o, n: p == "hello",
    "\"prompt\" = 'hello' -- a comment": lambda p, x, o, n: p == "hello",
    "prompt /* , */ = 'hello'": lambda p, x, o, n: p == "hello",
    "prompt <> 'it''s; DROP TABLE x; --'": lambda p, x, o, n: p is not None,
    "prompt = $$hello$$": lambda p, x, o, n: p == "hello",
    "x IS NULL": lambda p, x, o, n: x is None,
    "x IS NOT DISTINCT FROM NULL": lambda p, x, o, n: x is None,
    "NOT (prompt = 'hello') AND x <> ''": lambda p, x, o, n: p not in (None, "hello") and x not in (None, ""),
    "prompt IN ('hello', '((')": lambda p, x, o, n: p in ("hello", "(("),
    "n BETWEEN 0 AND 3": lambda p, x, o, n: n is not None and 0 <= n <= 3,
    "CASE WHEN n > 0 THEN x = '12' ELSE prompt = '((' END": lambda p, x, o, n: (x == "12") if (n or 0) > 0 else p == "((",
    "length(prompt) > 5": lambda p, x, o, n: p is not None and len(p) > 5,
    "strlen(prompt) > 10": lambda p, x, o, n: p is not None and len(p.encode()) > 10,
    "contains(prompt, '왜') OR prompt LIKE '%100\\%' ESCAPE '\\'": lambda p, x, o, n: (
        p is not None and ("왜" in p or p.endswith("100%"))
    ),
    "prompt ILIKE 'HEL%'": lambda p, x, o, n: p == "hello",
    "lower(prompt) || upper(x) = 'hello12'": lambda p, x, o, n: p == "hello",
    "left(prompt, 2) = substring(prompt, 1, 2) AND prompt[1] = 'h'": lambda p, x, o, n: p == "hello",
    "regexp_matches(prompt, '^[가-힣 ]+$')": lambda p, x, o, n: p == ROWS[1][P],
    "regexp_matches(prompt, '\\p{Hangul}')": lambda p, x, o, n: p == ROWS[1][P],
    "TRY_CAST(x AS INTEGER) = 12": lambda p, x, o, n: x == "12",
    "x::VARCHAR(9) = '12'": lambda p, x, o, n: x == "12",
    "x::INTEGER = 12": lambda p, x, o, n: x == "12",
    "regexp_matches('((', prompt)": lambda p, x, o, n: False,
    "n * n >= 0": lambda p, x, o, n: n in (3, 0, -9),
    "n % 0 = 1 OR n / 0 = 1 OR n // 0 = 1": lambda p, x, o, n: False,
    "coalesce(n, 7) = 7": lambda p, x, o, n: n is None,
    "list_contains(options, 'a')": lambda p, x, o, n: "a" in (o or []),
    "len(options) = 2": lambda p, x, o, n: o is not None and len(o) == 2,
    "category = 'one' AND source = 'a' AND license = 'A'": lambda p, x, o, n: True,
    " \n prompt\n = \n 'hello' \n": lambda p, x, o, n: p == "hello",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("where"))
    (made.folder / ".recipe").mkdir()
    made.rows("a.jsonl", ROWS)
    return made


def run(place: Project, condition: str, *command: str) -> Ran:
    place.write("recipe.yaml", RECIPE.format(json.dumps(condition)))
    return place.run(*command)


@pytest.mark.parametrize("condition", REFUSED)
def test_what_is_no_pure_condition_is_refused_where_it_stands(place: Project, condition: str) -> None:
    ran = run(place, condition, "check", "recipe.yaml")
    assert ran.code == 2 and "--> recipe.yaml:6:12" in ran.err, ran.out + ran.err


@pytest.mark.parametrize("condition", ALLOWED)
def test_a_pure_condition_keeps_what_python_keeps(place: Project, condition: str) -> None:
    import pyarrow.parquet as pq

    ran = run(place, condition, "build", "recipe.yaml", "--json", "--allow-empty")
    assert ran.code == 0, ran.out
    made = pq.read_table(place.folder / ran.json["outputs"][0]["path"]).to_pylist()
    wanted = [row[P] for row in ROWS if ALLOWED[condition](row["prompt"], row["x"], row["o"], row["n"])]
    assert sorted(str(row[P]) for row in made) == sorted(map(str, wanted))


def test_a_row_on_which_a_condition_fails_counts_as_unknown(place: Project) -> None:
    place.write("kept.yaml", RECIPE.format("{that: 'x::INTEGER = 12', unknown: keep}"))
    assert place.run("build", "kept.yaml", "--json").json["outputs"][0]["rows"] == len(ROWS)


def test_a_pattern_that_backtracks_elsewhere_is_linear_here(new_project: Callable[[], Project]) -> None:
    project = new_project()
    project.rows("a.jsonl", ["x" * 200_000, "x" * 200_000 + "y"])
    project.write(
        "recipe.yaml",
        "format: 1\nrecipe: t/re\nlanguage: {target: ko}\nsources: {a: {file: a.jsonl, category: c, license: A}}\n"
        "prompts: [{where: \"regexp_matches(prompt, '^(x+x+)+y$') AND prompt SIMILAR TO '(x|xx)*y'\"}]\n",
    )
    assert [row["prompt"][-1] for row in project.table()] == ["y"]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from([
    "prompt", "x", "'a'", "1", "(", ")", "=", "AND", "NOT", ",", "length", "[", "]", "::", "INTEGER", "CASE", "WHEN", "END", "--", "/*", "*/", ";", "\n",
    "SELECT", "FROM", "IN", "OVER", ".", "{", "}", "->", "lambda", "$", "?", "*", '"', "'", "\0", "\ud800", "UNION", "WITH", "now", "random", "COLUMNS",
]), max_size=12))  # fmt: skip
def test_every_text_is_parsed_or_refused(parts: list[str]) -> None:
    try:
        parsed = parse(" ".join(parts))
    except Refusal as refusal:
        assert refusal.message and (refusal.start is None or refusal.start >= 0)
    else:
        assert parse(parsed.sql) == parsed
