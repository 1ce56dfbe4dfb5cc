"""How much text a condition may make of a row: bounds that are known before it runs, and guards where they are wide."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Tree = dict[str, Any]
#: Bytes: of one row as a number, or of many as an array (n,).
Size = Any

#: Bytes of text that a condition may make of one row, shared out evenly among its parts that make text.
MOST_OF_ROW = 1 << 28
#: What a guard says of a text that would be longer than its share.
TOO_LONG = "this text is too long: bytes"
#: The longest text of a number or a truth value.
NUMBER = 40

SUMS = frozenset(["||", "concat"])
MAPS = frozenset(["lower", "upper", "nfc_normalize"])
"""Functions of whose characters one may be three times as long as it was."""
PARTS = frozenset(["trim", "ltrim", "rtrim", "left", "right", "substring", "substr", "reverse", "regexp_extract"])
CHOICES = frozenset(["greatest", "least", "nullif", "coalesce", "list_extract", "array_extract"])
TEXT = frozenset(["VARCHAR", "TEXT", "STRING"])


def inner(node: Tree) -> list[Tree]:
    """The parts that a part of an expression is made of."""
    match node["class"]:
        case "FUNCTION":
            return [each["expression"] for each in node["arguments"]]
        case "COMPARISON":
            return [node["left"], node["right"]]
        case "CASE":
            checks = [part for each in node["case_checks"] for part in (each["when_expr"], each["then_expr"])]
            return [*checks, node["else_expr"]]
        case "CAST":
            return [node["child"]]
        case "BETWEEN":
            return [node["input"], node["lower"], node["upper"]]
    return list(node.get("children", ()))


def makes_text(node: Tree) -> bool:
    """Whether a part writes text that was not there before."""
    if node["class"] == "FUNCTION":
        return node["function_name"].lower() in SUMS | MAPS | PARTS | {"replace"}
    if node["class"] == "CAST":
        return str(node["type_expr"]["type_name"]).upper() in TEXT
    return node["class"] == "OPERATOR" and str(node["type"]).startswith("ARRAY_")


def sized(node: Tree, lengths: Mapping[str, Size]) -> tuple[Size, Size]:
    """(the most bytes of a part's value, of all text that is made on the way to it), by the bytes of each column's cell."""
    parts = inner(node)
    sizes = [sized(part, lengths) for part in parts]
    length = longest(node, [size for size, _ in sizes], lengths)
    return length, sum(made for _, made in sizes) + (length if makes_text(node) else 0)


def longest(node: Tree, sizes: list[Size], lengths: Mapping[str, Size]) -> Size:
    """The most bytes of a part's value, by those of its own parts."""
    match node["class"]:
        case "CONSTANT":
            literal = node["literal"]
            return float(len(literal["text"].encode("utf-8", "replace"))) if literal["kind"] == "STRING" else NUMBER
        case "COLUMN_REF":
            return lengths[node["column_names"][0]]
        case "CASE":
            return most(sizes[1::2] + sizes[-1:])
        case "CAST":
            return 2 * sizes[0] + NUMBER if makes_text(node) else NUMBER
        case "OPERATOR":
            return most(sizes) if node["type"] == "OPERATOR_COALESCE" else sizes[0] if makes_text(node) else NUMBER
        case "FUNCTION":
            name = node["function_name"].lower()
            if name == "replace" and len(sizes) == 3:
                sought = node["arguments"][1]["expression"]
                shortest = sizes[1] if sought["class"] == "CONSTANT" and sizes[1] >= 1 else 1.0
                return sizes[0] * most([1.0, sizes[2] / shortest])
            if name in SUMS:
                return sum(sizes)
            if name in MAPS | PARTS and sizes:
                return sizes[0] * (3 if name in MAPS else 1)
            if name in CHOICES and sizes:
                return most(sizes)
    return NUMBER


def most(sizes: list[Size]) -> Size:
    """The larger of each."""
    import numpy as np

    found = sizes[0]
    for size in sizes[1:]:
        found = np.maximum(found, size)
    return found


def constant_text(node: Tree) -> float:
    """The most bytes of text that the parts of an expression make which read no column: they are the same for every row."""
    if is_constant(node):
        return float(sized(node, {})[1])
    return sum(constant_text(part) for part in inner(node))


def is_constant(node: Tree) -> bool:
    """Whether a part reads no column."""
    return node["class"] != "COLUMN_REF" and all(is_constant(part) for part in inner(node))


def count_texts(node: Tree) -> int:
    """How many parts of an expression make text."""
    return sum(count_texts(part) for part in inner(node)) + makes_text(node)


def guarded(node: Tree, share: int, write: Callable[[Tree], str], mark: str) -> str:
    """The SQL of an expression, in which a text that would be longer than `share` bytes is an error before it is made.

    `write` gives the SQL of a tree, in which names that begin with `mark` are no columns. Parts are computed where and
    when they were, those of a CASE included.
    """
    holes: list[str] = []

    def cut(part: Tree) -> Tree:
        if part["class"] == "FUNCTION" and makes_text(part):
            holes.append(guard(part, share, [guarded(each, share, write, mark) for each in inner(part)]))
            return {**HOLE, "column_names": [f"{mark}{len(holes) - 1}"]}
        return with_inner(part, [cut(each) for each in inner(part)])

    sql = write(cut(node))
    return re.sub(f'"{re.escape(mark)}([0-9]+)"', lambda found: f"({holes[int(found[1])]})", sql)


HOLE: Tree = {"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "query_location": 0, "query_location_length": 0}


def guard(node: Tree, share: int, arguments: list[str]) -> str:
    """The SQL of a function that makes text, called with these expressions."""
    name = node["function_name"].lower()
    # A lambda over a list of one value is the way to name a value, so that it is made only once.
    named = ", ".join(f"a{place} := ({argument})" for place, argument in enumerate(arguments))
    values = [f"t.a{place}" for place in range(len(arguments))]
    bytes_of = [f"strlen({value}::VARCHAR)" for value in values]
    if name == "replace" and len(values) == 3:
        there = f"({bytes_of[0]} - strlen(replace({values[0]}, {values[1]}, ''))) // {bytes_of[1]}"
        more = f"{there} * greatest({bytes_of[2]} - {bytes_of[1]}, 0)"
        size = f"{bytes_of[0]} + CASE WHEN {bytes_of[1]} = 0 THEN 0 ELSE {more} END"
    else:
        size = f"list_sum([{', '.join(bytes_of if name in SUMS else bytes_of[:1])}])"
    call = " || ".join(values) if name == "||" else f"{name}({', '.join(values)})"
    inside = f"CASE WHEN {too_long(size, share)} THEN NULL ELSE {call} END"
    made = f"list_transform([struct_pack({named})], lambda t: {inside})[1]"
    columns = [argument for part, argument in zip(inner(node), arguments, strict=True) if part["class"] == "COLUMN_REF"]
    if name not in SUMS or len(columns) < 2:
        return made
    # Cells are copied where they are named: those of columns can be looked at before.
    before = f"list_sum([{', '.join(f'strlen({each}::VARCHAR)' for each in columns)}])"
    return f"CASE WHEN {too_long(before, share)} THEN NULL ELSE {made} END"


def too_long(size: str, share: int) -> str:
    """SQL that is an error where a text is too long, and else false; a cast that fails, for TRY allows no `error`."""
    return f"(CASE WHEN {size} > {share} THEN ('{TOO_LONG} ' || ({size}))::INTEGER = 0 ELSE FALSE END)"


def with_inner(node: Tree, parts: list[Tree]) -> Tree:
    """A part with others in the place of those that it is made of."""
    match node["class"]:
        case "FUNCTION":
            return {
                **node,
                "arguments": [{**each, "expression": part} for each, part in zip(node["arguments"], parts, strict=True)],
            }
        case "COMPARISON":
            return {**node, "left": parts[0], "right": parts[1]}
        case "CASE":
            checks = [
                {**each, "when_expr": when, "then_expr": then}
                for each, when, then in zip(node["case_checks"], parts[0:-1:2], parts[1:-1:2], strict=True)
            ]
            return {**node, "case_checks": checks, "else_expr": parts[-1]}
        case "CAST":
            return {**node, "child": parts[0]}
        case "BETWEEN":
            return {**node, "input": parts[0], "lower": parts[1], "upper": parts[2]}
    return {**node, "children": parts} if parts else node
