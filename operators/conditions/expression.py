"""Expressions in recipes: parsed by DuckDB, allowed by name, and written anew before they run."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from operators.conditions.growth import MOST_OF_ROW, Tree, constant_text, count_texts, guarded, inner
from operators.conditions.patterns import pattern_size

#: Pure scalar functions. Whatever is not listed is refused: `random`, `now`, `read_text`, settings, macros.
ALLOWED = (
    "+ - * / // % || ~~ !~~ ~~* !~~* ~~~ abs ceil floor round sign greatest least coalesce nullif "
    "length strlen char_length bit_length lower upper trim ltrim rtrim left right substring substr "
    "replace reverse concat contains starts_with ends_with prefix suffix position instr strpos nfc_normalize "
    "regexp_matches regexp_full_match regexp_extract like_escape ilike_escape not_like_escape not_ilike_escape "
    "list_contains list_has array_length len list_extract array_extract"
)
FUNCTIONS = frozenset(ALLOWED.split())
CLASSES = frozenset(["COMPARISON", "CONJUNCTION", "CONSTANT", "COLUMN_REF", "FUNCTION", "OPERATOR", "CASE", "CAST", "BETWEEN"])
TYPES = frozenset(
    ["INTEGER", "BIGINT", "HUGEINT", "SMALLINT", "TINYINT", "DOUBLE", "VARCHAR", "TEXT", "BOOLEAN", "INT", "STRING", "BOOL"]
)
PREFIX = "SELECT 1 WHERE (\n"

#: What an expression may be at most: characters of its text, parts, and parts within parts.
MOST_TEXT = 100_000
MOST_PARTS = 20_000
DEPTH = 100
#: Bytes of text that its constants may make together, before any row is read.
MOST_CONSTANT = 1 << 20
#: DuckDB has no whole number beyond it, only text of digits that it can compare with nothing.
MOST_WHOLE = 1 << 128


@dataclass
class Refusal(Exception):
    """What may not stand in an expression, and where it stands in the text (0-based), if known."""

    message: str
    start: int | None = None
    length: int = 1


@dataclass(frozen=True)
class Expression:
    """An allowed expression: its SQL, written anew from the parsed tree, and the columns it reads."""

    sql: str
    columns: tuple[str, ...]
    tree: Tree = field(default_factory=dict, compare=False, repr=False)
    """DuckDB's syntax tree of it."""
    parts: int = field(default=0, compare=False)
    """How many parts it has; a pattern has as many as it repeats."""

    @cached_property
    def texts(self) -> int:
        """How many of its parts make text."""
        return count_texts(self.tree)

    @cached_property
    def guarded(self) -> str:
        """Its SQL, which fails where it would make a text longer than its share of the limit for one row."""
        share = MOST_OF_ROW // max(1, self.texts)
        mark = "?"
        while mark in self.sql:
            mark += "?"
        return guarded(self.tree, share, written, mark)


LOCAL = threading.local()


def connection() -> Any:
    """The calling thread's DuckDB, that parses and describes and holds no rows."""
    import duckdb

    if not hasattr(LOCAL, "connection"):
        LOCAL.connection = duckdb.connect(":memory:", config={"threads": 1, "max_expression_depth": 1000})
    return LOCAL.connection


@lru_cache(maxsize=256)
def parse(text: str) -> Expression:
    """Parse one boolean expression; raises Refusal for anything that is not on the allow-lists, or beyond the limits."""
    if len(text) > MOST_TEXT:
        raise Refusal(f"the condition is longer than {MOST_TEXT:,} characters")
    where = condition_of(parsed_tree(text))
    columns: dict[str, None] = {}
    parts = 0
    for part in walk(where):
        parts += 1
        if part["class"] == "COLUMN_REF":
            columns[part["column_names"][0]] = None
        elif part["class"] == "FUNCTION" and part["function_name"].startswith("regexp"):
            parts += sum(pattern_size(each["literal"]["text"]) for each in inner(part) if each["class"] == "CONSTANT")
        if parts > MOST_PARTS:
            raise Refusal(f"the condition has more than {MOST_PARTS:,} parts")
    if (made := constant_text(where)) > MOST_CONSTANT:
        raise Refusal(f"its constants make text of up to {made:,.0f} bytes; {MOST_CONSTANT:,} are the most")
    return Expression(written(where), tuple(columns), where, parts)


@lru_cache(maxsize=16)
def parsed_tree(text: str) -> Tree:
    """DuckDB's syntax tree of a `SELECT` with this condition; raises Refusal where it has none."""
    import duckdb

    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise Refusal("the expression holds a character that SQL text cannot hold")
    try:
        tree: Tree = json.loads(serialised(PREFIX + text + "\n)"))
    except RecursionError:
        raise Refusal(TOO_DEEP) from None
    except duckdb.Error as error:
        raise Refusal(word_error(str(error))) from None
    if tree.get("error"):
        place = int(tree.get("position") or 0) - len(PREFIX)
        raise Refusal(word_error(str(tree.get("error_message", "it cannot be parsed"))), place if place >= 0 else None)
    return tree


