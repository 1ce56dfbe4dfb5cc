"""Leases of a shared store: what a running build relies on, and that gc is under way, by the server's clock."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from runtime.store.bucket import Unreachable
from runtime.store.layout import FORMAT
from runtime.store.remote import Remote

RUNNING, GC = f"{FORMAT}/running", f"{FORMAT}/gc"
FIRST = 5.0
"""Seconds after which a build says what it holds: one that ends sooner has no need to."""
EVERY = 60.0
LIVE = timedelta(minutes=15)
"""A lease that was not renewed for so long is that of a build that died."""


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
            held.update(json.loads(data))
    return held


def wait_for_gc(remote: Remote) -> None:
    """Wait while another machine collects garbage; one that died is not waited for longer than a lease is live."""
    while (item := remote.bucket.head(GC)) is not None and remote.now() - item.modified < LIVE:
        time.sleep(0.5)


@contextmanager
def collecting(remote: Remote) -> Iterator[bool]:
    """While this lasts nobody else collects garbage; says whether it is so."""
    mine = uuid.uuid4().hex.encode()
    item = remote.bucket.head(GC)
    if item is not None and remote.now() - item.modified >= LIVE:
        remote.bucket.delete(GC)
    if not remote.bucket.create(GC, mine) and remote.bucket.get(GC) != mine:
        yield False
        return
    try:
        yield True
    finally:
        remote.bucket.delete(GC)
