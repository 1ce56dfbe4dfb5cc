"""The scores of an ablation: its variants side by side, with their errors, ties, and differences on the same items."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compiler.graph.stages import AggregateStage, of_kind
from compiler.recipe.ablations import PlacedAblation, VariantName
from compiler.text.aligned import aligned
from runtime.build.session import Session
from runtime.stages.paired import RESAMPLES, Answered, Paired, answered, compare_pairs, counts_of, items_of
from runtime.stages.scores import Score, scores_of
from runtime.store.store import Store
from runtime.tables.table import open_table

FOOT = "mean over trials ± its standard error (sd with ddof=1 over the root of the trials); * best, or within one of those of it"


@dataclass(frozen=True)
class ComparedLine:
    """One model on one benchmark, in every variant that judges it."""

    benchmark: str
    model: str
    scores: Mapping[str, Score]
    pairs: Mapping[str, Paired]
    """Variant -> it less the first variant; none where items are not matched."""


@dataclass(frozen=True)
class Compared:
    """The table of an ablation."""

    ablation: PlacedAblation
    lines: tuple[ComparedLine, ...]

    def text(self) -> list[str]:
        """The table that people read."""
        names = [*self.ablation.variants]
        if not self.lines:
            return [f"ablation {self.ablation.name}: no item was judged by every variant, so nothing is compared"]
        rows = [["benchmark", "model", "items", "trials", *names]]
        differences = [["benchmark", "model", *names[1:]]]
        for line in self.lines:
            best = max(line.scores.values(), key=lambda score: score.mean)
            first = next(iter(line.scores.values()))
            tied = {name for name, score in line.scores.items() if score.overlaps(best) and len(line.scores) > 1}
            cells = [f"{line.scores[name].text()}{' *' * (name in tied)}" if name in line.scores else "." for name in names]
            rows.append([line.benchmark, line.model, f"{first.items:,}", str(first.trials), *cells])
            pairs = [line.pairs[name].text() if name in line.pairs else "." for name in names[1:]]
            differences.append([line.benchmark, line.model, *pairs])
        matched = " on the items that every variant was judged by" if self.ablation.match else ""
        lines = [f"ablation {self.ablation.name}: percent right{matched}", *aligned(rows), FOOT]
        if any(line.pairs for line in self.lines):
            how = f"difference [95 %] and p by {RESAMPLES:,} resamples of the items"
            lines += [f"less `{names[0]}` on the same items: {how}", *aligned(differences)]
        return lines

    def data(self) -> list[dict[str, Any]]:
        """The same for programs."""
        return [
            {
                "benchmark": line.benchmark,
                "model": line.model,
                "scores": {name: vars(score) for name, score in line.scores.items()},
                "less_first": {name: vars(pair) for name, pair in line.pairs.items()},
            }
            for line in self.lines
        ]


def compare_variants(ablation: PlacedAblation, opened: Mapping[VariantName, Session], store: Store) -> Compared:
    """The scores of variants whose evaluations are built."""
    answers = {chosen.variant: answers_in(session, store) for chosen, session in opened.items()}
    seed = next(iter(opened.values())).read.recipe.seed
    lines = []
    for benchmark, model in dict.fromkeys((pair[1], pair[0]) for each in answers.values() for pair in each):
        given = {name: each[model, benchmark] for name, each in answers.items() if (model, benchmark) in each}
        items = {name: items_of(each) for name, each in given.items()}
        if ablation.match:
            items = dict.fromkeys(items, set.intersection(*items.values()))
        counted = {name: counts_of(each, items[name]) for name, each in given.items()}
        scores = {name: score for name, rows in counted.items() for score in score_of(model, benchmark, rows)}
        first, pairs = next(iter(opened)).variant, {}
        if ablation.match and first in scores:
            for name in list(scores)[1:]:
                named = (seed, ablation.name, benchmark, model)  # equal draws for all variants: their differences compare
                pairs[name] = compare_pairs(given[name], given[first], items[name], *named)
        if scores:
            lines.append(ComparedLine(benchmark, model, scores, pairs))
    return Compared(ablation, tuple(lines))


def score_of(model: str, benchmark: str, rows: list[dict[str, int]]) -> list[Score]:
    """The score of some trials; none of no items."""
    found = scores_of([{"model": model, "benchmark": benchmark, **row} for row in rows])
    return [score for score in found if not math.isnan(score.mean)]


def answers_in(session: Session, store: Store) -> dict[tuple[str, str], Answered]:
    """(model, benchmark) -> its answers, as a build left them in the store."""
    addresses, found = session.addresses(store), {}
    for stage in of_kind(AggregateStage, session.graph):
        for pair, index in zip(stage.operator.judged, stage.answers, strict=True):
            record = store.find(addresses.key(index))
            assert record is not None, "its aggregate was built"
            found[pair] = answered(open_table(store, record.table))
    return found
