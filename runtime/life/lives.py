"""The lives of rows that a person asks for, with those of the rows born of them, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from operators.base.licence import RESTRICTED
from runtime.build.session import Session
from runtime.life.alike import add_likeness
from runtime.life.seek import find_quarantined, find_rows
from runtime.life.why import Ledgers
from runtime.sources.ingest import without_cells
from runtime.stages.life import Life
from runtime.store.store import StoreError


@dataclass
class Descendants:
    """The children of a row, each with its own, and how many more there are."""

    lives: list[tuple[Life, Descendants]]
    more: int


def descendants(ledgers: Ledgers, life: Life, limit: int, shown: set[str], open_text: bool) -> Descendants:
    """What was born of a row: at most `limit` children of each; `shown` gathers them, so that none comes twice."""
    children = [each for each in ledgers.children(life) if each not in shown]
    shown.update(children)
    lives = [ledgers.onward(each) for each in children[:limit]]
    for each in lives:
        add_likeness(ledgers, each, open_text)
    found = [(each, descendants(ledgers, each, limit, shown, open_text)) for each in lives]
    return Descendants(found, len(children) - len(lives))


def find_lives(
    session: Session, prefix: str | None, match: str | None, limit: int, open_text: bool
) -> tuple[list[tuple[Life, Descendants]], list[dict[str, Any]], int]:
    """(the lives of rows by the beginning of a row id or by their text, rows that could not be read, how many more of these).

    Raises StoreError where there is none, or where more rows than `limit` begin so.
    """
    ledgers = Ledgers(session)
    rows = find_rows(ledgers, match, limit) if match is not None else ledgers.find(prefix or "")
    bad, more = find_quarantined(ledgers, match, limit) if match is not None else ([], 0)
    if not rows and not bad:
        raise StoreError(
            f"no row {'holds this text' if match else 'begins with ' + repr(prefix)} in what is built",
            f"`recipe plan {session.named}` says what is built",
        )
    if match is None and len(rows) > limit:
        raise StoreError(f"{len(rows)} rows begin with `{prefix}`", "give more of the id, or a larger --limit")
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
    return lives, bad, more


def plain_lives(lives: list[tuple[Life, Descendants]], open_text: bool) -> list[dict[str, Any]]:
    """Lives for a program."""
    return [plain_life(*each, open_text) for each in lives]


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


def without_text(cells: dict[str, Any]) -> dict[str, Any]:
    """The cells without text that must not leave a terminal."""
    return {name: cells[name] if name in ("source", "category", "license") else None for name in cells}
