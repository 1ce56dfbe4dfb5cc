"""A condition in SQL on the columns of a row."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from operators.base.declare import field
from operators.base.scope import Complaint, Scope
from operators.conditions.typed import complain_columns
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
        yield from complain_columns(self, scope, ("that",), "BOOLEAN", "true or false")
        if self.only:
            yield from self.only.complain(scope)

    def wanted(self) -> str:
        return self.that
