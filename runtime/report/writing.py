"""Writing a report: it replaces an earlier one, and nothing else unless it is told to."""

from __future__ import annotations

from pathlib import Path

from runtime.store.files import replacing
from runtime.store.project import follow_name
from runtime.store.store import StoreError

MARK = b'<meta name="generator" content="recipe report">'
BEGIN = 2000
"""Bytes in which the mark stands."""


def write_report(named: str, text: str, force: bool, allowed: tuple[str, ...]) -> None:
    """Write a report into a file. Raises StoreError where that may not be done, and RecipeError for a link outside."""
    path = follow_name(named, allowed)
    try:
        if path.exists() and not force and not is_report(path):
            raise StoreError(f"`{named}` is there, and is no page of `recipe report`", "choose another with --to, or say --force")
        with replacing(path) as partial:
            partial.write_text(text, "utf-8")
    except OSError as error:
        raise StoreError(f"`{named}` cannot be written: {error.strerror}", "choose another place with --to") from None


def is_report(path: Path) -> bool:
    with open(path, "rb") as file:
        return MARK in file.read(BEGIN)
