"""The texts that the leak benchmark is made of, read where they lie: items with parallels, near-topic rows, clean rows."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from leaking.naive import evident, squeezed

#: The items of each set, of every 400.
SHARES = {"click": 140, "gsm8k": 120, "klue": 50, "kornlu": 50, "humaneval": 40}
#: Clean rows of each set, of every 60,000; reviews are the rest.
CLEAN = {"petitions": 3029, "traces": 1200, "kin": 5000, "kqma": 2346, "chatbot": 11500, "square": 6900, "python_faq": 161}
DOCSTRING = re.compile(r'("""|\'\'\')(.*?)\1', re.DOTALL)
#: A near-topic row that has so many characters of an item one after another, spaces aside, is no negative.
SHARED = 40


@dataclass(frozen=True)
class Item:
    """An item of the benchmark: the question with its options, and what else it shows; its parallels by kind."""

    id: str
    texts: tuple[str, ...]
    parallels: dict[str, str] = field(default_factory=dict)
    parts: tuple[str, tuple[str, ...]] = ("", ())
    """The question and the options apart, of an item that has options."""

    @property
    def source(self) -> str:
        return self.id.partition("/")[0]

    @property
    def text(self) -> str:
        """As it is published: the question comes last."""
        return "\n".join([*self.texts[1:], self.texts[0]])


@dataclass(frozen=True)
class Row:
    """A row that the tools are asked about: `group` is a kind of leak, or the set of a row that is none."""

    id: str
    group: str
    text: str


