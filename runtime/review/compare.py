"""A whole comparison of two recipes: what the edit means, what it rebuilds, which rows it moves, what it obliges to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from compiler.tell.change import Change
from compiler.tell.effects import Effect, compare_stages
from compiler.tell.meaning import compare_meaning
from compiler.tell.obligations import Held, Owed, compare_obligations
from operators.base.bounds import Between
from operators.base.declare import Measure
from operators.base.licence import CLASSES
from runtime.build.fetching import pinned_commits
from runtime.build.session import Session
from runtime.forecast.completions import AskForecast, foresee
from runtime.review.rows import OutputRows, output_rows
from runtime.review.sides import Side
from runtime.sources.probe import absence
from runtime.stages.expected.counts import Counts


@dataclass(frozen=True)
class Cost:
    """What making a stage again takes, by what it took the last time; None is unknown."""

    seconds: float | None
    measured: Mapping[str, int]
    """Dear measure -> texts whose value is not known yet."""
    rows: Between
    asks: AskForecast | None = None
    """What it asks a model for."""


@dataclass(frozen=True)
class Comparison:
    """One recipe, before and after."""

    recipe: str
    """How it is named: a path in the project, or `A -> B`."""
    names: tuple[str | None, str | None]
    """The two texts, as shown; None where there is none."""
    changes: tuple[Change, ...]
    stages: tuple[tuple[Effect, Cost | None], ...]
    outputs: tuple[OutputRows, ...]
    owed: tuple[Owed, ...]
    notes: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether the edit means nothing and moves nothing."""
        return (
            not self.changes and all(effect.state in ("reused", "same") for effect, _ in self.stages) and None not in self.names
        )


def compare(
    recipe: str, before: Side | None, after: Side | None, broken: str | None = None, remarks: tuple[str, ...] = ()
) -> Comparison:
    """Everything about one edit; a side is None where there is no such recipe, or where it is wrong, for the reason `broken`."""
    assert before is not None or after is not None
    notes = (
        *([broken] if broken else []),
        *remarks,
        *dict.fromkeys(note for side in (before, after) if side is not None for note in absent_files(side)),
        *(moved_commits(before.session, after.session) if before is not None and after is not None else ()),
    )
    names = (None if before is None else before.name, None if after is None else after.name)
    if after is None:
        assert before is not None
        change = Change(
            "removed", ("recipe",), f"recipe {before.session.read.recipe.name}", before.session.read.node.find(()), None
        )
        return Comparison(recipe, names, (change,), (), (), (), notes)
    read = after.session.read
    if before is None:
        what = f"recipe {read.recipe.name}" + (" compiles now" if broken else "")
        change = Change("added", ("recipe",), what, None, read.node.find(("recipe",)))
        owed = compare_obligations(None, (read, after.graph, after.session.facts), {})
        output = tuple(output_rows(name, None, after) for name in after.graph.outputs)
        return Comparison(recipe, names, (change,), (), output, owed, notes)
    for side in (before, after):  # what is expected of the outputs fills in the digests on the way
        for index in side.graph.outputs.values():
            side.predictor.expect(index)
    changes = compare_meaning(before.session.read, read, (before.session.facts, after.session.facts))
    languages = (before.session.read.recipe.languages, read.recipe.languages)
    effects = compare_stages(before.predictor.addresses, after.predictor.addresses, changes, languages)
    asks = {each.stage: each for each in foresee(after.predictor)}
    stages = tuple((effect, cost_of(effect, before, after, asks)) for effect in effects)
    outputs = tuple(output_rows(name, before, after) for name in dict.fromkeys([*before.graph.outputs, *after.graph.outputs]))
    held = {each.name: (held_by(each.before), held_by(each.after)) for each in outputs}
    told = [(each.session.read, each.graph, each.session.facts) for each in (before, after)]
    owed = compare_obligations(told[0], told[1], held)
    return Comparison(recipe, names, changes, stages, outputs, owed, notes)


def held_by(counts: Counts | None) -> Held | None:
    """What an output may hold, by what is known of its rows."""
    if counts is None:
        return None
    there = {kind: frozenset(name for name, rows in counts.of(kind).items() if rows.high) for kind in ("license", "source")}
    return Held(frozenset(each for each in CLASSES if each in there["license"]), there["source"])


def absent_files(side: Side) -> Iterator[str]:
    """What is not known because files are not here, and no lock stands in for them."""
    for name, leaf in side.session.facts.leaves.items():
        if leaf.digest is None:
            feed = side.session.read.recipe.sources[name]
            yield f"{feed.node.find(('file',)).label}: {absence(feed.operator)}, so nothing is known of `{name}`"


def moved_commits(before: Session, after: Session) -> Iterator[str]:
    """Locks that pin other commits of the hub than before: only the hub knows whether the recipe's revision has had them."""
    old, new = pinned_commits(before), pinned_commits(after)
    for name, (pattern, commit) in new.items():
        was = old.get(name)
        if was is not None and was != (pattern, commit) and was[0] == pattern:
            moved = f"the lock moves `{name}` from the commit {was[1][:12]} to {commit[:12]} of `{pattern}`"
            yield f"{moved}: a build that fetches it asks the hub whether it is in that history"


def cost_of(effect: Effect, before: Side, after: Side, asks: Mapping[str, AskForecast]) -> Cost | None:
    """What a stage costs that has to run."""
    if effect.state not in ("recomputed", "new") or effect.after is None:
        return None
    expected = after.predictor.expect(effect.after)
    seconds = None
    if effect.before is not None and (key := before.predictor.addresses.key(effect.before)) is not None:
        record = after.predictor.store.find(key)
        seconds = None if record is None else float(record.made["seconds"])
    dear: dict[str, int] = {}
    for node, values in (
        zip(expected.inputs.stage.run, expected.inputs.values, strict=True) if expected.inputs is not None else ()
    ):
        if isinstance(node.operator, Measure) and node.operator.cost == "dear" and values.known is not None:
            dear[node.label] = int((~values.known).sum())
    return Cost(seconds, dear, expected.counts.rows, asks.get(effect.name))
