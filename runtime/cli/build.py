"""`recipe build`: build the outputs of a recipe and name them."""

from __future__ import annotations

import os
import shlex
from contextlib import closing
from typing import Any

import click

from runtime.build.session import Session
from runtime.cli.options import allow_empty_option, recipe_command, say, say_json, say_text, thread_count


@recipe_command("build", builds=True)
@click.option("--locked", is_flag=True, help="Refuse when a leaf or an output differs from the lock.")
@click.option("--remake", multiple=True, metavar="STAGE", help="Let this stage come out otherwise than the lock pins it.")
@click.option("--retry-refused", is_flag=True, help="Ask again for what a server refused before.")
@click.option("--again", is_flag=True, help="Look at held-out benchmarks once more; every table of their scores says so.")
@allow_empty_option
@click.option("-q", "--quiet", is_flag=True, help="Print only the name of what was built.")
def build_command(
    session: Session,
    as_json: bool,
    locked: bool,
    remake: tuple[str, ...],
    retry_refused: bool,
    again: bool,
    allow_empty: bool,
    quiet: bool,
) -> None:
    """Build the named outputs of RECIPE: its tables, and with --target a checkpoint (train.NAME) or `evaluate`."""
    accepted = frozenset[str]() if locked else None
    report = run_build(session, accepted, quiet or as_json, frozenset(remake), again, allow_empty, retry_refused)
    if as_json:
        say_json(report)
        if report["empty"]:
            raise click.exceptions.Exit(1)
        return
    if not quiet:
        from runtime.life.funnel import funnel_text

        say_text(funnel_text(report["funnel"]))
        for line in report["notes"]:
            say(line)
    for table in report["scores"].values():
        say_text(table["text"] + "\n")
    for output in report["outputs"]:
        say(
            f"{output['name']}@{output['digest'][:12]}  {output['rows']:,} rows"
            + (f"  {output['path']}" if output["path"] else "")
        )
    refuse_empty(session, report)
    if not quiet:
        say("", report["next"])


def run_build(
    session: Session,
    accepted: frozenset[str] | None = None,
    quiet: bool = False,
    remake: frozenset[str] = frozenset(),
    again: bool = False,
    allow_empty: bool = False,
    retry_refused: bool = False,
) -> dict[str, Any]:
    """Build and publish; the report that people and programs get.

    `accepted` holds the names of what may differ from the lock; None where the lock is not asked. `again` lets held-out
    benchmarks be looked at once more. Where an output has no row nothing is published unless `allow_empty`: the report's
    `empty` names such outputs.
    """
    from compiler.graph.plan import Addresses, stage_name
    from compiler.lower.contamination import complain_unobtained
    from compiler.recipe.evaluating import HELD_IN, HELD_OUT
    from compiler.text.diagnostics import RecipeError
    from runtime.build.built import publish, remember, take_recorded
    from runtime.build.drift import drifted_leaves, drifted_outputs, drifted_stages, otherwise_keyed, refuse
    from runtime.build.looks import Looks
    from runtime.build.progress import Progress
    from runtime.life.funnel import funnel_of_build
    from runtime.life.remarks import born_lines, remark_lines
    from runtime.sources.probe import complain_absent
    from runtime.store.record import SourceRecord
    from runtime.store.store import Store, StoreError

    graph, read = session.graph, session.read
    stages = {stage_name(graph, index) for index, node in graph if node.cut}
    if remake - stages:
        raise StoreError(f"there is no stage `{min(remake - stages)}` to make anew", "`recipe plan` lists them")
    if accepted is not None:
        refuse(session, list(drifted_leaves(session)), accepted)
    complain_absent(read, session.facts, graph)
    if unobtained := complain_unobtained(graph, read.recipe):
        raise RecipeError(tuple(unobtained))
    store = Store(session.store_path)
    looks = Looks(session, store, again)
    with store.building(), Progress(quiet) as progress:
        store.sweep()
        built = None if retry_refused else take_recorded(store, graph, Addresses(graph, session.facts, store.result_of))
        if built is None:
            from runtime.build.builder import Builder
            from runtime.completions.memo import CompletionMemo
            from runtime.completions.stage import Asking

            pins = session.lock.tables if session.lock is not None else {}
            resume = session.command()
            asking = Asking(CompletionMemo(store), session.models, pins, remake, retry_refused=retry_refused, resume=resume)
            with closing(asking.memo):
                builder = Builder(
                    store,
                    read,
                    graph,
                    session.facts,
                    session.found,
                    progress.tell,
                    thread_count(),
                    asking,
                    progress.say,
                    looks.allow,
                )
                built = builder.build()
        else:
            for index, record in built.records.items():
                progress.tell(stage_name(graph, index), "reuse", record.rows)
        # What is made from something that was accepted may differ with it.
        if accepted is not None and not accepted & {each.name for each in drifted_leaves(session)}:
            refuse(session, [*drifted_outputs(session, built), *drifted_stages(session, built)], accepted)
        empty = [name for name, index in graph.outputs.items() if not built.records[index].rows]
        if session.items is not None or allow_empty:
            empty = []
        published = session.items is None and not empty
        outputs = []
        for name, index in graph.outputs.items():
            record = built.records[index]
            path = None
            if published:
                with store.gate():
                    path = publish(store, read.recipe.name, name, record)
            outputs.append(
                {
                    "name": read.recipe.name
                    if len(graph.outputs) == 1 and name in ("dataset", "prompts")
                    else f"{read.recipe.name}/{name}",
                    "output": name,
                    "digest": record.digest,
                    "key": record.key,
                    "rows": record.rows,
                    "path": None if path is None else os.path.relpath(path),
                }
            )
        if published:
            remember(store, read.recipe.name, graph, built, session.facts, outputs, partial=bool(session.targets))
    scores = {}
    for name, index in graph.outputs.items():
        if name in (HELD_IN, HELD_OUT):
            from runtime.stages.scores import scores_at, scores_of, scores_text

            rows = scores_at(store, built.records[index].table)
            told = scores_of(rows)
            text = scores_text(told, looks.counted() if name == HELD_OUT else None)
            scores[name] = {"rows": rows, "means": [vars(each) for each in told], "text": text}
    notes = []
    for name, leaf in sorted(session.facts.leaves.items()):
        if leaf.origin == "lock":
            notes.append(f"the files of `{name}` are not here: the lock's digest stands in for them")
    for index, record in sorted(built.records.items()):
        if isinstance(record, SourceRecord) and record.counting is not None:
            notes.append(f"warning: {graph.nodes[index].label}: {record.counting}")
    if accepted is not None and (moved := otherwise_keyed(session, built)) is not None:
        notes.append(moved)
    notes += [*built.notes, *born_lines(graph, built), *remark_lines(store, graph, built)]
    for stage, filled in built.filled.items():
        notes.append(asked_line(stage, filled))
    if session.items is not None:
        notes.append(f"a preview of {session.items} items: counts are scaled, nothing is named")
    return {
        "recipe": read.recipe.name,
        "outputs": outputs,
        "empty": empty,
        "ran": [stage["name"] for stage in stages_of(graph, built) if stage["ran"]],
        "reused": [stage["name"] for stage in stages_of(graph, built) if not stage["ran"]],
        "stages": stages_of(graph, built),
        "funnel": funnel_of_build(graph, built),
        "scores": scores,
        "notes": notes,
        "asked": {stage: filled.data() for stage, filled in built.filled.items()},
        "next": next_command(session, outputs),
    }


