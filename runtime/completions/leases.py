"""Leases on buckets of addresses: of the machines that share a store one at a time asks for what is in a bucket."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

from blake3 import blake3

from runtime.store.at_once import AT_ONCE, at_once
from runtime.store.bucket import Unreachable
from runtime.store.layout import MEMOS
from runtime.store.lease import LIVE
from runtime.store.remote import Remote, ticks

BUCKETS = 64
"""Ranges of addresses by their first bits: the same for every machine."""
CLAIMS, OWNERS = f"{MEMOS}/completions/claims", f"{MEMOS}/completions/owners"
RELEASED = ".released"
NAMED = re.compile(rf"{CLAIMS}/([0-9]{{2}})/([0-9]{{8}})({re.escape(RELEASED)})?")
LEASE = 60.0
"""Seconds by the server's clock after which an owner that was not heard of is dead."""
EVERY = 15.0
SLACK = 3.0
"""Seconds by which an owner stops before others begin: servers tell time in whole ones."""


def bucket_of(address: bytes) -> int:
    return address[0] * BUCKETS >> 8


class Claim(NamedTuple):
    """A claim on a bucket, or what says that it was released."""

    bucket: int
    generation: int
    released: bool

    @property
    def path(self) -> str:
        return f"{CLAIMS}/{self.bucket:02}/{self.generation:08}{RELEASED * self.released}"


class Leases:
    """What one build holds of them.

    The claim on a bucket is an object of its generation, made where there is none and never changed; the highest one holds
    until it is released, or its owner was not heard of for too long. An owner is heard of by one object, whatever it holds.
    """

    def __init__(self, remote: Remote, owner: str) -> None:
        self.remote, self.owner = remote, owner
        self.held: dict[int, int] = {}
        """Bucket -> the generation of our claim."""
        self.renewed_at = ticks() - LEASE
        self.heard = self.lost = False
        """Whether others have heard of it; whether they may have taken it for dead since, which it never comes back from."""
        self.kept = False
        """Whether what is held is left to end by itself, as others may not have what was paid for yet."""
        self.owners: dict[Claim, str] = {}
        """Claim -> who made it: that never changes."""
        self.first = blake3(owner.encode()).digest()[0] * BUCKETS >> 8
        """The bucket to begin at: another for each build, so that they share the work."""

    # -- to be heard of

    @property
    def holds(self) -> bool:
        """Whether others take this build to be alive for sure."""
        self.lost |= self.heard and ticks() - self.renewed_at >= LEASE - SLACK
        return self.heard and not self.lost

    def renew(self) -> None:
        before = ticks()
        if self.heard and not self.holds:
            return
        self.remote.bucket.put(f"{OWNERS}/{self.owner}", b"")
        self.lost |= self.heard and ticks() - self.renewed_at >= LEASE - SLACK
        self.renewed_at, self.heard = before, True

    @contextmanager
    def renewing(self) -> Iterator[None]:
        """Heard of while this lasts; what is held still is released afterwards, where the store can be reached."""
        ended, reached = threading.Event(), True

        def renew() -> None:
            while not ended.wait(min(EVERY, LEASE / 4)):
                try:
                    self.renew()
                except Unreachable:
                    continue  # `holds` tells when that has lasted too long

        self.renew()
        thread = threading.Thread(target=renew, name="leases", daemon=True)
        thread.start()
        try:
            yield
        except Unreachable:
            reached = False
            raise
        finally:
            ended.set()
            if reached:
                thread.join()
            if reached and not self.kept:
                self.release()
                self.remote.bucket.delete(f"{OWNERS}/{self.owner}")

    # -- buckets

    def take(self, wanted: set[int], everything: bool, dead: Callable[[str], bool]) -> tuple[set[int], set[int]]:
        """(the buckets that are ours now, those of them that a dead build held): some of the wanted that are free.

        Half of a build's share of what is free, so that whoever comes later finds some; all of it where that is little.
        `dead` says of an owner that was heard of whether it is known to be no more.
        """
        claims = self.claims()
        alive = {owner for owner in self.alive() if not dead(owner)}
        free = [bucket for bucket in self.ordered(wanted) if self.is_free(claims.get(bucket, []), alive)]
        many = len(free) if everything else -(-len(free) // (2 * max(1, len(alive))))
        made = [each for each in at_once(AT_ONCE, lambda at: self.claim(at, claims.get(at, [])), free[:many]) if each is not None]
        # A look that was too old may have led to a generation that others are beyond, and that they removed.
        after = self.claims() if made else {}
        taken = {claim.bucket: claim.generation for claim in made if after[claim.bucket][-1] == claim}
        self.held |= taken
        at_once(AT_ONCE, self.remove, [each for bucket in taken for each in claims.get(bucket, [])])
        return {*taken}, {bucket for bucket in taken if claims.get(bucket) and not claims[bucket][-1].released}

    def ordered(self, buckets: set[int]) -> list[int]:
        return sorted(buckets, key=lambda bucket: (bucket - self.first) % BUCKETS)

    def claims(self) -> dict[int, list[Claim]]:
        """Bucket -> the claims on it that there are, the one that holds last."""
        found: dict[int, list[Claim]] = {}
        for item in self.remote.bucket.list(CLAIMS):
            if (named := NAMED.fullmatch(item.path)) is not None:  # what else somebody may lay there claims nothing
                claim = Claim(int(named[1]), int(named[2]), named[3] is not None)
                found.setdefault(claim.bucket, []).append(claim)
        # What says that a generation was released comes after the claim itself.
        return {bucket: sorted(claims) for bucket, claims in found.items()}

    def alive(self) -> set[str]:
        """The owners that were heard of."""
        longest = timedelta(seconds=LEASE)
        items = list(self.remote.bucket.list(OWNERS))
        return {item.path.rpartition("/")[2] for item in items if self.remote.now() - item.modified < longest}

    def is_free(self, claims: list[Claim], alive: set[str]) -> bool:
        if not claims or claims[-1].released:
            return True
        claim = claims[-1]
        if claim not in self.owners:
            data = self.remote.bucket.get(claim.path)
            if data is None:
                return False  # it was removed meanwhile: there is a higher one
            self.owners[claim] = data.decode("utf-8", "replace")
        return self.owners[claim] not in alive

    def claim(self, bucket: int, before: list[Claim]) -> Claim | None:
        """Our claim on a bucket, or None where another was quicker."""
        claim = Claim(bucket, before[-1].generation + 1 if before else 1, False)
        mine = self.owner.encode()
        # A request that was sent twice finds what it made itself.
        made = self.remote.bucket.create(claim.path, mine) or self.remote.bucket.get(claim.path) == mine
        return claim if made else None

    def remove(self, claim: Claim) -> None:
        self.remote.bucket.delete(claim.path)

    def release(self) -> None:
        """Let others have what is held."""
        held, self.held = self.held, {}
        ended = [Claim(bucket, generation, True) for bucket, generation in held.items()]
        at_once(AT_ONCE, lambda claim: self.remote.bucket.put(claim.path, self.owner.encode()), ended)


def forget_dead(remote: Remote) -> int:
    """Remove what killed builds were heard of by; how many those were. Their claims stay, and are free as they were."""
    # An owner that was not heard of for `LEASE` never comes back; the longer time is that of all other leases.
    dead = [item.path for item in list(remote.bucket.list(OWNERS)) if remote.now() - item.modified > LIVE]
    at_once(AT_ONCE, remote.bucket.delete, dead)
    return len(dead)
