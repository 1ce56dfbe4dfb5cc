"""What is wrong with an expression where it stands: what is not allowed, columns that are not there, and its type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from operators.base.scope import Columns, Complaint, Scope
from operators.conditions.expressed import Expressed

SQL_TYPES = {
    **dict.fromkeys(("text", "messages", "tools"), "VARCHAR"),
    "label": "VARCHAR",
    "list of text": "VARCHAR[]",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
}


def complain_columns(
    operator: Expressed, scope: Scope, path: tuple[str | int, ...], wanted: str, words: str
) -> Iterator[Complaint]:
    """The mistakes of an expression that has to be of the SQL type `wanted`, which people call `words`."""
    from operators.conditions.expression import Refusal

    try:
        columns = operator.parsed.columns
    except Refusal as refusal:
        yield Complaint(path, refusal.message, advice(refusal.message))
        return
    if not columns:
        yield Complaint(path, f"the {operator.called} reads no column, so it is the same for every row")
        return
    missing = [complaint for column in columns for complaint in scope.complain_column(column, path)]
    yield from missing
    if not missing:
        kinds = {column: scope.columns[column] for column in columns}
        if (mistake := mistyped(operator, kinds, wanted, words)) is not None:
            yield Complaint(path, mistake)


def advice(message: str) -> str:
    """What to do about a refusal: the functions that there are, where one is not among them."""
    from operators.conditions.expression import FUNCTIONS

    found = re.fullmatch(r"the function `(\w+)` is not allowed in an expression", message)
    if found is None:
        return "see `recipe operators where` for what is allowed"
    named = sorted(name for name in FUNCTIONS if name.isidentifier())
    nearest = get_close_matches(found[1], named, n=1)
    return (f"did you mean `{nearest[0]}`? " if nearest else "") + "there is: " + ", ".join(named)


def mistyped(operator: Expressed, columns: Columns, wanted: str, words: str) -> str | None:
    """What DuckDB says of the expression over an empty table of these columns."""
    import duckdb

    from operators.conditions.expression import connection, word_error
    from operators.text.sqltext import ident

    listed = ", ".join(f"NULL::{SQL_TYPES[kind]} AS {ident(name)}" for name, kind in columns.items())
    try:
        described = connection().execute(f"DESCRIBE SELECT ({operator.sql}) AS made FROM (SELECT {listed})").fetchall()
    except duckdb.Error as error:
        return word_error(str(error))
    kind = described[0][1]
    return None if kind == wanted else f"the {operator.called} is {kind}, not {words}"
