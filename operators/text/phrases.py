"""Expressions that language profiles hold, in a form whose search takes linear time."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

#: The pieces of an expression: characters, classes, groups, alternatives and bounded repeats. RE2 reads all of them as
#: `re` does, so that a profile is checked without Arrow. Repeats are bounded, so that no match is longer than its
#: expression allows and all matches of a text are found in one pass over it.
PIECE = re.compile(
    r"""
    (?P<repeat> \? | \{ (?P<low>0|[1-9]\d{0,2}) (?: , (?P<high>0|[1-9]\d{0,2}) )? \} )
    | (?P<open> \( (?:\?:)? ) | (?P<close> \) ) | \|
    | \[ \^? (?: [^\[\]\\^\n&~|] | \\[dsn\[\]\\^.-] )+ \]
    | \\[dDsSwWbn.|?*+(){}\[\]\\^$/-] | \.
    | [^\\()\[\]{}|?*+^$.]
    """,
    re.VERBOSE,
)
LONGEST, MOST_TIMES, MOST = 200, 100, 10_000


def phrase(text: str) -> str:
    """An expression such as `let me (?:re)?check`, as it is; anything that RE2 could refuse is an error."""
    size_of(text)
    try:
        found = re.compile(text)
    except re.error as error:
        raise ValueError(f"`{text}` is no expression: {error}") from None
    if found.fullmatch(""):
        raise ValueError(f"`{text}` is found in any text: it also stands for nothing at all")
    return text


def size_of(text: str) -> int:
    """How large an expression is with its repeats written out."""
    if len(text) > LONGEST:
        raise ValueError(f"the expression `{text[:30]}...` is longer than {LONGEST} characters")
    at, size, before, last = 0, 0, "repeat", 0
    while at < len(text):
        found = PIECE.match(text, at)
        if found is None:
            raise ValueError(f"`{text}` is no expression that is allowed here, from `{text[at : at + 12]}` on")
        kind = found.lastgroup if found["repeat"] is None else "repeat"
        if kind == "repeat" and (before in ("repeat", "open") or (before == "close" and found["low"])):
            raise ValueError(f"`{text}` repeats what cannot be repeated, at `{found[0]}`: only a character or a class can")
        times = int(found["high"] or found["low"] or 1)
        if times > MOST_TIMES:
            raise ValueError(f"`{text}` repeats more than {MOST_TIMES} times, at `{found[0]}`")
        last = last if kind == "repeat" else len(found[0])
        at, size, before = found.end(), size + last * times, kind or ""
    return size


def bounded(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Expressions that are together small enough for one search."""
    if (size := sum(map(size_of, texts))) > MOST:
        raise ValueError(f"too many expressions: {size} characters with their repeats written out, and {MOST} are allowed")
    return texts


Phrases = Annotated[tuple[Annotated[str, AfterValidator(phrase)], ...], Field(min_length=1), AfterValidator(bounded)]
