"""Its scripts and letters, and whether it is told from the language of its anchor."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from compiler.language.conformance.subject import Subject, Verdict, not_tried, some, verdict
from compiler.language.known import Known, of_script, script_of

#: Least share of the letters of its own text that the scripts of a language have; names and formulas are foreign.
COVERED = 0.9
#: Most of the letters of the anchor's text that they have.
FOREIGN = 0.05
#: Least share of paragraphs that are told to be of the language, and most of those of another.
RIGHT, ALARMS = 0.75, 0.1


def scripts_line(known: Known) -> str:
    """The line that Unicode would write."""
    return "scripts: {" + ", ".join(f"{name}: [{', '.join(found)}]" for name, found in known.scripts.items()) + "}"


def inside(subject: Subject, point: str) -> bool:
    """Whether a character is of the profile's scripts."""
    return any(low <= ord(point) <= high for low, high in ranges(subject))


def ranges(subject: Subject) -> list[tuple[int, int]]:
    """The code points of the profile's scripts."""
    scripts = subject.profile.scripts or {}
    return [
        (int(low, 16), int(high, 16)) for found in scripts.values() for low, _, high in (each.partition("-") for each in found)
    ]


def letters_in(texts: Sequence[str]) -> list[str]:
    """The letters and marks of some texts, as they are counted."""
    return [char for text in texts for char in unicodedata.normalize("NFC", text) if unicodedata.category(char)[0] in "LM"]


def scripts(subject: Subject) -> Iterator[Verdict]:
    """The scripts have the letters of the language, and no others."""
    check, line = "scripts", scripts_line(subject.known)
    if not subject.profile.scripts:
        yield Verdict(check, "wrong", "the profile has no `scripts`", line)
        return
    letters = [letter for letter in subject.known.letters if len(letter) == 1]
    missing = [letter for letter in letters if not inside(subject, letter) and script_of(letter) is not None]
    own = letters_in(subject.texts)
    share = sum(inside(subject, char) for char in own) / max(1, len(own))
    told = f"{len(letters) - len(missing)} of {len(letters)} letters, {share:.3f} of the letters of its text"
    wrong = f"{told}; not in the ranges: {some(missing)}" if missing or share < COVERED else None
    yield verdict(check, wrong, told, line)
    yield too_wide(subject, line)


def too_wide(subject: Subject, line: str) -> Verdict:
    """Whether the ranges hold signs of ASCII, or letters of scripts that the language is not written in."""
    check = "scripts, no more"
    ascii_signs = [
        chr(point) for low, high in ranges(subject) for point in range(low, min(high, 127) + 1) if not chr(point).isalpha()
    ]
    mine = {script for script in subject.known.scripts}
    foreign: dict[str, int] = {}
    members: dict[str, Any] = {name: of_script(name) for name in mine}
    for low, high in ranges(subject):
        for point in range(low, min(high, 0x2FFFF) + 1):
            letter = unicodedata.category(chr(point))[0] == "L" and not any(member[point] for member in members.values())
            if letter and (script := script_of(chr(point))) is not None:
                foreign[script] = foreign.get(script, 0) + 1
    words = [
        *([f"signs: {some(ascii_signs)}"] if ascii_signs else []),
        *(f"{count} letters of {name}" for name, count in foreign.items()),
    ]
    wrong = f"the ranges hold {' and '.join(words)}" if words else None
    return verdict(check, wrong, f"nothing but {' and '.join(sorted(mine))}", line)


def told_apart(subject: Subject) -> Iterator[Verdict]:
    """The language is told from its anchor by one of three ways."""
    check = "told from the anchor"
    if not subject.texts or not subject.anchor_texts:
        yield not_tried(check, "there is no text of both")
        return
    if subject.profile.language == subject.anchor.language:
        yield not_tried(check, "it is its own anchor")
        return
    ways = [way for way in (by_script(subject), by_own_letters(subject), by_identifier(subject)) if way is not None]
    right = [told for told, own, other in ways if own >= RIGHT and other <= ALARMS]
    counts = "; ".join(told for told, _, _ in ways)
    letters = f"own_letters: {subject.known.own}" if subject.known.own else "a step `language: {of: target}`"
    yield verdict(check, None if right else f"by no way: {counts}", counts, letters)
    yield from own_letters(subject)


def by_script(subject: Subject) -> tuple[str, float, float]:
    """(words, share of its paragraphs that are told, share of the anchor's that are) by 30 % of the letters in its scripts."""
    found = []
    for texts in (subject.texts, subject.anchor_texts):
        shares = [
            sum(inside(subject, char) for char in letters) / max(1, len(letters))
            for letters in (letters_in([text]) for text in texts)
        ]
        found.append(sum(share >= 0.3 for share in shares))
    return shares_of("script", found, subject)


def by_own_letters(subject: Subject) -> tuple[str, float, float] | None:
    """The same by letters of its own; None where the profile has none."""
    if not subject.profile.own_letters:
        return None
    letters = {*subject.profile.own_letters, *subject.profile.own_letters.upper()}
    found = [
        sum(sum(char in letters for char in own) >= 0.01 * len(own) for own in (letters_in([text]) for text in texts) if own)
        for texts in (subject.texts, subject.anchor_texts)
    ]
    return shares_of("own letters", found, subject)


def by_identifier(subject: Subject) -> tuple[str, float, float] | None:
    """The same by the model of `language`; None where it does not know the language or is not installed."""
    from operators.measures.language import CODES

    code = subject.profile.language.partition("-")[0]
    if code not in CODES.split():
        return None
    try:
        from operators.kernels.identify import confidences, model

        labels = model().labels
    except ImportError:
        return None
    found = []
    for texts in (subject.texts, subject.anchor_texts):
        odds = [confidences(text) for text in texts]
        found.append(sum(each is not None and float(each[labels.index(code)]) >= 0.5 for each in odds))
    return shares_of("identifier", found, subject)


def shares_of(way: str, found: Sequence[int], subject: Subject) -> tuple[str, float, float]:
    """(what a way found in words, its share of the language's paragraphs, of the anchor's)."""
    counts = len(subject.texts), len(subject.anchor_texts)
    told = f"by {way} {found[0]} of {counts[0]} paragraphs, and {found[1]} of {counts[1]} of {subject.anchor.name}"
    return told, found[0] / counts[0], found[1] / counts[1]


def own_letters(subject: Subject) -> Iterator[Verdict]:
    """Letters of its own are letters of the language, and not of the anchor."""
    said = subject.profile.own_letters
    if said is None:
        return
    letters, anchor = {*"".join(subject.known.letters)}, {*"".join(subject.known_anchor.letters)}
    strange = [char for char in said if letters and char not in letters and char.upper() not in letters]
    shared = [char for char in said if char in anchor]
    line = f"own_letters: {subject.known.own or ''.join(char for char in said if char not in strange + shared)}"
    words = [
        *([f"{some(strange)} are none of its letters"] if strange else []),
        *([f"{some(shared)} are letters of {subject.anchor.name}"] if shared else []),
    ]
    yield verdict("own_letters", " and ".join(words) or None, f"{len(said)} letters, all of them its own", line)
