"""The ways in which a benchmark item comes to stand in training data, each a change of its text."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from random import Random

from leaking.naive import kiwi

Kind = Callable[[str, Random], str]
"""An item's text -> how it is leaked; the same text where there is nothing to change."""

#: The share of Hangul words that get a stray space.
STRAY = 1 / 4
MARKS = ".,;:!?·…–'\"()[]"
#: By the final consonant of the syllable before; the object becomes a topic.
PARTICLES = {"은": "이", "는": "가", "이": "은", "가": "는", "을": "은", "를": "는"}


def exact(text: str, random: Random) -> str:
    """The item, and nothing else."""
    return text


def wrapped(fillers: Sequence[str], text: str, random: Random) -> str:
    """Between two other real texts, on lines of its own."""
    before, after = random.sample(fillers, 2)
    return f"{before}\n{text}\n{after}"


def rewrapped(text: str, random: Random) -> str:
    """Lines broken at another column, between words."""
    return textwrap.fill(" ".join(text.split()), random.randint(16, 40), break_long_words=False, break_on_hyphens=False)


def hard_wrapped(text: str, random: Random) -> str:
    """Lines broken at a fixed column, in the middle of words too, as text copied from a page is."""
    line, width = " ".join(text.split()), random.randint(16, 40)
    return "\n".join(line[at : at + width].strip() for at in range(0, len(line), width))


def spaces_removed(text: str, random: Random) -> str:
    """No white space at all."""
    return "".join(text.split())


def stray_spaces(text: str, random: Random) -> str:
    """A space within every fourth Hangul word or so, and within one at least."""
    words = [(found.start(), found.end()) for found in re.finditer("[가-힣]{2,}", text)]
    chosen = [word for word in words if random.random() < STRAY] or random.sample(words, min(1, len(words)))
    for start, end in reversed(chosen):
        at = random.randint(start + 1, end - 1)
        text = f"{text[:at]} {text[at:]}"
    return text


def punctuation_changed(text: str, random: Random) -> str:
    """Every mark another, or none where no letters would meet; marks between digits are part of a number and stay."""
    made = []
    for before, char, after in zip(f" {text[:-1]}", text, f"{text[1:]} ", strict=True):
        if unicodedata.category(char)[0] != "P" or (before.isdigit() and after.isdigit()):
            made.append(char)
        else:
            others = [mark for mark in MARKS if mark != char]
            made.append(random.choice([*others, ""] if after.isspace() else others))
    return "".join(made)


def particles_swapped(text: str, random: Random) -> str:
    """Subjects become topics, and topics subjects; objects become topics. Behind nouns only, where all of them can stand."""
    tokens = kiwi().tokenize(text)
    for before, token in reversed(list(pairwise(tokens))):
        end = token.start + token.len
        noun = before.tag.startswith(("N", "SL", "SN", "XSN", "ETN")) and before.start + before.len == token.start
        if noun and token.tag in ("JKS", "JX", "JKO") and text[token.start : end] == token.form in PARTICLES:
            text = text[: token.start] + PARTICLES[token.form] + text[end:]
    return text


def numbers_changed(text: str, random: Random) -> str:
    """Every number another of as many digits."""

    def other(found: re.Match[str]) -> str:
        digits = found.group()
        low = 10 ** (len(digits) - 1) if len(digits) > 1 else 0
        number = random.randrange(low, 10 ** len(digits) - 1)
        return str(number + (number >= int(digits)))

    return re.sub("[0-9]+", other, text)


def clauses(text: str) -> list[str]:
    """The clauses of a text: each ends with a mark, a line, or a verb that is joined to what follows."""
    tokens = kiwi().tokenize(text)
    verbs = {
        token.start + token.len
        for token, following in zip(tokens, [*tokens[1:], None], strict=True)
        if token.tag == "EF" or (token.tag == "EC" and (following is None or following.tag != "VX"))
    }
    found: list[str] = []
    new = True
    for word in re.finditer(r"\S+", text):
        said = word.group()
        if new:
            found.append(said)
        else:
            found[-1] += f" {said}"
        bare = len(said.rstrip(MARKS))
        lines = re.match(r"\s*", text[word.end() :])
        new = said[-1] in ".,;:!?" or word.start() + bare in verbs or (lines is not None and "\n" in lines.group())
    return found


def clauses_reordered(text: str, random: Random) -> str:
    """Every second clause first, then the others: none is followed by what followed it."""
    found = clauses(text)
    return " ".join([*found[1::2], *found[::2]]) if len(found) > 1 else text


def words_dropped(text: str, random: Random) -> str:
    """Every sixth word is missing."""
    words = re.findall(r"\s*\S+", text)
    return "".join(word for number, word in enumerate(words, 1) if number % 6) if len(words) > 5 else text


def kinds(fillers: Sequence[str]) -> dict[str, Kind]:
    """The kinds in the order of the table; `fillers` are the real texts in which items are wrapped."""
    return {
        "exact": exact,
        "wrapped in other text": partial(wrapped, fillers),
        "lines broken elsewhere": rewrapped,
        "lines broken within words": hard_wrapped,
        "spaces removed": spaces_removed,
        "stray spaces in words": stray_spaces,
        "punctuation changed": punctuation_changed,
        "particles swapped": particles_swapped,
        "numbers changed": numbers_changed,
        "clauses reordered": clauses_reordered,
        "every 6th word dropped": words_dropped,
    }
