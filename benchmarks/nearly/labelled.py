"""Pairs of texts with a label: real texts, each beside one that says the same, or one that only looks like it."""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from nearly.pairs import apart

SENTENCE = re.compile(r"(?<=[.?!])\s+")
EACH = 200
"""Pairs of each kind at most."""


@dataclass(frozen=True)
class Pair:
    """Two texts, and whether one of them is to go."""

    kind: str
    near: bool
    one: str
    other: str


def petitions(data: Path) -> Iterator[tuple[str, str]]:
    """(category, text) of posts of a few sentences."""
    for path in sorted((data / "petitions").glob("*.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for row in map(json.loads, file):
                text = " ".join(row["content"].replace("\\n", " ").split())
                if 300 <= len(text) <= 1500 and len(SENTENCE.split(text)) >= 6:
                    yield row["category"], text


def problems(data: Path) -> Iterator[tuple[str, str]]:
    """(class, question) of word problems with at least two numbers."""
    with (data / "kt_ai" / "public_mwp_data_v2_reasoning-train.jsonl").open(encoding="utf-8") as file:
        for row in map(json.loads, file):
            if len(re.findall(r"\d+", row["question"])) >= 2 and len(row["question"]) >= 60:
                yield row["class"], " ".join(row["question"].split())


def spaced(text: str, chance: Random, others: list[str]) -> str:
    """Without some spaces, with other punctuation."""
    return "".join("" if char == " " and chance.random() < 0.2 else char for char in text).replace(".", "!!").replace(",", " ,")


def reordered(text: str, chance: Random, others: list[str]) -> str:
    """The sentences in another order."""
    said = SENTENCE.split(text)
    chance.shuffle(said)
    return " ".join(said)


def appended(text: str, chance: Random, others: list[str]) -> str:
    """A further sentence at the end, of a tenth of the length at most."""
    return f"{text} {chance.choice(others)[: len(text) // 10]}"


def cut(text: str, chance: Random, others: list[str]) -> str:
    """Three words are missing."""
    words = text.split()
    for _ in range(3):
        del words[chance.randrange(len(words))]
    return " ".join(words)


def halved(text: str, chance: Random, others: list[str]) -> str:
    """The first half."""
    return text[: len(text) // 2]


def numbered(text: str, chance: Random, others: list[str]) -> str:
    """Each number is another one: another problem."""
    return re.sub(r"\d+", lambda found: str(int(found[0]) + chance.randrange(1, 9)), text)


Change = Callable[[str, Random, list[str]], str]
LONG: dict[Change, bool] = {spaced: True, reordered: True, appended: True, cut: True, halved: False}


def labelled(data: Path, seed: int = 1) -> list[Pair]:
    """The pairs; no two of the real texts share three tenths of their n-grams."""
    chance, made = Random(seed), list[Pair]()
    posts, sums = (apart(list(read(data))) for read in (petitions, problems))
    others = [text for _, text in posts]
    chance.shuffle(posts)
    for change, near in LONG.items():
        some, posts = posts[:EACH], posts[EACH:]
        made += [Pair(change.__name__, near, text, change(text, chance, others)) for _, text in some]
    chance.shuffle(sums)
    made += [Pair("numbered", False, text, numbered(text, chance, others)) for _, text in sums[:EACH]]
    by = defaultdict[str, list[str]](list)
    for topic, text in [*posts, *sums[EACH:]]:
        by[topic].append(text)
    near_topic = [(one, other) for texts in by.values() for one, other in zip(texts[::2], texts[1::2], strict=False)]
    return made + [Pair("near topic", False, *pair) for pair in near_topic[:EACH]]
