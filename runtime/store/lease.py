"""Leases of a shared store: what a running build relies on, and that gc is under way, by the server's clock."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from runtime.store.bucket import Unreachable
from runtime.store.layout import FORMAT
from runtime.store.remote import Remote, ticks
from runtime.store.store import StoreError

V = TypeVar("V")
FEW = 1000
"""Requests, or listed items, between two times that the lease of gc is looked at."""
RUNNING, GC = f"{FORMAT}/running", f"{FORMAT}/gc"
COLLECTED = f"{FORMAT}/collected"
"""Written where a gc begins and where it ends: when it was is its time by the server's clock."""
FIRST = 5.0
"""Seconds after which a build says what it holds: one that ends sooner has no need to."""
EVERY = 60.0
LIVE = timedelta(minutes=15)
"""A lease that was not renewed for so long is that of a build that died."""
AFTERWARDS = "run the same command when it has ended"


class BuildLease:
    """What one build holds, written anew as long as it runs."""

    def __init__(self, remote: Remote, held: set[str]) -> None:
        self.remote, self.held = remote, held
        self.path = f"{RUNNING}/{uuid.uuid4().hex}.json"
        self.written = False

    def write(self) -> None:
        self.remote.bucket.put(self.path, json.dumps(sorted(self.held.copy())).encode())
        self.written = True

    @contextmanager
    def renewed(self) -> Iterator[BuildLease]:
        """Written every minute while this lasts, and gone afterwards."""
        ended, reached = threading.Event(), True

        def renew() -> None:
            wait = FIRST
            while not ended.wait(wait):
                wait = EVERY
                try:
                    self.write()
                except Unreachable:
                    wait = FIRST  # a build that needs the store hears of it where it does

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield self
        except Unreachable:
            reached = False  # to try again would keep a person waiting for the same answer
            raise
        finally:
            ended.set()
            if reached:
                thread.join()
                if self.written:
                    self.remote.bucket.delete(self.path)


def leased(remote: Remote) -> set[str]:
    """The keys and objects that running builds hold; what dead ones held longest ago is removed."""
    held: set[str] = set()
    for item in list(remote.bucket.list(RUNNING)):
        if remote.now() - item.modified > LIVE:
            remote.bucket.delete(item.path)
        elif (data := remote.bucket.get(item.path)) is not None:
            held |= keys_in(remote, data)
    return held


def keys_in(remote: Remote, data: bytes) -> set[str]:
    """What a lease names. Raises StoreError for one that cannot be read."""
    try:
        keys = json.loads(data)
    except ValueError:
        keys = None
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise StoreError(f"what a running build in `{remote.url}` relies on cannot be read", AFTERWARDS)
    return set(keys)


def wait_for_gc(remote: Remote) -> None:
    """Wait while another machine collects garbage; one that died is not waited for longer than a lease is live."""
    while (item := remote.bucket.head(GC)) is not None and remote.now() - item.modified < LIVE:
        time.sleep(0.5)


def collected_since(remote: Remote, moment: float) -> bool:
    """Whether a gc ran since a moment of `ticks`; within a second or two of it counts, as servers tell seconds."""
    item = remote.bucket.head(COLLECTED)
    if item is None:
        return False
    return remote.now() - item.modified <= timedelta(seconds=ticks() - moment + 2) or remote.bucket.head(GC) is not None


class GcLease:
    """The right to collect garbage, of one machine at a time."""

    def __init__(self, remote: Remote) -> None:
        self.remote, self.mine, self.at = remote, uuid.uuid4().hex.encode(), ticks()

    def take(self) -> bool:
        """Whether nobody else has it; that of a machine which died is taken over."""
        bucket = self.remote.bucket
        if (item := bucket.head(GC)) is not None and self.remote.now() - item.modified >= LIVE:
            bucket.delete(GC)
        return bucket.create(GC, self.mine) or bucket.get(GC) == self.mine

    def go_on(self) -> None:
        """Called before anything is removed, and now and then. Raises StoreError where another has taken over, or may have.

        Builds wait no longer than a lease is live: what they name since is not known here.
        """
        if ticks() - self.at > LIVE.total_seconds():
            raise StoreError(f"gc in `{self.remote.url}` stood still for so long that builds went on", "run it again")
        if self.remote.bucket.get(GC) != self.mine:
            raise StoreError(f"another machine collects garbage in `{self.remote.url}`", AFTERWARDS)
        if ticks() - self.at > EVERY:
            self.at = ticks()
            self.remote.bucket.put(GC, self.mine)

    def during(self, items: Iterable[V]) -> Iterator[V]:
        """The items of a long list, while the lease is renewed."""
        for number, item in enumerate(items, 1):
            if number % FEW == 0:
                self.go_on()
            yield item


@contextmanager
def collecting(remote: Remote) -> Iterator[GcLease]:
    """While this lasts nobody else collects garbage. Raises StoreError where somebody does."""
    lease = GcLease(remote)
    if not lease.take():
        raise StoreError(f"another machine collects garbage in `{remote.url}`", AFTERWARDS)
    try:
        remote.bucket.put(COLLECTED, b"")
        yield lease
    finally:
        remote.bucket.put(COLLECTED, b"")
        if remote.bucket.get(GC) == lease.mine:
            remote.bucket.delete(GC)
