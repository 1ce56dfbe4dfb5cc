"""Gathering a report: from the recorded results of a dataset, and of the trainings and evaluations that are built."""

from __future__ import annotations

from dataclasses import replace

from compiler.graph.nodes import Graph, stage_name
from compiler.graph.stages import SourceStage
from compiler.recipe.evaluating import HELD_IN, HELD_OUT
from compiler.recipe.training import TRAIN
from compiler.tell.obligations import obligations
from compiler.text.diagnostics import RecipeError
from operators.kernels.text import ranges_of
from runtime.build.built import Built, take_recorded
from runtime.build.funnel import funnel_of_build
from runtime.build.session import Session
from runtime.export.built_output import BuiltOutput, open_output
from runtime.report.composed import kinds_of, licences_of, mixed_in, scripts_of
from runtime.report.measured import Ranges, measured_in
from runtime.report.paid import asked_in, learnt_in, scored_at
from runtime.report.report import Locked, Report
from runtime.stages.scores import Score
from runtime.store.record import OutputRecord
from runtime.store.store import Store, StoreError

Sides = dict[str, tuple[Graph, Built]]


def gather_report(session: Session, what: str | None, open_text: bool) -> Report:
    """The report on a table of a recipe, its dataset unless named. Raises StoreError where it is not built, and RecipeError."""
    with open_output(replace(session), what, as_locked=False) as output:
        if not isinstance(output.record, OutputRecord):
            raise StoreError(f"`{output.what}` is no table", "a report is on a table, and tells of the checkpoints made of it")
        return report_on(output, open_text)


def report_on(output: BuiltOutput, open_text: bool) -> Report:
    """The report on an output that is built."""
    session, store, graph, built = output.session, output.store, output.graph, output.built
    recipe, record = output.recipe, output.record
    scripts = scripts_by_code(session)
    found, lacks = other_targets(session, store)
    asked = {each.stage: each for each in asked_in(store, graph, built)}
    learnt, scores, seconds = [], dict[str, tuple[Score, ...]](), seconds_of(graph, built)
    for name, (its_graph, its_built) in found.items():
        asked |= {each.stage: each for each in asked_in(store, its_graph, its_built)}
        seconds |= seconds_of(its_graph, its_built)
        if name.startswith(TRAIN):
            learnt += [each for each in learnt_in(store, its_graph, its_built) if each.name == name]
        else:
            scores[name] = scored_at(store, its_graph, its_built, name)
    funnel = funnel_of_build(graph, built)
    quarantined: dict[str, int] = next((each["quarantined"] for each in funnel if each["table"] == "sources"), {})
    addresses = session.addresses(store)
    owed = dict.fromkeys((kind, message) for kind, message, _ in obligations(session.read, graph, session.facts))
    return Report(
        recipe.name,
        recipe.description,
        output.what,
        record.digest,
        record.rows,
        tuple((name, column["type"]) for name, column in record.columns.items()),
        tuple(sorted(recipe.languages.items(), key=lambda each: (each[0] != "target", each))),
        tuple(kinds_of(store, graph, built, record)),
        tuple(table for table in funnel if table["table"] != "sources"),
        tuple(sorted(quarantined.items())),
        tuple(measured_in(store, graph, addresses, scripts, open_text)),
        tuple(mixed_in(store, graph, built)),
        tuple(scripts_of(store, record, *(scripts.get(recipe.languages.get(role, "")) for role in ("target", "anchor")))),
        tuple(licences_of(store, record).items()),
        tuple(owed),
        tuple(output.writers()),
        tuple(seconds.items()),
        tuple(asked.values()),
        tuple(learnt),
        scores.get(HELD_IN, ()),
        scores.get(HELD_OUT, ()),
        tuple(lacks),
        locked(output),
    )


def scripts_by_code(session: Session) -> dict[str, Ranges]:
    """Language -> its scripts, the target first."""
    found, profiles = dict[str, Ranges](), session.read.profiles
    for _, code in sorted(session.read.recipe.languages.items(), key=lambda each: (each[0] != "target", each)):
        profile = profiles.get(code)
        if profile is not None and profile.scripts:
            found[code] = ranges_of({name: [str(each) for each in ranges] for name, ranges in profile.scripts.items()})
    return found


def other_targets(session: Session, store: Store) -> tuple[Sides, list[tuple[str, str]]]:
    """(checkpoints and evaluations that are built, why the others are not told of)."""
    found, lacks = Sides(), []
    recipe = session.read.recipe
    for name in (each for each in recipe.targets() if each not in recipe.tables):
        side = replace(session, targets=(name,))
        try:
            graph = side.graph
        except RecipeError as error:
            lacks.append((name, error.diagnostics[0].message))
            continue
        built = take_recorded(store, graph, side.addresses(store))
        if built is None:
            lacks.append((name, "it is not built as the recipe is now"))
        else:
            found[name] = graph, built
    return found, lacks


def seconds_of(graph: Graph, built: Built) -> dict[str, float]:
    """Stage -> what making it took, on whatever made it."""
    return {stage_name(graph, at): round(float(record.made.get("seconds", 0.0)), 3) for at, record in built.records.items()}


def locked(output: BuiltOutput) -> Locked:
    """How an output is recognised and made again."""
    lock = output.session.lock
    pin = None if lock is None else lock.outputs.get(output.what)
    pinned = "there is no lock" if lock is None else "the lock pins no such output" if pin is None else "as locked"
    if pin is not None and pin.digest != output.record.digest:
        pinned = f"the lock pins {pin.digest[:12]}"
    sources = []
    for stage in output.stages(SourceStage):
        leaf = output.session.facts.leaves.get(stage.node.label)
        digest = leaf.digest if leaf is not None and leaf.digest is not None else ""
        sources.append((stage.node.label, digest, output.built.records[stage.index].rows))
    return Locked(output.lock, pinned, tuple(output.commands()), tuple(output.operators()), tuple(sorted(sources)))
