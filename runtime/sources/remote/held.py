"""What of a source's files is here: on the shelf, without asking anybody."""

from __future__ import annotations

from pathlib import Path

from compiler.graph.lock import LockedSource
from operators.declared.address import BUCKETS
from operators.declared.source import Source
from runtime.sources.remote.shelf import Fetched, Shelf
from runtime.store.store import StoreError


def leads_to(source: Source, address: str) -> bool:
    """Whether an address is one that a source says, as far as nobody need be asked."""
    if source.hf is not None:
        from runtime.sources.remote.hub import part_of

        return part_of(source.hf, address) is not None
    if source.file.partition("://")[0] in BUCKETS:
        from runtime.sources.remote.buckets import leads_to as leads_in

        return leads_in(source.file, address)
    return address == source.file


def complain_lock(source: Source, locked: LockedSource | None, newest: bool) -> None:
    """Raises StoreError for a lock with a file that the recipe does not lead to: locks are of others too."""
    if newest or locked is None or locked.pattern != source.pattern:
        return
    strange = next((address for address, _, _ in locked.files if not leads_to(source, address)), None)
    if strange is not None:
        raise StoreError(
            f"the lock names `{shorten(strange)}`, and `{source.pattern}` does not lead to it",
            "look at who wrote the lock; `recipe lock` writes it anew",
        )


def shorten(address: str) -> str:
    return address if len(address) <= 200 else address[:199] + "…"


def fetched_of(source: Source, locked: LockedSource | None, newest: bool) -> list[Fetched] | None:
    """The files of a source as far as is known: those that the lock pins, else those that this machine fetched last.

    With `newest` the last ones come before the lock's. None where nobody knows any.
    """
    pinned = [Fetched(*each) for each in locked.files] if locked is not None and locked.pattern == source.pattern else None
    if pinned is not None and not newest:
        return pinned
    known = Shelf().known(source.pattern)
    return known or (pinned if pinned is not None and all(leads_to(source, each.address) for each in pinned) else None)


def held(source: Source, locked: LockedSource | None, newest: bool) -> list[tuple[Path, Fetched]]:
    """The files of a source that are on the shelf, all of them or none."""
    shelf, files = Shelf(), fetched_of(source, locked, newest)
    paths = [(shelf.find(each), each) for each in files or ()]
    here = [(path, each) for path, each in paths if path is not None]
    return here if len(here) == len(paths) else []
