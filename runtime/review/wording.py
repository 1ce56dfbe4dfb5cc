"""The sentences of a comparison, which the terminal and the pull request share."""

from __future__ import annotations

from collections.abc import Iterator

from operators.base.bounds import MANY, Between, exactly
from operators.base.licence import RESTRICTED, withheld
from runtime.forecast.completions import AskForecast
from runtime.review.compare import Comparison, Cost
from runtime.review.rows import Example, OutputRows
from runtime.review.shifts import POINTS, Shift
from runtime.stages.expected.counts import KINDS, Counts

TITLES = {"source": "source", "category": "category", "license": "licence"}
SIGNS = {"added": "+", "removed": "-", "changed": "~", "moved": "~"}
RUNS = ("recomputed", "new")


def amount(rows: Between | None) -> str:
    """A number of rows, or what is known of it."""
    if rows is None:
        return "."
    if rows.exact:
        return f"{rows.low:,}"
    return f"{rows.low:,} or more" if rows.high >= MANY else f"{rows.low:,} to {rows.high:,}"


def change_of(before: Between, after: Between) -> str:
    """`+3`, `-4`, `.`, or the least and the most that a number changes by."""
    low, high = after.low - before.high, after.high - before.low
    if low == high:
        return f"{low:+,}" if low else "."
    return "unknown" if max(before.high, after.high) >= MANY else f"{low:+,} to {high:+,}"


def headline(output: OutputRows) -> str:
    """`dataset: 100 -> 96 rows (exact), 0 enter, 4 leave`; where its build stops, that comes before."""
    reasons = list(stop_reasons(output))
    sure, perhaps = ([line for line in reasons if line.startswith(STOPS) is stopping] for stopping in (True, False))
    reasons = [*sure, f"without that {result(output)}" if sure else result(output), *perhaps]
    return f"{output.name}: {'; '.join(reasons)}"


def result(output: OutputRows) -> str:
    """What becomes of the rows of an output that is built."""
    if output.unchanged:
        cells = "" if output.same else ", in other columns or cells" if output.columns else ", as far as is known"
        return f"the same {amount(output.after.rows if output.after else None)} rows{cells}"
    old, new = (None if counts is None else counts.rows for counts in (output.before, output.after))
    if old is None:
        return f"new, {amount(new)} rows"
    if new is None:
        return f"gone, it had {amount(old)} rows"
    certainty = "exact" if output.exact else "not all values are known"
    return f"{amount(old)} -> {amount(new)} rows ({certainty}), {amount(output.enter)} enter, {amount(output.leave)} leave"


def summary(comparison: Comparison) -> str:
    """The whole comparison in one line."""
    if comparison.names[0] is None:
        parts = ["a new recipe"]
    elif comparison.names[1] is None:
        return "the recipe is gone"
    elif comparison.empty:
        return "no change of meaning"
    else:
        parts = [plural(len(comparison.changes), "change")]
        runs = sum(effect.state in RUNS for effect, _ in comparison.stages)
        parts.append(f"{runs} of {plural(len([e for e, _ in comparison.stages if e.state != 'gone']), 'stage')} to run")
    parts += [headline(output) for output in comparison.outputs]
    new = sum(owed.state == "new" for owed in comparison.owed)
    return "; ".join(parts + ([plural(new, "new obligation")] if new else []))


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}{'s' * (count != 1)}"


def group_rows(output: OutputRows) -> Iterator[tuple[str, str, str, str]]:
    """(group, before, after, change) of the groups that change; all rows first."""
    old, new = output.before, output.after
    if old is None or new is None:
        return
    yield "all rows", amount(old.rows), amount(new.rows), change_of(old.rows, new.rows)
    for kind in KINDS:
        for name in dict.fromkeys([*old.of(kind), *new.of(kind)]):
            pair = group_of(old, kind, name), group_of(new, kind, name)
            if pair[0] != pair[1]:
                yield f"{TITLES[kind]} {name}", amount(pair[0]), amount(pair[1]), change_of(*pair)


