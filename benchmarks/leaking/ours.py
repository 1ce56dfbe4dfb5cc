"""The project's own operator for the same rows and items: its kernels as a build calls them, with the Korean profile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from operators.decontaminate import Decontaminate
from operators.kernels.segments import cuts_of
from operators.kernels.text import Texts

PROFILE = Path(__file__).resolve().parents[2] / "recipes" / "languages" / "ko.yaml"
BATCH = 4096


def entries() -> dict[str, Any]:
    """What the profile says of n-grams."""
    return {"ngrams": yaml.safe_load(PROFILE.read_text("utf-8"))["ngrams"]}


def flag(
    looked_for: list[str], others: list[tuple[str, tuple[str, ...]]], rows: list[str], items: list[list[str]]
) -> list[set[str]]:
    """The passes that find something of the items in each row.

    Each set is a benchmark: `sets` names those of the items, and `others` are the rest of their items, which count where an
    n-gram is too common and are not looked for.
    """
    step = Decontaminate()
    every = [*zip(looked_for, map(tuple, items), strict=True), *others]
    benchmarks = [
        [(number, texts) for number, (name, texts) in enumerate(every) if name == one] for one in dict.fromkeys(looked_for)
    ]
    index = step.index(benchmarks, entries(), lambda library, texts: cuts_of(library, texts, step.workers))
    index.look_for([grams.take(grams.item < len(items)) for grams in index.grams])
    found: list[set[str]] = [set() for _ in rows]
    for start in range(0, len(rows), BATCH):
        batch = Texts(pa.array(rows[start : start + BATCH], pa.large_string()))
        for number, places in index.within(batch).items():
            for row in places:
                found[start + row].add(step.passes[number])
    return found
