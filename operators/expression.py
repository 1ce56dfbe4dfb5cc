"""Expressions in recipes: parsed by DuckDB, allowed by name, and written anew before they run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

#: Pure scalar functions. Whatever is not listed is refused: `random`, `now`, `read_text`, settings, macros.
FUNCTIONS = frozenset(
    [
        "~~",
        "!~~",
        "~~*",
        "!~~*",
        "~~~",
        "||",
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "abs",
        "ceil",
        "floor",
        "round",
        "sign",
        "greatest",
        "least",
        "coalesce",
        "nullif",
        "length",
        "strlen",
        "char_length",
        "lower",
        "upper",
        "trim",
        "ltrim",
        "rtrim",
        "left",
        "right",
        "substring",
        "substr",
        "replace",
        "reverse",
        "contains",
        "starts_with",
        "ends_with",
        "prefix",
        "suffix",
        "position",
        "instr",
        "strpos",
        "nfc_normalize",
        "regexp_matches",
        "regexp_full_match",
        "regexp_extract",
        "like_escape",
        "ilike_escape",
        "not_like_escape",
        "not_ilike_escape",
        "list_contains",
        "list_has",
        "array_length",
        "len",
        "list_extract",
        "array_extract",
        "concat",
        "bit_length",
    ]
)

CLASSES = frozenset(["COMPARISON", "CONJUNCTION", "CONSTANT", "COLUMN_REF", "FUNCTION", "OPERATOR", "CASE", "CAST", "BETWEEN"])
TYPES = frozenset(
    ["INTEGER", "BIGINT", "HUGEINT", "SMALLINT", "TINYINT", "DOUBLE", "VARCHAR", "TEXT", "BOOLEAN", "INT", "STRING", "BOOL"]
)
PREFIX = "SELECT 1 WHERE (\n"


@dataclass(frozen=True)
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


def parse(text: str) -> Expression:
    """Parse one boolean expression; raises Refusal for anything that is not on the allow-lists."""
    import duckdb

    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise Refusal("the expression holds a character that SQL text cannot hold")
    connection = duckdb.connect(":memory:")
    try:
        tree = json.loads(serialised(connection, PREFIX + text + "\n)"))
        if tree.get("error"):
            place = int(tree.get("position") or 0) - len(PREFIX)
            raise Refusal(str(tree.get("error_message", "it cannot be parsed")), place if place >= 0 else None)
        where = condition_of(tree)
        columns: dict[str, None] = {}
        for name in walk(where):
            columns[name] = None
        cleaned = {**tree, "statements": [{**tree["statements"][0]}]}
        sql: str = connection.execute("SELECT json_deserialize_sql(?)", [json.dumps(cleaned)]).fetchall()[0][0]
    except duckdb.Error as error:
        raise Refusal(str(error).splitlines()[0]) from None
    finally:
        connection.close()
    return Expression(sql.removeprefix("SELECT 1 WHERE "), tuple(columns))


def serialised(connection: Any, statement: str) -> str:
    """DuckDB's own syntax tree of a statement, as JSON."""
    text: str = connection.execute("SELECT json_serialize_sql(?)", [statement]).fetchall()[0][0]
    return text


def condition_of(tree: dict[str, Any]) -> dict[str, Any]:
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


def walk(node: Any) -> Iterator[str]:
    """The columns an expression reads; raises Refusal at the first part that is not allowed."""
    if isinstance(node, list):
        for part in node:
            yield from walk(part)
        return
    if not isinstance(node, dict):
        return
    kind = node.get("class")
    if kind is not None:
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
        if kind == "COLUMN_REF":
            if len(node["column_names"]) != 1:
                raise Refusal("a column has a plain name in an expression, without a dot", *place)
            yield node["column_names"][0]
            return
    for part in node.values():
        yield from walk(part)
