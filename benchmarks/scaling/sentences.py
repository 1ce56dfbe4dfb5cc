"""Sentences of real data by what they are about: what prompts, options and traces are put together from."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

#: Sentences of fewer or more characters are left out: the ones say nothing, the others are tables.
FEWEST, MOST = 8, 240
ENDS = re.compile(r"(?<=[.!?。…])\s+|\n+")
HANGUL = re.compile(r"[가-힣]")


def split(texts: Iterable[str | None], target: bool = True) -> pa.Array:
    """The sentences of some texts, each once, in order; of the target language, or else of no Hangul at all."""
    found = dict.fromkeys(
        each
        for text in texts
        for part in ENDS.split(text or "")
        if FEWEST <= len(each := " ".join(part.split())) <= MOST and bool(HANGUL.search(each)) == target
    )
    return pa.array(list(found), pa.large_string())


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with pa.input_stream(str(path), compression="detect") as file:
        yield from map(json.loads, file.read().decode().splitlines())


def cells(path: Path, *names: str) -> Iterator[str | None]:
    """Columns of a file of JSON, JSON lines, CSV or Parquet."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        rows: Iterable[dict[str, Any]] = pq.read_table(path, columns=list(names)).to_pylist()
    elif path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    elif path.read_bytes()[:1] == b"[":
        rows = json.loads(path.read_text("utf-8"))
    else:
        rows = lines(path)
    for row in rows:
        yield from (row.get(name) for name in names)


def daily(data: Path) -> Iterator[str | None]:
    yield from cells(data / "nsmc" / "reviews.parquet", "review")
    yield from cells(data / "chatbot" / "ChatbotData.csv", "Q", "A")
    yield from cells(data / "square" / "question_test.json", "question")


def medical(data: Path) -> Iterator[str | None]:
    yield from cells(data / "naver_kin" / "alert_data.csv", "question", "answer")
    yield from cells(data / "naver_kin" / "alert_data_2.csv", "question", "answer")
    yield from cells(data / "kqma" / "kmqa_full.jsonl.zst", "raw_question", "raw_answer")


def legal(data: Path) -> Iterator[str | None]:
    for path in sorted((data / "petitions").glob("*.gz")):
        yield from cells(path, "title", "content")


def exams(data: Path) -> Iterator[str | None]:
    for text in cells(data / "kmmlu_sft" / "kmmlu_sft_strategic_500.jsonl", "input"):
        yield (text or "").removeprefix("문제: ").partition("\nA. ")[0]
    yield from cells(data / "klue" / "klue-nli-v1.1_dev.json", "premise")
    yield from cells(data / "puzzles_ko" / "puzzles_ko.jsonl.gz", "question")


def options(data: Path) -> Iterator[str | None]:
    yield from cells(data / "klue" / "klue-nli-v1.1_dev.json", "hypothesis")
    for path in sorted((data / "kornlu").glob("sts-*.tsv")):
        yield from (cell for line in path.read_text("utf-8").split("\n") for cell in line.split("\t")[5:7])


def code(data: Path) -> Iterator[str | None]:
    yield from cells(data / "mhumaneval" / "mHumanEval-kor_Hang.json", "prompt")
    yield from cells(data / "python_faq_ko" / "python_faq_ko.jsonl", "question_ko", "answer_ko")


def science(data: Path) -> Iterator[str | None]:
    yield from cells(data / "kt_ai" / "public_mwp_data_v2_reasoning-train.jsonl", "question", "reason")
    yield from cells(data / "puzzles_ko" / "puzzles_ko.jsonl.gz", "question", "solution")


def openthought(data: Path) -> Iterator[str | None]:
    yield from science(data)
    yield from cells(data / "puzzle_traces" / "ko_deepseek-v4-flash.parquet", "question")


def thinking(data: Path) -> Iterator[str | None]:
    """What models think in English."""
    yield from cells(data / "puzzle_traces" / "en_deepseek-v4-flash.parquet", "thinking_content")
    for row in lines(data / "puzzle_traces" / "ko_gpt-oss-120b.messages.jsonl.zst"):
        yield row["messages"][-1]["content"].replace("<think>", "").partition("</think>")[0]
    for path in sorted((data / "kt_ai").glob("kor-D_*.json")):
        yield from cells(path, "reasoning_completion")


def solving(data: Path) -> Iterator[str | None]:
    """What solutions say in Korean."""
    yield from cells(data / "puzzle_traces" / "ko_deepseek-v4-flash.parquet", "resps", "thinking_content")
    yield from cells(data / "kt_ai" / "public_mwp_data_v2_reasoning-train.jsonl", "reason")


READ: dict[str, Callable[[Path], Iterator[str | None]]] = {
    each.__name__: each for each in (daily, medical, legal, exams, options, code, science, openthought, thinking, solving)
}


@cache
def pool(data: Path, name: str) -> pa.Array:
    """The sentences of a name in `READ`."""
    return split(READ[name](data), name != "thinking")


def items(data: Path) -> pa.Array:
    """Whole questions of a benchmark, which leak into some traces."""
    texts = cells(data / "kt_ai" / "kor-gsm8k-test.jsonl", "kor_question")
    return pa.array([" ".join(text.partition("Answer:")[0].split()) for text in texts if text], pa.large_string())
