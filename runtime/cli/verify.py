"""`recipe verify`: make everything again, elsewhere, and compare."""

from __future__ import annotations

import click

from runtime.build.session import Session
from runtime.cli.options import answer, engine_option, recipe_command


@recipe_command("verify", stores=True, fetches=True)
@engine_option
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def verify_command(session: Session, as_json: bool, engine: str | None, quiet: bool) -> None:
    """Rebuild RECIPE in a temporary store and compare every digest with the store and the lock; exit code 1 where one differs."""
    from runtime.build.progress import Progress
    from runtime.build.repeat import CLASSES, repeat

    session.engine = engine
    with Progress(quiet or as_json) as progress:
        stages = repeat(session, progress)
    differing = [stage for stage in stages if stage.state == "differs"]
    lines = []
    for repeats in CLASSES:
        states = [stage.state for stage in stages if stage.repeats == repeats]
        words = (("same", "the same"), ("differs", "different"), ("new", "never built before"))
        counts = ", ".join(f"{states.count(state)} {word}" for state, word in words if state in states)
        lines.append(f"{repeats:<8}  {len(states)} stages" + (f": {counts}" if counts else ""))
    for stage in differing:
        lines.append(f"  {stage.name} is {stage.digest[:12]}, and {(stage.known or '')[:12]} in {stage.where}")
    value = {"recipe": session.read.recipe.name, "ok": not differing, "stages": [vars(stage) for stage in stages]}
    answer(as_json, value, lines)
    if differing:
        raise click.exceptions.Exit(1)
