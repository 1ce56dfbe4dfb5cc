"""Options that are written out in a text: by their labels in order, or as lines or a list of short pieces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice

from operators.kernels.labels import stands_alone

#: A piece that is longer, or ends like a sentence, is no option but a line of text.
LONGEST = 40
SENTENCE = (".", "?", "!", "。", "？", "！", "다", ":", "।")
#: Places at which a list may begin that are looked at.
TRIED = 4
BULLET = re.compile(r"^\s*[-*•·▪◦‣]\s+")


def listed(text: str, conventions: Sequence[Sequence[str]]) -> list[str]:
    r"""The options that stand in a text behind labels of one convention in order; none where fewer than two do.

    Example:
        >>> known = ["①②③", "ABC", "345"]
        >>> listed("임금은? ① 태종 ② 세종", known), listed("pick\nA. one\nB. (A) or two", known), listed("3.5 or 4.5", known)
        (['태종', '세종'], ['one', '(A) or two'], [])
    """
    best: list[str] = []
    for labels in conventions:
        for begin in islice(pattern(labels[0]).finditer(text), TRIED):
            found = [begin]
            # The labels of one list have the same marks: `(B)` in an option of a list with `A.` is none of them.
            for label in labels[1:]:
                mark = pattern(label, begin["before"], begin["close"]).search(text, found[-1].end())
                if mark is None:
                    break
                found.append(mark)
            if len(found) > max(1, len(best)):
                ends = [*(mark.start() for mark in found[1:]), len(text)]
                best = [text[mark.end() : end].strip() for mark, end in zip(found, ends, strict=True)]
    if best and not any("\n" in each for each in best[:-1]):
        best[-1] = best[-1].partition("\n")[0].strip()
    return best


@lru_cache(maxsize=4096)
def pattern(label: str, before: str | None = None, close: str | None = None) -> re.Pattern[str]:
    """A label with the marks that make it one, or with these."""
    name = re.escape(label)
    if stands_alone(label):
        return re.compile(rf"(?P<before>){name}(?P<close>)")
    if before is not None and close is not None:
        after = "(?![0-9])" if close in ".:" else ""
        return re.compile(rf"(?:(?<=[\s,;/])|\A){re.escape(before)}{name}{re.escape(close)}{after}")
    return re.compile(rf"(?:(?<=[\s,;/])|\A)(?P<before>[(\[<]?){name}(?P<close>[)\]>]\.?|[.:．、](?![0-9]))")


def unlabelled(text: str) -> list[str]:
    r"""The short pieces that a text consists of: its lines, or what stands between the commas of its first line.

    Example:
        >>> unlabelled("\n4\n6\n9"), unlabelled(" 4, 6, 9"), unlabelled("\nThink.\nThen answer.\nBe brief.")
        (['4', '6', '9'], ['4', '6', '9'], [])
    """
    lines = [BULLET.sub("", line).strip() for line in text.lstrip("?.!:。？！ \t").split("\n")]
    lines = [line for line in lines if line]
    pieces = lines if len(lines) > 1 else [each.strip() for each in re.split(r"[,/;|·、，]", lines[0])] if lines else []
    short = all(each and len(each) <= LONGEST and not each.endswith(SENTENCE) for each in pieces)
    return pieces if short and len(pieces) > 1 else []
