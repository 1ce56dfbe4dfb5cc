"""Expressions that language profiles hold, in a form whose search takes linear time."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, NamedTuple

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
    | [^\\()\[\]{}|?*+^$.]{2,} (?! [?{] ) | [^\\()\[\]{}|?*+^$.]
    """,
    re.VERBOSE,
)
LONGEST, MOST_TIMES, MOST = 200, 100, 10_000


def phrase(text: str) -> str:
    """An expression such as `let me (?:re)?check`, as it is; anything that RE2 could refuse is an error."""
    if stands_for_something(pieces_of(text)):
        return text
    try:
        found = re.compile(text)
    except re.error as error:
        raise ValueError(f"`{text}` is no expression: {error}") from None
    if found.fullmatch(""):
        raise ValueError(f"`{text}` is found in any text: it also stands for nothing at all")
    return text


class Piece(NamedTuple):
    """One piece of an expression, and for a repeat how often; characters that nothing repeats are one piece."""

    kind: str
    """`repeat`, `open`, `close` or `other`."""
    text: str
    low: int = 1
    high: int = 1


@lru_cache(maxsize=1024)
def pieces_of(text: str) -> tuple[Piece, ...]:
    """The pieces of an expression; raises ValueError for one that is not allowed here."""
    if len(text) > LONGEST:
        raise ValueError(f"the expression `{text[:30]}...` is longer than {LONGEST} characters")
    at, pieces, before = 0, list[Piece](), "repeat"
    while at < len(text):
        found = PIECE.match(text, at)
        if found is None:
            raise ValueError(f"`{text}` is no expression that is allowed here, from `{text[at : at + 12]}` on")
        if found["repeat"] is None:
            piece = Piece(found.lastgroup or "other", found[0])
        else:
            low, high = found["low"], found["high"]
            piece = Piece("repeat", found[0], int(low or 0), int(high or low or 1))
            if before in ("repeat", "open") or (before == "close" and low):
                raise ValueError(f"`{text}` repeats what cannot be repeated, at `{found[0]}`: only a character or a class can")
            if piece.high > MOST_TIMES:
                raise ValueError(f"`{text}` repeats more than {MOST_TIMES} times, at `{found[0]}`")
        pieces.append(piece)
        at, before = found.end(), piece.kind
    return tuple(pieces)


def size_of(text: str) -> int:
    """How large an expression is with its repeats written out."""
    size = last = 0
    for piece in pieces_of(text):
        last = last if piece.kind == "repeat" else len(piece.text)
        size += last * piece.high
    return size


def stands_for_something(pieces: tuple[Piece, ...]) -> bool:
    """Whether they surely are an expression that is found in some texts and not in all; False also where compiling it tells."""
    groups: list[tuple[bool, bool]] = []
    # Whether an alternative of this group may be nothing, whether the one that is read may, and without its last piece.
    any_empty, empty, without, last = False, True, True, ""
    for kind, text, low, high in pieces:
        if kind == "open":
            groups.append((any_empty, empty))
            any_empty, empty = False, True
        elif kind == "close":
            if not groups:
                return False
            inside = any_empty or empty
            any_empty, without = groups.pop()
            empty = without and inside
        elif kind == "repeat":
            if last in ("|", r"\b") or low > high:
                return False
            empty = empty if low else without
        elif text == "|":
            any_empty, empty = any_empty or empty, True
        elif text[0] == "[" and not in_order(text[1:-1].removesuffix("-")):
            return False
        else:
            without, empty = empty, False
        last = text
    return not (groups or any_empty or empty)


def in_order(inside: str) -> bool:
    """Whether every `-` in a class stands between letters or digits in their order."""
    return "-" not in RANGE.sub("", inside) and all(low <= high for low, high in RANGE.findall(inside))


RANGE = re.compile(r"(?<!\\)(\w)-(\w)")


def bounded(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Expressions that are together small enough for one search."""
    if (size := sum(map(size_of, texts))) > MOST:
        raise ValueError(f"too many expressions: {size} characters with their repeats written out, and {MOST} are allowed")
    return texts


Phrases = Annotated[tuple[Annotated[str, AfterValidator(phrase)], ...], Field(min_length=1), AfterValidator(bounded)]
