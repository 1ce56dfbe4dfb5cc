"""How large a regular expression is once its repetitions are written out, which is what compiling it costs."""

from __future__ import annotations

import re

#: What a class of Unicode costs beside a letter: it is compiled to all ranges of bytes of its characters.
CLASS = 20
_ATOM = re.compile(r"\\[pP](?:\{[^}]*\}|.)|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
_COUNT = re.compile(r"\{([0-9]{1,9})(?:,([0-9]{0,9}))?\}")


def pattern_size(pattern: str) -> int:
    """Its atoms, each as often as counted repetitions say; never less than what RE2 makes of it, up to a small factor.

    Example:
        >>> pattern_size("ab{3}"), pattern_size("(a|b{2}){1,5}"), pattern_size(r"[^\\pL]+")
        (4, 15, 20)
    """
    # The size of each group that is open, and that of the last atom in it.
    open_: list[tuple[int, int]] = []
    whole, last, place = 0, 0, 0
    while place < len(pattern):
        if count := _COUNT.match(pattern, place):
            times = max(int(count[1]), int(count[2] or 0))
            whole, last, place = whole + last * max(0, times - 1), last * max(1, times), count.end()
            continue
        atom = _ATOM.match(pattern, place)
        assert atom is not None
        place = atom.end()
        if atom[0] == "(":
            open_.append((whole, last))
            whole, last = 0, 0
        elif atom[0] == ")" and open_:
            whole, last = open_[-1][0] + whole, whole
            open_.pop()
        elif atom[0] not in "|*+?^$":
            last = max(1, CLASS * len(re.findall(r"\\[pP]", atom[0])))
            whole += last
    return whole + sum(before for before, _ in open_)
