"""What Unicode and CLDR know of a language: its letters, scripts, digits, marks in numbers, and a text in it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from compiler.text.diagnostics import suggest

NEEDS = "pip install 'data-recipe[language]'"
#: Scripts in which no space stands between words, so that characters are counted in their place.
UNSPACED = frozenset(
    {
        *("Thai", "Lao", "Khmer", "Myanmar", "Han", "Hiragana", "Katakana", "Tibetan"),
        *("Tai_Le", "New_Tai_Lue", "Tai_Tham", "Javanese", "Balinese"),
    }
)
#: Of one whose letters stand for syllables or words, two make a word.
DENSE = frozenset({"Han", "Hiragana", "Katakana"})
ASCII_DIGITS = "0123456789"
#: How many code points of no script of their own, such as marks that several share, may lie inside a range.
GAP = 16
#: Shorter ranges without a letter of the language are signs and old letters.
LONG = 24
LATIN_END = 0x24F
#: Paragraphs of a sample that have so many characters in common at the beginning are versions of one.
ALIKE = 32
#: More letters of its own than these are a script of its own.
MOST_OWN = 24


class Unknown(LookupError):
    """Nothing is known of a language; `hint` says what can be done."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Known:
    """One language."""

    code: str
    name: str
    """In English."""
    autonym: str
    letters: tuple[str, ...]
    """The letters that it is written with, those of names and loan words not among them; in both cases, marks alone."""
    paired: str
    """Its digits beside 0 to 9, as CLDR pairs them; empty where it has none."""
    decimal: str | None
    group: str | None
    """Marks in numbers; None where CLDR has none for it."""
    sample: tuple[str, ...]
    """Paragraphs, of the Universal Declaration of Human Rights where there is a translation."""

    @cached_property
    def scripts(self) -> dict[str, tuple[str, ...]]:
        """Script -> the ranges of its code points, such as {"Thai": ("0E01-0E3A", "0E40-0E5B")}; the main one first."""
        count: dict[str, int] = {}
        for letter in self.letters:
            for point in letter:
                if (script := script_of(point)) is not None:
                    count[script] = count.get(script, 0) + 1
        named = sorted(count, key=lambda name: (-count[name], name))
        return {name: tuple(f"{low:04X}-{high:04X}" for low, high in self.ranges(name)) for name in named}

    def ranges(self, script: str) -> list[tuple[int, int]]:
        """The ranges of a script: those with a letter of the language, and long ones; of Latin its first three blocks besides."""
        points = {ord(point) for letter in self.letters for point in letter}
        latin = script == "Latin"
        found = [(low, min(high, LATIN_END) if latin and low < LATIN_END else high) for low, high in ranges_of(script)]
        long = [(low, high) for low, high in found if (high < LATIN_END + 1 and high > low if latin else high - low >= LONG)]
        return [each for each in found if each in long or any(each[0] <= point <= each[1] for point in points)]

    @property
    def cased(self) -> bool:
        """Whether its letters are large and small."""
        return any(letter.lower() != letter.upper() for letter in self.letters)

    @property
    def unspaced(self) -> bool:
        """Whether its words stand without spaces."""
        return any(script in UNSPACED for script in self.scripts)

    @property
    def leftwards(self) -> bool:
        """Whether it is written from the right to the left."""
        return any(unicodedata.bidirectional(letter[0]) in ("R", "AL") for letter in self.letters)

    @property
    def digits(self) -> str:
        """Its digits from zero to nine: its own where it has some."""
        if self.paired:
            return self.paired
        for script in self.scripts:
            try:
                zero = ord(unicodedata.lookup(f"{script.replace('_', ' ').upper()} DIGIT ZERO"))
            except KeyError:
                continue
            return "".join(chr(zero + value) for value in range(10))
        return ASCII_DIGITS

    @cached_property
    def own(self) -> str:
        """Small letters by which it is told from languages of its script that more people speak; empty where there are none."""
        mine = entry_of(self.code)
        more = [each for each in table() if mine is not None and more_spoken(table()[each], mine)]
        greater = frozenset().union(*(alphabets()[each] for each in more))
        small = {letter.lower() for letter in self.letters if len(letter.lower()) == 1 and letter.isalpha()}
        alone = small - greater
        return "".join(sorted(alone)) if len(alone) <= MOST_OWN and alone < small else ""


def more_spoken(other: Any, mine: Any) -> bool:
    """Whether a language has more speakers than another."""
    return bool(other.language != mine.language and other.population > mine.population)


@lru_cache(maxsize=1)
def alphabets() -> dict[str, frozenset[str]]:
    """Language -> its letters."""
    return {name: frozenset(letters_of(each.exemplar_chars.base)) for name, each in table().items()}


