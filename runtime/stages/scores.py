"""Scores: counts of right answers for each model, benchmark and trial, and the table of means that people read."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from blake3 import blake3

from compiler.graph.nodes import Node
from compiler.text.aligned import aligned
from operators.declared.aggregate import Aggregate
from operators.measures.finished import ended
from runtime.store.record import Counts, ScoresRecord
from runtime.store.store import Store
from runtime.tables.table import Table, open_table
from runtime.tables.write import write_based

#: Percent that rounding may take: where intervals touch, the last bits of a root do not decide.
TOUCH = 1e-9


def aggregate_answers(store: Store, node: Node, tables: Sequence[Table]) -> ScoresRecord:
    """The record of an aggregate: a row for each model, benchmark and trial."""
    operator = node.operator
    assert isinstance(operator, Aggregate)
    rows: list[dict[str, Any]] = []
    for (model, benchmark), table in zip(operator.judged, tables, strict=True):
        source = {"source": f"{model} on {benchmark}", "category": "evaluation", "license": node.license}
        rows += [{"model": model, "benchmark": benchmark, **each, **source} for each in counts_by_trial(table)]
    ids = [identity(row["model"], row["benchmark"], row["trial"]) for row in rows]
    items = [identity(row["model"], row["benchmark"]) for row in rows]
    columns = dict(node.columns)
    made = {
        name: pa.array([row[name] for row in rows], pa.int64() if kind == "integer" else pa.string())
        for name, kind in columns.items()
    }
    content = pa.table({name: each if columns[name] == "integer" else each.dictionary_encode() for name, each in made.items()})
    own = {"row_id": as_bytes(ids), "item_id": as_bytes(items)}
    tree, described = write_based(store, [content], own, columns, {})
    answered = sum(table.rows for table in tables)
    counts: Counts = {"in": answered, "born": len(rows), "out": len(rows), "dropped": [["aggregate", answered]]}
    return ScoresRecord(kind="aggregate", **described.body(), rows=len(rows), table=tree, counts=counts, scores=rows)


def identity(*names: Any) -> bytes:
    return blake3(json.dumps(["aggregate", *names]).encode()).digest(16)


def as_bytes(ids: list[bytes]) -> np.ndarray[Any, Any]:
    return np.frombuffer(b"".join(ids), np.uint8).reshape(-1, 16)


def counts_by_trial(table: Table) -> Iterator[dict[str, int]]:
    """Of each trial: items that were asked, those answered right, and those cut off before they ended."""
    trial, correct = (table.frame(name).to_numpy(zero_copy_only=False) for name in ("trial", "correct"))
    finish = table.frame("finish_reason").cast(pa.string()).to_pylist()
    cut_off = np.array([ended(each) is False for each in finish], dtype=bool)
    # An item without a gold answer is judged by nobody, so it counts for nothing.
    has_gold = ~np.isnan(correct.astype(float))
    for number in sorted(set(trial.tolist())):
        own = (trial == number) & has_gold
        counts = {"items": own.sum(), "correct": correct[own].sum(), "cut_off": (own & cut_off).sum()}
        yield {"trial": int(number), **{name: int(count) for name, count in counts.items()}}


@dataclass(frozen=True)
class Score:
    """What one model comes to on one benchmark, over its trials."""

    model: str
    benchmark: str
    trials: int
    items: int
    mean: float
    """The mean over trials of the share of right answers, in percent."""
    error: float | None
    """The standard error of that mean over trials, sd(ddof=1) / sqrt(trials); None of one trial."""
    cut_off: int

    def text(self) -> str:
        """`54.9 ± 1.2`, in percent."""
        return f"{self.mean:.1f}" + (f" ± {self.error:.1f}" if self.error is not None else "")

    def overlaps(self, other: Score) -> bool:
        """Whether the intervals of one standard error overlap or touch (paper table 4): neither is better."""
        return abs(self.mean - other.mean) <= (self.error or 0.0) + (other.error or 0.0) + TOUCH


def scores_of(rows: Sequence[Mapping[str, Any]]) -> list[Score]:
    """The scores of an aggregate's rows, in the order of benchmarks and models."""
    grouped: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        grouped.setdefault((row["benchmark"], row["model"]), []).append(row)
    scores = []
    for (benchmark, model), trials in grouped.items():
        shares = [100 * row["correct"] / row["items"] for row in trials if row["items"]]
        mean = math.fsum(shares) / len(shares) if shares else math.nan
        spread = math.fsum((each - mean) ** 2 for each in shares)
        error = math.sqrt(spread / (len(shares) - 1) / len(shares)) if len(shares) > 1 else None
        cut_off = sum(row["cut_off"] for row in trials)
        scores.append(Score(model, benchmark, len(trials), trials[0]["items"], mean, error, cut_off))
    return scores


def scores_text(scores: Sequence[Score], again: Mapping[str, int] | None = None) -> str:
    """The table that people read: benchmarks down, models across; the best of a line and its ties are marked."""
    models = list(dict.fromkeys(score.model for score in scores))
    rows = [["benchmark", "items", "trials", *models]]
    for benchmark in dict.fromkeys(score.benchmark for score in scores):
        own = {score.model: score for score in scores if score.benchmark == benchmark}
        best = max(own.values(), key=lambda score: score.mean)
        first = next(iter(own.values()))
        means = [
            (own[model].text() + (" *" if own[model].overlaps(best) and len(own) > 1 else "")) if model in own else "."
            for model in models
        ]
        times = f" (looked at {again[benchmark]} times)" if again and again.get(benchmark, 1) > 1 else ""
        rows.append([benchmark + times, f"{first.items:,}", str(first.trials), *means])
    foot = "percent right: mean over trials ± standard error of that mean (sd with ddof=1 over the root of the trials)"
    return "\n".join([*aligned(rows), foot + ("; * best, or within one standard error of it" if len(models) > 1 else "")])


def scores_at(store: Store, tree: Any) -> list[dict[str, Any]]:
    """The rows of an aggregate as they were recorded."""
    table = open_table(store, tree)
    names = ("model", "benchmark", "trial", "items", "correct", "cut_off")
    return [dict(zip(names, row, strict=True)) for row in zip(*(table.frame(name).to_pylist() for name in names), strict=True)]
