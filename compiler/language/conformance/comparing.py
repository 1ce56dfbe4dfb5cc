"""How texts of the language are compared: segments, folding, and n-grams that raise no false alarm."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from compiler.language.conformance.subject import Subject, Verdict, not_tried, some, verdict
from operators.kernels.segments import cuts_of
from operators.kernels.text import Texts
from operators.measures.decontaminate import Decontaminate
from operators.text.fold import FORMS, SEQUENCES, UNSEEN, WORDING, Folding, letters

#: Rules that hold for all languages, or for what no alphabet lists.
ANYWHERE = frozenset({*FORMS, *UNSEEN, "digits", "vowel_marks"})
#: Fewer paragraphs than these say nothing of false alarms.
FEWEST = 4
#: A paragraph has more segments than these.
LEAST = 4
BY_CHARACTERS = "ngrams: {segments: characters, raw: characters, size: 4}"
PASSES = ("segments", "raw", "squeezed")


def segmenter(subject: Subject) -> Iterator[Verdict]:
    """The segments of a text, one behind the other, are the text."""
    check, ngrams = "segments", subject.profile.ngrams
    if ngrams is None:
        yield not_tried(check, "the profile has no `ngrams`", "ngrams: {segments: words, raw: words}")
        return
    if subject.known.unspaced and "words" in (ngrams.segments, ngrams.raw):
        yield Verdict(check, "wrong", "words are counted, and no space stands between words of its scripts", BY_CHARACTERS)
        return
    if ngrams.segments == "characters":
        yield verdict(check, None, f"{ngrams.size} characters stand for a word")
        return
    try:
        cuts = cuts_of(ngrams.segments, subject.texts, 1)
    except ImportError:
        yield not_tried(check, f"`{ngrams.segments}` is not installed")
        return
    bare = ["".join(text.split()) for text in subject.texts]
    torn = sum("".join(text[a:b] for a, b in pairwise(each)) != text for text, each in zip(bare, cuts, strict=True))
    count = sum(len(each) - 1 for each in cuts)
    wrong = f"the segments of {torn} of {len(bare)} paragraphs are not their text" if torn else None
    if wrong is None and bare and count < LEAST * len(bare):
        wrong = f"{len(bare)} paragraphs fall into {count} segments: its words are not parted by what is taken for their border"
    yield verdict(check, wrong, f"{len(bare)} paragraphs fall into {count} segments, which are their text", BY_CHARACTERS)


def folding(subject: Subject) -> Iterator[Verdict]:
    """Folding twice is folding once, and each rule is for letters that the language has."""
    said = subject.profile.fold
    if said is None:
        yield not_tried("fold", "the profile has no `fold`", "fold: [nfc, joiners, invisible]")
        return
    how = Folding.of(said)

    def once(text: str) -> str:
        return how.seen(unicodedata.normalize(how.form, text) if how.form is not None else text)

    tried = [*subject.texts, *subject.known.letters]
    twice = [text for text in tried if once(text) != once(once(text))]
    alphabet = {*"".join(subject.known.letters)}
    idle = [rule for rule in how.rules if rule not in ANYWHERE and alphabet and not concerns(rule, alphabet)]
    line = f"fold: [{', '.join(rule for rule in said if rule not in idle)}]"
    words = [
        *([f"{len(twice)} texts change when they are folded again"] if twice else []),
        *(f"`{rule}` is for letters that it has not: {WORDING[rule]}" for rule in idle),
    ]
    yield verdict("fold", "; ".join(words) or None, f"{len(how.rules)} rules, the same when applied again", line)


def concerns(rule: Any, alphabet: set[str]) -> bool:
    """Whether a rule changes a letter of an alphabet, or makes one of another."""
    pairs = {**letters().get(rule, {}), **SEQUENCES.get(rule, {})}
    parts = {char for one, other in pairs.items() for char in unicodedata.normalize("NFC", one + other)}
    return any(not char.isascii() and {char, char.lower()} & alphabet for char in parts)


def alarms(subject: Subject) -> Iterator[Verdict]:
    """No paragraph is taken for one of the others."""
    check, texts = "no false alarm", subject.texts
    if subject.profile.ngrams is None or len(texts) < FEWEST:
        yield not_tried(
            check, "the profile has no `ngrams`" if subject.profile.ngrams is None else f"{len(texts)} paragraphs are too few"
        )
        return
    for name in PASSES:
        line = "squeezed_length: 48" if name == "squeezed" else "ngrams: with more segments, or a greater `size`"
        try:
            taken = alarming(subject, name)
        except ImportError:
            yield not_tried(f"{check}, {name}", f"`{subject.profile.ngrams.segments}` is not installed")
            continue
        n = len(texts) * (len(texts) - 1)
        told = f"{len(taken)} of {n} pairs of paragraphs are taken for one another (95 % bound {bound(len(taken), n):.3f})"
        wrong = f"{told}: {some(taken, 3)}" if taken else None
        yield verdict(f"{check}, {name}", wrong, told, line)


def bound(found: int, n: int) -> float:
    """The upper 95 % bound of a share, of which `found` of `n` were seen (Clopper and Pearson; 3 in n where none was)."""
    low, high = found / n, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if at_most(found, n, middle) > 0.05 else (low, middle)
    return high


def at_most(found: int, n: int, share: float) -> float:
    """The probability of at most so many of n."""
    from math import comb

    return sum(comb(n, each) * share**each * (1 - share) ** (n - each) for each in range(found + 1))


def alarming(subject: Subject, name: str) -> list[str]:
    """What was found of one paragraph in another, by one pass."""
    import pyarrow as pa

    from operators.kernels.overlap.ngrams import Item

    step = Decontaminate.model_validate({"against": ["sample"], "in": ["prompt"], "passes": [name]})
    entries = subject.entries(step)
    found = []
    for place, text in enumerate(subject.texts):
        others = [Item(0, number, (each,), each) for number, each in enumerate(subject.texts) if number != place]
        index = step.index([others], entries, segmented)
        hits = index.search([Texts(pa.array([text], pa.large_string()))])
        found += [unicodedata.normalize("NFC", text)[hit.first : hit.last] for hit in hits.values()]
    return found


def segmented(library: str, texts: list[str]) -> Sequence[Any]:
    """Where texts are cut."""
    return cuts_of(library, texts, 1)
