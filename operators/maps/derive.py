"""A text column that is made of others, by an expression in SQL."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from operators.base.declare import LABELS, RESERVED, Map, field
from operators.base.scope import Complaint, Scope
from operators.conditions.expressed import Expressed
from operators.conditions.typed import complain_columns

if TYPE_CHECKING:
    from operators.conditions.expression import Expression


class Derive(Expressed, Map):
    """Make a text column `as` of the columns of a row, by the expression `sql`; in the place of the one that has this name.

    What `where` allows, an expression may hold: pure functions of an allow-list, and no subquery. Its value is text; another
    type is written as text by `::VARCHAR`. Where it is null, or cannot be computed, the cell is null. Of one row it may make
    256 MiB of text, and a row of which it would make more stops the build.

    Example:
        with: {as: full, sql: "category || ': ' || upper(prompt)"}
        in:   [{prompt: why does water boil}, {prompt: null}]
        out:  [{full: "x: WHY DOES WATER BOIL"}, {full: null}]
    """

    name: ClassVar[str] = "derive"
    cell: ClassVar[str] = "({})::VARCHAR"
    rests_on: ClassVar[tuple[str, ...]] = ("duckdb",)

    of: str = field("label", "", exclude=True)
    as_: str = Field(alias="as", min_length=1)
    """The name of the column that is made."""
    sql_: str = Field(alias="sql", min_length=1)
    """The expression."""

    @property
    def said(self) -> str:
        return self.sql_

    @cached_property
    def parsed(self) -> Expression:
        """The expression written anew, with the columns it reads; raises Refusal."""
        from operators.conditions.expression import parse

        return parse(self.sql_)

    def makes(self) -> tuple[str, ...]:
        return (self.as_,)

    def reads(self) -> dict[str, str]:
        return {name: name for name in self.parsed.columns}

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        if self.as_ in (*RESERVED, *LABELS):
            yield Complaint(("as",), f"`{self.as_}` is a column of the project's own", "choose another name")
        yield from complain_columns(self, scope, ("sql",), "VARCHAR", "text: write it so with `::VARCHAR`")
