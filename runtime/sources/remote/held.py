"""What of a source's files is here: on the shelf, without asking anybody."""

from __future__ import annotations

from pathlib import Path

from compiler.graph.lock import LockedSource
from operators.declared.source import Source
from runtime.sources.remote.shelf import Fetched, Shelf


def fetched_of(source: Source, locked: LockedSource | None, newest: bool) -> list[Fetched] | None:
    """The files of a source as far as is known: those that the lock pins, else those that this machine fetched last.

    With `newest` the last ones come before the lock's. None where nobody knows any.
    """
    pinned = [Fetched(*each) for each in locked.files] if locked is not None and locked.pattern == source.pattern else None
    if pinned is not None and not newest:
        return pinned
    return Shelf().known(source.pattern) or pinned


def held(source: Source, locked: LockedSource | None, newest: bool) -> list[tuple[Path, Fetched]]:
    """The files of a source that are on the shelf, all of them or none."""
    shelf, files = Shelf(), fetched_of(source, locked, newest)
    paths = [(shelf.find(each), each) for each in files or ()]
    here = [(path, each) for path, each in paths if path is not None]
    return here if len(here) == len(paths) else []
