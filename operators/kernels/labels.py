"""Labels of options, such as ①, (A), 1. or 가): how they are found, left out and written."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

LATIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: As far as numbers go on that label options.
MOST = 30
#: How conventions go on beyond what a profile lists.
SERIES: tuple[tuple[str, ...], ...] = (
    *(tuple(each) for each in (LATIN, LATIN.lower(), "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳", "❶❷❸❹❺❻❼❽❾❿", "⑴⑵⑶⑷⑸⑹⑺⑻⑼⑽", "⒈⒉⒊⒋⒌⒍⒎⒏⒐⒑")),
    *(
        tuple(each)
        for each in (
            "㉠㉡㉢㉣㉤㉥㉦㉧㉨㉩㉪㉫㉬㉭",
            "㉮㉯㉰㉱㉲㉳㉴㉵㉶㉷㉸㉹㉺㉻",
            "가나다라마바사아자차카타파하",
            "ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ",
        )
    ),
    *(tuple(each) for each in ("АБВГДЕЖЗИК", "абвгдежзик", "कखगघङचछजझञ", "甲乙丙丁戊己庚辛壬癸")),
    tuple(["الف", "ب", "ج", "د", "ه", "و", "ز", "ح", "ط", "ی"]),
    tuple(str(place) for place in range(1, MOST + 1)),
)
#: Those that are read as the number of an option in every language.
NUMBERED = (*SERIES[:6], SERIES[-1])
OPEN, CLOSE = ("(", "[", "<", ""), (").", ")", "].", "]", ">", ".", ":", "．", "、")


class Convention(NamedTuple):
    """How the options of one item are labelled."""

    labels: tuple[str, ...]
    """All labels that there are, those beyond the profile's list included where it begins a usual series."""
    before: str
    after: str
    """What stands around each label, white space included."""

    def written(self, place: int, text: str) -> str:
        """An option with the label of its place, which counts from 0."""
        return f"{self.before}{self.labels[place]}{self.after}{text}"


def extended(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels, and those that follow them where they begin a usual series; numbers go on in their own digits.

    Example:
        >>> extended(["①", "②"])[-1], extended(["๑", "๒"])[-1], extended(["ก", "ข"])
        ('⑳', '๓๐', ('ก', 'ข'))
    """
    known = next((each for each in SERIES if each[: len(labels)] == tuple(labels)), None)
    if known is None and labels and all(label.isdecimal() for label in labels):
        zero = ord(labels[0][-1]) - unicodedata.decimal(labels[0][-1])
        # Digits of every script stand in order behind their zero.
        own = tuple(str(place).translate({0x30 + digit: zero + digit for digit in range(10)}) for place in range(1, MOST + 1))
        known = own if own[: len(labels)] == tuple(labels) else None
    return tuple(labels) if known is None else known


def stands_alone(label: str) -> bool:
    """Whether a label needs no mark beside it: ① is no part of a word."""
    return all(unicodedata.category(char) in ("No", "So") for char in label)


def labelled(options: Sequence[str], conventions: Sequence[tuple[str, ...]]) -> tuple[Convention, list[str]] | None:
    """(the convention that all options follow in order, the options without their labels), or None.

    Example:
        >>> labelled(["(A) 서울", "(B) 부산"], [("A", "B", "C")])[1], labelled(["1.5", "2.5"], [("1", "2")])
        (['서울', '부산'], None)
    """
    for labels in conventions:
        if len(options) > len(labels) or not options:
            continue
        first = parts(options[0], labels[0])
        if first is None:
            continue
        before, close, space, _ = first
        found = [parts(option, label) for option, label in zip(options, labels, strict=False)]
        if all(each is not None and (each[0], each[1]) == (before, close) for each in found):
            return Convention(labels, before, close + space), [each[3] for each in found if each is not None]
    return None


def parts(option: str, label: str) -> tuple[str, str, str, str] | None:
    """(mark before the label, mark after it, white space after that, the text), or None where the label is not there."""
    text = option.strip()
    for before in OPEN:
        if text.startswith(before + label):
            rest = text[len(before) + len(label) :]
            close = next((mark for mark in CLOSE if rest.startswith(mark)), "")
            inner = rest[len(close) :]
            # `1.5` is a number, and `A형` a word; a mark that is opened is closed.
            known = close or (stands_alone(label) and not before)
            if known and not (close in (".", ":") and inner[:1].isdigit()) and not (before and not close):
                return before, close, inner[: len(inner) - len(inner.lstrip())], inner.lstrip()
    return None


def in_order(labels: Sequence[str]) -> str:
    """An RE2 expression for a text in which these labels stand in order, each with its marks."""
    import re

    each = []
    for label in labels:
        name = re.escape(label)
        each.append(name if stands_alone(label) else rf"(?:^|\s)[(\[<]?{name}(?:[)\]>]|[.:．、](?:[^0-9]|$))")
    return "(?s)" + ".*?".join(each)
