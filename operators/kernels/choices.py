"""Which option an answer names: one reading of labels, whatever language, script, marks and LaTeX they are written in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from operators.kernels.emphasis import is_word
from operators.kernels.labels import LATIN, extended

BRACKETS = {"(": ")", "[": "]", "{": "}", "<": ">", "【": "】", "〈": "〉", "〔": "〕", "〖": "〗", "⟨": "⟩"}
QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "「": "」", "『": "』", "«": "»", "*": "*", "《": "》"}
AROUND = BRACKETS | QUOTES
#: LaTeX around words.
STYLED = re.compile(r"\\(?:text|math|f?box|mbox|boxed|underline)[a-z]{0,6}\s*\{([^{}]*)\}")
#: What a label may stand among and is no part of it: marks of a formula and of emphasis, LaTeX spaces and sizes.
MARKUP = re.compile(r"\$|\\[()\[\] ,;:!]|\\(?:left|right|q?quad)(?![A-Za-z])|[*`~]|(?<![^\W_])_+|_+(?![^\W_])")
#: The marks peeled off a label or a text, one after another: more of them is a trap.
ROUNDS = 8
#: A longer text is no label with its option.
LONGEST = 1000

#: Full-width characters in ASCII.
WIDE = {0xFF01 + place: 0x21 + place for place in range(94)} | {0x3000: " ", 0x3002: "."}
#: What shows nothing. The joiners of Persian and Hindi are letters' business and stay.
UNSEEN = dict.fromkeys(
    [0xAD, 0x61C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFE0E, 0xFE0F, 0xFEFF]
)
#: Letters in black circles and squares, which no normal form makes letters of.
BLACK = {0x1F150 + place: letter for place, letter in enumerate(LATIN)} | {
    0x1F170 + place: letter for place, letter in enumerate(LATIN)
}


class Labels(NamedTuple):
    """The labels that a language's options may have."""

    places: Mapping[str, tuple[int, int]]
    """The form of a label that is no number -> (the option that it stands for, from 1; its convention)."""
    before: tuple[str, ...] = ()
    """Words that may stand before a label, in one case."""
    after: tuple[str, ...] = ()
    """Words that may stand behind it."""


class Label(NamedTuple):
    """A label as it stands in a text."""

    text: str
    place: int
    """The option that it stands for, from 1."""
    convention: tuple[bool, int]
    """(whether it is one sign, such as ②; which list of letters it is of, -1 for numbers)."""


def labels_of(
    conventions: Iterable[Sequence[str]] | None, digits: str | None = None, words: Mapping[str, Sequence[str]] | None = None
) -> Labels:
    """The labels by a profile's `answer_labels`, `digits` and `label_words`; Latin letters and numbers are known beside them.

    Digits that are letters, such as 三, are numbers unless one of them is a letter of a convention, as the Korean 사 is.

    Example:
        >>> known = labels_of([["A", "B"], ["ก", "ข"]])
        >>> [place_of(text, known) for text in ("c", "ข", "②", "๒", "ค")]
        [3, 2, 2, 2, None]
    """
    places: dict[str, tuple[int, int]] = {}
    for number, convention in enumerate([*(extended(each) for each in conventions or ()), tuple(LATIN)]):
        for place, label in enumerate(convention, 1):
            if number_of(known := form_of(label)) is None:
                places.setdefault(known, (place, number))
    if digits and not any(char.isdecimal() or form_of(char) in places for char in digits):
        places |= {form_of(char): (value, -1) for value, char in enumerate(digits) if value}
    label_words = words or {}
    before, after = (tuple(word.casefold() for word in label_words.get(name) or ()) for name in ("before", "after"))
    return Labels(places, tuple(sorted(before, key=len, reverse=True)), tuple(sorted(after, key=len, reverse=True)))


def place_of(text: str, labels: Labels) -> int | None:
    r"""The option, from 1, that a text names by its label or number alone, whatever stands around labels; else None.

    Example:
        >>> known = labels_of([["가", "나"]], words={"before": ["보기"], "after": ["번"]})
        >>> [place_of(text, known) for text in (r"$\text{(B)}$.", "②번", "㉯", "[ｂ]", "보기 2", "②③", "2²", "A형")]
        [2, 2, 2, 2, 2, None, None, None]
    """
    found = label_in(text, labels, False)
    return None if found is None else found.place


def label_in(text: str, labels: Labels, behind: bool = True) -> Label | None:
    r"""The one label that a text consists of, also with the option's text `behind` it and a mark between; else None.

    Example:
        >>> known = labels_of([["가", "나"]])
        >>> texts = (r"\text{B. 세종}", "② 세종", "B (세종)", "B or C", "A, B", "B. C", "Apple", "I think so", "1.5", "(A) (B)")
        >>> [found and found.text for found in (label_in(text, known) for text in texts)]
        ['B', '②', 'B', None, None, None, None, None, None, None]
    """
    if len(text) > LONGEST:
        return None
    text = shown(text, labels)
    opened = BRACKETS.get(text[:1])
    start = len(text) - len(text[1:].lstrip()) if opened else 0
    end = word_end(text, start)
    found = named(text[start:end], labels)
    worded = False
    if found is None and (word := trailing(text[start:end], labels.after)):
        found, worded = named(text[start : end - len(word)], labels), True
    if found is None:
        return None
    rest = text[end:].lstrip()
    marked = worded or found.convention[0]
    if opened:
        if not rest.startswith(opened):
            return None
        rest, marked = rest[1:].lstrip(), True
    elif rest.startswith((")", "]")):
        rest, marked = rest[1:].lstrip(), True
    for word in labels.after:
        if rest.casefold().startswith(word) and not is_word(rest[len(word) : len(word) + 1] or " "):
            rest, marked = rest[len(word) :].lstrip(), True
            break
    rest = rest if rest.strip(". ") else ""
    if not rest:
        return found
    if not behind:
        return None
    option = option_behind(rest, found, marked, text[end : end + 1].isspace())
    return found if option is not None and not ambiguous(option, found, labels) else None


