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
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from operators.kernels.answer import as_text
from operators.maps.extract import Extract
from operators.maps.spans import Spans
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
        return (
            "graded wrong, the same text" if as_text(answer or "") == as_text(row.gold) else "graded wrong, without its brackets"
        )
    if answer is None:
        return "no answer after the thinking"
    told, gold = as_text(answer), as_text(row.gold)
    if "".join(told.split()) == "".join(gold.split()):
        return "other spacing"
    if sorted(re.findall(r"\w+", told)) == sorted(re.findall(r"\w+", gold)):
        return "other marks or order"
    return "more than the answer" if gold in told else "less than the answer" if told in gold else "another answer"


Compared = dict[str, list[tuple[Row, str | None, int]]]


def compared_in(data: Path) -> Compared:
    """Every row with its answer and its score, by what the score compares."""
    told = list(rows(data))
    answers = answers_of([row.completion for row in told])
    golds: list[str | None] = [row.gold for row in told]
    return {kind: list(zip(told, answers, scored(answers, golds, kind), strict=True)) for kind in ("exact", "math")}


@pytest.fixture(scope="module")
def compared(data: Path) -> Compared:
    return compared_in(data)


def disagreements(compared: Compared) -> list[list[str]]:
    """The rows told otherwise: kind, set, id, the source's grading, the score, the class of the reason."""
    found = [
        [kind, row.set, row.id, str(row.graded), str(score), reason(row, answer, score)]
        for kind, told in compared.items()
        for row, answer, score in told
        if row.graded != score
    ]
    return sorted(found)


def test_the_sets_are_whole(compared: Compared) -> None:
    assert [Counter(row.set for row, _, _ in told) for told in compared.values()] == [ROWS, ROWS]


def test_the_score_tells_otherwise_where_the_table_says_so(compared: Compared) -> None:
    with TABLE.open(newline="", encoding="utf-8") as file:
        assert disagreements(compared) == [*csv.reader(file)][1:]


def test_every_class_of_reasons_is_explained() -> None:
    with TABLE.open(newline="", encoding="utf-8") as file:
        reasons = {row["reason"] for row in csv.DictReader(file)}
    told = (TABLE.parent / "README.md").read_text("utf-8")
    assert reasons and all(f"| {each} |" in told for each in reasons)


def test_the_agreement_of_each_set(compared: Compared, record_property: Callable[[str, object], None]) -> None:
    lines = ["kind   set           rows  right by the source  right by the score  agree"]
    for kind, told in compared.items():
        for name in ROWS:
            own = [(row.graded, score) for row, _, score in told if row.set == name]
            agree = sum(one == other for one, other in own)
            lines.append(f"{kind:6} {name:12} {len(own):5} {sum(g for g, _ in own):20} {sum(s for _, s in own):19} {agree:6}")
    record_property("shown", "\n" + "\n".join(lines))
    assert len(lines) == 2 * len(ROWS) + 1


def write(data: Path) -> None:
    """Write the table anew."""
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["kind", "set", "id", "graded", "scored", "reason"])
        out.writerows(disagreements(compared_in(data)))


if __name__ == "__main__" and "--write" in sys.argv:
    write(Path(sys.argv[-1]))