def know(code: str) -> Known:
    """What is known of a language, by its code of ISO 639, with a script where it has several, such as `sr-Latn`.

    Raises Unknown where that is nothing.
    """
    entry = entry_of(code)
    if entry is None:
        codes = {other.language for other in table().values()}
        nearest = suggest(code, codes)
        meant = f"did you mean `{nearest}`? " if nearest else ""
        raise Unknown(f"nothing is known of a language `{code}`", f"{meant}codes are those of ISO 639, such as `kk` or `sr-Latn`")
    pairs = dict(token for token in entry.exemplar_chars.numerals.split() if len(token) == 2 and token[0] in ASCII_DIGITS)
    paired = "".join(pairs[digit] for digit in ASCII_DIGITS) if len(pairs) == 10 else ""
    chars, autonym = entry.exemplar_chars, entry.autonym.partition(" (")[0].strip(",")
    letters = tuple(dict.fromkeys([*letters_of(chars.base), *letters_of(chars.marks)]))
    return Known(code, entry.name, autonym or entry.name, letters, paired, *number_marks(code), paragraphs(entry.sample_text))


@lru_cache(maxsize=1)
def table() -> dict[str, Any]:
    """The languages that there is a description of: `kk_Cyrl` -> it. Raises Unknown where the package is missing."""
    try:
        import gflanguages
    except ImportError:
        raise Unknown("what is known of languages comes from `gflanguages`, which is not installed", NEEDS) from None
    found: dict[str, Any] = gflanguages.LoadLanguages()
    return found


def entry_of(code: str) -> Any:
    """The description of a language, in the script that most of its speakers write unless one is named; None for none."""
    from babel.core import get_global

    language, _, rest = code.partition("-")
    language = get_global("language_aliases").get(language, language)
    usual = get_global("likely_subtags").get(language, "").split("_")
    script = next((part.capitalize() for part in rest.split("-") if len(part) == 4), "")
    found = [each for each in table().values() if each.language == language and (not script or each.script == script)]
    return max(found, key=lambda each: (bool(each.exemplar_chars.base), each.script in usual, each.population), default=None)


def number_marks(code: str) -> tuple[str | None, str | None]:
    """(the decimal mark, the mark between groups) of a language; None where CLDR has none."""
    from babel.core import Locale, UnknownLocaleError

    try:
        locale = Locale.parse(code, sep="-")
    except (UnknownLocaleError, ValueError):
        return None, None
    symbols: dict[str, str] = {}
    for system in (locale.default_numbering_system, "latn"):
        symbols = dict(locale.number_symbols.get(system, {}))
        if symbols.get("decimal"):
            break
    return symbols.get("decimal"), symbols.get("group")


def letters_of(exemplars: str) -> Iterator[str]:
    """The letters of a list as CLDR writes it: `a b {ch} ◌́ 가-힣`, and those in the other case."""
    for token in exemplars.split():
        letter = token.strip("{}").replace("◌", "") if len(token) > 1 else token
        first, dash, last = letter.partition("-")
        if dash and len(first) == len(last) == 1:
            yield from (chr(point) for point in range(ord(first), ord(last) + 1))
        elif letter:
            yield from dict.fromkeys((letter, letter.lower(), letter.upper()))


@lru_cache(maxsize=4096)
def script_of(point: str) -> str | None:
    """The name of a letter's script, as Unicode's property has it; None for what several share."""
    name = unicodedata.name(point, "")
    if name.startswith("CJK "):
        return "Han"
    words = name.split()
    for end in range(1, min(3, len(words))):
        script = "_".join(word.capitalize() for word in words[:end])
        if (member := of_script(script)) is not None and member[ord(point)]:
            return script
    return None


@lru_cache(maxsize=32)
def of_script(name: str) -> Any:
    """(0x30000,) Whether each code point is of a script; None where there is none of that name."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not name.replace("_", "").isalpha():
        return None
    try:
        return pc.match_substring_regex(every_point(), rf"^\p{{{name}}}$").to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None


@lru_cache(maxsize=1)
def every_point() -> Any:
    """The code points as texts; surrogates are spaces."""
    import pyarrow as pa

    return pa.array([" " if 0xD800 <= point < 0xE000 else chr(point) for point in range(0x30000)])


def ranges_of(script: str) -> list[tuple[int, int]]:
    """The ranges of a script, those that only marks and unassigned code points part taken together."""
    member = of_script(script)
    found: list[tuple[int, int]] = []
    for point in [int(each) for each in member.nonzero()[0]] if member is not None else ():
        if found and point - found[-1][1] <= GAP and all(map(passed_over, range(found[-1][1] + 1, point))):
            found[-1] = found[-1][0], point
        else:
            found.append((point, point))
    return found


def passed_over(point: int) -> bool:
    """Whether a code point is no letter, digit or sign: a mark, or unassigned."""
    return unicodedata.category(chr(point)) in ("Mn", "Me", "Cn", "Cf")


def paragraphs(sample: Any) -> tuple[str, ...]:
    """The paragraphs of a sample text; of those that begin alike, or stand within another, the longest."""
    parts = (getattr(sample, f"specimen_{size}") for size in (48, 36, 32, 21, 16))
    lines = dict.fromkeys(line.strip() for part in parts for line in part.split("\n") if line.strip())
    kept: list[str] = []
    for line in sorted(lines, key=len, reverse=True):
        if not any(start[:ALIKE] in other for each in kept for start, other in ((line, each), (each, line))):
            kept.append(line)
    return tuple(line for line in lines if line in kept)
