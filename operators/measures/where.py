"""A condition in SQL on the columns of a row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from operators.base.declare import field
from operators.base.scope import Columns, Complaint, Scope
from operators.measures.families import Condition

if TYPE_CHECKING:
    from operators.conditions.expression import Expression


class Where(Condition):
    """Keep rows for which a SQL condition holds.

    The condition reads columns of the row and calls pure functions of an allow-list; it has no subquery,
    window, setting, clock or chance. Regular expressions are RE2. Null, or a
    condition that cannot be computed for a row, counts as `unknown`. It has at most 100,000 characters, 20,000 parts and
    100 levels; of one row it may make 256 MiB of text, and a row of which it would make more stops the build.

    Example:
        with: "length(prompt) > 5"
        in:   [{prompt: 물은 왜}, {prompt: 물은 왜 끓나요}]
        out:  [{prompt: 물은 왜 끓나요}]
    """

    name: ClassVar[str] = "where"
    main: ClassVar[str | None] = "that"
    values: ClassVar[tuple[str, ...]] = ("holds",)
    words: ClassVar[tuple[str, str, str]] = ("does not hold", "holds", "null")
    rests_on: ClassVar[tuple[str, ...]] = ("duckdb",)

    that: str = field("measured")
    """The condition."""
    in_: str = field("label", "", alias="in", exclude=True)

    @cached_property
    def parsed(self) -> Expression:
        """The condition written anew, with the columns it reads; raises Refusal."""
        from operators.conditions.expression import parse

        return parse(self.that)

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        from operators.conditions.expression import Refusal

        try:
            columns = self.parsed.columns
        except Refusal as refusal:
            yield Complaint(("that",), refusal.message, advice(refusal.message))
            return
        if not columns:
            yield Complaint(("that",), "the condition reads no column, so it is the same for every row")
        missing = [complaint for column in columns for complaint in scope.complain_column(column, ("that",))]
        if columns:
            yield from missing or mistyped(self.sql, {column: scope.columns[column] for column in columns})
        if self.only:
            yield from self.only.complain(scope)

    def wanted(self) -> str:
        return self.that


SQL_TYPES = {
    **dict.fromkeys(("text", "messages", "tools"), "VARCHAR"),
    "label": "VARCHAR",
    "list of text": "VARCHAR[]",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
}


def advice(message: str) -> str:
    """What to do about a refusal: the functions that there are, where one is not among them."""
    from operators.conditions.expression import FUNCTIONS

    found = re.fullmatch(r"the function `(\w+)` is not allowed in an expression", message)
    if found is None:
        return "see `recipe operators where` for what is allowed"
    named = sorted(name for name in FUNCTIONS if name.isidentifier())
    nearest = get_close_matches(found[1], named, n=1)
    return (f"did you mean `{nearest[0]}`? " if nearest else "") + "there is: " + ", ".join(named)


def mistyped(sql: str, columns: Columns) -> Iterator[Complaint]:
    """What DuckDB says of the condition over an empty table of these columns."""
    import duckdb

    from operators.conditions.expression import connection, word_error
    from operators.text.sqltext import ident

    listed = ", ".join(f"NULL::{SQL_TYPES[kind]} AS {ident(name)}" for name, kind in columns.items())
    try:
        described = connection().execute(f"DESCRIBE SELECT ({sql}) AS holds FROM (SELECT {listed})").fetchall()
        if described[0][1] != "BOOLEAN":
            yield Complaint(("that",), f"the condition is {described[0][1]}, not true or false")
    except duckdb.Error as error:
        yield Complaint(("that",), word_error(str(error)))
