"""`recipe lock`: build, and write down what was built."""

from __future__ import annotations

import os
import uuid
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from compiler.graph.lock import Lock, LockedSource, Pin
from compiler.graph.stages import OutputStage, SourceStage
from compiler.graph.stages import stages as stages_of
from compiler.graph.variant_lock import kept_of, locked_variants, with_variants
from compiler.recipe.ablations import ablations_of
from compiler.text.project import Place
from operators.plugins import package_of
from runtime.build.session import Session
from runtime.build.variants import open_variants
from runtime.cli.options import allow_empty_option, answer, recipe_command, shared_option

if TYPE_CHECKING:
    from runtime.build.run import Outcome
    from runtime.store.record import Record
    from runtime.store.store import Store


def complain_unmoved(session: Session, outcome: Outcome, names: tuple[str, ...]) -> None:
    """Raises StoreError for a name that is as the lock has it: it is likely misspelt."""
    from runtime.build.drift import drifted_leaves, locked_or_fail
    from runtime.store.store import StoreError

    lock = locked_or_fail(session)
    pins = lock.outputs
    moved = {each.name for each in drifted_leaves(session)}
    moved |= {each.output for each in outcome.outputs if each.output not in pins or pins[each.output].digest != each.digest}
    stages = (stage for stage in outcome.stages if stage.name in lock.tables)
    moved |= {each.name for each in stages if lock.tables[each.name].digest != each.digest}
    still = [name for name in names if name not in moved]
    if still:
        drifted = (
            "what did: " + ", ".join(sorted(moved)) if moved else "nothing did; `recipe lock` without --update writes it anew"
        )
        raise StoreError(f"nothing of `{still[0]}` differs from the lock", drifted)


def write_lock(place: Place, lock: Lock) -> None:
    """Replace a recipe's lock in one step."""
    made = place.lock.with_suffix(f".{uuid.uuid4().hex}")
    made.write_text(lock.text(), "utf-8")
    os.replace(made, place.lock)


@recipe_command("lock", stores=True, fetches=True)
@click.option("--update", multiple=True, metavar="NAME", help="Accept what drifted of NAME, and refuse anything else.")
@click.option("--ablation", multiple=True, metavar="NAME", help="Lock all variants of this ablation, too.")
@allow_empty_option
@shared_option
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def lock_command(
    session: Session,
    as_json: bool,
    update: tuple[str, ...],
    ablation: tuple[str, ...],
    allow_empty: bool,
    show_restricted: bool,
    quiet: bool,
) -> None:
    """Write RECIPE's lock: digests and facts of every leaf, profiles, operator versions, digests of outputs.

    NAME is a source, a language, a prompt file, an operator or an output, as `build --locked` names it. What the lock pins of
    other ablations stays as it is.
    """
    from runtime.build.run import Wishes, refuse_empty, run_build

    if session.settings:
        raise click.UsageError("a lock is of the recipe as it is written: leave out --set")
    if update and ablation:
        raise click.UsageError("--update accepts what drifted of the recipe itself: lock the ablation anew without it")
    session.show_restricted = show_restricted
    session.moved = frozenset(update) if update else None
    if not update:
        session.forget_broken_lock()
    accepted = frozenset(update) if update else None
    wishes = Wishes(accepted, allow_empty=allow_empty, quiet=quiet or as_json)
    before = session.whole_lock
    variants = {chosen: opened for name in ablation for chosen, opened in open_variants(session, name).items()}
    outcome = run_build(session, wishes)
    refuse_empty(session, outcome)
    if update:
        complain_unmoved(session, outcome, update)
    lock, outputs = lock_of(session, outcome), [*outcome.outputs]
    declared = [each for one in ablations_of(session.read.node).values() for each in one.names if each not in variants]
    parts = {} if before is None else {each: kept_of(before, each) for each in locked_variants(before, declared)}
    for chosen, opened in variants.items():
        made = run_build(opened, wishes)
        refuse_empty(opened, made)
        parts[chosen] = lock_of(opened, made)
        outputs += made.outputs
    write_lock(session.read.place, with_variants(lock, parts))
    shown = os.path.relpath(session.read.place.lock)
    lines = [f"locked {output.name}@{output.digest[:12]} in {shown}" for output in outputs]
    answer(as_json, {"lock": str(session.read.place.lock), "outputs": [asdict(each) for each in outputs]}, lines)


def lock_of(session: Session, outcome: Outcome) -> Lock:
    """What a lock says of a recipe, or of a variant of it, that was built."""
    from runtime.build.drift import profile_digests

    store, graph, read = session.open_store(), session.graph, session.read
    built = {stage.name: stage for stage in outcome.stages}
    sources, tables = {}, {}
    for each in stages_of(graph):
        if isinstance(each, OutputStage):
            continue
        node, stage = each.node, built[each.name]
        if isinstance(each, SourceStage):
            leaf = session.facts.leaves[node.label]
            record = store.find(stage.key)
            assert record is not None and leaf.digest is not None
            sources[node.label] = LockedSource(
                read.recipe.sources[node.label].operator.pattern,
                leaf.digest,
                leaf.files,
                tuple(sorted(leaf.fields or ())),
                record.rows + record.counts.get("forgotten", 0),
                {name: each["type"] for name, each in record.columns.items()},
                classes_of(store, record) if "license" in each.operator.labels() else {},
            )
        tables[stage.name] = Pin(stage.key, stage.digest, stage.rows)
    return Lock(
        read.recipe.name,
        sources,
        {code: profile_digests(profile) for code, profile in read.profiles.by_code.items()},
        read.profiles.prompt_files,
        {node.operator.name: node.operator.version for _, node in sorted(graph, key=lambda pair: pair[1].operator.name)},
        tables,
        {each.output: Pin(each.key, each.digest, each.rows) for each in outcome.outputs},
        {name: digest for name, digest in session.facts.weights.items() if digest is not None},
        session.lock.frozen if session.lock is not None else {},
        {name: package for _, node in graph if (package := package_of(type(node.operator))) for name in [node.operator.name]},
    )


def classes_of(store: Store, record: Record) -> dict[str, int]:
    """Licence class -> rows of a source."""
    from runtime.stages.expected.counts import counted_labels
    from runtime.tables.table import open_table

    return {name: rows for name, (rows, _) in sorted(counted_labels(open_table(store, record.table), "license", None).items())}
