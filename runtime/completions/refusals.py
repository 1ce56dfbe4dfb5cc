"""Refusals of a server: those of one request, and those of a server that refuses whatever is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

FIRST = 8
"""So many requests, the first ones that are sent, all refused alike: it is not they that are refused."""
IN_A_ROW = 50
"""The same later on, where some were answered before: a key was revoked, or its credit is used up."""
ALWAYS = frozenset({401, 402, 407})
"""What never is about one request."""
MEANING = {
    400: "it does not take such requests",
    401: "the key is not accepted",
    402: "there is no credit left",
    403: "the key may not use this model",
    404: "there is no such model or path",
    407: "a proxy wants to know who asks",
    413: "they are too large for it",
    422: "it does not take such requests",
    451: "it may not answer them",
}

PASSED = 0


@dataclass
class Refusals:
    """The requests of one run in the order in which they were sent, and what became of those that are not answered.

    A refusal is the fate of its request as soon as one that was sent after it came is answered: the key and the model are good
    still. Until then it is unsure. The server refuses everything if the status is one of `ALWAYS`; or if more were refused than
    may fail, and of the requests after the last that was answered the next `IN_A_ROW` were refused with one status; where the
    model was never heard of, the first `FIRST`, or all if fewer were sent. What is under way before these is waited for, and
    an answer to what was sent later says that it is not so. A refused request that was asked again says nothing about the others.
    """

    may_fail: int
    """Requests that may be left without an answer."""
    refused: int
    """Those that are refused for good, earlier builds' included."""
    model_known: Callable[[], bool]
    """Whether a completion of the model is known, of this build or of another."""
    again: frozenset[bytes] = frozenset()
    """What was refused before, and is asked once more."""
    everything: int | None = None
    """The status with which everything is refused, once that is known."""
    unsure: dict[bytes, int] = field(default_factory=dict)
    """Refused, and the status."""

    def __post_init__(self) -> None:
        self.places: dict[bytes, int] = {}
        self.refused_at: dict[bytes, int] = {}
        self.next = 0
        self.outcomes: dict[int, int] = {}
        self.last, self.begin = -1, 0
        self.differ = False

    def note_sent(self, address: bytes) -> None:
        self.places[address] = self.next
        self.next += 1

    def note_answer(self, address: bytes) -> list[bytes]:
        """The refusals that are known to be their requests' own by this answer."""
        place = self.places[address]
        if place > self.last:
            self.last, self.begin = place, place + 1
            self.outcomes = {at: outcome for at, outcome in self.outcomes.items() if at > place}
            if self.everything not in ALWAYS:
                self.everything = None
        return self.settle([each for each in self.unsure if self.refused_at[each] <= place])

    def note_failure(self, address: bytes) -> None:
        """A request that got no answer, which says nothing about the others."""
        self.outcomes[self.places[address]] = PASSED
        self.check_alike()

    def note_refusal(self, address: bytes, status: int) -> list[bytes]:
        """The refusals that are known to be their requests' own by this one: itself, or none yet."""
        place = self.places[address]
        if status in ALWAYS:
            self.everything = self.everything or status
        elif address in self.again:
            self.outcomes[place] = PASSED
            return self.settle([address])
        self.unsure[address], self.refused_at[address] = status, self.next
        self.outcomes[place] = status
        self.check_alike()
        return []

    def end(self) -> list[bytes]:
        """The refusals that turn out to be their requests' own when all is done."""
        statuses = set(self.unsure.values())
        if self.last < 0 and len(statuses) == 1 and self.too_many and not self.model_known():
            self.everything = self.everything or statuses.pop()
        return [] if self.everything else self.settle(list(self.unsure))

    @property
    def too_many(self) -> bool:
        return self.refused + len(self.unsure) > self.may_fail

    def settle(self, addresses: list[bytes]) -> list[bytes]:
        for each in addresses:
            self.unsure.pop(each, None)
        self.refused += len(addresses)
        return addresses

    def check_alike(self) -> None:
        """See whether those after the last answer were refused alike, in the order in which they were sent."""
        while self.outcomes.get(self.begin) == PASSED:
            self.begin += 1
        at, alike, status = self.begin, 0, self.outcomes.get(self.begin)
        while alike < IN_A_ROW and (outcome := self.outcomes.get(at)) is not None:
            if outcome != PASSED and outcome != status:
                self.begin, self.differ = at, True
                return self.check_alike()
            alike += outcome != PASSED
            at += 1
        first = FIRST <= alike < IN_A_ROW and self.last < 0 and not self.differ
        if self.too_many and (alike == IN_A_ROW or (first and not self.model_known())):
            self.everything = self.everything or status
