"""`recipe verify`: make everything again, elsewhere, and compare."""

from __future__ import annotations

import click

from runtime.build.session import Session
from runtime.cli.options import recipe_command, say, say_json


@recipe_command("verify", stores=True)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def verify_command(session: Session, as_json: bool, quiet: bool) -> None:
    """Rebuild RECIPE in a temporary store and compare every digest with the store and the lock; exit code 1 where one differs."""
    from runtime.build.progress import Progress
    from runtime.build.repeat import CLASSES, repeat
    from runtime.build.run import thread_count

    with Progress(quiet or as_json) as progress:
        stages = repeat(session, progress.tell, thread_count())
    differing = [stage for stage in stages if stage.state == "differs"]
    if as_json:
        say_json({"recipe": session.read.recipe.name, "ok": not differing, "stages": [vars(stage) for stage in stages]})
    else:
        for repeats in CLASSES:
            mine = [stage for stage in stages if stage.repeats == repeats]
            counts = ", ".join(
                f"{sum(stage.state == state for stage in mine)} {word}"
                for state, word in (("same", "the same"), ("differs", "different"), ("new", "never built before"))
                if any(stage.state == state for stage in mine)
            )
            say(f"{repeats:<8}  {len(mine)} stages" + (f": {counts}" if counts else ""))
        for stage in differing:
            say(f"  {stage.name} is {stage.digest[:12]}, and {(stage.known or '')[:12]} in {stage.where}")
    if differing:
        raise click.exceptions.Exit(1)
