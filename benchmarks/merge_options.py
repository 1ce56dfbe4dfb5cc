"""Similar exam items by BM25: ours beside rank-bm25 and bare bm25s on the same questions, and the whole step that merges options.

    python benchmarks/merge_options.py [--items 20000,66000] [--data ../shared/data] [--queries 2000] [--slow 200]

Questions are those of click, kt_ai and exams_qa (five languages) as they are, and up to the number asked for others that
are made of halves of two. Every item is asked for its ten most similar; words are between white space, in lower case, and
cutting text into words is in no time. Same neighbours: what two engines find is the same wherever scores differ by more than
a millionth. Times are those of the CPU in this process, so that what else the machine does is in none; all engines run in one
thread, rank-bm25 on `--slow` of the queries. bm25s with numba is measured where numba is installed.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import math
import random
import resource
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

TOP = 10


def real_items(data: Path) -> Iterator[tuple[str, list[str], int]]:
    """(question, options, place of the right one) of the exams that lie here; word problems have made options."""
    for path in sorted((data / "click").rglob("*.json")):
        for row in json.loads(path.read_text("utf-8")):
            if row["answer"] in row["choices"]:
                yield f"{row['paragraph']}\n{row['question']}".strip(), row["choices"], row["choices"].index(row["answer"])
    for line in (data / "kt_ai" / "kor-gsm8k-test.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        right = row["answer"].rpartition("####")[2].strip()
        yield row["kor_question"], [f"{right}개", f"{right}0개", f"{right}5개", f"1{right}개"], 0
    for path in sorted((data / "exams_qa").glob("*.tar.gz")):
        with tarfile.open(path) as packed:
            for member in packed.getmembers():
                file = packed.extractfile(member)
                for line in file.read().decode().splitlines() if file is not None else ():
                    row = json.loads(line)
                    labels = [each["label"] for each in row["question"]["choices"]]
                    if row["answerKey"] in labels:
                        texts = [each["text"] for each in row["question"]["choices"]]
                        yield row["question"]["stem"], texts, labels.index(row["answerKey"])


def items(data: Path, count: int) -> list[tuple[str, list[str], int]]:
    """So many exam items: the real ones, then halves of two questions with the options of the second."""
    real, chance = list(real_items(data))[:count], random.Random(1)
    made = list(real)
    while len(made) < count:
        one, (question, options, gold) = chance.choice(real)[0].split(), chance.choice(real)
        words = question.split()
        made.append((" ".join(one[: len(one) // 2] + words[len(words) // 2 :]), options, gold))
    return made


Neighbours = list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]


def ours(questions: list[list[str]], queries: list[list[str]]) -> tuple[float, float, Neighbours]:
    """(seconds to index, queries a second, the neighbours)."""
    from operators.kernels.bm25 import SCALE, Pool

    started = time.process_time()
    pool = Pool(questions)
    indexed = time.process_time() - started
    started = time.process_time()
    found = list(pool.nearest(queries, TOP))
    speed = len(queries) / (time.process_time() - started)
    return indexed, speed, [(places, scores / SCALE) for places, scores in found]


def bare(backend: str) -> Callable[[list[list[str]], list[list[str]]], tuple[float, float, Neighbours]]:
    """bm25s as it is, of one thread."""

    def run(questions: list[list[str]], queries: list[list[str]]) -> tuple[float, float, Neighbours]:
        import bm25s

        started = time.process_time()
        index = bm25s.BM25(k1=1.5, b=0.75, method="lucene", dtype="float64", backend=backend)
        index.index(questions, show_progress=False)
        indexed = time.process_time() - started
        places = np.arange(len(questions))
        index.retrieve(queries[:8], corpus=places, k=TOP, show_progress=False)  # what is compiled once
        started = time.process_time()
        found, scores = index.retrieve(queries, corpus=places, k=TOP, show_progress=False, n_threads=0)
        speed = len(queries) / (time.process_time() - started)
        return indexed, speed, list(zip(found, scores, strict=True))

    return run


def okapi(questions: list[list[str]], queries: list[list[str]], slow: int) -> tuple[float, float, Neighbours]:
    """rank-bm25 with the same parameters and the same idf, on the first of the queries."""
    from rank_bm25 import BM25Okapi

    class Okapi(BM25Okapi):  # type: ignore[misc]
        def _calc_idf(self, counts: dict[str, int]) -> None:
            self.idf = {word: math.log(1 + (self.corpus_size - df + 0.5) / (df + 0.5)) for word, df in counts.items()}

    started = time.process_time()
    index = Okapi(questions, k1=1.5, b=0.75)
    indexed = time.process_time() - started
    found, asked = [], queries[:slow]
    started = time.process_time()
    for query in asked:
        scores = index.get_scores(query) / 2.5
        top = np.argpartition(scores, -TOP)[-TOP:]
        top = top[np.argsort(-scores[top])]
        found.append((top, scores[top]))
    return indexed, len(asked) / (time.process_time() - started), found


def same(one: Neighbours, other: Neighbours) -> float:
    """The share of queries for which two engines found the same, wherever scores differ."""
    alike = 0
    for (places, scores), (theirs, told) in zip(one, other, strict=False):
        told_positive = told[told > 1e-9]
        count = min(len(scores), len(told_positive))
        if len(told_positive) != len(scores) or np.abs(scores[:count] - told_positive[:count]).max(initial=0) > 1e-5:
            continue
        edge = scores[-1] if len(scores) == TOP else -1.0  # at the edge a tie may be cut anywhere
        mine = {int(at) for at, score in zip(places, scores, strict=True) if score > edge + 1e-6}
        alike += mine <= {int(at) for at in theirs}
    return alike / min(len(one), len(other))


def whole_step(made: list[tuple[str, list[str], int]]) -> tuple[float, dict[str, int], int]:
    """(seconds of the operator itself on all items, its figures, items with a child); no segmenter runs."""
    import pyarrow as pa

    from operators.grow.expand import Parents
    from operators.grow.merge_options import MergeOptions

    ids = np.random.default_rng(1).integers(0, 256, (len(made), 16), dtype=np.uint8)
    ids = ids[np.lexsort(ids.T[::-1])]
    columns = {
        "prompt": pa.array([each[0] for each in made], pa.large_string()),
        "options": pa.array([each[1] for each in made], pa.large_list(pa.large_string())),
        "gold": pa.array([each[2] for each in made]),
        "negation": pa.array(np.zeros(len(made), np.int64)),
        **{name: pa.array(["x"] * len(made)) for name in ("source", "category", "license")},
    }
    labels = (("A", "B", "C", "D", "E"), ("1", "2", "3", "4", "5"), ("①", "②", "③", "④", "⑤"), ("가", "나", "다", "라", "마"))
    started = time.process_time()
    born = MergeOptions().expand(Parents(ids, ids, columns), {"answer_labels": labels, "above_options": None}, 7)
    return time.process_time() - started, dict(born.figures), len(born.parents)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", default="20000,66000")
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--slow", type=int, default=200, help="queries that rank-bm25 is timed on")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parent.parent.parent / "shared" / "data")
    said = parser.parse_args()
    engines = {"rank-bm25": partial(okapi, slow=said.slow), "bm25s numpy": bare("numpy"), "ours": ours}
    if importlib.util.find_spec("numba") is not None:
        engines["bm25s numba"] = bare("numba")
    for count in map(int, said.items.split(",")):
        made = items(said.data, count)
        questions = [question.lower().split() for question, _, _ in made]
        queries = random.Random(2).sample(questions, said.queries)
        words = sum(map(len, questions)) / count
        print(
            f"\n{count:,} items, {words:.1f} words each, {len({word for each in questions for word in each}):,} distinct words\n"
        )
        print("| engine | index CPU s | queries/CPU s | same as rank-bm25 | as ours |\n| --- | --- | --- | --- | --- |")
        told = {}
        for name, run in engines.items():
            gc.collect()
            told[name] = run(questions, queries)
        for name, (indexed, speed, found) in told.items():
            shares = [f"{same(each, found) * 100:.1f} %" if each is not found else "-"
                      for each in (told["rank-bm25"][2], told["ours"][2])]  # fmt: skip
            print(f"| {name} | {indexed:.2f} | {speed:,.{0 if speed > 20 else 1}f} | {shares[0]} | {shares[1]} |")
        seconds, figures, born = whole_step(made)
        print(
            f"\nthe whole step: {seconds:.1f} CPU s, {count / seconds:,.0f} items/s, {born:,} born, {figures['merged']:,} options"
        )
        print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:,.0f} MB; {figures}")


if __name__ == "__main__":
    main()
