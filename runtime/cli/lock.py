"""`recipe lock`: build, and write down what was built."""

from __future__ import annotations

import os
import uuid

import click

from runtime.cli.options import recipe_command, say, say_json
from runtime.session import Session


@recipe_command("lock", stores=True)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def lock_command(session: Session, as_json: bool, quiet: bool) -> None:
    """Write RECIPE's lock: digests and facts of every leaf, profiles, operator versions, digests of outputs."""
    from compiler.keys import digest_of
    from compiler.lock import Lock, LockedSource, Pin
    from compiler.plan import stage_name
    from runtime.cli.build import run_build
    from runtime.store import Store

    if session.settings:
        raise click.UsageError("a lock is of the recipe as it is written: leave out --set")
    report = run_build(session, quiet=quiet or as_json)
    opened = Store(session.store_path)
    graph, read = session.graph, session.read
    built = {stage["name"]: stage for stage in report["stages"]}
    sources, tables = {}, {}
    for index, node in graph:
        if not node.cut or node.operator.name == "output":
            continue
        stage = built[stage_name(graph, index)]
        if node.operator.name == "source":
            leaf = session.facts.leaves[node.label]
            record = opened.find(stage["key"])
            assert record is not None and leaf.digest is not None
            sources[node.label] = LockedSource(
                read.recipe.sources[node.label].operator.file,
                leaf.digest,
                leaf.files,
                tuple(sorted(leaf.fields or ())),
                record.body["rows"],
                {name: each["type"] for name, each in record.body["columns"].items()},
            )
        tables[stage["name"]] = Pin(stage["key"], stage["digest"], stage["rows"])
    lock = Lock(
        read.recipe.name,
        sources,
        {code: digest_of(profile) for code, profile in read.profiles.items()},
        {node.operator.name: node.operator.version for _, node in sorted(graph, key=lambda pair: pair[1].operator.name)},
        tables,
        {each["output"]: Pin(each["key"], each["digest"], each["rows"]) for each in report["outputs"]},
    )
    made = read.place.lock.with_suffix(f".{uuid.uuid4().hex}")
    made.write_text(lock.text(), "utf-8")
    os.replace(made, read.place.lock)
    if as_json:
        say_json({"lock": str(read.place.lock), "outputs": report["outputs"]})
        return
    for output in report["outputs"]:
        say(f"locked {output['name']}@{output['digest'][:12]} in {os.path.relpath(read.place.lock)}")
