"""The parts of a page on what was paid and what came of it: completions, trainings, scores, and how all is made again."""

from __future__ import annotations

import math
from collections.abc import Iterator

from runtime.report.draw import curve, whisker
from runtime.report.marks import Part, code, element, escaped, name, number, paragraph, short, table
from runtime.report.paid import mean_of
from runtime.report.report import Report
from runtime.stages.scores import Score


def cost(report: Report) -> Iterator[Part]:
    """Completions and time, by step, as they were recorded when each was made."""
    if report.asked:
        rows = [
            (
                name(each.stage),
                name(each.model),
                each.needed,
                each.known,
                each.new,
                each.refused,
                sum(count for _, count in each.failed),
                number(each.prompt_tokens),
                number(each.completion_tokens),
                f"{each.seconds / 3600:,.3f}",
            )
            for each in report.asked
        ]
        heads = ("step", "model", "needed", "there before", "new", "refused", "failed", "tokens in", "tokens out", "hours")
        yield table("Completions by step", heads, rows)
        failed = [(name(each.stage), reason, count) for each in report.asked for reason, count in each.failed]
        if failed:
            yield table("Why requests have no completion", ("step", "reason", "requests"), failed)
    took = sorted(report.seconds, key=lambda each: (-each[1], each[0]))
    yield table("Seconds that making each stage took", ("stage", "seconds"), [(name(stage), seconds) for stage, seconds in took])


def trainings(report: Report) -> Iterator[Part]:
    """How the loss of each training fell."""
    for each in report.learnt:
        yield element("h3", name(each.name))
        told = f"{each.rows:,} rows, {each.steps:,} steps, {each.tokens:,} tokens, {each.seconds / 3600:,.3f} hours; checkpoint "
        yield paragraph(told, element("code", each.digest[:12]))
        if each.loss:
            (first, begun), (last, ended) = each.loss[0], each.loss[-1]
            title = f"loss of {each.name}: {number(begun)} at step {first:,}, {number(ended)} at step {last:,}"
            low, high = min(loss for _, loss in each.loss), max(loss for _, loss in each.loss)
            ends = element("div", element("span", f"step {first:,}"), element("span", f"step {last:,}"), class_="ends")
            means = f" Each point is the mean of {each.per_point:,} steps." if each.per_point > 1 else ""
            caption = element(
                "figcaption", ends, f"{title}; from {number(low)} at the bottom to {number(high)} at the top.{means}"
            )
            yield element("figure", curve(title, each.loss), caption)


def scores(report: Report) -> Iterator[Part]:
    """Scores with their errors, and what was gained on benchmarks that guided nobody."""
    for title, own in (("Held-in", report.held_in), ("Held-out", report.held_out)):
        if own:
            yield element("h3", title)
            rows = [
                (name(each.benchmark), name(each.model), each.items, each.trials, told(each), each.cut_off, drawn(each))
                for each in own
            ]
            heads = ("benchmark", "model", "items", "trials", "percent right", "cut off", "drawn")
            yield table(f"{title} benchmarks: mean over trials ± its standard error", heads, rows)
    if report.held_in and report.held_out:
        yield element("h3", "Held-in against held-out")
        yield paragraph("Means over benchmarks, in percent. Held-out scores are not for selection.")
        models = list(dict.fromkeys(each.model for each in (*report.held_in, *report.held_out)))
        first, gained = models[0], list[tuple[Part, ...]]()
        for model in models:
            pairs = [(mean_of(own, model), mean_of(own, first)) for own in (report.held_in, report.held_out)]
            gains = ["." if mean is None or base is None else f"{mean - base:+.1f}" for mean, base in pairs]
            means = ["." if mean is None else f"{mean:.1f}" for mean, _ in pairs]
            gained.append((name(model), *means, *gains))
        columns = ("model", "held-in", "held-out", "gain held-in", "gain held-out")
        yield table(f"Gains over {first}", columns, gained)
    if report.lacks:
        yield table(
            "What is not told of", ("target", "why"), [(name(each), escaped(short(why, 400))) for each, why in report.lacks]
        )


def told(score: Score) -> str:
    return score.text() if math.isfinite(score.mean) else "no item has an answer"


def drawn(score: Score) -> Part:
    if not math.isfinite(score.mean):
        return ""
    return whisker(f"{score.model} on {score.benchmark}: {score.text()}", score.mean, score.error)


def rebuild(report: Report) -> Iterator[Part]:
    """By what the dataset is recognised, and how it is made again."""
    locked = report.locked
    yield paragraph("With the recipe, its lock and its sources, in the project's folder:")
    yield element("pre", *(element("code", line, "\n") for line in map(escaped, locked.commands)), tabindex="0")
    rows: list[tuple[Part, ...]] = [
        ("digest", code(report.digest)),
        ("lock (BLAKE3 of its bytes)", "there is none" if locked.lock is None else code(locked.lock)),
        ("state", locked.pinned),
        ("operators", ", ".join(f"{each} {version}" for each, version in locked.operators)),
    ]
    yield table("By what it is recognised", ("what", "value"), rows)
    sources = [(name(source), code(digest), rows) for source, digest, rows in locked.sources]
    yield table("Sources, by the digest of their files", ("source", "digest", "rows"), sources)
