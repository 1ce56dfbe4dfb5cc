"""Where e-mail addresses, telephone, identity and card numbers stand in texts."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from operators.text.fold import decimal_digits

#: What a found span is put between; no text has these characters in the copy that is looked through.
OPEN, CLOSE = "\ufdd0", "\ufdd1"
#: Digits of other scripts, and signs that are written for `-`, `.`, `@` and a space.
WRITTEN_OTHERWISE = r"[^\P{Nd}0-9]|[\x{FDD0}\x{FDD1}＠．－（）＋\x{2010}-\x{2015}−\x{A0}]"
EMAIL = r"[A-Za-z0-9](?:[A-Za-z0-9._%+\-]*[A-Za-z0-9_%+\-])?@[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?\.[A-Za-z]{2,24}"
#: Names of domains that are nobody's, made to be written in examples (RFC 2606).
NOBODYS = re.compile(r"(?i)[@.](example(\.[a-z]+){0,2}|test|invalid|localhost)\Z")
CARD = r"[3-6]\d{15}|[3-6]\d{3}(?: \d{4} \d{4} |-\d{4}-\d{4}-)\d{4}|3[47]\d{2}(?:\d{11}| \d{6} \d{5}|-\d{6}-\d{5})"
INTERNATIONAL = r"\+[1-9]\d{0,2}[ .\-]?\(?\d{1,4}\)?(?:[ .\-]?\d{2,4}){2,4}"
#: How far before a number its cue may stand, in characters.
NEAR = 40
LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
DIGITS = frozenset("0123456789")
KINDS = ("email", "phone", "id", "card")


class Rule(NamedTuple):
    """One form that is looked for."""

    kind: str
    pattern: str
    checks: tuple[Any, ...] = ()
    cues: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where something was found: its first code point, the one after its last, and what it is."""

    start: int
    end: int
    kind: str


