"""What a worker does: it opens the store, runs a task, holds what the task wrote, and says what came of it."""

from __future__ import annotations

import pickle
import platform
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import Any

from blake3 import blake3

from runtime.completions.engines.engine import Engine
from runtime.executors.payload import ALIKE, Site, failed, pack, unpack, versions_of
from runtime.store.location import shared_at
from runtime.store.opening import open_at
from runtime.store.store import StoreError


class Opened:
    """The store of the build that this process works for, and what the last tasks shared."""

    def __init__(self, site: Site) -> None:
        self.site, self.stack = site, ExitStack()
        url = site.location.url
        self.store = open_at(site.location if url is None else shared_at(url, site.location.cache))
        if url is None and not (self.store.root / "running" / site.build).exists():
            message = f"`{site.location.folder}` on {platform.node()} is not the store of this build"
            raise StoreError(message, "put the store where all machines see it under one path, and name it with --store")
        # It is held for as long as this process works for the build: what a task wrote is named by nobody else yet.
        self.stack.enter_context(self.store.building())
        self.store.shrink()  # nobody else does, on a machine that never builds
        self.digest, self.shared = "", None

    def share(self, data: bytes) -> Any:
        """What the pieces of one task share, made once."""
        digest = blake3(data).hexdigest()
        if digest != self.digest:
            self.digest, self.shared = digest, unpack(data, self.store)
        return self.shared

    def mark(self) -> int:
        """The place in the file of what is held that comes next."""
        assert self.store.running is not None
        return self.store.running.tell()

    def held(self, start: int) -> list[str]:
        """What is held since a place in the file that names it."""
        assert self.store.running is not None
        with open(self.store.running.name) as file:
            file.seek(start)
            return file.read().split()


OPENED: list[Opened] = []
"""The one store that is open here; a worker may come to work for another build."""


def opened(site: Site) -> Opened:
    """The store of a build, opened once."""
    if not OPENED or (OPENED[0].site.location, OPENED[0].site.build) != (site.location, site.build):
        for other in OPENED:
            with suppress(FileNotFoundError):  # a store that was removed since has nothing to let go of
                other.stack.close()
        OPENED[:] = [Opened(site)]
    OPENED[0].store.bound = site.bound
    return OPENED[0]


def perform(site: Site, task: Any, shared: bytes, piece: bytes) -> bytes:
    """(what the task made, or how it failed; the names that it holds) as bytes."""
    held: list[str] = []
    try:
        complain_versions(site.versions)
        here = opened(site)
        start = here.mark()
        here.store.made.clear()
        try:
            made = task(here.share(shared), unpack(piece, here.store), lambda rows: None)
        finally:
            held = here.held(start)
        if site.sends:
            here.store.send(here.store.made)
        return pack((made, held), here.store)
    except Exception as error:  # noqa: BLE001 - it is told to the build, which raises it
        return told_failure(error, held)


def open_here(site: Site, function: Callable[..., Engine], arguments: bytes) -> Engine:
    """The engine that a function opens on this machine, which may read the store. Raises EngineError, StoreError."""
    return function(*unpack(arguments, opened(site).store))


def told_failure(error: Exception, held: list[str]) -> bytes:
    """An error as bytes; one that cannot be told as it is becomes its text."""
    if not isinstance(error, StoreError):
        # Where nobody expected it the place in the code is worth more than anything else.
        error.add_note(traceback.format_exc())
    told = failed(error)
    try:
        pickle.loads(pickle.dumps(told)).error()  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - of a library, whose errors may hold anything
        told = failed(RuntimeError(f"{type(error).__name__}: {error}"))
    return pickle.dumps((told, held))


def complain_versions(wanted: Mapping[str, str]) -> None:
    """Raises StoreError where this machine has other versions than the one that builds: its bytes might be others.

    A library that it lacks makes no bytes: a task that needs it fails.
    """
    own = versions_of(wanted)
    for name, there in wanted.items():
        here = own.get(name, "none" if name in ALIKE else there)
        if here != there:
            raise StoreError(f"a worker has `{name}` {here}, and {there} is here", "install the same on every machine")