def option_behind(rest: str, found: Label, marked: bool, apart: bool) -> str | None:
    """The option's text behind its label, or None where nothing says that it is one."""
    letter = not found.text.isdecimal()
    inner = rest[1:].lstrip()
    if rest[0] in ".:、．":
        # `1.5` is a number, `a.m.` and `U.S.` are words.
        word = rest[0] == "." and letter and found.text.isascii() and inner[:1].isascii() and inner[:1].isalpha()
        tight = not rest[1:2].isspace()
        return None if tight and (word or inner[:1].isdecimal()) else inner
    if rest[0] in "-–—":
        return inner if letter and apart and rest[1:2].isspace() and word_end(inner, 0) > 1 else None
    if rest[0] == "(" and rest[-1] == ")" and (letter or marked):
        return rest[1:-1].strip()
    return rest if marked and (is_word(rest[0]) or rest[0] in BRACKETS or rest[0] in QUOTES) else None


def ambiguous(option: str, found: Label, labels: Labels) -> bool:
    """Whether the text behind a label names another option in the same convention, as a label is written."""
    bare = option.strip(" .,;:!?")
    for start, end in words(option):
        other = named(option[start:end], labels)
        if other is None and (word := trailing(option[start:end], labels.after)):
            other, end = named(option[start : end - len(word)], labels), -1
        if other is None or other.convention != found.convention or other.place == found.place:
            continue
        before, after = option[:start], option[end:] if end >= 0 else ")"
        marked = other.convention[0] or (after[:1] in (")", "]") and (end < 0 or before[-1:] in ("", " ", "(", "[")))
        pointed = after[:1] in (".", ":") and after[1:2] in ("", " ") and after.strip(" .:") and before[-1:] in ("", " ")
        if marked or pointed or other.text == bare or (option.count(" ") < 3 and bare.endswith(f" {other.text}")):
            return True
        if before.rstrip()[-1:] in (",", "/", "·", "&", "、"):
            return True
    return False


def shown(text: str, labels: Labels) -> str:
    """A text as labels are looked for in it: without markup, marks around all of it, words before it, a full stop behind."""
    text = text.translate(WIDE).translate(UNSEEN).translate(BLACK)
    for _ in range(ROUNDS):
        text, more = STYLED.subn(r" \1 ", text)
        if not more:
            break
    text = " ".join(MARKUP.sub(" ", text).split())
    for _ in range(ROUNDS):
        before = text
        text = text.rstrip(".: ")
        if len(text) > 2 and AROUND.get(text[0]) == text[-1] and not {text[0], text[-1]} & set(text[1:-1]):
            text = text[1:-1].strip()
        for word in labels.before:
            if text.casefold().startswith(word) and not is_word(text[len(word) : len(word) + 1] or "x"):
                text = text[len(word) :].lstrip(": ")
                break
        if text == before:
            break
    return text


def words(text: str) -> Iterator[tuple[int, int]]:
    """(first, the one after the last) of each word of a text; a sign such as ② is one by itself."""
    at = 0
    while at < len(text):
        end = word_end(text, at)
        if end > at:
            yield at, end
        at = max(end, at + 1)


def word_end(text: str, start: int) -> int:
    """Where the word ends that begins at a place; the place itself where none does."""
    if is_sign(text[start : start + 1]):
        return start + 1
    end = start
    while end < len(text) and (is_word(text[end]) or text[end] in "\u200c\u200d") and not is_sign(text[end]):
        end += 1
    return end


def is_sign(char: str) -> bool:
    """Whether a character is a label by itself, such as ②, ⑴, ㉯, Ⓑ or Ⅱ; ² and ½ are none."""
    if not char or unicodedata.category(char) not in ("No", "So", "Nl"):
        return False
    return not unicodedata.decomposition(char).startswith(("<super>", "<sub>", "<fraction>"))


def trailing(word: str, after: Sequence[str]) -> str:
    """The word behind a label that a longer word ends with, or an empty text."""
    folded = word.casefold()
    return next((each for each in after if folded.endswith(each) and len(folded) > len(each)), "")


def named(word: str, labels: Labels) -> Label | None:
    """The label that a word is, or None."""
    form = form_of(word)
    sign = len(word) == 1 and is_sign(word)
    number = number_of(form)
    place, convention = (number, -1) if number is not None else labels.places.get(form, (0, 0))
    return Label(word, place, (sign, convention)) if place else None


def form_of(label: str) -> str:
    """A label in one case and width, its digits in ASCII; signs are the number or letter in them, without brackets."""
    made = "".join(numeral(char) for char in label.translate(BLACK))
    return unicodedata.normalize("NFKC", made).casefold().strip("(). ")


def numeral(char: str) -> str:
    """A digit or a sign of a number in ASCII digits; what shows a power stays something else."""
    if (value := unicodedata.decimal(char, None)) is not None:
        return str(value)
    if unicodedata.category(char) not in ("No", "Nl"):
        return char
    number = unicodedata.numeric(char, 0.5)
    return str(int(number)) if is_sign(char) and number == int(number) else "^"


def number_of(form: str) -> int | None:
    """The option that a number from 1 to 999 stands for, or None."""
    return int(form) if re.fullmatch(r"[1-9][0-9]{0,2}", form, re.ASCII) else None
