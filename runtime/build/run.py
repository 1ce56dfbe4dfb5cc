"""A whole build of a recipe: what the store lacks is run, outputs are shown under their names; what came of it is a value."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.graph.nodes import stage_name
from compiler.graph.stages import SourceStage, of_kind
from compiler.lower.contamination import complain_unobtained
from compiler.recipe.evaluating import HELD_IN, HELD_OUT
from compiler.recipe.triage import undecided_line
from compiler.text.diagnostics import RecipeError
from operators.base.licence import RESTRICTED
from runtime.build.built import Built, publish, remember, take_recorded
from runtime.build.drift import drifted_leaves, drifted_outputs, drifted_stages, otherwise_keyed, refuse
from runtime.build.fetching import fetch_missing, remote_sources
from runtime.build.funnel import birth_lines, funnel_of_build
from runtime.build.looks import Looks
from runtime.build.progress import Progress
from runtime.build.room import bound_of
from runtime.build.session import Session
from runtime.sources.probe import complain_absent
from runtime.stages.table import kind_at
from runtime.store.bound import show_size
from runtime.store.names import NamedOutput
from runtime.store.record import Counts, SourceRecord
from runtime.store.store import Store, StoreError

if TYPE_CHECKING:
    from runtime.completions.fill import Filled


@dataclass(frozen=True)
class Wishes:
    """How a build is to go."""

    accepted: frozenset[str] | None = None
    """The names of what may differ from the lock; None where the lock is not asked."""
    remake: frozenset[str] = frozenset()
    """Stages that may come out otherwise than the lock pins them."""
    again: bool = False
    """Whether held-out benchmarks may be looked at once more."""
    allow_empty: bool = False
    """Whether an output without a row is named like others."""
    retry_refused: bool = False
    """Whether what a server refused before is asked for again."""
    quiet: bool = False


@dataclass(frozen=True)
class OutputOutcome:
    """An output of a build."""

    name: str
    """Its name for people: that of the recipe, and its own where there are several."""
    output: str
    digest: str
    key: str
    rows: int
    path: str | None
    """The folder where it is found; None where nothing is named."""


@dataclass(frozen=True)
class StageOutcome:
    """A stage of a build."""

    name: str
    ran: bool
    """Whether it was made now."""
    rows: int
    key: str
    digest: str
    seconds: float
    counts: Counts


@dataclass(frozen=True)
class Outcome:
    """What came of a build."""

    recipe: str
    outputs: tuple[OutputOutcome, ...]
    empty: tuple[str, ...]
    """The outputs without a row, for which nothing is named."""
    stages: tuple[StageOutcome, ...]
    funnel: list[dict[str, Any]]
    scores: dict[str, Any]
    notes: tuple[str, ...]
    filled: dict[str, Filled]
    """Stage that asked a model -> what it asked for."""
    next: str
    """What a person does next."""

    def data(self) -> dict[str, Any]:
        """The same as plain data, for programs."""
        return {
            "recipe": self.recipe,
            "outputs": [asdict(each) for each in self.outputs],
            "empty": list(self.empty),
            "ran": [each.name for each in self.stages if each.ran],
            "reused": [each.name for each in self.stages if not each.ran],
            "stages": [asdict(each) for each in self.stages],
            "funnel": self.funnel,
            "scores": self.scores,
            "notes": list(self.notes),
            "asked": {stage: filled.data() for stage, filled in self.filled.items()},
            "next": self.next,
        }


def run_build(session: Session, wishes: Wishes = Wishes()) -> Outcome:
    """Build and publish. Raises RecipeError, StoreError, and what a stage raises.

    Where an output has no row nothing is published unless it may be empty.
    """
    graph, read = session.graph, session.read
    stages = {stage_name(graph, index) for index, node in graph if node.cut}
    if wishes.remake - stages:
        raise StoreError(f"there is no stage `{min(wishes.remake - stages)}` to make anew", "`recipe plan` lists them")
    if wishes.accepted is not None:
        refuse(session, list(drifted_leaves(session)), wishes.accepted)
    if unobtained := complain_unobtained(graph, read.recipe):
        raise RecipeError(tuple(unobtained))
    store = session.open_store()
    fetched = fetch_missing(session, wishes.quiet, store) if remote_sources(session) else []
    complain_absent(read, session.facts, graph := session.graph, partly=bool(session.targets))
    store.bound = bound_of(session.memory)
    looks = Looks(session, store, wishes.again)
    with store.building(), Progress(wishes.quiet) as progress:
        store.sweep()
        built = reuse_or_build(session, store, looks, progress, wishes)
        # What is made from something that was accepted may differ with it.
        if wishes.accepted is not None and not wishes.accepted & {each.name for each in drifted_leaves(session)}:
            refuse(session, [*drifted_outputs(session, built), *drifted_stages(session, built)], wishes.accepted)
        bare = [name for name, index in graph.outputs.items() if not built.records[index].rows]
        empty = () if session.items is not None or wishes.allow_empty else tuple(bare)
        published = session.items is None and not empty
        outputs = []
        for name, index in graph.outputs.items():
            path = None
            if published:
                with store.gate():
                    path = publish(store, read.recipe.name, name, built.records[index])
            outputs.append(output_of(session, name, built, path))
        if published:
            named: dict[str, NamedOutput] = {
                each.output: {"digest": each.digest, "rows": each.rows, "key": each.key} for each in outputs
            }
            remember(store, session, built, named)
    return Outcome(
        read.recipe.name,
        tuple(outputs),
        empty,
        tuple(stages_of(session, built)),
        funnel_of_build(graph, built),
        scores_in(session, store, built, looks),
        (*fetched, *notes_of(session, store, built, wishes)),
        built.filled,
        next_command(session, outputs),
    )


def reuse_or_build(session: Session, store: Store, looks: Looks, progress: Progress, wishes: Wishes) -> Built:
    """Every stage, from the store where it has them all; a build of nothing loads no engine."""
    graph = session.graph
    built = None if wishes.retry_refused else take_recorded(store, graph, session.addresses(store))
    if built is not None:
        for index, record in built.records.items():
            progress.reuse(stage_name(graph, index), record.rows)
        return built
    from runtime.build.builder import Builder
    from runtime.completions.memo import CompletionMemo
    from runtime.completions.stage import Asking
    from runtime.executors.choose import chosen_executor, open_executor

    complain_restricted(session)
    pins, retry = session.lock.tables if session.lock is not None else {}, wishes.retry_refused
    asking = Asking(CompletionMemo(store), session.models, pins, wishes.remake, retry_refused=retry, resume=session.command())
    asking.spending.budget = session.read.recipe.budget
    engine = chosen_executor(session.engine)
    with closing(asking.memo), closing(open_executor(store, engine, graph)) as executor:
        asking.begin, asking.call = executor.engine, executor.call
        return Builder(store, session, progress, executor, asking, looks.allow).build()


def complain_restricted(session: Session) -> None:
    """Raises StoreError where text that may not be redistributed would leave this machine unasked."""
    graph, url = session.graph, session.location.url
    if url is None or session.show_restricted:
        return
    written = {stage.index: stage.operator.written_class() for stage in of_kind(SourceStage, graph)}
    for index, node in graph:
        if node.cut and (license := written.get(index, node.license)) in RESTRICTED:
            message = f"`{stage_name(graph, index)}` has rows of licence {license}, and their text would be written into `{url}`"
            raise StoreError(message, "if only those who may see them can read that store, say --show-restricted")


def output_of(session: Session, output: str, built: Built, path: Path | None) -> OutputOutcome:
    """An output, under the name that people know it by."""
    recipe, outputs = session.read.recipe.name, session.graph.outputs
    record = built.records[outputs[output]]
    alone = len(outputs) == 1 and output in ("dataset", "prompts")
    name = recipe if alone else f"{recipe}/{output}"
    return OutputOutcome(name, output, record.digest, record.key, record.rows, None if path is None else os.path.relpath(path))


def stages_of(session: Session, built: Built) -> list[StageOutcome]:
    return [
        StageOutcome(
            stage_name(session.graph, index),
            index in built.ran,
            record.rows,
            record.key,
            record.digest,
            round(built.seconds.get(index, 0.0), 3),
            record.counts,
        )
        for index, record in built.records.items()
    ]


def scores_in(session: Session, store: Store, built: Built, looks: Looks) -> dict[str, Any]:
    """Table of scores -> its rows, their means, and the text that people read."""
    scores = {}
    for name, index in session.graph.outputs.items():
        if name in (HELD_IN, HELD_OUT):
            from runtime.stages.scores import scores_at, scores_of, scores_text

            rows = scores_at(store, built.records[index].table)
            means = scores_of(rows)
            text = scores_text(means, looks.counted() if name == HELD_OUT else None)
            scores[name] = {"rows": rows, "means": [vars(each) for each in means], "text": text}
    return scores


def notes_of(session: Session, store: Store, built: Built, wishes: Wishes) -> list[str]:
    """What a person should know of a build, in lines."""
    graph, recipe = session.graph, session.read.recipe
    absent = sorted(name for name, leaf in session.facts.leaves.items() if leaf.origin == "lock")
    notes = [f"the files of `{name}` are not here: the lock's digest stands in for them" for name in absent]
    notes += undecided_line(recipe.triage, recipe.sources)
    for index, record in sorted(built.records.items()):
        if isinstance(record, SourceRecord) and record.counting is not None:
            notes.append(f"warning: {graph.nodes[index].label}: {record.counting}")
    notes += [] if wishes.accepted is None or (note := otherwise_keyed(session, built)) is None else [note]
    if session.memory is not None and (held := store.bound.memory) < session.memory:
        notes.append(f"this machine has less than {show_size(session.memory)}: the build held to {show_size(held)}")
    notes += [*built.notes, *birth_lines(graph, built)]
    notes += [line for index in built.records for line in kind_at(graph, index).remarks(store, built.records)]
    notes += [completions_line(stage, filled) for stage, filled in built.filled.items()]
    if session.items is not None:
        notes.append(f"a preview of {session.items} items: counts are scaled, nothing is named")
    return notes


def completions_line(stage: str, filled: Filled) -> str:
    """How many completions a stage needed, and where they came from."""
    line = f"{stage}: {filled.needed:,} completions, {filled.memoised:,} of them in the store before, {filled.new:,} new"
    others = f", {filled.elsewhere:,} by another build" if filled.elsewhere else ""
    others += f", {filled.orphaned:,} that a build which died may have asked for" if filled.orphaned else ""
    return line + others + (f", {len(filled.failed):,} FAILED ({filled.reasons()})" if filled.failed else "")


def next_command(session: Session, outputs: list[OutputOutcome]) -> str:
    """What a person does next."""
    if session.settings:
        return f"next: a lock is of what is written: write what --set says into {session.named} to lock this"
    rest, leaves = session.named + session.folder_options(), session.facts.leaves
    absent = [name for name in leaves if leaves[name].digest is None and not session.read.recipe.spared(name)]
    if session.items is not None or absent:
        return f"next: recipe build {rest}" + (f", once the files of {', '.join(absent)} are here" if absent else "")
    empty = "" if all(each.rows for each in outputs) else " --allow-empty"
    if session.lock is None:
        return f"next: recipe lock {rest}{empty}"
    if all((pin := session.lock.outputs.get(each.output)) is not None and pin.digest == each.digest for each in outputs):
        return f"as locked; next: recipe why {rest} --match TEXT"
    return f"differs from {session.read.place.lock.name}; next: recipe lock {rest}{empty}"


def refuse_empty(session: Session, outcome: Outcome) -> None:
    """Raises StoreError where a build that may not be empty kept no row in an output."""
    if outcome.empty:
        named = ", ".join(f"`{name}`" for name in outcome.empty)
        hint = f"the funnel of `recipe build {session.named}` tells where its rows went; if it may be empty, say --allow-empty"
        raise StoreError(f"0 rows are kept in {named}, so that nothing is named", hint)
