"""Getting the files of a source that are not here: as the lock pins them, or as they lie there today."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from compiler.graph.lock import LockedSource
from operators.declared.address import BUCKETS
from operators.declared.source import Source
from runtime.sources.remote.download import Wanted, download
from runtime.sources.remote.held import held
from runtime.sources.remote.http import Access
from runtime.sources.remote.shelf import Fetched, Shelf
from runtime.store.store import StoreError


def fetch(
    source: Source,
    locked: LockedSource | None,
    newest: bool,
    again: bool,
    opened: frozenset[str],
    tell: Callable[[int, str], None],
) -> list[Fetched]:
    """Get the files of a source that are not here; with `again` those that lie there today. Raises StoreError.

    What the lock pins is got, or nothing. `tell` hears the bytes of a file that are here, and its address.
    """
    shelf = Shelf()
    if not again and (here := held(source, locked, newest)):
        return [each for _, each in here]
    pins = locked.files if locked is not None and locked.pattern == source.pattern and not newest and not again else None
    files = []
    for wanted in list_files(source, opened) if pins is None else [pinned(source, Fetched(*each), opened) for each in pins]:

        def told(size: int, address: str = wanted.address) -> None:
            tell(size, address)

        known = Fetched(wanted.address, wanted.digest or "", wanted.size or 0)
        files.append(known if wanted.digest is not None and shelf.intact(known) else get(wanted, shelf, opened, told))
    if pins is None:
        shelf.note(source.pattern, files)
    return files


def list_files(source: Source, opened: frozenset[str]) -> list[Wanted]:
    """The files of a source as they lie there now."""
    if source.hf is not None:
        from runtime.sources.remote.hub import hub_access, list_hub

        return list_hub(source.hf, hub_access(opened))
    if of_bucket(source.file):
        from runtime.sources.remote.buckets import complain_nobody, list_bucket

        complain_nobody(source.file, opened)
        listed = list_bucket(source.file)
        if source.sha256 is not None and len(listed) > 1:
            raise StoreError(
                f"{len(listed)} files match `{source.file}`, and `sha256` is of one", "leave it out: the lock pins each"
            )
        return [replace(each, sha256=source.sha256) for each in listed]
    return [Wanted(source.file, source.file, sha256=source.sha256)]


def pinned(source: Source, file: Fetched, opened: frozenset[str]) -> Wanted:
    """A file as the lock pins it. Raises StoreError for an address that the recipe leads not to: locks are of others too."""
    known: dict[str, Any] = {"size": file.size, "digest": file.digest}
    if source.hf is not None:
        from runtime.sources.remote.hub import hub_access, wanted_at

        wanted = wanted_at(source.hf, file.address, hub_access(opened), **known)
    elif of_bucket(source.file):
        from runtime.sources.remote.buckets import leads_to

        wanted = Wanted(file.address, file.address, **known) if leads_to(source.file, file.address) else None
    else:
        wanted = Wanted(file.address, file.address, **known, sha256=source.sha256) if file.address == source.file else None
    if wanted is None:
        raise StoreError(
            f"the lock names a file that `{source.pattern}` does not lead to", "write the lock anew with `recipe lock`"
        )
    return wanted


def get(wanted: Wanted, shelf: Shelf, opened: frozenset[str], tell: Callable[[int], None]) -> Fetched:
    """A file on the shelf."""
    if of_bucket(wanted.url):
        from runtime.sources.remote.buckets import complain_nobody, load

        complain_nobody(wanted.url, opened)
        return load(wanted, shelf, tell)
    return download(wanted, shelf, access_of(wanted, opened), tell)


def access_of(wanted: Wanted, opened: frozenset[str]) -> Access:
    """As whom the server of a file is asked."""
    if wanted.address.startswith("hf://"):
        from runtime.sources.remote.hub import hub_access

        return hub_access(opened)
    return Access(opened)


def of_bucket(address: str) -> bool:
    return address.partition("://")[0] in BUCKETS