def numbers_of(languages: Sequence[str], entries: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The `personal_data` of some languages, as a kernel is given them: one alone, or by language."""
    entry = entries.get("personal_data")
    if entry is None:
        return []
    return [entry] if len(languages) == 1 else [entry[each] for each in languages if each in entry]


def rules_of(kinds: Sequence[str], numbers: Sequence[Mapping[str, Any]]) -> list[Rule]:
    """What is looked for, what proves most first; `numbers` are the `personal_data` of the languages."""
    listed: dict[str, list[Rule]] = {
        "email": [Rule("email", EMAIL)],
        "card": [Rule("card", CARD, ("luhn",))],
        "phone": [],
        "id": [],
    }
    for each in numbers:
        for kind, entry in (("id", "ids"), ("phone", "phones")):
            for number in each.get(entry, ()):
                form = {"pattern": number} if isinstance(number, str) else number
                listed[kind].append(Rule(kind, form["pattern"], tuple(form.get("checks", ())), tuple(form.get("cues", ()))))
    listed["phone"].append(Rule("phone", INTERNATIONAL))
    chosen = [rule for kind in ("email", "id", "card", "phone") if kind in kinds for rule in listed[kind]]
    return sorted(chosen, key=lambda rule: (rule.kind != "email", rule.kind != "card", not rule.checks))


def places_in(column: pa.Array, rules: Sequence[Rule]) -> dict[int, list[Place]]:
    """Row -> what stands in its text, in order and without overlaps, for the rows that have anything."""
    texts = as_written_plainly(column.cast(pa.large_string()))
    coarse = "|".join(f"(?:{rule.pattern})" for rule in rules)
    rows = pc.indices_nonzero(pc.fill_null(pc.match_substring_regex(texts, coarse), False))
    texts = texts.take(rows)
    found: dict[int, list[Place]] = {}
    for rule in rules:
        marked = pc.replace_substring_regex(texts, f"(^|[^0-9])({rule.pattern})", rf"\1{OPEN}\2{CLOSE}")
        changed = pc.indices_nonzero(pc.not_equal(marked, texts))
        for row, text in zip(rows.take(changed).to_pylist(), marked.take(changed).to_pylist(), strict=True):
            found[row] = among(found.get(row, []), [Place(*span, rule.kind) for span in accepted(text, rule)])
    return {row: places for row, places in found.items() if places}


def among(places: Sequence[Place], more: Sequence[Place]) -> list[Place]:
    """All of `places`, and those of `more` that overlap none of them; both are in order.

    Example:
        >>> [each.start for each in among([Place(3, 5, "id")], [Place(0, 3, "phone"), Place(4, 9, "phone")])]
        [0, 3]
    """
    ends, starts = [each.end for each in places], [each.start for each in places]
    free = [each for each in more if bisect_right(ends, each.start) == bisect_left(starts, each.end)]
    return sorted([*places, *free])


def as_written_plainly(column: pa.Array) -> pa.Array:
    """The texts with ASCII digits and signs, code point for code point."""
    other = pc.fill_null(pc.match_substring_regex(column, WRITTEN_OTHERWISE), False)
    plain = [text.translate(plainly()) for text in column.filter(other).to_pylist()]
    return pc.replace_with_mask(column, other, pa.array(plain, column.type)) if plain else column


@lru_cache(maxsize=1)
def plainly() -> dict[int, str]:
    """Each digit and sign that is written otherwise -> the one of ASCII."""
    signs = dict.fromkeys([*map(chr, range(0x2010, 0x2016)), "−"], "-")
    # Wide forms are no digits of a script: they follow ASCII at one distance.
    signs |= {chr(ord(char) + 0xFEE0): char for char in "0123456789-.@()+"}
    signs |= {"\xa0": " ", OPEN: " ", CLOSE: " "}
    return {ord(char): plain for char, plain in (decimal_digits() | signs).items()}


def accepted(marked: str, rule: Rule) -> Iterator[tuple[int, int]]:
    """The spans between marks that stand alone and pass the checks, counted in the text without marks."""
    before, *rest = marked.split(OPEN)
    at = len(before)
    for part in rest:
        inside, _, after = part.partition(CLOSE)
        good = plausible(inside) if rule.kind == "email" else fits(rule, before, inside, after)
        if good and (not rule.cues or cued(before, rule.cues)):
            opened = inside.startswith("(") and ")" not in inside  # in brackets itself, of which the other is not part of it
            yield at + opened, at + len(inside)
        # Only the end of what stands before is looked at: no text is joined twice.
        before = (before[-NEAR:] + inside + after)[-2 * NEAR :]
        at += len(inside) + len(after)


def plausible(address: str) -> bool:
    """Whether an address may be somebody's."""
    local, _, domain = address.rpartition("@")
    return len(local) <= 64 and ".." not in address and ".-" not in domain and not NOBODYS.search(address)


def alone(before: str, number: str, after: str, kind: str) -> bool:
    """Whether a number is no part of a longer one, of a word or of a name in code."""
    left, right = before[-1:], after[:1]
    if right.isdigit() or right in LETTERS or left in LETTERS:
        return False
    # A number without signs of its own may be the fraction of another, or a group of its digits.
    joining = "-" if any(sign in number for sign in " -.()") else "-.,"
    # A list of telephone numbers has spaces between them; groups of an identity number go on.
    joining += " " if kind == "id" and " " in number else ""
    return not (left and left in joining and before[-2:-1].isdigit()) and not (
        right and right in joining and after[1:2].isdigit()
    )


def fits(rule: Rule, before: str, number: str, after: str) -> bool:
    """Whether a number may be what it looks like."""
    if not alone(before, number, after, rule.kind) or not proven(number, rule.checks):
        return False
    if rule.kind == "phone":  # with as many digits as one has, and none that was masked: 010-0000-0000
        digits = [char for char in number if char.isdigit()]
        fewest = 10 if number.startswith("+") else 8  # fewer behind a plus are rather a term
        return fewest <= len(digits) <= 15 and len(set(digits[-8:])) > 1
    # Of the terms of a calculation one in ten has the check digit of a card.
    term = rule.kind == "card" and number.isdigit() and {before.rstrip()[-1:], after.lstrip()[:1]} & set("=+*/^%×÷<>")
    return not term


def cued(before: str, cues: Sequence[str]) -> bool:
    """Whether a cue stands shortly before."""
    near = before[-NEAR:].casefold()
    return any(cue.casefold() in near for cue in cues)


def proven(number: str, checks: Sequence[Any]) -> bool:
    """Whether every check digit of a number is right.

    Example:
        >>> proven("4111-1111-1111-1111", ["luhn"]), proven("4111-1111-1111-1112", ["luhn"])
        (True, False)
    """
    signs = [char for char in number if char.isalnum()]
    for check in checks:
        if isinstance(check, str):
            if not {*signs} <= DIGITS or not SCHEMES[check]([int(char) for char in signs]):
                return False
            continue
        weights, digits = check["weights"], check["digits"]
        if len(signs) <= len(weights) or not {*signs[: len(weights)]} <= DIGITS:
            return False
        rest = sum(weight * int(char) for weight, char in zip(weights, signs, strict=False)) % len(digits)
        if signs[len(weights)].upper() != digits[rest]:
            return False
    return True


def luhn(digits: Sequence[int]) -> bool:
    """Whether the last digit is that of Luhn's sum; a number of one digit alone proves nothing."""
    doubled = [digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(reversed(digits))]
    return len(set(digits)) > 1 and sum(doubled) % 10 == 0


def verhoeff(digits: Sequence[int]) -> bool:
    """Whether the last digit is that of Verhoeff's dihedral sum."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        for _ in range(place % 8):
            digit = TURNED[digit]
        total = added(total, digit)
    return total == 0


def added(one: int, other: int) -> int:
    """The sum in the dihedral group of ten.

    Example:
        >>> added(1, 9), added(9, 1)
        (5, 8)
    """
    first, second = one % 5, other % 5
    turned = (first - second) % 5 if one >= 5 else (first + second) % 5
    return turned + 5 * ((one >= 5) != (other >= 5))


TURNED = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
SCHEMES = {"luhn": luhn, "verhoeff": verhoeff}
