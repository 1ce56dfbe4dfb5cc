"""Which rows with parts of short choice items decontamination takes for the items, and how often clean text in other languages.

    python benchmarks/short_items.py [--items 200] [--seed 1] [--data ../shared/data]

Items are real ones in Korean, Turkish, Vietnamese and Thai whose question is shorter than an n-gram of letters. Each stands in a
row in every way that leaves it the item, and in ways that leave it one part of it. The second table looks for the questions of
XQuAD, and exam items, in clean text of the same language, of which nothing is a leak. Prints Markdown.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from leaking import corpora, ours, persian
from leaking.counting import markdown, upper_bound

from operators.kernels.fold import folded
from operators.kernels.overlap.ngrams import Item
from operators.measures.decontaminate import Decontaminate
from operators.text.fold import Folding

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
#: "1 in 10,000" can be shown of so many rows at least, where none is flagged.
ENOUGH = 30_000
#: Rows that were told wrong, for a person to read.
SHOWN: list[str] = []
NGRAMS = Decontaminate(passes=("segments", "raw", "squeezed"))


@dataclass(frozen=True)
class Choice:
    """A choice item."""

    question: str
    options: tuple[str, ...]

    @property
    def item(self) -> tuple[str, ...]:
        return ("\n".join([self.question, *self.options]),)


def click(data: Path) -> Iterator[Choice]:
    for path in sorted((data / "click").rglob("*.json")):
        for row in json.loads(path.read_text("utf-8")):
            if not row["paragraph"].strip():
                yield Choice(row["question"], tuple(row["choices"]))


def exams_qa(code: str, data: Path) -> Iterator[Choice]:
    for path in sorted((data / "exams_qa").glob(f"*_{code}.jsonl.tar.gz")):
        with tarfile.open(path) as archive:
            for member in archive.getmembers():
                held = archive.extractfile(member)
                for line in held.read().decode("utf-8").splitlines() if held is not None else ():
                    row = json.loads(line)["question"]
                    yield Choice(row["stem"], tuple(each["text"] for each in row["choices"]))


def thai_exam(data: Path) -> Iterator[Choice]:
    for path in sorted((data / "thai_exam").glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            yield Choice(row["question"], tuple(row[letter] for letter in "abcde" if row.get(letter)))


SETS: dict[str, tuple[str, Callable[[Path], Iterator[Choice]]]] = {
    "CLIcK": ("ko", click),
    "EXAMS, Turkish": ("tr", lambda data: exams_qa("tr", data)),
    "EXAMS, Vietnamese": ("vi", lambda data: exams_qa("vi", data)),
    "ThaiExam": ("th", thai_exam),
}


def short(data: Path, name: str) -> tuple[list[Choice], list[Choice]]:
    """(items in whose question no n-gram of any pass stands, those of them in whose options none does); equal questions once."""
    language, read = SETS[name]
    entries = ours.entries(language)
    folding, most = Folding.of(entries.get("fold")), entries["squeezed_length"]
    asked: dict[str, list[Choice]] = {}
    for each in read(data):
        told = folded(each.question, folding).replace(" ", "")
        if 0 < len(told) < most and len({form(option) for option in each.options}) == len(each.options) > 2:
            asked.setdefault(told, []).append(each)
    once = [each for same in asked.values() if len(same) == 1 for each in same]
    alone, shown = (
        ours.found(NGRAMS, [items_of(once)], entries, [each.question for each in once], options, len(once))
        for options in ([None for _ in once], [list(each.options) for each in once])
    )
    return tuple([each for each, passes in zip(once, told, strict=True) if not passes] for told in (alone, shown))  # type: ignore[return-value]


def form(text: str) -> str:
    return "".join(text.split()).casefold()


def written(question: str, options: list[str] | tuple[str, ...], labels: str, after: str, between: str) -> str:
    return question + "".join(f"{between}{label}{after}{text}" for label, text in zip(labels, options, strict=False))


def ways(one: Choice, other: Choice, random: Random) -> dict[str, tuple[str, list[str] | None]]:
    """Way -> (prompt, options) of a row; the first six are the item, and the others share a part of it."""
    mixed = random.sample(one.options, len(one.options))
    return {
        "in columns": (one.question, list(one.options)),
        "in columns, another order": (one.question, mixed),
        "A. B. on lines": (written(one.question, one.options, "ABCDEFGH", ". ", "\n"), None),
        "① ② on one line, another order": (written(one.question, mixed, "①②③④⑤⑥⑦⑧", " ", " "), None),
        "1) 2) within other words": (f"Q: {written(one.question, mixed, '12345678', ') ', chr(10))}\n\nA:", None),
        "question alone": (one.question, None),
        "other: its options alone": ("\n".join(one.options), None),
        "other: another question, its options": (other.question, list(one.options)),
        "other: its question, other options in columns": (one.question, list(other.options)),
        "other: its question, other options written out": (written(one.question, other.options, "ABCDEFGH", ". ", "\n"), None),
    }


def items_of(choices: list[Choice]) -> list[Item]:
    return [Item(0, at, each.item, each.question, each.options) for at, each in enumerate(choices)]


def short_table(data: Path, count: int, seed: int) -> None:
    """Prints the share of rows that is taken for items, by the three passes over n-grams and with the parts.

    Rows that are the item are made of all short ones; the others of those whose options are short together too, so that nothing
    but the parts can tell of them. What is of another item is of one that is not in the benchmark.
    """
    cells: dict[str, list[str]] = {}
    for name, (language, _) in SETS.items():
        every, brief = short(data, name)
        for kind, found in (("", every), ("other", brief)):
            chosen = Random(f"{seed}/{name}").sample(found, min(count, len(found) - 1 if kind else len(found)))
            rest = [each for each in every if each not in chosen] or every
            random = Random(f"{seed}/{name}/ways")
            rows = [ways(one, random.choice(rest), random) for one in chosen]
            for way in rows[0]:
                if way.startswith("other") != (kind == "other"):
                    continue
                told = ours.found(
                    Decontaminate(), [items_of(chosen)], ours.entries(language), [row[way][0] for row in rows],
                    [row[way][1] for row in rows], len(chosen),
                )  # fmt: skip
                wrong = [at for at, each in enumerate(told) if bool(each) == (kind == "other")]
                SHOWN.extend(f"{name}, {way}, {sorted(told[at])}: {rows[at][way]!r} | {chosen[at]!r}"[:400] for at in wrong[:2])
                shares = [sum(bool(each - {"parts"}) for each in told), sum(bool(each) for each in told)]
                cells.setdefault(way, []).extend([str(len(rows)), *(f"{share / len(rows):.3f}" for share in shares)])
    heads = [head for name in SETS for head in (f"{name}: n", "n-grams", "with parts")]
    print(f"\n{markdown(['row', *heads], [[way, *shares] for way, shares in cells.items()])}\n")
    print("\n".join(f"  {line}" for line in SHOWN))


def squad(path: Path) -> list[dict[str, Any]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        return [part for article in json.load(file)["data"] for part in article["paragraphs"]]


def xquad(data: Path, code: str) -> list[str]:
    return [each["question"] for part in squad(data / f"xquad/xquad.{code}.json") for each in part["qas"]]


def turkish(data: Path) -> tuple[list[Item], list[str]]:
    parts = squad(data / "tquad/train-v0.1.json.gz")
    rows = [text for part in parts for text in (part["context"], *(each["question"] for each in part["qas"]))]
    return [*questions(xquad(data, "tr")), *items_of(list(exams_qa("tr", data)))], rows


def thai(data: Path) -> tuple[list[Item], list[str]]:
    told = [*corpora.zst(data / "iapp_thai/train.jsonl.zst"), *corpora.lines(data / "iapp_thai/test.jsonl.gz")]
    rows = [text for row in told for text in (row["context"], row["question"])]
    code = [row["prompt"] for row in json.loads((data / "mhumaneval/mHumanEval-tha_Thai.json").read_text("utf-8"))]
    return [*questions(xquad(data, "th")), *items_of(list(thai_exam(data)))], [*rows, *code]


def vietnamese(data: Path) -> tuple[list[Item], list[str]]:
    told = corpora.lines(data / "vnhsge/vnhsge.jsonl.gz")
    rows = ["\n".join(row.get(name) or "" for name in ("Question", "Explanation", "Câu hỏi", "Gợi ý trả lời")) for row in told]
    code = [row["prompt"] for row in json.loads((data / "mhumaneval/mHumanEval-vie_Latn.json").read_text("utf-8"))]
    return questions(xquad(data, "vi")), [*rows, *code]


def hindi(data: Path) -> tuple[list[Item], list[str]]:
    parts = squad(data / "xquad/xquad.hi.json")
    half = len(parts) // 2
    rows = [text for part in parts[half:] for text in (part["context"], *(each["question"] for each in part["qas"]))]
    code = [row["prompt"] for row in json.loads((data / "mhumaneval/mHumanEval-hin_Deva.json").read_text("utf-8"))]
    return questions([each["question"] for part in parts[:half] for each in part["qas"]]), [*rows, *code]


def questions(texts: list[str]) -> list[Item]:
    return [Item(1, 1_000_000 + at, (text,), text) for at, text in enumerate(texts)]


CLEAN: dict[str, tuple[str, Callable[[Path], tuple[list[Item], list[str]]]]] = {
    "Turkish": ("tr", turkish),
    "Thai": ("th", thai),
    "Vietnamese": ("vi", vietnamese),
    "Hindi": ("hi", hindi),
    "Persian": ("fa", lambda _: (questions(persian.QUESTIONS), persian.ROWS)),
}


def clean_table(data: Path, review: int) -> None:
    """Prints how often clean text is flagged, and how often it is at most."""
    table, flagged = [], []
    for name, (language, read) in CLEAN.items():
        items, rows = read(data)
        rows = list(dict.fromkeys(row for row in rows if row and row.strip()))
        apart = [[each for each in items if each.benchmark == number] for number in (0, 1)]
        told = ours.found(Decontaminate(), apart, ours.entries(language), rows, [None] * len(rows), 2_000_000)
        hits = sum(bool(each) for each in told)
        bound = upper_bound(hits, len(rows)) * 10_000
        shown = f"{bound:.1f}" if len(rows) >= ENOUGH else f"not shown ({bound:.1f})"
        passes = [str(sum(each in found for found in told)) for each in Decontaminate().passes]
        table.append([name, str(len(items)), str(len(rows)), *passes, str(hits), shown])
        flagged += [(name, found, row) for found, row in zip(told, rows, strict=True) if found][:review]
    print(f"\n{markdown(['clean', 'items', 'rows', *Decontaminate().passes, 'any', 'at most, in 10,000 (95 %)'], table)}\n")
    for name, found, row in flagged:
        print(f"  {name} {sorted(found)}: {' '.join(row.split())[:110]!r}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--review", type=int, default=8, help="flagged clean rows that are shown of each language")
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"the real data is not in {options.data}")
    short_table(options.data, options.items, options.seed)
    clean_table(options.data, options.review)


if __name__ == "__main__":
    main()
