"""Ask for every completion that the memo lacks: claimed, journalled as it finishes, its failures counted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from runtime.completions.engines.engine import Answer, Engine, Request
from runtime.completions.journal import Journal
from runtime.completions.memo import Completion, CompletionMemo
from runtime.completions.refusals import Refusals
from runtime.completions.requests import Requests, asked_model
from runtime.completions.sharing import Sharing
from runtime.completions.spending import Meter, shown
from runtime.store.batches import batched
from runtime.store.pace import FIRST, show_pace
from runtime.store.shared import SharedStore
from runtime.store.store import StoreError

IN_A_ROW = 50
"""After so many failures in a row, with nothing between, the server is taken to be down."""
POLL = 0.2
SECONDS = 0.5
"""Between two times that refusals are written: a kill loses no more, and what is refused is not paid."""


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
    orphaned: int = 0
    """Requests that a build which died had taken: those of them that were under way then were asked for twice."""
    failed: dict[bytes, str] = field(default_factory=dict)
    """Why there is no completion, now or since an earlier build; refusals among them."""
    refused: set[bytes] = field(default_factory=set)
    """Those that a server refused, and that no build asks for again by itself."""
    everything: int | None = None
    """The status by which the server refuses whatever is asked."""
    examples: dict[str, str] = field(default_factory=dict)
    """How a request was refused -> a row that it was made of."""

    def reasons(self) -> str:
        """`3 x HTTP 500 x5; 1 x timeout x5; refused: 2 x HTTP 403 (such as row 8c81da000d39)`."""
        failed = Counter(reason for address, reason in self.failed.items() if address not in self.refused)
        refused = Counter(self.failed[address] for address in sorted(self.refused))
        parts = [f"{count:,} x {reason}" for reason, count in failed.most_common(5)]
        rows = {reason: f" (such as row {row})" for reason, row in self.examples.items()}
        if refused:
            listed = [f"{count:,} x {reason}{rows.get(reason, '')}" for reason, count in refused.most_common(5)]
            parts.append("refused: " + ", ".join(listed))
        return "; ".join(parts)

    def data(self) -> dict[str, object]:
        """The same for programs."""
        counts = {name: getattr(self, name) for name in ("needed", "memoised", "new", "elsewhere", "orphaned")}
        return {**counts, "failed": self.reasons(), "refused": len(self.refused)}


def fill(
    memo: CompletionMemo,
    requests: Requests,
    open_engine: Callable[[], Engine],
    origin: str,
    say: Callable[[str], None],
    meter: Meter,
    retry_refused: bool = False,
) -> Filled:
    """Ask for what is missing, and with `retry_refused` for what was refused before.

    `origin` names the endpoint; `say` gets a line on how far it is. Raises EngineError, StoreError.
    """
    wanted = requests.wanted
    missing = set(wanted) - memo.present(wanted)
    filled = Filled(len(wanted), len(wanted) - len(missing))
    refused, again = memo.refusals(sorted(missing)), frozenset[bytes]()
    if retry_refused:
        again = frozenset(refused)
    else:
        missing -= refused.keys()
        filled.failed, filled.refused = dict(refused), set(refused)
    if not missing:
        return filled
    engine, model = open_engine(), asked_model(requests.node)
    may_fail = int(requests.operator.max_failures * len(wanted))
    refusals = Refusals(may_fail, len(filled.refused), lambda: memo.has_model(model), again)
    run = EngineRun(memo, requests, engine, origin, filled, say, refusals, meter)
    try:
        with run.journal.running():
            if isinstance(memo.store, SharedStore):
                run.ask_in_turns(missing, Sharing(memo, memo.store, run.owner))
            else:
                run.ask(missing)
                run.await_others()
        filled.everything = refusals.everything
    finally:
        filled.new = run.journal.new
        engine.close()
        memo.release(run.owner)
    return filled


@dataclass
class EngineRun:
    """One run of an engine over the requests that are missing. Raises EngineError where it cannot go on."""

    memo: CompletionMemo
    requests: Requests
    engine: Engine
    origin: str
    filled: Filled
    say: Callable[[str], None]
    refusals: Refusals
    meter: Meter

    def __post_init__(self) -> None:
        assert self.memo.store.running is not None, "completions are claimed by a running build"
        self.owner = Path(self.memo.store.running.name).name
        at = f" at {self.origin}" if self.origin else ""
        self.provenance = f"{self.engine.name} {self.engine.version}".strip() + at
        self.model = asked_model(self.requests.node)
        self.journal = Journal(self.memo)
        self.waiting: set[bytes] = set()
        self.sharing: Sharing | None = None
        self.unwritten: list[bytes] = []
        self.written = 0.0
        self.in_a_row = 0
        self.done = self.filled.memoised

    def tell(self) -> None:
        """Say how far it is, how fast, what it took and what failed."""
        seconds, took = self.meter.clock() - self.meter.began, self.meter.took
        if seconds < FIRST:
            return
        parts = [show_pace(self.done, self.filled.needed, self.filled.memoised, seconds, "completions")]
        parts += [f"{took.tokens / seconds:,.0f} tokens/s"] if took.tokens and seconds > 0 else []
        parts += [shown("money", took.money)] if took.money else []
        parts += [f"{len(self.filled.failed):,} failed"] if self.filled.failed else []
        self.say(", ".join(parts))

    @property
    def stopped(self) -> bool:
        """Whether nothing more is sent, and only what is under way is waited for."""
        lost = self.sharing is not None and self.sharing.lost
        return self.in_a_row >= IN_A_ROW or self.refusals.everything is not None or lost or self.meter.over is not None

    def ask_in_turns(self, missing: set[bytes], sharing: Sharing) -> None:
        """Ask for all of them that no other machine asks for, and take in what the others make."""
        self.sharing, left = sharing, set(missing)
        with sharing.running(), closing(sharing.turns(missing, self.engine.window)) as turns:
            for turn in turns:
                left -= turn.addresses
                self.filled.elsewhere += turn.come
                self.filled.orphaned += turn.left
                self.done += turn.come
                self.tell()
                try:
                    self.ask(turn.addresses)
                    self.await_others()
                finally:
                    self.journal.settle()
                if self.stopped:
                    sharing.send()
                    sharing.complain()
                    break
            else:
                left = set()
        if left:
            self.give_up(left - self.memo.present(sorted(left)))

    def ask(self, missing: set[bytes]) -> None:
        """Ask for all of them that no other build asks for."""
        left = set(missing)
        try:
            # By an answer to what was under way the rest may be asked for after all.
            while left and not self.stopped:
                for answer in self.engine.run(self.claim_ahead(left)):
                    self.keep_answer(answer)
            self.unwritten += self.refusals.end()
        finally:
            # Whatever is not refused for good is claimed no more: another build may wait for it.
            self.write_refusals()
            failed = self.filled.failed
            self.memo.fail({address: failed[address] for address in failed.keys() - self.filled.refused})
        self.give_up(left)

    def give_up(self, left: set[bytes]) -> None:
        """Say of requests that they were not sent."""
        reason = f"not asked: {self.in_a_row} requests before it failed in a row"
        if self.refusals.everything is not None:
            reason = f"not asked: HTTP {self.refusals.everything} before it"
        elif self.meter.over is not None:
            reason = "not asked: the budget is spent"
        self.filled.failed |= {address: reason for address in left}

    def keep_answer(self, answer: Answer) -> None:
        """Keep what became of one request."""
        self.meter.settle(answer)
        if answer.reply is not None:
            origin = self.model, self.requests.operator.name, self.provenance
            self.journal.add(Completion(answer.address, *origin, answer.reply, answer.seconds))
            self.in_a_row, self.done = 0, self.done + 1
            self.tell()
            self.unwritten += self.refusals.note_answer(answer.address)
        else:
            self.filled.failed[answer.address] = answer.failure or "no reason given"
            if answer.refused is not None:
                self.unwritten += self.refusals.note_refusal(answer.address, answer.refused)
            else:
                self.in_a_row += 1
                self.refusals.note_failure(answer.address)
        if time.monotonic() - self.written >= SECONDS:
            self.write_refusals()

    def write_refusals(self) -> None:
        """Write the refusals that are known to be their requests' own."""
        if self.unwritten:
            self.memo.refuse({address: self.filled.failed[address] for address in self.unwritten})
            self.filled.refused |= set(self.unwritten)
            self.unwritten, self.written = [], time.monotonic()

    def claim_ahead(self, left: set[bytes]) -> Iterator[Request]:
        """The requests of this build, claimed a few ahead; `left` are those that were not reached yet."""
        for ahead in batched(self.requests.of(frozenset(left)), max(16, min(256, self.engine.window))):
            yield from self.claim(ahead, left)
            if left.intersection(request.address for request in ahead):
                return

    def claim(self, ahead: list[Request], left: set[bytes]) -> Iterator[Request]:
        if self.stopped:
            return
        claims = self.memo.claim([request.address for request in ahead], self.owner, bool(self.refusals.again))
        for request, claim in zip(ahead, claims, strict=True):
            if self.stopped:
                return
            if claim == "mine" and not self.meter.admit(request):
                return  # what is under way may take less than it might: the next turn asks again, if anything may be asked
            left.discard(request.address)
            if claim == "mine":
                self.refusals.note_sent(request.address)
                yield request
            elif claim == "known":
                self.filled.elsewhere += 1
            else:
                self.waiting.add(request.address)

    def await_others(self) -> None:
        """Wait for what other builds ask for; what they leave undone is asked for here."""
        while self.waiting and not self.stopped:
            come = self.memo.present(sorted(self.waiting))
            self.filled.elsewhere += len(come)
            self.done += len(come)
            self.tell()
            self.waiting -= come
            again = self.memo.free(sorted(self.waiting))
            self.waiting -= again
            refused = self.memo.refusals(sorted(again))
            self.filled.failed |= refused
            self.filled.refused |= refused.keys()
            again -= refused.keys()
            if again:
                self.ask(again)  # what another build is quicker to claim comes back to `waiting`
            elif self.waiting:
                time.sleep(POLL)