def refuse_empty(session: Session, report: dict[str, Any]) -> None:
    """Raises StoreError where a build that may not be empty kept no row in an output."""
    from runtime.store.store import StoreError

    if report["empty"]:
        named = ", ".join(f"`{name}`" for name in report["empty"])
        hint = f"the funnel of `recipe build {session.named}` tells where its rows went; if it may be empty, say --allow-empty"
        raise StoreError(f"0 rows are kept in {named}, so that nothing is named", hint)


def asked_line(stage: str, filled: Any) -> str:
    """How many completions a stage needed, and where they came from."""
    told = f"{stage}: {filled.needed:,} completions, {filled.memoised:,} of them in the store before, {filled.new:,} new"
    others = f", {filled.elsewhere:,} by another build" if filled.elsewhere else ""
    return told + others + (f", {len(filled.failed):,} FAILED ({filled.reasons()})" if filled.failed else "")


def stages_of(graph: Any, built: Any) -> list[dict[str, Any]]:
    from compiler.graph.plan import stage_name

    return [
        {
            "name": stage_name(graph, index),
            "ran": index in built.ran,
            "rows": record.rows,
            "key": record.key,
            "digest": record.digest,
            "seconds": round(built.seconds.get(index, 0.0), 3),
            "counts": record.counts,
        }
        for index, record in built.records.items()
    ]


def next_command(session: Session, outputs: list[dict[str, Any]]) -> str:
    """What a person does next."""
    allow = "".join(f" --allow-path {shlex.quote(folder)}" for folder in session.allow)
    if session.items is not None:
        return f"next: recipe build {session.named}{allow}"
    empty = "" if all(each["rows"] for each in outputs) else " --allow-empty"
    if session.lock is None:
        return f"next: recipe lock {session.named}{allow}{empty}"
    pins = session.lock.outputs
    if all(each["output"] in pins and pins[each["output"]].digest == each["digest"] for each in outputs):
        return f"as locked; next: recipe why {session.named}{allow} --match TEXT"
    return f"differs from {session.read.place.lock.name}; next: recipe lock {session.named}{allow}{empty}"
