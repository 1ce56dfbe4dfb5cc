"""What counts as one letter where texts are compared: named rules, of which a language's profile lists those of its writers."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

Rule = Literal[
    "nfc",
    "nfkc",
    "joiners",
    "invisible",
    "digits",
    "arabic_letters",
    "hamza",
    "vowel_marks",
    "turkish_case",
    "yo",
    "nukta",
    "chandrabindu",
    "nasals",
    "sara_ae",
    "tone_place",
]
FORMS: tuple[Rule, ...] = ("nfc", "nfkc")
#: Rules that leave out what nobody sees; they hold within formulas and code too.
UNSEEN: tuple[Rule, ...] = ("joiners", "invisible")
#: Rules that hold only where an operator compares without case.
OF_CASE: tuple[Rule, ...] = ("turkish_case",)

WORDING: dict[Rule, str] = {
    "nfc": "one Unicode form (NFC)",
    "nfkc": "one Unicode form, compatibility letters as their own (NFKC)",
    "joiners": "joiners are left out (U+200C, U+200D), as between the parts of Persian words",
    "invisible": "what shows nothing is left out: soft hyphens, spaces without width, byte order and direction marks",
    "digits": "digits of every script are 0 to 9",
    "arabic_letters": "Arabic letters as their Persian twins: ي ى as ی, ك as ک, ة ە ہ ھ ۀ as ه; the stretched ـ is left out",
    "hamza": "a hamza's seat alone: أ إ آ ٱ as ا, ؤ as و, ئ as ی; a hamza of its own is left out",
    "vowel_marks": "the vowel marks of Arabic and Hebrew are left out",
    "turkish_case": "I, ı and İ are i where case does not count",
    "yo": "ё is е",
    "nukta": "the dot below letters of India is left out: ज़ is ज",
    "chandrabindu": "ँ is ं",
    "nasals": "a nasal before a consonant of its row is ं: हिन्दी is हिंदी",
    "sara_ae": "two เ are แ",
    "tone_place": "a tone stands on the second of two vowels: hòa is hoà",
}
LEFT_OUT = ""
#: Soft hyphen, grapheme joiner, marks of direction, Mongolian vowel separator, space without width, byte order mark.
UNSEEN_POINTS = (0xAD, 0x34F, 0x61C, 0x180E, 0x200B, 0x200E, 0x200F, 0xFEFF)
TAGS = range(0xE0000, 0xE0200)


def each(chars: str | Iterable[int], to: str = LEFT_OUT) -> dict[str, str]:
    """Every character as one other, or left out."""
    return dict.fromkeys((char if isinstance(char, str) else chr(char) for char in chars), to)


def decimal_digits() -> dict[str, str]:
    """The decimal digits of all scripts but the ASCII ones."""
    digits = (chr(point) for point in (*range(0x80, 0xFF00), *range(0x10000, 0x1FC00)))
    return {char: str(unicodedata.decimal(char)) for char in digits if unicodedata.decimal(char, None) is not None}


@lru_cache(maxsize=1)
def letters() -> Mapping[str, Mapping[str, str]]:
    """Rule -> character -> the one that it is compared as, or nothing."""
    return {
        "joiners": each("\u200c\u200d"),
        "invisible": each([*UNSEEN_POINTS, *range(0x202A, 0x202F), *range(0x2060, 0x2070), *range(0xFE00, 0xFE10), *TAGS]),
        "digits": decimal_digits(),
        "arabic_letters": each("يىۍ", "ی") | each("كڪ", "ک") | each("ةەہھۀۂۃ", "ه") | each("ـ"),
        "hamza": each("أإآٱٲٳ", "ا") | each("ؤ", "و") | each("ئ", "ی") | each("ۀۂ", "ه") | each("ء\u0653\u0654\u0655"),
        "vowel_marks": each(
            [*range(0x610, 0x61B), *range(0x64B, 0x653), 0x670, *range(0x6D6, 0x6DD), *range(0x5B0, 0x5BE), 0x5BF, 0x5C1, 0x5C2]
        ),
        "turkish_case": each("Iıİ", "i") | each("\u0307"),
        "yo": {"ё": "е", "Ё": "Е"},
        "nukta": each("\u093c\u09bc\u0a3c\u0abc\u0b3c") | {"ऩ": "न", "ऱ": "र", "ऴ": "ळ"},
        "chandrabindu": {"ँ": "ं", "ঁ": "ং"},
    }


def nasal_rows() -> dict[str, str]:
    """न् and its like before a consonant of the same row."""
    rows = (("ङ", "कखगघ"), ("ञ", "चछजझ"), ("ण", "टठडढ"), ("न", "तथदध"), ("म", "पफबभ"))
    return {f"{nasal}्{stop}": f"ं{stop}" for nasal, stops in rows for stop in stops}


def tone_places() -> dict[str, str]:
    """The open syllables oa, oe and uy with their tone on the first vowel, in both cases."""
    found = {}
    for first, second in ("oa", "oe", "uy"):
        for tone in "\u0300\u0301\u0309\u0303\u0323":
            for one, two in ((first, second), (first.upper(), second), (first.upper(), second.upper())):
                found[unicodedata.normalize("NFC", one + tone + two)] = unicodedata.normalize("NFC", one + two + tone)
    return found


#: Rule -> text -> the text that it is compared as, which is not longer.
SEQUENCES: Mapping[str, Mapping[str, str]] = {
    "nasals": nasal_rows(),
    "sara_ae": {"เเ": "แ"},
    "tone_place": tone_places(),
}


@dataclass(frozen=True)
class Folding:
    """The rules of a comparison, in the order in which they are declared above, so that equal ones are one value.

    Example:
        >>> Folding.of(["arabic_letters", "joiners"]).seen("كتاب‌ها"), Folding.of([]).seen("كتاب‌ها")
        ('کتابها', 'كتاب‌ها')
    """

    rules: tuple[Rule, ...] = field(default=())

    @staticmethod
    def of(rules: Iterable[str] | None, case: bool = True) -> Folding:
        """The folding of some rules; without those of case where case counts."""
        named = frozenset(rules or ())
        return Folding(tuple(rule for rule in WORDING if rule in named and (case or rule not in OF_CASE)))

    def __hash__(self) -> int:
        return hash(self.rules)

    @cached_property
    def letters(self) -> dict[int, str]:
        """For `str.translate`: each character that is compared as another, or left out, by all rules together."""
        made: dict[str, str] = {}
        for rule in self.rules:
            for char, to in letters().get(rule, {}).items():
                made.setdefault(char, to)
        return {ord(char): made.get(to, to) for char, to in made.items()}

    @cached_property
    def unseen(self) -> dict[int, str]:
        """The part of `letters` that leaves out what shows nothing."""
        return Folding.of(rule for rule in self.rules if rule in UNSEEN).letters

    @cached_property
    def sequences(self) -> dict[str, str]:
        """Texts of two or three characters that are compared as others."""
        return {text: to for rule in self.rules for text, to in SEQUENCES.get(rule, {}).items()}

    @property
    def form(self) -> Literal["NFC", "NFKC"] | None:
        """The Unicode form that its rules name."""
        return "NFKC" if "nfkc" in self.rules else "NFC" if "nfc" in self.rules else None

    def seen(self, text: str) -> str:
        """The text with its letters as they are compared; its form and case are left as they are."""
        text = text.translate(self.letters)
        for sequence, to in self.sequences.items():
            if sequence in text:
                text = text.replace(sequence, to)
        return text


def folded_rules(rules: Iterable[str]) -> tuple[Rule, ...] | None:
    """The rules that are read where texts are in NFKC and case does not count; None where there are none."""
    return tuple(rule for rule in Folding.of(rules).rules if rule not in FORMS) or None
