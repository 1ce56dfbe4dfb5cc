"""Recorded answers to real puzzles, scored and compared with the grading of their source."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from operators.extract import Extract
from operators.kernels.answer import as_text
from operators.spans import Spans
from tests.test_scoring import pytestmark, scored

__all__ = ["pytestmark"]

TABLE = Path(__file__).parent / "scoring" / "disagreements.csv"
#: Set -> rows, as the data's README states them.
ROWS = {"deepseek_ko": 1200, "deepseek_en": 300, "gpt_oss_ko": 700, "exaone_ko": 300}
#: What the answers of these puzzles are marked with.
MARKS = ("Answer", "정답", "답")


class Row(NamedTuple):
    """A recorded answer with the source's grading."""

    set: str
    id: str
    completion: str
    gold: str
    graded: int


def rows(data: Path) -> Iterator[Row]:
    """All puzzle traces."""
    folder = data / "puzzle_traces"
    for name, file in (("deepseek_ko", "ko_deepseek-v4-flash"), ("deepseek_en", "en_deepseek-v4-flash")):
        for row in pq.read_table(folder / f"{file}.parquet").to_pylist():
            yield Row(name, row["id"], f"</think>{row['resps']}", row["answer"], int(row["exact_match"]))
    packed = (folder / "ko_gpt-oss-120b.messages.jsonl.zst").read_bytes()
    for line in pa.input_stream(io.BytesIO(packed), compression="zstd").read().decode().splitlines():
        told = json.loads(line)
        yield Row("gpt_oss_ko", told["id"], told["messages"][-1]["content"], told["answer"], int(told["exact_match"]))
    with gzip.open(folder / "ko_exaone-4.0-32b.jsonl.gz", "rt", encoding="utf-8") as lines:
        for told in map(json.loads, lines):
            yield Row("exaone_ko", told["id"], told["resps"], told["answer"], int(told["exact_match"]))


def answers_of(completions: list[str]) -> list[str | None]:
    """What stands after the last mark of a solution, of the first kind of mark that it has, else on its last line."""
    _, solution = Spans().change(pa.array(completions, pa.large_string()), {})
    found: list[str | None] = [None] * len(completions)
    for mark in MARKS:
        (marked,) = Extract(rule="last_answer_tag", mark=mark).change(solution, {})
        found = [old or new for old, new in zip(found, marked.to_pylist(), strict=True)]
    (last,) = Extract(rule="last_line").change(solution, {})
    return [old or new for old, new in zip(found, last.to_pylist(), strict=True)]


def reason(row: Row, answer: str | None, score: int) -> str:
    """The class of a disagreement; tests/scoring/README.md says what each is."""
    if score:
        return "graded wrong, the same text"
    if answer is None:
        return "no answer after the thinking"
    told, gold = as_text(answer), as_text(row.gold)
    if "".join(told.split()) == "".join(gold.split()):
        return "other spacing"
    if sorted(re.findall(r"\w+", told)) == sorted(re.findall(r"\w+", gold)):
        return "other marks or order"
    return "more than the answer" if gold in told else "less than the answer" if told in gold else "another answer"


@pytest.fixture(scope="module")
def compared(data: Path) -> list[tuple[Row, str | None, int]]:
    """Every row with its answer and its score."""
    told = list(rows(data))
    answers = answers_of([row.completion for row in told])
    return list(zip(told, answers, scored(answers, [row.gold for row in told], "exact"), strict=True))


def disagreements(compared: list[tuple[Row, str | None, int]]) -> list[list[str]]:
    """The rows told otherwise: set, id, the source's grading, the score, the class of the reason."""
    found = [
        [row.set, row.id, str(row.graded), str(score), reason(row, answer, score)]
        for row, answer, score in compared
        if row.graded != score
    ]
    return sorted(found)


def test_the_sets_are_whole(compared: list[tuple[Row, str | None, int]]) -> None:
    assert Counter(row.set for row, _, _ in compared) == ROWS


def test_the_score_tells_otherwise_where_the_table_says_so(compared: list[tuple[Row, str | None, int]]) -> None:
    with TABLE.open(newline="", encoding="utf-8") as file:
        assert disagreements(compared) == [*csv.reader(file)][1:]


def test_every_class_of_reasons_is_explained() -> None:
    with TABLE.open(newline="", encoding="utf-8") as file:
        reasons = {row["reason"] for row in csv.DictReader(file)}
    told = (TABLE.parent / "README.md").read_text("utf-8")
    assert reasons and all(f"| {each} |" in told for each in reasons)


def test_the_agreement_of_each_set(
    compared: list[tuple[Row, str | None, int]], record_property: Callable[[str, object], None]
) -> None:
    lines = ["set           rows  right by the source  right by the score  agree"]
    for name in ROWS:
        own = [(row.graded, score) for row, _, score in compared if row.set == name]
        agree = sum(one == other for one, other in own)
        lines.append(f"{name:12} {len(own):5} {sum(g for g, _ in own):20} {sum(s for _, s in own):19} {agree:6}")
    record_property("shown", "\n" + "\n".join(lines))
    assert len(lines) == len(ROWS) + 1


def write(data: Path) -> list[Any]:
    """Write the table anew."""
    told = list(rows(data))
    answers = answers_of([row.completion for row in told])
    both = list(zip(told, answers, scored(answers, [row.gold for row in told], "exact"), strict=True))
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["set", "id", "graded", "scored", "reason"])
        out.writerows(disagreements(both))
    return both


if __name__ == "__main__" and "--write" in sys.argv:
    write(Path(sys.argv[-1]))
