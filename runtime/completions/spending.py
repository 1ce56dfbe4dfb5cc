"""What a build spends on completions, and the meter that lets no request pass that might go over a budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from operators.asks.asks import Budget, Reply
from runtime.completions.engines.configuration import Prices
from runtime.completions.engines.engine import Answer, Request

TEMPLATE = 64
"""Tokens that a chat template puts around the turns of a request, at most."""


class Amounts(NamedTuple):
    """Tokens of completions, money by the endpoint's prices, and hours that pass while a stage asks, of each GPU it takes."""

    tokens: int = 0
    money: Decimal = Decimal(0)
    hours: Decimal = Decimal(0)

    def plus(self, other: Amounts) -> Amounts:
        return Amounts(self.tokens + other.tokens, self.money + other.money, self.hours + other.hours)


@dataclass
class Spending:
    """What one build has spent so far, by stage, against the budget of its recipe. Other builds are not counted."""

    budget: Budget | None = None
    stages: dict[str, Amounts] = field(default_factory=dict)
    completions: int = 0

    @property
    def whole(self) -> Amounts:
        total = Amounts()
        for each in self.stages.values():
            total = total.plus(each)
        return total


class Over(NamedTuple):
    """A budget that the next request might pass."""

    whose: str | None
    """The stage; None of the recipe's."""
    what: str
    most: Decimal
    spent: Decimal
    needed: Decimal
    """What the next request may take."""


@dataclass
class Meter:
    """Lets requests of one stage pass while neither its budget nor the recipe's can be passed by what is under way.

    A request is counted with all that it may take until it is answered, and then with what it took: where the server tells no
    tokens, with all. One that failed is counted with nothing.
    """

    spending: Spending
    name: str
    budget: Budget | None = None
    prices: Prices | None = None
    gpus: int = 1
    clock: Callable[[], float] = time.monotonic
    over: Over | None = None
    """Why nothing more is sent."""

    def __post_init__(self) -> None:
        self.began = self.clock()
        self.before = self.spending.stages.get(self.name, Amounts())
        self.under_way: dict[bytes, tuple[int, int]] = {}
        self.held = 0, 0
        self.took = Amounts()
        self.slowest = 0.0

    def admit(self, request: Request) -> bool:
        """Whether a request may be sent now; if not even alone, `over` says why."""
        if self.over is None and (self.budget is not None or self.spending.budget is not None):
            prompt = TEMPLATE + sum(len(part.encode()) for _, *parts in request.messages for part in parts)
            most = prompt, int(request.sampling["max_tokens"])
            reserved = self.priced(*self.held)
            for whose, what, limit, spent, needed, held in self.limits(self.priced(*most), reserved):
                if spent + needed > limit:
                    self.over = Over(whose, what, limit, spent, needed)
                if spent + held + needed > limit:
                    return False
            self.under_way[request.address] = most
            self.held = self.held[0] + most[0], self.held[1] + most[1]
        return self.over is None

    def limits(self, needed: Amounts, held: Amounts) -> Iterator[tuple[str | None, str, Decimal, Decimal, Decimal, Decimal]]:
        """(whose, what, the most, spent, needed, held by what is under way) of each amount that is limited."""
        self.update()
        needed = needed._replace(hours=self.hours(self.slowest))
        for whose, budget, spent in (
            (self.name, self.budget, self.spending.stages[self.name]),
            (None, self.spending.budget, self.spending.whole),
        ):
            for what in Amounts._fields if budget is not None else ():
                if (limit := getattr(budget, what)) is not None:
                    amounts = (getattr(each, what) for each in (spent, needed, held))
                    yield whose, what, Decimal(limit), *map(Decimal, amounts)  # type: ignore[misc]

    def settle(self, answer: Answer) -> None:
        """Count what a request took in the place of what it might have taken."""
        most = self.under_way.pop(answer.address, (0, 0))
        self.held = self.held[0] - most[0], self.held[1] - most[1]
        self.slowest = max(self.slowest, answer.seconds)
        if answer.reply is not None:
            self.spending.completions += 1
            self.took = self.took.plus(self.priced(*tokens_of(answer.reply, most)))
            self.update()

    def update(self) -> None:
        """Write down what the stage has spent by now."""
        passed = Amounts(hours=self.hours(self.clock() - self.began))
        self.spending.stages[self.name] = self.before.plus(self.took).plus(passed)

    def hours(self, seconds: float) -> Decimal:
        return Decimal(seconds) * self.gpus / 3600

    def priced(self, prompt: int, completion: int) -> Amounts:
        """What so many tokens come to."""
        prices = self.prices or Prices()
        return Amounts(completion, (prices.input * prompt + prices.output * completion) / 1_000_000)


def tokens_of(reply: Reply, most: tuple[int, int]) -> tuple[int, int]:
    """The tokens of prompt and completion, as the server tells them, else the most that they may be."""
    told = reply.prompt_tokens, reply.completion_tokens
    prompt, completion = (bound if each is None else each for each, bound in zip(told, most, strict=True))
    return prompt, completion


def shown(what: str, amount: Decimal) -> str:
    """An amount for a person: `1,200 tokens`, `0.35 money`, `0.020 hours`."""
    places = {"tokens": 0, "money": 2, "hours": 3}[what]
    return f"{amount:,.{max(places, 6) if 0 < amount < Decimal(1) / 10**places else places}f} {what}"


def tell_over(over: Over, spending: Spending) -> tuple[str, str]:
    """(what was spent, by which stages, and why nothing more is asked; which budget to raise)."""
    whose = "the recipe" if over.whose is None else f"`{over.whose}`"
    message = f"the budget of {whose} is spent: {shown(over.what, over.spent)} of {over.most:,} and the next request may take"
    message += f" {shown(over.what, over.needed)}"
    by = {name: Decimal(getattr(each, over.what)) for name, each in spending.stages.items()}
    if over.whose is None:
        message += "; by " + ", ".join(f"`{name}` {shown(over.what, amount)}" for name, amount in by.items() if amount)
    raised = "the recipe's `budget`" if over.whose is None else f"`budget` of {whose}"
    return message, raised
