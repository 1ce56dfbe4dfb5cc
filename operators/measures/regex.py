"""Whether regular expressions are found in a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from operators.base.declare import Measure, field
from operators.base.scope import Complaint, Scope
from operators.base.values import Texts, Values
from operators.conditions.patterns import pattern_size

Pattern = Annotated[str, Field(min_length=1, max_length=10_000)]
#: What the patterns of one step may come to with their repetitions written out.
MOST = 20_000


class Regex(Measure):
    r"""Keep rows in whose text one of `any` is found, and none of `none`.

    The expressions are RE2, so that no text takes more than linear time: without look-around and back references. They are
    found anywhere in the text (`\A` and `\z` are its ends), in NFC, and case counts unless one begins with `(?i)`. Letters of
    any language are `\p{L}`, for `\w` and `\b` know ASCII alone. `recipe why` tells which expression decided.

    Example:
        with: {any: ['(?i)\bwater\b', 물], none: ['https?://']}
        in:   [{prompt: Why does Water boil}, {prompt: 물은 왜 끓나요}, {prompt: "물, http://a.b"}, {prompt: waters}]
        out:  [{prompt: Why does Water boil}, {prompt: 물은 왜 끓나요}]
    """

    name: ClassVar[str] = "regex"
    values: ClassVar[tuple[str, ...]] = ("forbidden", "found")
    rests_on: ClassVar[tuple[str, ...]] = ("unicode", "pyarrow")

    any: tuple[Pattern, ...] = field("measured", ())
    """Expressions of which at least one has to be found."""
    none: tuple[Pattern, ...] = field("measured", ())
    """Expressions of which none may be found."""

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        if not self.any and not self.none:
            yield Complaint((), "it looks for nothing: neither `any` nor `none` is given", "give `any`, `none` or both")
        if sum(pattern_size(each) for each in (*self.any, *self.none)) > MOST:
            yield Complaint((), f"its expressions have more than {MOST:,} parts, repetitions written out")
            return
        for name, patterns in (("any", self.any), ("none", self.none)):
            for place, pattern in enumerate(patterns):
                if (mistake := refused(pattern)) is not None:
                    yield Complaint((name, place), f"this is no regular expression of RE2: {mistake}", advice(pattern))
                elif found_in_nothing(pattern):
                    yield Complaint((name, place), "this is found in any text, for it also stands for nothing at all")

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> Values:
        import numpy as np

        return [np.where(texts.null, -1, first_found(texts, patterns)) for patterns in (self.none, self.any)]

    def condition(self, value: Mapping[str, str]) -> str:
        return " AND ".join([f"{value['forbidden']} = 0", *([f"{value['found']} > 0"] if self.any else [])])

    def wording(self, value: Mapping[str, int | None]) -> str:
        forbidden, found = value["forbidden"], value["found"]
        if forbidden is None or found is None:
            return "unknown"
        if forbidden:
            return f"`{self.none[forbidden - 1]}` is found"
        return f"`{self.any[found - 1]}` is found" if found else "none is found"

    def wanted(self) -> str:
        return " and ".join(
            [*(["one of `any`"] if self.any else []), *(["none of `none`"] if self.none else [])],
        )


def first_found(texts: Texts, patterns: tuple[str, ...]) -> Any:
    """For each text the number of the first pattern that is found in it, from 1 on; 0 where none is."""
    import numpy as np
    import pyarrow.compute as pc

    first = np.zeros(texts.rows, dtype=np.int64)
    for number, pattern in reversed(list(enumerate(patterns, 1))):
        first[pc.match_substring_regex(texts.column, pattern).to_numpy(zero_copy_only=False)] = number
    return first


def refused(pattern: str) -> str | None:
    """What RE2 says against a pattern; None where it takes it."""
    import duckdb

    from operators.conditions.expression import connection

    if any("\ud800" <= char <= "\udfff" or char == "\0" for char in pattern):
        return "it holds a character that no text holds"
    try:
        connection().execute("SELECT regexp_matches('a', ?)", [pattern]).fetchall()
    except duckdb.Error as error:
        return str(error).splitlines()[0].partition(": ")[2] or str(error)
    return None


def found_in_nothing(pattern: str) -> bool:
    """Whether a pattern is found in any text: in an empty one, and in one of a character that no text has."""
    from operators.conditions.expression import connection

    query = "SELECT regexp_matches('', $1) AND regexp_matches(chr(64976), $1)"
    found: bool = connection().execute(query, [pattern]).fetchall()[0][0]
    return found


def advice(pattern: str) -> str | None:
    """What to do about a pattern that RE2 has no word for."""
    if any(each in pattern for each in ("(?=", "(?!", "(?<=", "(?<!")):
        return "RE2 has no look-around: say what must not be found under `none`"
    return None
