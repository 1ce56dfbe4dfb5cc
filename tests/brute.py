"""Overlap with benchmarks as its definition says it, by comparing everything with everything."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence

from operators.kernels.fold import folded
from operators.kernels.overlap.ngrams import Item

Cut = Callable[[str], list[str]]


def parts_of(text: str, raw: bool, cut: Cut | None) -> list[str]:
    """The segments, or characters, that n-grams of a text are made of."""
    text = unicodedata.normalize("NFC", text)
    text = text if raw else folded(text)
    return cut(text) if cut is not None else [char for char in text if not char.isspace()]


def tells(text: str, dates: Sequence[str]) -> bool:
    """Whether an n-gram, as one string, carries evidence."""
    letters = text
    for word in dates:
        letters = re.sub(rf"(?<=\d){word}", " " * len(word), letters)
    kept = [char for char in letters if unicodedata.category(char)[0] == "L"]
    periodic = any(text[:-size] == text[size:] for size in range(1, len(text) // 2 + 1))
    return len(kept) >= 8 and len(set(kept)) >= 5 and not periodic


def all_grams(
    items: Sequence[Item], raw: bool, cut: Cut | None, length: int, dates: Sequence[str], boilerplate: Sequence[str], common: int
) -> dict[tuple[str, ...], list[tuple[int, int]]]:
    """Each n-gram that counts, with the items that have it."""
    found: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    for item in items:
        for place, text in enumerate(item.texts):
            parts = parts_of(text, raw, cut)
            grams = [tuple(parts[at : at + length]) for at in range(len(parts) - length + 1)]
            if not grams and place == 0 and parts:
                grams = [tuple(parts)]
            for gram in grams:
                found[gram].append((item.benchmark, item.number))
    exempt = ["".join(parts_of(text, raw, None)) for text in boilerplate]

    def counts(gram: tuple[str, ...], of: list[tuple[int, int]]) -> bool:
        text = "".join(gram)
        most = max(len({number for each, number in of if each == benchmark}) for benchmark, _ in of)
        return tells(text, dates) and most <= common and not any(text in each for each in exempt)

    return {gram: of for gram, of in found.items() if counts(gram, of)}


def places(text: str, raw: bool, cut: Cut | None, grams: dict[tuple[str, ...], list[tuple[int, int]]]) -> dict[int, int]:
    """Where n-grams begin in a text, in characters that are no white space, with their number of characters there."""
    parts, found, done = parts_of(text, raw, cut), {}, 0
    sizes = list(dict.fromkeys(map(len, grams)))
    order = {gram: number for number, gram in enumerate(grams)}
    for at in range(len(parts)):
        begun = [gram for size in sizes if (gram := tuple(parts[at : at + size])) in grams]
        if begun:
            found[done] = len("".join(min(begun, key=order.__getitem__)))
        done += len(parts[at])
    return found
