"""Prompts and traces of YI-SANG's shape, shard by shard: sentences in a seeded order, so that no row is one of the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.scaling.sentences import items, pool

SEED = 20251006
SHARD = 50_000
"""Rows of a file of prompts."""
TRACES = 20_000
"""Rows of a file of traces: some 150 MB of text."""
ROWS = 2_000
"""Rows of text that are in memory at a time."""

PROMPTS = 5_790_000
RECORDED = 3_700_000
TOKENS = 6_770_000_000


@dataclass(frozen=True)
class Kind:
    """The prompts of one category: how many of the whole, how long, and how much of them is English."""

    rows: int
    length: float
    """The median of the characters; the paper says nothing of lengths but that 50 to 8,192 are kept."""
    spread: float
    """The standard deviation of the length's logarithm."""
    english: float
    """The share of English sentences in the median row."""
    license: str = "B"


#: The paper gives 5.79 million prompts, and of the mix only that exams and daily questions are over-represented, law has few,
#: and 37k of science remain at the end (sections 5.1, 5.3): how many each category has is a reconstruction.
KINDS = {
    "daily": Kind(3_000_000, 120, 0.8, 0.01),
    "medical": Kind(1_000_000, 220, 0.7, 0.01),
    "code": Kind(600_000, 350, 0.8, 0.25),
    "exams": Kind(600_000, 90, 0.5, 0.02),
    "openthought": Kind(310_000, 260, 0.7, 0.1, "A"),
    "legal": Kind(200_000, 400, 0.8, 0.0),
    "science": Kind(80_000, 180, 0.6, 0.05),
}
assert sum(kind.rows for kind in KINDS.values()) == PROMPTS

#: Characters of a token of such text: some 4.2 of English, 1.6 of Korean, a tenth of which is Korean.
CHARACTERS = 3.6
MEDIAN, SPREAD, LONGEST = 0.67 * TOKENS / RECORDED * CHARACTERS, 0.9, 60_000
"""Of the characters of a trace; the mean of such lengths is 1.5 medians."""

#: Shares of prompts that stand twice, and of traces that the filters are there for (paper sections 4 and 5.3).
TWICE = 0.02
OUTSIDE, ENDLESS, UNCLOSED, BLOCKS, FOREIGN, LEAKING = 0.12, 0.01, 0.01, 0.01, 0.02, 0.007
DONE, PARTIAL = ".parquet", ".partial"


def joined(sentences: pa.Array, chosen: np.ndarray[Any, Any], counts: np.ndarray[Any, Any]) -> pa.Array:
    """Texts of so many of the chosen sentences each."""
    bounds = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int64())
    listed = pa.LargeListArray.from_arrays(bounds, sentences.take(pa.array(chosen)))
    return pc.binary_join(listed, pa.scalar(" ", pa.large_string()))


def drawn(
    chance: np.random.Generator, lengths: np.ndarray[Any, Any], english: np.ndarray[Any, Any], korean: pa.Array, other: pa.Array
) -> pa.Array:
    """Texts of about these lengths, with these shares of English; two sentences are the fewest."""
    means = [float(pc.mean(pc.utf8_length(each)).as_py()) + 1 for each in (korean, other)]
    # Shares are of characters, and sentences are drawn: of the language with the shorter ones there are more.
    weight = english / means[1] / (english / means[1] + (1 - english) / means[0])
    counts = np.maximum(2, np.rint(lengths / (weight * means[1] + (1 - weight) * means[0]))).astype(np.int64)
    foreign = chance.random(int(counts.sum())) < np.repeat(weight, counts)
    chosen = np.where(
        foreign, len(korean) + chance.integers(0, len(other), len(foreign)), chance.integers(0, len(korean), len(foreign))
    )
    return joined(pa.concat_arrays([korean, other]), chosen, counts)


