"""What the profiles of Thai, Vietnamese, Turkish and Hindi come to on real text: language share, leaks found, cues in exam items.

    python benchmarks/languages.py [--only th] [--items 200] [--seed 1] [--data ../shared/data]

The share is measured on the paragraphs of XQuAD, which are the same in each language and in English. Items of the language's
exams are planted into paragraphs of it: whole, with their options in another order, and the question alone; the same paragraphs
without an item are clean. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pyarrow as pa
import yaml
from leaking import ours
from leaking.counting import markdown, upper_bound
from short_items import DATA, Choice, exams_qa, items_of, squad, thai_exam, written

from operators.base.declare import Operator
from operators.grow.exams import speaking
from operators.kernels.text import Texts
from operators.measures.decontaminate import Decontaminate
from operators.measures.language_share import LanguageShare
from operators.measures.negation import Negation
from operators.measures.own_letters import OwnLetters

#: The threshold of the reference pipeline.
SHARE = 0.30
EVERYDAY = Path(__file__).resolve().parent.parent / "recipes/benchmarks/data/hi-everyday-choice.jsonl"
Read = Callable[[Path], list[Choice]]


def everyday(_: Path) -> list[Choice]:
    rows = [json.loads(line) for line in EVERYDAY.read_text("utf-8").splitlines()]
    return [Choice(row["question"], tuple(row["options"])) for row in rows]


SETS: dict[str, tuple[str, Read]] = {
    "th": ("ThaiExam", lambda data: list(thai_exam(data))),
    "vi": ("EXAMS", lambda data: list(exams_qa("vi", data))),
    "tr": ("EXAMS", lambda data: list(exams_qa("tr", data))),
    "hi": ("hi_everyday_choice", everyday),
}


def profile(code: str) -> dict[str, Any]:
    said: dict[str, Any] = yaml.safe_load((ours.LANGUAGES / f"{code}.yaml").read_text("utf-8"))
    return said


def contexts(data: Path, code: str) -> list[str]:
    return [part["context"] for part in squad(data / f"xquad/xquad.{code}.json")]


def measured(step: Operator, texts: list[str], code: str) -> list[float]:
    """What a step finds in each text: a count, or a share where it counts a part of a whole."""
    entries = {name: profile(code)[name] for _, name in step.entries() if name in profile(code)}
    part, *whole = step.measure(Texts(pa.array(texts, pa.large_string())), entries)
    return [int(count) / int(each) for count, each in zip(part, whole[0] if whole else [1] * len(part), strict=True)]


def shares(data: Path, code: str) -> list[str]:
    """Paragraphs in the language and the same in English: how many a step keeps, and the least share of the first."""
    cells = []
    for step, least in ((LanguageShare.model_validate({"of": "target", "min": SHARE}), SHARE), (OwnLetters(), OwnLetters().min)):
        if step.name == "own_letters" and "own_letters" not in profile(code):
            cells += [".", "."]
            continue
        found, english = (measured(step, contexts(data, each), code) for each in (code, "en"))
        cells += [f"{sum(x >= least for x in found)}/{len(found)}", f"{sum(x >= least for x in english)}/{len(english)}"]
        if step.name == "language_share":
            cells.append(f"{min(found):.3f}")
    return cells


def leaks(data: Path, code: str, read: Read, count: int, seed: int) -> list[str]:
    """The shares of planted items that are found, by way, and of clean rows that are flagged, with its bound."""
    random = Random(f"{seed}/{code}")
    paragraphs, items = contexts(data, code), list(dict.fromkeys(read(data)))
    chosen = random.sample(items, min(count, len(items)))
    around = [random.choice(paragraphs).split(" ", 1) for _ in chosen]
    entries = ours.entries(code)

    def found(rows: list[str]) -> int:
        told = ours.found(Decontaminate(), [items_of(chosen)], entries, rows, [None] * len(rows), len(chosen))
        return sum(bool(each) for each in told)

    ways = (
        [written(one.question, one.options, "ABCDEFGH", ". ", "\n") for one in chosen],
        [written(one.question, random.sample(one.options, len(one.options)), "12345678", ") ", " ") for one in chosen],
        [one.question for one in chosen],
    )
    cells = [str(len(chosen))]
    for texts in ways:
        rows = [f"{before}\n{text}\n{after}" for (before, after), text in zip(around, texts, strict=True)]
        cells.append(f"{found(rows) / len(rows):.3f}")
    clean = found(paragraphs)
    return [*cells, f"{clean}/{len(paragraphs)}", f"{upper_bound(clean, len(paragraphs)):.3f}"]


def cues(data: Path, code: str, read: Read) -> list[str]:
    items = read(data)
    said = profile(code)
    step = Negation.model_validate({"cues": tuple(said["negation_cues"])})
    turned = sum(count > 0 for count in measured(step, [one.question for one in items], code))
    above = sum(speaking([one.options for one in items], said["above_options"]))
    return [str(len(items)), str(turned), str(above)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=[*SETS], action="append")
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"the real data is not in {options.data}")
    codes = [code for code in SETS if code in (options.only or SETS)]
    heads = ["language", "`language_share` keeps", "of English", "least share", "`own_letters` keeps", "of English"]
    print(f"\n{markdown(heads, [[code, *shares(options.data, code)] for code in codes])}\n")
    heads = ["language", "set", "planted", "whole", "other order", "question alone", "clean rows flagged", "at most (95 %)"]
    table = [[code, SETS[code][0], *leaks(options.data, code, SETS[code][1], options.items, options.seed)] for code in codes]
    print(f"{markdown(heads, table)}\n")
    heads = ["language", "set", "items", "with a negation cue", "with an option that speaks of others"]
    print(markdown(heads, [[code, SETS[code][0], *cues(options.data, code, SETS[code][1])] for code in codes]))


if __name__ == "__main__":
    main()
