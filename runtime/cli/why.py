"""`recipe why`: a row's whole life."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from operators.base.licence import RESTRICTED, withheld
from operators.conversations.looks import LOOKS, WHOLE, look_at
from runtime.build.session import Session
from runtime.cli.options import recipe_command, restricted_option, row_prefix, say, say_json, shows_restricted

if TYPE_CHECKING:
    from runtime.life.why import Ledgers
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
    from runtime.life.alike import add_likeness
    from runtime.life.seek import find_quarantined, find_rows
    from runtime.life.why import Ledgers
    from runtime.sources.ingest import without_cells
    from runtime.store.store import StoreError

    if (row is None) == (match is None):
        raise click.UsageError("give a row id, or --match TEXT")
    ledgers = Ledgers(session)
    rows = find_rows(ledgers, match, limit) if match is not None else ledgers.find(row_prefix(row or ""))
    bad, more = find_quarantined(ledgers, match, limit) if match is not None else ([], 0)
    if not rows and not bad:
        raise StoreError(
            f"no row {'holds this text' if match else 'begins with ' + repr(row)} in what is built",
            f"`recipe plan {session.named}` says what is built",
        )
    if match is None and len(rows) > limit:
        raise StoreError(f"{len(rows)} rows begin with `{row}`", "give more of the id, or a larger --limit")
    open_text = shows_restricted(show_restricted, as_json)
    bad = [
        row if open_text or row["license"] not in RESTRICTED else {**row, "raw": None, "reason": without_cells(row["reason"])}
        for row in bad
    ]
    lives, shown = [], set[str]()
    for row_id in rows:
        if row_id not in shown:
            life = ledgers.life(row_id)
            add_likeness(ledgers, life, open_text)
            lives.append((life, descendants(ledgers, life, limit, shown, open_text)))
    if as_json:
        say_json({"rows": [plain_life(*each, open_text) for each in lives], "quarantined": bad, "quarantined_more": more})
        return
    for life, children in lives:
        say_life(life, open_text)
        say_descendants(children, open_text)
    for each in bad:
        say(f"quarantined from {each['source']}: {each['name']}:{each['line']}: {each['reason']}")
    if more:
        say(f"quarantined rows that hold this text besides: {more:,}; a larger --limit tells them")


@dataclass
class Descendants:
    """The children of a row, each with its own, and how many more there are."""

    lives: list[tuple[Life, Descendants]]
    more: int


def descendants(ledgers: Ledgers, life: Life, limit: int, shown: set[str], open_text: bool) -> Descendants:
    """What was born of a row: at most `limit` children of each; `shown` gathers them, so that none comes twice."""
    children = [each for each in ledgers.children(life) if each not in shown]
    shown.update(children)
    from runtime.life.alike import add_likeness

    lives = [ledgers.onward(each) for each in children[:limit]]
    for each in lives:
        add_likeness(ledgers, each, open_text)
    found = [(each, descendants(ledgers, each, limit, shown, open_text)) for each in lives]
    return Descendants(found, len(children) - len(lives))


def plain_life(life: Life, children: Descendants, open_text: bool) -> dict[str, Any]:
    """One life with those born of it, for a program."""
    return {
        "row_id": life.row_id,
        "license": life.license,
        "events": life.events,
        "cells": life.cells if open_text or life.license not in RESTRICTED else without_text(life.cells),
        "bore": [plain_life(*each, open_text) for each in children.lives],
        "bore_more": children.more,
    }


def say_descendants(children: Descendants, open_text: bool, depth: int = 1) -> None:
    """The rows born of one, each under it."""
    for life, further in children.lives:
        say_life(life, open_text, "  " * depth)
        say_descendants(further, open_text, depth + 1)
    if children.more:
        say("  " * depth + f"{children.more:,} more row{'s' * (children.more != 1)} born of it: a larger --limit tells them")


def without_text(cells: dict[str, Any]) -> dict[str, Any]:
    """The cells without text that must not leave a terminal."""
    return {name: cells[name] if name in ("source", "category", "license") else None for name in cells}


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