def lines(path: Path) -> Iterator[dict[str, Any]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def tsv(path: Path) -> list[list[str]]:
    """Cells of a file whose quote marks mean nothing."""
    return [line.split("\t") for line in path.read_text("utf-8").split("\n") if line]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def docstring(prompt: str) -> str:
    """The last docstring of a task, without the indent of its lines."""
    return "\n".join(line.strip() for line in DOCSTRING.findall(prompt)[-1][1].strip().splitlines())


def click(data: Path) -> Iterator[Item]:
    for path in sorted((data / "click").rglob("*.json")):
        for number, row in enumerate(json.loads(path.read_text("utf-8"))):
            question = "\n".join([row["question"], *row["choices"]])
            texts = (question, row["paragraph"]) if row["paragraph"].strip() else (question,)
            yield Item(f"click/{path.stem}/{number}", texts, parts=(row["question"], tuple(row["choices"])))


def gsm8k(data: Path) -> Iterator[Item]:
    """MGSM holds the first 250 items in other languages, in the same order."""
    others = {code: tsv(data / f"mgsm/mgsm_{code}.tsv") for code in ("ja", "zh", "de", "es", "th")}
    for number, row in enumerate(lines(data / "kt_ai/kor-gsm8k-test.jsonl")):
        parallels = {"translated, English": row["question"]}
        if number < 250:
            code = sorted(others)[number % len(others)]
            parallels["translated, other languages"] = others[code][number][0]
        yield Item(f"gsm8k/{number}", (row["kor_question"],), parallels)


def humaneval(data: Path) -> Iterator[Item]:
    def machine(code: str) -> list[str]:
        rows = json.loads((data / f"mhumaneval/mHumanEval-{code}.json").read_text("utf-8"))
        return [docstring(row["prompt"]) for row in rows]

    others, again = [machine(code) for code in ("vie_Latn", "tha_Thai", "hin_Deva")], machine("kor_Hang")
    english = [docstring(row["prompt"]) for row in lines(data / "kr_humaneval/HumanEval.jsonl")]
    for number, row in enumerate(lines(data / "kr_humaneval/KR_HumanEval.jsonl")):
        parallels = {
            "translated, English": english[number],
            "translated, other languages": others[number % 3][number],
            "translated anew into Korean": again[number],
        }
        yield Item(f"humaneval/{number}", (docstring(row["prompt"]),), parallels)


def klue(data: Path) -> Iterator[Item]:
    rows = json.loads((data / "klue/klue-nli-v1.1_dev.json").read_text("utf-8"))
    return (Item(f"klue/{row['guid']}", (row["premise"],)) for row in rows)


def kornlu(data: Path) -> Iterator[Item]:
    for part in ("dev", "test"):
        for number, (premise, *_) in enumerate(tsv(data / f"kornlu/xnli.{part}.ko.tsv")[1:]):
            yield Item(f"kornlu/{part}/{number}", (premise,))


BENCHMARKS: dict[str, Callable[[Path], Iterator[Item]]] = {
    "click": click,
    "gsm8k": gsm8k,
    "klue": klue,
    "kornlu": kornlu,
    "humaneval": humaneval,
}


def drawn(data: Path, count: int, seed: int) -> tuple[list[Item], list[Item]]:
    """(the items of the benchmark, the others of the same sets); equal texts once, and none that says nothing."""
    chosen, others = [], []
    for source, read in BENCHMARKS.items():
        once = {squeezed(item.text): item for item in reversed(list(read(data))) if evident(squeezed(item.texts[0]))}
        items = sorted(once.values(), key=lambda item: item.id)
        Random(f"{seed}/{source}").shuffle(items)
        share = round(count * SHARES[source] / sum(SHARES.values()))
        chosen += items[:share]
        others += items[share:]
    return chosen, others


def near(data: Path, items: list[Item], others: list[Item]) -> tuple[list[Row], int]:
    """(rows on the topics of the items, how many were left out because they share text with one)."""
    rows = [Row(item.id, f"{item.source}, other items", item.text) for item in others]
    for name in ("train", "test"):
        for number, row in enumerate(lines(data / f"kt_ai/public_mwp_data_v2_reasoning-{name}.jsonl")):
            rows.append(Row(f"mwp/{name}/{number}", "word problems", row["question"]))
    for path in sorted((data / "kt_ai").glob("kor-D_*.json")):
        for number, row in enumerate(lines(path)):
            rows.append(Row(f"{path.stem}/{number}", "word problems", row["kor_question"]))
    for number, row in enumerate(lines(data / "kmmlu_sft/kmmlu_sft_strategic_500.jsonl")):
        rows.append(Row(f"kmmlu/{number}", "kmmlu", row["input"]))
    with (data / "kt_ai/ko-strategyqa-train-v2.csv").open(encoding="utf-8", newline="") as file:
        for number, cells in enumerate(csv.reader(file)):
            rows.append(Row(f"strategyqa/{number}", "strategyqa", cells[0]))
    known = {piece for item in items for piece in pieces(item.text, SHARED)}
    kept = [row for row in rows if known.isdisjoint(pieces(row.text, SHARED))]
    return kept, len(rows) - len(kept)


def pieces(text: str, length: int) -> set[str]:
    """Every run of so many characters of a text, spaces and punctuation aside."""
    said = squeezed(text)
    return {said[at : at + length] for at in range(len(said) - length + 1)}


def clean(data: Path, count: int, seed: int) -> list[Row]:
    """Rows of sets that have nothing to do with the benchmark, equal texts once."""
    from pyarrow import parquet

    rows: list[Row] = []
    seen: set[str] = set()

    def take(source: str, found: list[tuple[Any, str | None]], most: int) -> None:
        Random(f"{seed}/{source}").shuffle(found)
        for id, text in found:
            if most and text and text.strip() and text not in seen:
                seen.add(text)
                rows.append(Row(f"{source}/{id}", source, text))
                most -= 1

    every: dict[str, list[tuple[Any, str | None]]] = {
        "petitions": [
            (row["petition_idx"], row["content"]) for path in sorted((data / "petitions").glob("*.gz")) for row in lines(path)
        ],
        "traces": [
            (row["id"], row["thinking_content"])
            for row in parquet.read_table(data / "puzzle_traces/ko_deepseek-v4-flash.parquet").to_pylist()
        ],
        "kin": [
            (f"{path.stem}/{number}/{column}", row[column])
            for path in sorted((data / "naver_kin").glob("*.csv"))
            for number, row in enumerate(table(path))
            for column in ("question", "answer")
        ],
        "kqma": [(number, row["raw_question"]) for number, row in enumerate(zst(data / "kqma/kmqa_full.jsonl.zst"))],
        "chatbot": [(number, f"{row['Q']} {row['A']}") for number, row in enumerate(table(data / "chatbot/ChatbotData.csv"))],
        "square": [
            (number, row["question"])
            for number, row in enumerate(json.loads((data / "square/question_test.json").read_text("utf-8")))
        ],
        "python_faq": [
            (number, f"{row['question_ko']}\n{row['answer_ko']}")
            for number, row in enumerate(lines(data / "python_faq_ko/python_faq_ko.jsonl"))
        ],
    }
    for source, found in every.items():
        take(source, found, round(count * CLEAN[source] / 60_000))
    reviews = parquet.read_table(data / "nsmc/reviews.parquet", columns=["review_id", "review"])
    take("nsmc", list(zip(*(column.to_pylist() for column in reviews.columns), strict=True)), count - len(rows))
    return rows


def zst(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow

    held = pyarrow.CompressedInputStream(pyarrow.OSFile(str(path)), "zstd").read().decode()
    return (json.loads(line) for line in held.split("\n") if line)
