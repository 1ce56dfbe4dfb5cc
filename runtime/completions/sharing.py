"""Completions of a shared store: what other machines made is taken in, what is made here is sent, one asks for each address."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from runtime.completions.leases import Leases, bucket_of
from runtime.completions.memo import CompletionMemo
from runtime.completions.segments import MOST, Segments
from runtime.store.bucket import Unreachable
from runtime.store.shared import SharedStore
from runtime.store.store import StoreError

SECONDS = 5.0
"""Between two times that completions are sent: a machine that dies takes no more with it."""
POLL, LONGEST = 1.0, 8.0
"""Between two looks at what others hold: longer where nothing came of the last one."""


def take_in(memo: CompletionMemo) -> None:
    """Bring a memo and the shared store that it is of together; nothing where it is of a folder."""
    store = memo.store
    if isinstance(store, SharedStore) and store.connected:
        segments = Segments(memo, store.remote)
        segments.send()  # what a build that was killed left
        segments.take_in()


@dataclass
class Turn:
    """The addresses that a build may ask for now."""

    addresses: set[bytes]
    come: int = 0
    """Completions that came from other machines since the turn before."""
    left: int = 0
    """Addresses in buckets that a dead build held: it may have asked for some of them."""


@dataclass
class Sharing:
    """How one build shares the requests of a stage with other machines."""

    memo: CompletionMemo
    store: SharedStore
    build: str
    failure: StoreError | None = None
    """Why completions could not be sent; they are in the memo, and the next build sends them."""
    guard: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.store.lay_out()
        self.home = self.store.cache.note("home", uuid.uuid4().hex)
        """What the builds that use this cache have in common."""
        self.segments = Segments(self.memo, self.store.remote)
        self.leases = Leases(self.store.remote, f"{self.home}.{self.build}")

    @property
    def lost(self) -> bool:
        """Whether other machines may take this build for dead, so that it asks for nothing more."""
        return not self.leases.holds

    def dead(self, owner: str) -> bool:
        """Whether an owner is a build of this machine that was killed."""
        home, _, build = owner.partition(".")
        return home == self.home and build != self.build and not self.memo.alive(build)

    @contextmanager
    def running(self) -> Iterator[None]:
        """While this lasts, completions are sent as they come."""
        ended = threading.Event()

        def send() -> None:
            at = time.monotonic()
            while not ended.wait(0.2):
                if time.monotonic() - at >= SECONDS or self.segments.waiting() >= MOST:
                    self.send()
                    at = time.monotonic()

        with self.leases.renewing():
            thread = threading.Thread(target=send, name="segments", daemon=True)
            thread.start()
            try:
                yield
            finally:
                ended.set()
                thread.join()
                self.send()  # before others ask for what is missing
                self.leases.kept = self.failure is not None

    def send(self) -> None:
        """Send what there is; a failure is told by the next turn, or at the end."""
        with self.guard:
            try:
                self.segments.send()
                self.failure = None
            except StoreError as error:
                self.failure = error

    def turns(self, missing: set[bytes], window: int) -> Generator[Turn, None, None]:
        """Of the missing addresses, those that this build may ask for, turn by turn, until none is left.

        What a turn is for is asked for, and on disk, when the next one is wanted. Raises StoreError where the store cannot
        be reached.
        """
        left, wait = set(missing), POLL
        while left:
            buckets = {bucket_of(address) for address in left}
            taken, orphaned = self.leases.take(buckets, len(left) <= window, self.dead)
            new = self.segments.take_in()  # after the buckets are ours: whoever held them sent all before
            come = self.memo.present(sorted(left)) if taken or new else set()
            left -= come
            turn = Turn({address for address in left if bucket_of(address) in taken}, len(come))
            turn.left = sum(bucket_of(address) in orphaned for address in turn.addresses)
            left -= turn.addresses
            yield turn
            self.send()
            self.complain()
            self.leases.release()
            wait = POLL if taken or new else min(2 * wait, LONGEST)
            if left and not taken:
                time.sleep(wait)

    def complain(self) -> None:
        """Raises StoreError where completions could not be sent, or this build was not heard of for too long."""
        if self.failure is not None:
            raise self.failure
        if self.lost:
            message = f"the store `{self.store.remote.url}` could not be reached for so long that others ask for what is missing"
            raise Unreachable(message, "what came is kept; run the same command again")