def group_of(counts: Counts, kind: str, name: str) -> Between:
    return counts.of(kind).get(name, exactly(0))


STOPS = "the build stops"


def stop_reasons(output: OutputRows) -> Iterator[str]:
    """Why the build stops, or might."""
    for source in output.unreadable:
        yield f"{STOPS}: a file of the source `{source}` cannot be read"
    for begin, sure in ((STOPS, True), ("the build may stop", False)):
        short = [(group, wanted, had) for group, (wanted, had) in output.short.items() if (had.high < wanted) is sure]
        lacks = ", ".join(f"`{group}` has {amount(had)} of the {wanted:,}" for group, wanted, had in short)
        if lacks:
            yield f"{begin}: {lacks} that the mixture takes"
    for source, (went, came) in output.wiped.items():
        yield f"{STOPS}: {went:,} of the {came:,} rows of `{source}` would go, and fewer may"
    for table in output.twice:
        begin = STOPS if output.exact else "the build may stop"
        yield f"{begin}: two of the tables that `{table}` is made from hold the same rows"


def completions_text(asks: AskForecast) -> str:
    """How many completions a stage asks for that are not here, and what they take by what earlier ones took."""
    forecast = asks.forecast
    new = f"{forecast.new:,} new completions" if asks.exact else f"{amount(asks.needed)} completions, some perhaps in the store"
    tokens = "" if not forecast.new else ", tokens unknown" if forecast.tokens is None else f", about {forecast.tokens:,} tokens"
    return new + tokens + (f", cost {forecast.cost:,.2f}" if forecast.cost else "")


def cost_text(cost: Cost) -> str:
    """What a stage takes: rows, seconds as it took last time, texts to measure."""
    parts = [f"{amount(cost.rows)} rows"]
    parts.append("time unknown" if cost.seconds is None else f"{cost.seconds:.2f} s last time")
    parts += [] if cost.asks is None else [completions_text(cost.asks)]
    parts += [f"{texts:,} texts to measure ({name})" for name, texts in cost.measured.items()]
    return ", ".join(parts)


def plan_rows(comparison: Comparison) -> tuple[list[list[str]], int]:
    """([state, name, cause, line that brings it, cost] of each stage that is not reused; how many are reused)."""
    rows: list[list[str]] = []
    for effect, each in comparison.stages:
        if effect.state in (*RUNS, "gone"):
            line = effect.changes[0].place if effect.changes else None
            took = cost_text(each) if each is not None else ""
            rows.append([effect.state, effect.name, effect.cause, line.label if line is not None else "", took])
    return rows, sum(effect.state == "reused" for effect, _ in comparison.stages)


def shift_text(each: Shift) -> str:
    """`length at 10 %, 50 %, 90 %: 31, 52, 80 -> 40, 55, 81`."""
    points = ", ".join(f"{point} %" for point in POINTS)
    before, after = (", ".join(f"{value:g}" for value in values) for values in (each.before, each.after))
    return f"{each.measure} at {points} of the rows: {before} -> {after}"


def decision_text(example: Example, entering: bool) -> str:
    """What decides over an example row: why it was not there before, or is not there any more."""
    fate, when = example.fate, "before" if entering else "now"
    if fate is None:
        return f"{example.source}"
    if fate.step == "source":
        return f"{example.source}: {fate.measured} {when}"
    value = f"{fate.measured}, wanted {fate.wanted}" if fate.wanted else fate.measured
    step = fate.stage if fate.stage.rpartition("/")[2] == fate.step else f"{fate.stage.partition('/')[0]}/{fate.step}"
    return f"{example.source}: left out {when}, by {step}: {value}".rstrip(": ")


def example_text(example: Example, open_text: bool, width: int = 80) -> str:
    """The text of an example row on one line, or why it is not shown."""
    if example.license in RESTRICTED and not open_text:
        return withheld(example.license)
    if example.text is None:
        return "(its text is not here)"
    line = " ".join(example.text.split())
    return line if len(line) <= width else line[:width] + "..."
