"""`recipe fetch`: get the files of a recipe's sources that lie on other machines."""

from __future__ import annotations

import click

from runtime.build.session import Session
from runtime.cli.options import answer, recipe_command


@recipe_command("fetch", fetches=True)
@click.option("--update", is_flag=True, help="What lies there today, whatever the lock pins.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def fetch_command(session: Session, as_json: bool, update: bool, quiet: bool) -> None:
    """Get the files of RECIPE's sources that lie on other machines and are not here; a build does so by itself.

    What the lock pins is got, or nothing. With --update the addresses are looked at again, and a revision of the hub stands
    for its newest commit: `recipe lock` then takes what came.
    """
    from runtime.build.fetching import fetch_missing, fetch_sources, remote_sources

    names = list(remote_sources(session))
    if update:
        session.moved = None
    lines = fetch_sources(session, names, quiet or as_json, again=True) if update else fetch_missing(session, quiet or as_json)
    if not names:
        lines.append("no source of this recipe lies on another machine")
    elif not lines:
        lines.append("everything is here")
    files = {name: [list(each) for each in session.facts.leaves[name].files] for name in names}
    if update and session.lock is not None:
        pins = {name: session.lock.sources[name].digest for name in names if name in session.lock.sources}
        moved = [name for name in names if pins.get(name) != session.facts.leaves[name].digest]
        updates = "".join(f" --update {name}" for name in moved)
        lines.append(f"differs from the lock; next: recipe lock {session.named}{updates}" if moved else "as locked")
    answer(as_json, {"recipe": session.read.recipe.name, "files": files}, lines)
