"""The project's own operator for the same rows and items: its kernels as a build calls them, with the Korean profile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from operators.kernels import text as kernel
from operators.kernels.overlap.ngrams import Item
from operators.kernels.segments import cuts_of
from operators.kernels.text import Ints
from operators.measures.decontaminate import Decontaminate
from runtime.stages.overlap import texts_of

Texts = tuple[str, ...]
Parts = tuple[str, Texts]

LANGUAGES = Path(__file__).resolve().parents[2] / "recipes" / "languages"
BATCH = 4096


def entries(language: str = "ko") -> dict[str, Any]:
    """What the profile says of comparing."""
    said = yaml.safe_load((LANGUAGES / f"{language}.yaml").read_text("utf-8"))
    return {name: said[name] for name in ("ngrams", *Decontaminate.may_lack) if name in said}


def cut(library: str, texts: list[str]) -> list[Ints]:
    return cuts_of(library, texts, Decontaminate().workers)


def flag(
    looked_for: list[str], others: list[tuple[str, Texts]], rows: list[str], items: list[list[str]], parts: list[Parts]
) -> list[set[str]]:
    """The passes that find something of the items in each row.

    Each set is a benchmark: `looked_for` names those of the items, and `others` are the rest of their items, which count where an
    n-gram is too common and are not looked for. `parts` has each item's question and options, of items that have options.
    """
    every = [*zip(looked_for, map(tuple, items), strict=True), *others]
    names = list(dict.fromkeys(looked_for))
    known = [*parts, *[("", ())] * len(others)]
    made = [
        [Item(at, number, texts, *known[number]) for number, (name, texts) in enumerate(every) if name == one]
        for at, one in enumerate(names)
    ]
    return found(Decontaminate(), made, entries(), rows, [None] * len(rows), len(items))


def found(
    step: Decontaminate,
    items: list[list[Item]],
    entries: dict[str, Any],
    rows: list[str],
    options: list[list[str] | None],
    sought: int,
) -> list[set[str]]:
    """The passes that find something in each row of the items with numbers below `sought`."""
    index = step.index(items, entries, cut)
    index.look_for([grams.take(grams.item < sought) for grams in index.grams])
    told: list[set[str]] = [set() for _ in rows]
    for start in range(0, len(rows), BATCH):
        batch = kernel.Texts(pa.array(rows[start : start + BATCH], pa.large_string()))
        shown = pa.array(options[start : start + BATCH], pa.large_list(pa.large_string()))
        for texts in (batch, *([texts_of(shown)] if shown.null_count < len(shown) else [])):
            for number, places in index.within(texts).items():
                for row in places:
                    told[start + row].add(step.passes[index.units[number].found_in])
        for each in index.parts:
            for row, hits in each.search(batch, shown).items():
                if any(hit.item < sought for hit in hits):
                    told[start + row].add("parts")
    return told