TOO_DEEP = f"the condition is nested deeper than {DEPTH} levels"


def word_error(message: str) -> str:
    """The first line of DuckDB's message; where it tells of its own limits, what this one is."""
    return TOO_DEEP if "depth limit" in message else message.splitlines()[0]


def serialised(statement: str) -> str:
    """DuckDB's own syntax tree of a statement, as JSON."""
    text: str = connection().execute("SELECT json_serialize_sql(?)", [statement]).fetchall()[0][0]
    return text


def written(condition: Tree) -> str:
    """The SQL of a condition's tree."""
    import duckdb

    statement = parsed_tree("true")["statements"][0]
    tree = {"error": False, "statements": [{**statement, "node": {**statement["node"], "where_clause": condition}}]}
    try:
        sql: str = connection().execute("SELECT json_deserialize_sql(?)", [json.dumps(tree)]).fetchall()[0][0]
    except duckdb.Error as error:
        raise Refusal(word_error(str(error))) from None
    return sql.removeprefix("SELECT 1 WHERE ")


def condition_of(tree: Tree) -> Tree:
    """The WHERE clause of a statement that is nothing but `SELECT 1 WHERE`; anything more is refused."""
    statements = tree.get("statements", [])
    node = statements[0]["node"] if len(statements) == 1 else {}
    bare = (
        node.get("type") == "SELECT_NODE"
        and not node["modifiers"]
        and not node["cte_map"]["map"]
        and not node["group_expressions"]
        and not node["group_sets"]
        and not node["having"]
        and not node["sample"]
        and not node["qualify"]
        and node["from_table"]["type"] == "EMPTY"
        and len(node["select_list"]) == 1
        and node["select_list"][0]["class"] == "CONSTANT"
        and node["where_clause"]
    )
    if not bare:
        raise Refusal("an expression is one condition on the columns of a row, nothing more")
    where: dict[str, Any] = node["where_clause"]
    return where


def walk(node: Any) -> Iterator[Tree]:
    """The parts of an expression, each before what is in it; raises Refusal at the first part that is not allowed."""
    # On a stack of its own: how deep a text may nest is no matter of Python's.
    waiting: list[tuple[Any, int]] = [(node, 0)]
    while waiting:
        node, depth = waiting.pop()
        if isinstance(node, list):
            waiting += [(part, depth) for part in reversed(node)]
        elif isinstance(node, dict):
            if (kind := node.get("class")) is not None:
                depth += 1
                if depth > DEPTH:
                    raise Refusal(TOO_DEEP)
                complain_part(kind, node)
                if kind == "TYPE":
                    continue
                yield node
            waiting += [(part, depth) for part in reversed(node.values())]


def complain_part(kind: str, node: Tree) -> None:
    """Raises Refusal for a part that may not stand in an expression."""
    start = int(node.get("query_location", 0)) - len(PREFIX)
    place = (start, int(node.get("query_location_length", 1))) if 0 <= start < 2**32 else (None, 1)
    if kind == "TYPE":
        plain = not node["schema"] and not node["catalog"] and all(each["class"] == "CONSTANT" for each in node["children"])
        if str(node["type_name"]).upper() not in TYPES or not plain:
            raise Refusal(f"the type `{node['type_name']}` is not allowed in an expression", *place)
        return
    if kind not in CLASSES:
        raise Refusal(f"a {str(kind).lower().replace('_', ' ')} is not allowed in an expression", *place)
    if kind == "FUNCTION":
        name = str(node["function_name"]).lower()
        if name not in FUNCTIONS or node["schema"] or node["catalog"] or node["distinct"] or node["filter"]:
            raise Refusal(f"the function `{name}` is not allowed in an expression", *place)
    if kind == "COLUMN_REF" and len(node["column_names"]) != 1:
        raise Refusal("a column has a plain name in an expression, without a dot", *place)
    if kind == "CONSTANT" and node["literal"]["kind"] in ("INTEGER", "NUMERIC"):
        complain_number(str(node["literal"]["text"]).replace("_", ""), place)


def complain_number(text: str, place: tuple[int | None, int]) -> None:
    """Raises Refusal for a number that a build could not compare with anything."""
    whole = text.lstrip("+-").isdigit()
    # The length is asked first: Python refuses to read long decimals, in time that grows with their square.
    if whole and (len(text) > 40 or abs(int(text)) >= MOST_WHOLE):
        raise Refusal(f"a whole number of {len(text.lstrip('+-'))} digits is too large for a condition", *place)
    if not whole and math.isinf(float(text)):
        raise Refusal(f"`{text[:40]}` is too large for a number", *place)
