"""`recipe why`: a row's whole life."""

from __future__ import annotations

import unicodedata
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from operators.base.licence import RESTRICTED, withheld
from operators.conversations.looks import LOOKS, WHOLE, look_at
from runtime.build.session import Session
from runtime.cli.options import recipe_command, restricted_option, row_prefix, say, say_json, shows_restricted

if TYPE_CHECKING:
    from runtime.life.lives import Descendants
from runtime.stages.life import Life


@recipe_command("why", builds=True)
@click.argument("row", required=False)
@click.option("--match", metavar="TEXT", help="Rows whose text holds TEXT, in the place of a row id.")
@click.option(
    "--limit",
    default=5,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Rows told at most, of each kind: found, quarantined, born of one.",
)
@restricted_option
def why_command(session: Session, row: str | None, match: str | None, limit: int, show_restricted: bool, as_json: bool) -> None:
    """Tell the whole life of a row of RECIPE: ROW is the beginning of its row id."""
    from runtime.life.lives import find_lives, plain_lives

    if (row is None) == (match is None):
        raise click.UsageError("give a row id, or --match TEXT")
    open_text = shows_restricted(show_restricted, as_json)
    prefix = None if row is None else row_prefix(row)
    lives, bad, more = find_lives(session, prefix, match, limit, open_text)
    if as_json:
        say_json({"rows": plain_lives(lives, open_text), "quarantined": bad, "quarantined_more": more})
        return
    for life, children in lives:
        say_life(life, open_text)
        say_descendants(children, open_text)
    for each in bad:
        say(f"quarantined from {each['source']}: {each['name']}:{each['line']}: {each['reason']}")
    if more:
        say(f"quarantined rows that hold this text besides: {more:,}; a larger --limit tells them")


def say_descendants(children: Descendants, open_text: bool, depth: int = 1) -> None:
    """The rows born of one, each under it."""
    for life, further in children.lives:
        say_life(life, open_text, "  " * depth)
        say_descendants(further, open_text, depth + 1)
    if children.more:
        say("  " * depth + f"{children.more:,} more row{'s' * (children.more != 1)} born of it: a larger --limit tells them")


def say_life(life: Life, open_text: bool, indent: str = "") -> None:
    """One life, for a person."""
    from runtime.life.alike import likeness_lines

    say = partial(indented, indent)
    say(f"row {life.row_id}")
    for name, value in life.cells.items():
        if name in ("source", "category", "license") or value is None:
            continue
        if open_text or life.license not in RESTRICTED:
            say(f"  {name}: {shortened(value)}")
        else:
            say(f"  {name}: {withheld(life.license)}")
    for event in life.events:
        if event["fate"] == "read":
            say(
                f"  {event['stage']}: read, category {event['category']}, licence {event['license']},"
                f" item {event['item_id'][:12]}"
            )
            continue
        for step in event.get("steps", ()):
            mark = {"dropped": "DROPPED", "passed": "passed", "not decided": "not reached"}[step["verdict"]]
            say(f"  {event['stage']}: {step['step']} {mark}: {step['measured']}, wanted {step['wanted']}")
            if step["quoted"] is not None and (open_text or life.license not in RESTRICTED):
                say(f"    {shortened(quote(life.cells, *step['quoted']))}")
        if event.get("kept_instead"):
            say(f"  {event['stage']}: DROPPED by {event['dropped_by']}: the row {event['kept_instead'][:12]} is kept instead")
        elif event.get("near"):
            say(f"  {event['stage']}: DROPPED by {event['dropped_by']}: it is nearly the same as the row {event['near'][:12]}")
            for line in likeness_lines(event) if "shared" in event else ():
                say(f"    {line}")
        elif event["fate"] == "asked":
            result = f"failed: {event['reason']}" if event["reason"] else f"the row {event['completion'][:12]}"
            say(f"  {event['stage']}: asked, {result}")
        elif event["fate"] == "forgotten":
            say(f"  {event['stage']}: FORGOTTEN: it is listed as such, and read no more")
        elif event["fate"] == "stays":
            say(f"  {event['stage']}: {kin_text(event)}")
        elif event.get("reason"):
            say(f"  {event['stage']}: DROPPED by {event['dropped_by']}: {event['reason']}")
        elif event["fate"] == "dropped" and all(step["verdict"] != "dropped" for step in event["steps"]):
            say(
                f"  {event['stage']}: DROPPED by {event['dropped_by']}"
                + (f", rank {event['rank'][:12]}" if event.get("rank") else "")
            )
        elif event["fate"] == "born":
            donors = ", ".join(each[:12] for each in event.get("donors", ()))
            parent = event["copy_of"][:12] if event["copy_of"] else "?"
            say(f"  {event['stage']}: born of {parent}" + (f", with text of {donors}" if donors else ""))
            if event.get("told"):
                say(f"    of all born there: {event['told']}")
        elif event["fate"] != "dropped":
            say(f"  {event['stage']}: {event['fate']}" + (f", rank {event['rank'][:12]}" if event.get("rank") else ""))


def indented(indent: str, line: str) -> None:
    say(indent + line)


CONVERSATION = '[{"role":"'
"""What a canonical conversation begins with."""


def quote(cells: dict[str, Any], column: str, first: int, last: int) -> str:
    """A part of a row's text; nothing where the row no longer has the column."""
    cell = cells.get(column) or ""
    if column not in cells or str(cell).startswith(CONVERSATION):
        # What was looked through is the text of turns: of the column's own, or of those that its name says.
        talk = cell or next((each for each in cells.values() if str(each).startswith(CONVERSATION)), None)
        cell = look_at(talk, column if column in LOOKS else WHOLE) or ""
    text = cell if isinstance(cell, str) else "\n".join(each for each in cell if each is not None)
    return unicodedata.normalize("NFC", text)[first:last]


def kin_text(event: dict[str, Any]) -> str:
    """What a stage in which rows are born did with a row that stays."""
    parts = [f"no child: {event['reason']}"] if event["reason"] else []
    for name, words in (("children", "parent of"), ("gave_to", "gave text to")):
        listed = ", ".join(each[:12] for each in event[name][:3]) + (
            f" and {len(event[name]) - 3} more" if event[name][3:] else ""
        )
        parts += [f"{words} {listed}"] if event[name] else []
    return "; ".join(["stays", *parts])


def shortened(value: Any, width: int = 300) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= width else text[:width] + f"... ({len(text):,} characters)"
