r"""Boxes such as `\boxed{}` and `\fbox{}` in a text: which of them close and hold something."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])")
#: What is read at once: a box or a space that take braces, any other command or escaped character, a brace.
TOKEN = re.compile(
    r"(?P<box>\\(?:boxed|fbox)\s*+\{)|(?P<hidden>\\(?:[hv]?phantom|[hv]space\*?)\s*+\{)|\\(?P<command>[A-Za-z]++|.)|[{}]",
    re.DOTALL,
)
#: Commands that show nothing themselves: spaces, and styles of what their braces hold.
SHOWS_NOTHING = frozenset(
    [*" ,;:!>\n\t", "quad", "qquad", "enspace", "thinspace", "left", "right", "displaystyle", "textstyle", "underline", "boxed"]
    + ["fbox", "mbox", "hbox", *(f"text{each}" for each in ("", "bf", "it", "rm", "sf", "tt", "normal"))]
    + [f"math{each}" for each in ("bf", "it", "rm", "sf", "tt", "normal")]
)
#: A character that can be seen: no white space, no mark of a formula, nothing without width, no filler.
SEEN = re.compile(r"[^\s$~\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0]")


def boxes(text: str) -> Iterator[str]:
    r"""The content of each box that closes, holds something and stands in no other such box, in one pass over the text.

    Spaces, `\phantom{...}` and styles of nothing, such as `\text{}`, are nothing.

    Example:
        >>> list(boxes(r"\boxed{\frac{1}{2} so \boxed{} and \boxed{\boxed{8}} or \fbox{9}"))
        ['\\boxed{8}', '9']
    """
    first = BOX.search(text)
    if first is None:
        return
    # Each open brace: where its content begins, and what opened it; whether it holds something.
    opened: list[tuple[int, str]] = []
    holds: list[bool] = []
    found: list[tuple[int, int]] = []
    last = first.start()
    for token in TOKEN.finditer(text, first.start()):
        if opened and not holds[-1] and SEEN.search(text, last, token.start()):
            holds[-1] = True
        last = token.end()
        if token[0][-1] == "{" and token["command"] is None:
            opened.append((token.end(), token.lastgroup or ""))
            holds.append(False)
        elif token[0] != "}":
            if opened and token["command"] not in SHOWS_NOTHING:
                holds[-1] = True
        elif opened:
            (begin, kind), filled = opened.pop(), holds.pop()
            if kind == "hidden" or (kind == "box" and filled):
                while found and found[-1][0] > begin:
                    found.pop()
            if kind == "box" and filled:
                found.append((begin, token.start()))
            if opened and filled and kind != "hidden":
                holds[-1] = True
            if not opened:
                yield from (text[start:end] for start, end in found)
                found.clear()
    yield from (text[start:end] for start, end in found)


def first_box(text: str) -> str | None:
    r"""The content of the first box that closes and holds something, or None.

    Example:
        >>> first_box(r"so \boxed{\frac{1}{2}} and \boxed{3}")
        '\\frac{1}{2}'
    """
    return next(boxes(text), None)


def last_box(text: str) -> str | None:
    r"""The content of the last box that closes and holds something, or None.

    Example:
        >>> last_box(r"Form: \boxed{N}. \boxed{8} or \boxed{\phantom{2}}")
        '8'
    """
    return next(iter(deque(boxes(text), maxlen=1)), None)
