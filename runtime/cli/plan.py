"""`recipe plan` and `recipe explain`: what would run, and what it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from compiler.graph.plan import Planned, make_plan
from compiler.lower.contamination import complain_unobtained
from compiler.recipe.triage import undecided, undecided_line
from compiler.text.diagnostics import Diagnostic, RecipeError, meant, printed
from operators.base.licence import RESTRICTED, withheld
from runtime.build.fetching import pinned_commits
from runtime.build.room import bound_of, disk_of, misfits, sizes_of
from runtime.build.session import Session
from runtime.cli.options import (
    Size,
    answer,
    recipe_command,
    restricted_option,
    row_prefix,
    say,
    say_json,
    say_text,
    shows_restricted,
)
from runtime.completions.assumed import NAMES, Assumed, read_assumed
from runtime.sources.probe import absence
from runtime.store.store import StoreError

if TYPE_CHECKING:
    from runtime.forecast.completions import AskForecast
    from runtime.forecast.trainings import TrainForecast
    from runtime.forecast.unproven import Unproven

    Forecasts = tuple[list[AskForecast], list[TrainForecast], list[Unproven]]

ASSUME = f"What history does not tell, or is to be told otherwise: {', '.join(NAMES)}."
NONE: Forecasts = ([], [], [])


def assumed(context: click.Context, option: click.Parameter, settings: tuple[str, ...]) -> Assumed:
    """What --assume says. Raises BadParameter that names what can be assumed."""
    try:
        return read_assumed(settings)
    except ValueError as error:
        raise click.BadParameter(str(error), context, option) from None


@recipe_command("plan", builds=True)
@click.option("--assume", "given", multiple=True, metavar="NAME=VALUE", callback=assumed, help=ASSUME)
@click.option("--memory", type=Size(), help="What the build may take, like 2GB; half of the machine unless said.")
@restricted_option
def plan_command(session: Session, given: Assumed, memory: int | None, show_restricted: bool, as_json: bool) -> None:
    """The stages of RECIPE that would run or be reused, each with its key (or `pending`) and its cause.

    Of a stage that asks a model: how many completions it needs, how many of them are in the store, what the others cost
    as far as earlier ones tell, and the first request in full. Of a training: its rows, tokens and hours, as far as earlier
    ones tell. What nothing tells is `unknown`, unless --assume says it; what is not known of a model here, and
    overlap that cannot be looked for because a benchmark's files are not here, is `not proven`. Where it is much, what a
    build writes to the disk at most, beside what is free there. And what of its sources does not fit into memory.
    """
    session.foretold, session.memory = True, memory
    stages = plan_of(session)
    unobtained = complain_unobtained(session.graph, session.read.recipe)
    running = [stage for stage in stages if stage.state != "reuse"]
    asks, trainings, notes = (
        forecasts(session, given, [each.stage.index for each in running]) if session.models and running else NONE
    )
    absent = {name: leaf.origin for name, leaf in sorted(session.facts.leaves.items()) if leaf.origin != "files"}
    width = max((len(each.stage.name) for each in stages), default=0)
    lines = [f"{each.state:<7}  {each.stage.name:<{width}}  {(each.key or 'pending')[:12]:<12}  {each.cause}" for each in stages]
    lines.append(f"{len(running)} to run, {len(stages) - len(running)} reused")
    for ask in asks:
        lines += [ask.line(), *first_request(ask, shows_restricted(show_restricted, as_json))]
    lines += [training.line() for training in trainings]
    lacks = dict.fromkeys(name for group in (asks, trainings) for each in group for name in each.lacks)
    if lacks:
        lines.append("what is unknown can be assumed: " + " ".join(f"--assume {name}=N" for name in lacks))
    lines += [note.line() for note in notes]
    for lack in unobtained:
        lines += [f"not proven: {lack.message}", f"  {lack.hint}"]
    disk = disk_of(session, session.open_store(), [each.stage.index for each in running])
    lines += [] if disk is None else [disk.line()]
    large = [f"{misfit}: {misfit.hint}" for misfit in misfits_of(session)] if running else []
    lines += [f"memory: {each}" for each in large]
    for name, origin in absent.items():
        lock = ": the lock's digest stands in for them" if origin == "lock" else ", and no lock has them"
        lines.append(f"the files of `{name}` are not here{lock}")
        feed = session.read.recipe.sources[name]
        lines += [f"  {feed.node.find(('file',)).label}: {absence(feed.operator)}"] if origin == "absent" else []
    commits = pinned_commits(session)
    lines += [f"the lock pins `{name}` to the commit {commit[:12]} of `{place}`" for name, (place, commit) in commits.items()]
    recipe = session.read.recipe
    lines += undecided_line(recipe.triage, recipe.sources)
    owed = obligations_by_row(session)
    lines += [f"{kind}: {message}" for kind, message in owed]
    value = {
        "recipe": session.read.recipe.name,
        "stages": [each.data() for each in stages],
        "asks": [{"stage": each.stage, **each.data()} for each in asks],
        "trains": [each.data() for each in trainings],
        "models": [vars(each) for each in notes],
        "benchmarks": [each.message for each in unobtained],
        "absent_files": absent,
        "commits": {name: commit for name, (_, commit) in commits.items()},
        "undecided_sites": undecided(recipe.triage, recipe.sources),
        "obligations": [message for _, message in owed],
        "disk": None if disk is None else disk.data(),
        "memory": large,
    }
    answer(as_json, value, lines)


def misfits_of(session: Session) -> list[StoreError]:
    """What is said of sources that do not fit into the bound of memory."""
    from runtime.store.bound import machine_memory

    return [*misfits(session, session.open_store(), bound_of(session.memory).within(machine_memory()), sizes_of(session))]


def obligations_by_row(session: Session) -> list[tuple[str, str]]:
    """(kind, what follows) of sources whose rows say their licence: by the locked counts of each class, where there are any."""
    sources = {name: feed for name, feed in session.read.recipe.sources.items() if "license" in feed.operator.labels()}
    if not sources:
        return []
    from compiler.graph.keys import locked_classes
    from compiler.graph.stages import SourceStage, of_kind
    from compiler.tell.obligations import obligations

    spans = {feed.span(("license",)) for feed in sources.values()}
    owed = [(kind, message) for kind, message, span in obligations(session.read, session.graph, session.facts) if span in spans]
    graph, facts = session.graph, session.facts
    counted = {stage.node.label for stage in of_kind(SourceStage, graph) if locked_classes(graph, stage.index, facts)}
    uncounted = [name for name in sources if name not in counted]
    return owed + [("not proven", f"no lock says how many rows of `{name}` are of which licence class") for name in uncounted]


def forecasts(session: Session, given: Assumed, running: list[int]) -> Forecasts:
    """(what would be asked of models, what would be trained, what of the models is not known); loaded for recipes with models."""
    from runtime.forecast.completions import foresee
    from runtime.forecast.predictor import Predictor
    from runtime.forecast.trainings import foresee as foresee_trainings
    from runtime.forecast.unproven import unproven, wants_of

    predictor = Predictor(session)
    notes = unproven(session.read.recipe, wants_of(session.read.recipe, session.graph, running))
    return foresee(predictor, given), list(foresee_trainings(predictor, given)), notes


def first_request(ask: AskForecast, open_text: bool) -> Iterator[str]:
    """The first request of a stage, in full."""
    if ask.first is None or not ask.forecast.new:
        return
    sampling = ", ".join(f"{name} {value}" for name, value in (ask.sampling or {}).items())
    yield f"the first request of {ask.stage} ({sampling}):"
    for role, *parts in ask.first:
        open_here = open_text or ask.license not in RESTRICTED or role in ask.told
        shown = "\n".join(parts).strip("\n") if open_here else withheld(ask.license)
        yield from (f"  {role if at == 0 else '':<9}{line}" for at, line in enumerate(shown.splitlines() or [""]))


def plan_of(session: Session) -> tuple[Planned, ...]:
    """The plan against the store as it is; nothing is written."""
    store = session.open_store()
    last = store.last_build(session.read.recipe.name)
    return make_plan(session.addresses(store), last.snapshots)


@recipe_command("explain", builds=True)
@click.argument("node", required=False)
@click.option("--row", metavar="ROW", help="With `cot` or `train.NAME`: the row whose id begins so.")
@restricted_option
def explain_command(session: Session, node: str | None, row: str | None, show_restricted: bool, as_json: bool) -> None:
    """The lowered SQL or kernel of each stage of RECIPE, or of the stage NODE.

    NODE `cot` tells what follows from the type of a trace, on one row: system prompt, parse, filters, mask and answer.
    NODE `train.NAME` with --row prints that row as it is trained on, token by token; what is masked is dimmed.
    """
    open_text = shows_restricted(show_restricted, as_json)
    if node == "cot":
        from runtime.life.cot_row import explain_cot

        lines = list(explain_cot(session, None if row is None else row_prefix(row), open_text))
        say_json({"cot": lines}) if as_json else say_text("\n".join(lines))
        return
    if node is not None and node.startswith("train.") and row is not None:
        from runtime.life.shown import explain_row

        lines = list(explain_row(session, node, row_prefix(row), open_text))
        if as_json:
            say_json({node: lines})
        for line in lines if not as_json else ():
            click.secho(printed(line), dim=line.startswith("- "))  # on a terminal, and nowhere else
        return
    if row is not None:
        raise click.UsageError("--row goes with `cot` and with `train.NAME`")
    from runtime.stages.table import kinds

    if node is not None and node in session.read.recipe.targets():
        session = replace(session, targets=(node,))
    stages = {kind.stage.name: kind for kind in kinds(session.graph)}
    chosen = {name: kind for name, kind in stages.items() if node in (None, name, kind.stage.node.label)}
    if not chosen and node is not None:
        hint = meant(node, stages, "stages: " + ", ".join(stages))
        raise RecipeError(Diagnostic(f"there is no stage `{node}`", None, hint))
    if as_json:
        say_json({name: "\n".join(kind.lines()) for name, kind in chosen.items()})
        return
    for name, kind in chosen.items():
        say(*kind.lines(), *([] if name == list(chosen)[-1] else [""]))
