"""`recipe forget`: a row or a text leaves a recipe and its store."""

from __future__ import annotations

import os
import re
import shlex
import sys

import click

from runtime.build.session import Session
from runtime.cli.options import answer, recipe_command

MOST = 100
ROW = re.compile("[0-9a-f]{8,32}", re.IGNORECASE)


@recipe_command("forget", stores=True)
@click.argument("what", metavar="ROW|TEXT|-")
@click.option("--most", default=MOST, show_default=True, type=click.IntRange(min=1), help="Rows that a text may stand in.")
def forget_command(session: Session, what: str, most: int, as_json: bool) -> None:
    """Take a row of RECIPE, or every row with a text, out of the recipe and its store, with all that was born of it.

    ROW is the beginning of a row id, 8 digits or more. TEXT is taken as it is; `-` reads it from the standard input, so that
    no shell remembers it. Row ids go into a list beside the recipe, which is committed; the text is written nowhere. Exit code
    1 where the store still holds it.
    """
    from runtime.forget.forgotten import forget, look_everywhere, targets_with
    from runtime.forget.wanted import wanted_by_row, wanted_by_text
    from runtime.life.why import Ledgers
    from runtime.store.store import StoreError

    text = sys.stdin.read().removesuffix("\n") if what == "-" else what
    if not text.strip():
        raise click.UsageError("there is no text to forget")
    look_everywhere(session)
    ledgers = Ledgers(session)
    if not ledgers.store.exists:
        raise StoreError(f"there is no store in `{os.path.relpath(ledgers.store.folder)}`", f"recipe build {session.named}")
    wanted = wanted_by_row(ledgers, text.lower()) if ROW.fullmatch(text) and what != "-" else None
    if wanted is None:
        wanted = wanted_by_text(ledgers, text, most)
        wanted.unknown = what != "-" and ROW.fullmatch(text) is not None and not wanted.count
    done = forget(session, ledgers.store, wanted)
    removed, shown = done.removed, session.read.place.show(session.read.place.forgotten)
    lines = [
        f"{wanted.count:,} row{'s' * (wanted.count != 1)} of sources, {len(wanted.rows):,} with what was born of them;"
        f" {done.listed:,} new in {shown}",
        f"removed: {removed.records:,} records, {removed.objects:,} objects, {removed.values:,} measured values,"
        f" {removed.completions:,} completions, {removed.files:,} other files",
        *(f"not reached: {each}" for each in done.beyond),
        *(f"NOT LISTED: `{each}` is not built, and its files hold it or may" for each in done.unread),
        *(f"STILL FOUND in {each}" for each in done.found),
    ]
    if not wanted.count:
        lines.insert(0, "no row of what is built holds it, and none begins so")
    if not wanted.texts:
        lines.append("not searched for: no text that is its own alone is known; it was taken out by its id")
    elif not done.found:
        lines.append(f"searched: {done.searched:,} files of the store, decoded; none holds it")
    again = ", then run this again, so that its rows are listed" if done.unread else f"; commit {shown}"
    targets = "".join(f" --target {shlex.quote(each)}" for each in targets_with(session, done.unread))
    lines.append(f"next: recipe build {session.named}{targets}{again}")
    value = {
        "ok": not done.found and not done.unread,
        "rows": sorted(wanted.rows),
        "listed": {source: sorted(ids) for source, ids in sorted(wanted.listed.items())},
        "removed": vars(removed),
        "not_reached": done.beyond,
        "searched": done.searched,
        "found": done.found,
        "not_listed": done.unread,
    }
    answer(as_json, value, lines)
    if not value["ok"]:
        raise click.exceptions.Exit(1)
