"""Ask for every completion that the memo lacks: claimed, journalled as it finishes, its failures counted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runtime.completions.journal import Journal
from runtime.completions.memo import CompletionMemo, Kept
from runtime.completions.requests import Requests, asked_model
from runtime.engines.engine import Engine, EngineError, Request
from runtime.store import StoreError

IN_A_ROW = 50
"""After so many failures in a row, with nothing between, the server is taken to be down."""
POLL = 0.2


class Failures(StoreError):
    """More requests failed than the recipe lets pass."""


@dataclass
class Filled:
    """What was asked for, and what became of it."""

    needed: int
    memoised: int
    new: int = 0
    elsewhere: int = 0
    """Completions that another build was asking for at the same time."""
    failed: dict[bytes, str] = field(default_factory=dict)

    def reasons(self) -> str:
        """`3 x HTTP 500 x5; 1 x timeout x5`."""
        return "; ".join(f"{count:,} x {reason}" for reason, count in Counter(self.failed.values()).most_common(5))


def fill(
    memo: CompletionMemo, requests: Requests, open_engine: Callable[[], Engine], origin: str, tell: Callable[[int], None]
) -> Filled:
    """Ask for what is missing. `origin` names the endpoint; `tell` is told how many completions there are."""
    wanted = requests.wanted
    missing = set(wanted) - memo.known(wanted)
    filled = Filled(len(wanted), len(wanted) - len(missing))
    if not missing:
        return filled
    assert memo.store.running is not None, "completions are claimed by a running build"
    owner = Path(memo.store.running.name).name
    engine = open_engine()
    named = f"{engine.name} {engine.version}".strip() + (f" at {origin}" if origin else "")
    journal = Journal(memo)
    run = Run(memo, requests, engine, journal, owner, named, filled, tell)
    try:
        with journal.running():
            run.ask(missing)
            run.await_others()
    finally:
        filled.new = journal.new
        engine.close()
        memo.release(owner)
    return filled


@dataclass
class Run:
    """One run of an engine over the requests that are missing."""

    memo: CompletionMemo
    requests: Requests
    engine: Engine
    journal: Journal
    owner: str
    named: str
    filled: Filled
    tell: Callable[[int], None]

    def __post_init__(self) -> None:
        self.waiting: set[bytes] = set()
        self.in_a_row = 0
        self.done = self.filled.memoised
        self.model = asked_model(self.requests.node)

    def ask(self, missing: set[bytes]) -> None:
        """Ask for all of them that no other build asks for."""
        left = set(missing)
        try:
            for answer in self.engine.run(self.claimed(left)):
                if answer.reply is not None:
                    kept = Kept(answer.address, self.model, self.requests.operator.name, self.named, answer.reply, answer.seconds)
                    self.journal.tell(kept)
                    self.in_a_row, self.done = 0, self.done + 1
                    self.tell(self.done)
                else:
                    self.in_a_row += 1
                    self.filled.failed[answer.address] = answer.failure or "no reason given"
        except EngineError as error:
            raise StoreError(str(error), error.hint) from None
        finally:
            self.memo.fail(self.filled.failed)
        reason = f"not asked: {self.in_a_row} requests before it failed in a row"
        self.filled.failed |= {address: reason for address in left}

    def claimed(self, left: set[bytes]) -> Iterator[Request]:
        """The requests of this build, claimed a few ahead; `left` are those that were not reached yet."""
        ahead: list[Request] = []
        size = max(16, min(256, self.engine.window))
        for request in self.requests.of(frozenset(left)):
            ahead.append(request)
            if len(ahead) == size:
                yield from self.claim(ahead, left)
                ahead = []
        yield from self.claim(ahead, left)

    def claim(self, ahead: list[Request], left: set[bytes]) -> Iterator[Request]:
        if self.in_a_row >= IN_A_ROW:
            return
        told = self.memo.claim([request.address for request in ahead], self.owner)
        for request, claim in zip(ahead, told, strict=True):
            if self.in_a_row >= IN_A_ROW:
                return
            left.discard(request.address)
            if claim == "mine":
                yield request
            elif claim == "taken":
                self.waiting.add(request.address)
            else:
                self.filled.elsewhere += 1

    def await_others(self) -> None:
        """Wait for what other builds ask for; what they leave undone is asked for here."""
        while self.waiting:
            come = self.memo.known(sorted(self.waiting))
            self.filled.elsewhere += len(come)
            self.done += len(come)
            self.tell(self.done)
            self.waiting -= come
            again = self.memo.free(sorted(self.waiting))
            self.waiting -= again
            if again:
                self.ask(again)  # what another build is quicker to claim comes back to `waiting`
            elif self.waiting:
                time.sleep(POLL)