def prompts_of(data: Path, name: str, shard: int, rows: int) -> pa.Table:
    """The rows of one file of prompts."""
    kind = KINDS[name]
    chance = np.random.default_rng([SEED, [*KINDS].index(name), shard])
    lengths = chance.lognormal(np.log(kind.length), kind.spread, rows).clip(16, 9_000)
    english = (kind.english * chance.lognormal(0, 0.7, rows)).clip(0, 0.95)
    texts = drawn(chance, lengths, english, pool(data, name), pool(data, "thinking"))
    again = np.where(chance.random(rows) < TWICE, chance.integers(0, rows, rows), np.arange(rows))
    columns = {"question": texts.take(pa.array(again))}
    if name == "exams":
        answers = pool(data, "options")
        # Each further on than the one before, and not once around: an item has no option twice.
        steps = np.cumsum(chance.integers(1, len(answers) // 4, (4, rows)), axis=0) + chance.integers(0, len(answers), rows)
        columns |= {label: answers.take(pa.array(at % len(answers))) for label, at in zip("abcd", steps, strict=True)}
        columns["answer"] = pa.array(chance.choice(list("abcd"), rows).tolist())
    return pa.table(columns)


def traces_of(data: Path, prompts: pa.Array, chance: np.random.Generator) -> pa.Array:
    """A completion for each of some prompts."""
    rows = len(prompts)
    lengths = chance.lognormal(np.log(MEDIAN), SPREAD, rows).clip(200, LONGEST)
    # Mostly 7 to 17 % Hangul: quotations of the question; the others think in one language alone, or too much in the other.
    korean = np.where(chance.random(rows) < OUTSIDE, chance.choice([0.0, 0.3], rows), chance.uniform(0.07, 0.17, rows))
    korean /= written_in_hangul(data)
    thought = drawn(chance, lengths, 1 - korean, pool(data, "solving"), pool(data, "thinking"))
    foreign = (chance.random(rows) < FOREIGN).astype(np.float64)
    solved = drawn(chance, (lengths / 10).clip(80, 2_000), foreign, pool(data, "solving"), pool(data, "thinking"))
    fates = chance.random(rows)
    edges = np.cumsum([ENDLESS, UNCLOSED, BLOCKS, LEAKING])
    first = pc.utf8_slice_codeunits(thought, 0, 60)
    known = items(data)
    leak = known.take(pa.array(chance.integers(0, len(known), rows)))

    def where(place: int, made: pa.Array, usual: pa.Array) -> pa.Array:
        low = 0.0 if place == 0 else edges[place - 1]
        return pc.if_else(pa.array((fates >= low) & (fates < edges[place])), made, usual)

    def text(*parts: Any) -> pa.Array:
        large = [pa.scalar(each, pa.large_string()) if isinstance(each, str) else each for each in parts]
        return pc.binary_join_element_wise(*large, pa.scalar("", pa.large_string()))

    thought = where(0, text(thought, pc.binary_repeat(text(" ", first), 120)), thought)
    thought = where(3, text(thought, " ", leak), thought)
    close = where(1, pa.array([""] * rows, pa.large_string()), pa.array(["\n</think>\n\n"] * rows, pa.large_string()))
    close = where(2, text(close, "<think>\n", first, "\n</think>\n\n"), close)
    answers = pa.array(chance.integers(0, 1000, rows)).cast(pa.large_string())
    return text("<think>\n", thought, close, solved, " \\boxed{", answers, "}")


@cache
def written_in_hangul(data: Path) -> float:
    """The share of Hangul in Korean sentences of solutions; the rest are numbers and signs."""
    sentences = pool(data, "solving")
    hangul, signs = (pc.replace_substring_regex(sentences, pattern, "") for pattern in (r"[^가-힣]", r"\s"))
    return float(pc.sum(pc.utf8_length(hangul)).as_py() / pc.sum(pc.utf8_length(signs)).as_py())


def write_prompts(data: Path, folder: Path, percent: float) -> int:
    """Files of prompts below `folder`, by category; those that are there stay. Says how many rows they have."""
    whole = 0
    for name, kind in KINDS.items():
        rows = max(40, round(kind.rows * percent / 100))
        whole += rows
        for shard, first in enumerate(range(0, rows, SHARD)):
            path = folder / name / f"{shard:04}{DONE}"
            if not path.exists():
                write_whole(path, iter([prompts_of(data, name, shard, min(SHARD, rows - first))]))
    return whole


def write_traces(data: Path, prompts: list[Path], folder: Path, most: int) -> int:
    """Files with a completion for each prompt of some outputs' shards, or for as many as `most`; how many rows they have.

    Science keeps all of its prompts, of which the final mixture takes all there are (section 5.3).
    """
    rows = np.cumsum([0, *(pq.read_metadata(path).num_rows for path in prompts)])
    share, whole = min(1.0, most / int(rows[-1])), 0
    for number, path in enumerate(prompts):
        target = folder / f"{number:04}{DONE}"
        if not target.exists():
            write_whole(target, answered(data, path, number, share))
        whole += pq.read_metadata(target).num_rows
    return whole


def answered(data: Path, path: Path, number: int, share: float) -> Iterator[pa.Table]:
    """Prompts of one file with their completions, some rows at a time."""
    chance = np.random.default_rng([SEED, len(KINDS), number])
    for batch in pq.ParquetFile(path).iter_batches(ROWS, columns=["prompt", "category"]):
        science = pc.equal(batch["category"].cast(pa.string()), "science").to_numpy(zero_copy_only=False)
        chosen = np.flatnonzero((chance.random(batch.num_rows) < share) | science)
        prompts = batch["prompt"].cast(pa.large_string()).take(pa.array(chosen))
        if len(prompts):
            yield pa.table({"prompt": prompts, "completion": traces_of(data, prompts, chance)})


def write_whole(path: Path, tables: Iterator[pa.Table]) -> None:
    """A file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, writer = path.with_suffix(PARTIAL), None
    for table in tables:
        writer = writer or pq.ParquetWriter(partial, table.schema, compression="zstd")
        for first in range(0, table.num_rows, ROWS):
            writer.write_table(table.slice(first, ROWS))
    if writer is not None:
        writer.close()
        partial.rename(path)
