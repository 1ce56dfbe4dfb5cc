"""`recipe build`: build the outputs of a recipe and name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from compiler.recipe.ablations import ablations_of
from runtime.build.session import Session
from runtime.build.variants import open_variants
from runtime.cli.options import (
    Size,
    ablation_option,
    allow_empty_option,
    engine_option,
    recipe_command,
    say,
    say_json,
    say_text,
    shared_option,
)

if TYPE_CHECKING:
    from runtime.build.run import Outcome


@recipe_command("build", builds=True, fetches=True)
@click.option("--locked", is_flag=True, help="Refuse when a leaf or an output differs from the lock.")
@click.option("--remake", multiple=True, metavar="STAGE", help="Let this stage come out otherwise than the lock pins it.")
@click.option("--retry-refused", is_flag=True, help="Ask again for what a server refused before.")
@click.option("--again", is_flag=True, help="Look at held-out benchmarks once more; every table of their scores says so.")
@ablation_option
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
    ablation: str | None,
    allow_empty: bool,
    memory: int | None,
    engine: str | None,
    cache: int | None,
    show_restricted: bool,
    quiet: bool,
) -> None:
    """Build the named outputs of RECIPE: its tables, and with --target a checkpoint (train.NAME) or `evaluate`.

    With --ablation the outputs of every variant of it; what variants have in common is made once.
    """
    from runtime.build.run import Wishes, refuse_empty, run_build

    accepted = frozenset[str]() if locked else None
    session.memory, session.engine, session.cache = memory, engine, cache
    session.show_restricted = show_restricted
    wishes = Wishes(accepted, frozenset(remake), again, allow_empty, retry_refused, quiet or as_json)
    variants = {} if ablation is None else open_variants(session, ablation)
    chosen = {each.variant: opened for each, opened in variants.items()} or {"": session}
    outcomes = {}
    for name, opened in chosen.items():
        outcomes[name] = outcome = run_build(opened, wishes)
        if not as_json:
            if ablation is not None and not quiet:
                say(f"variant {name} of {ablation}")
            say_outcome(outcome, quiet)
            refuse_empty(opened, outcome)
    compared = None
    if ablation is not None and any(outcome.scores for outcome in outcomes.values()):
        from runtime.build.compared import compare_variants

        compared = compare_variants(ablations_of(session.read.node)[ablation], variants, session.open_store())
    if compared is not None and not as_json:
        say("", *compared.text())
    if as_json:
        data = {name: outcome.data() for name, outcome in outcomes.items()}
        told = [] if compared is None else compared.data()
        say_json(data[""] if ablation is None else {"ablation": ablation, "variants": data, "compared": told})
        if any(outcome.empty for outcome in outcomes.values()):
            raise click.exceptions.Exit(1)
    elif not quiet:
        say("", outcome.next)


def say_outcome(outcome: Outcome, quiet: bool) -> None:
    """What came of a build, for a person."""
    from runtime.build.funnel import funnel_text

    if not quiet:
        say_text(funnel_text(outcome.funnel))
        for line in outcome.notes:
            say(line)
    for table in outcome.scores.values():
        say_text(table["text"] + "\n")
    for output in outcome.outputs:
        place = f"  {output.path}" if output.path else ""
        say(f"{output.name}@{output.digest[:12]}  {output.rows:,} rows{place}")
