"""Options that are written out in a text: by their labels in order, or as lines or a list of short pieces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from operators.kernels.labels import stands_alone

#: A piece that is longer, or ends like a sentence, is no option but a line of text.
LONGEST = 40
SENTENCE = (".", "?", "!", "。", "？", "！", "다", ":", "।")
BULLET = re.compile(r"^\s*[-*•·▪◦‣]\s+")


def listed(text: str, conventions: Sequence[Sequence[str]]) -> list[str]:
    r"""The options that stand in a text behind labels of one convention in order; none where fewer than two do.

    Example:
        >>> known = ["①②③", "ABC", "345"]
        >>> listed("임금은? ① 태종 ② 세종", known), listed("pick\nA. one\nB) two", known), listed("3.5 or 4.5", known)
        (['태종', '세종'], ['one', 'two'], [])
    """
    best: list[str] = []
    for labels in conventions:
        found, at = [], 0
        for label in labels:
            mark = pattern(label).search(text, at)
            if mark is None:
                break
            found.append(mark)
            at = mark.end()
        if len(found) > max(1, len(best)):
            ends = [*(mark.start() for mark in found[1:]), len(text)]
            best = [text[mark.end() : end].strip() for mark, end in zip(found, ends, strict=True)]
    if best and not any("\n" in each for each in best[:-1]):
        best[-1] = best[-1].partition("\n")[0].strip()
    return best


@lru_cache(maxsize=256)
def pattern(label: str) -> re.Pattern[str]:
    """A label with the marks that make it one."""
    name = re.escape(label)
    if stands_alone(label):
        return re.compile(name)
    return re.compile(rf"(?:(?<=[\s,;/])|\A)(?:[(\[<]{name}[)\]>]\.?|{name}(?:[)\]>]\.?|[.:．、](?![0-9])))")


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
