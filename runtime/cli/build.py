"""`recipe build`: build the outputs of a recipe and name them."""

from __future__ import annotations

import click

from runtime.build.session import Session
from runtime.cli.options import Size, allow_empty_option, engine_option, recipe_command, say, say_json, say_text, shared_option


@recipe_command("build", builds=True, fetches=True)
@click.option("--locked", is_flag=True, help="Refuse when a leaf or an output differs from the lock.")
@click.option("--remake", multiple=True, metavar="STAGE", help="Let this stage come out otherwise than the lock pins it.")
@click.option("--retry-refused", is_flag=True, help="Ask again for what a server refused before.")
@click.option("--again", is_flag=True, help="Look at held-out benchmarks once more; every table of their scores says so.")
@allow_empty_option
@click.option("--memory", type=Size(), help="What the build may take, like 2GB; half of the machine unless said.")
@engine_option
@shared_option
@click.option("--cache", type=Size(), help="What the cache before a shared store may hold; 50GB or a fifth of the disk.")
@click.option("-q", "--quiet", is_flag=True, help="Print only the name of what was built.")
def build_command(
    session: Session,
    as_json: bool,
    locked: bool,
    remake: tuple[str, ...],
    retry_refused: bool,
    again: bool,
    allow_empty: bool,
    memory: int | None,
    engine: str | None,
    cache: int | None,
    show_restricted: bool,
    quiet: bool,
) -> None:
    """Build the named outputs of RECIPE: its tables, and with --target a checkpoint (train.NAME) or `evaluate`."""
    from runtime.build.funnel import funnel_text
    from runtime.build.run import Wishes, refuse_empty, run_build

    accepted = frozenset[str]() if locked else None
    session.memory, session.engine, session.cache = memory, engine, cache
    session.show_restricted = show_restricted
    wishes = Wishes(accepted, frozenset(remake), again, allow_empty, retry_refused, quiet or as_json)
    outcome = run_build(session, wishes)
    if as_json:
        say_json(outcome.data())
        if outcome.empty:
            raise click.exceptions.Exit(1)
        return
    if not quiet:
        say_text(funnel_text(outcome.funnel))
        for line in outcome.notes:
            say(line)
    for table in outcome.scores.values():
        say_text(table["text"] + "\n")
    for output in outcome.outputs:
        place = f"  {output.path}" if output.path else ""
        say(f"{output.name}@{output.digest[:12]}  {output.rows:,} rows{place}")
    refuse_empty(session, outcome)
    if not quiet:
        say("", outcome.next)
