"""Getting the files of a source that are not here: as the lock pins them, or as they lie there today."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from compiler.graph.lock import LockedSource
from operators.declared.address import BUCKETS, Hub, file_name
from operators.declared.source import FETCH, Source, packed_as
from runtime.sources.remote.download import Wanted, download
from runtime.sources.remote.held import complain_lock, held, shorten
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
) -> tuple[list[Fetched], list[str]]:
    """Get the files of a source that are not here; with `again` those that lie there today. Raises StoreError.

    What the lock pins is got, or nothing. `tell` hears the bytes of a file that are here, and its address. What is to be said
    besides is the second.
    """
    shelf, notes = Shelf(), list[str]()
    complain_lock(source, locked, newest or again)
    if not again and (here := held(source, locked, newest)):
        return [each for _, each in here], notes
    pins = locked.files if locked is not None and locked.pattern == source.pattern and not newest and not again else None
    files = list[Fetched]()
    commits = {} if source.hf is None else commits_of(source.hf, pins or ())
    for wanted in list_files(source, opened) if pins is None else [pinned(source, Fetched(*each), opened) for each in pins]:

        def told(size: int, address: str = wanted.address) -> None:
            tell(size, address)

        known = Fetched(wanted.address, wanted.digest or "", wanted.size or 0)
        if wanted.digest is not None and shelf.intact(known):
            files.append(known)
            continue
        if source.hf is not None:
            while commits:  # before the first request for a file
                notes += told_commit(source.hf, *commits.popitem(), opened)
        files.append(get(wanted, shelf, opened, told))
    if pins is None:
        shelf.note(source.pattern, files)
    return files, notes


def commits_of(hub: Hub, pins: Iterable[tuple[str, str, int]]) -> dict[str, set[str]]:
    """Commit -> the paths in it that a lock pins."""
    from runtime.sources.remote.hub import part_of

    found: dict[str, set[str]] = {}
    for address, _, _ in pins:
        if (part := part_of(hub, address)) is not None:
            found.setdefault(part[0], set()).add(part[1])
    return found


def told_commit(hub: Hub, commit: str, paths: set[str], opened: frozenset[str]) -> Iterator[str]:
    """What is not known of a commit that a lock pins. Raises StoreError for what the recipe does not say."""
    from runtime.sources.remote.commits import complain_commit, complain_split
    from runtime.sources.remote.hub import COMMIT, hub_access

    access = hub_access(opened)
    notes = [None if COMMIT.fullmatch(hub.revision) else complain_commit(hub, commit, access)]
    notes += [] if hub.files is not None else [complain_split(hub, commit, paths, access)]
    yield from (each for each in notes if each is not None)


def list_files(source: Source, opened: frozenset[str]) -> list[Wanted]:
    """The files of a source as they lie there now. Raises StoreError for an archive, which only the listing tells of."""
    found = listed_files(source, opened)
    packed = next((each.address for each in found if packed_as(file_name(each.address)) is not None), None)
    if packed is not None:
        raise StoreError(f"`{source.pattern}` leads to `{shorten(packed)}`: an archive at an address is not read", FETCH)
    return found


def listed_files(source: Source, opened: frozenset[str]) -> list[Wanted]:
    """All that is listed of a source."""
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
    """A file as the lock pins it, where the recipe leads to it."""
    known: dict[str, Any] = {"size": file.size, "digest": file.digest}
    if source.hf is not None:
        from runtime.sources.remote.hub import hub_access, wanted_at

        wanted = wanted_at(source.hf, file.address, hub_access(opened), **known)
        assert wanted is not None, file.address
        return wanted
    return Wanted(file.address, file.address, **known, sha256=None if of_bucket(source.file) else source.sha256)


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
