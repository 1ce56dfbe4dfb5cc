"""What the completions of a step that asks take, before it asks: by what earlier ones took, or by what a person assumes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from compiler.graph.nodes import Node
from operators.asks.asks import Asks
from operators.declared.model import Model
from runtime.completions.assumed import NOTHING, Assumed, Hours, Unit, assumed_hours
from runtime.completions.engines.choose import Runner, runner_of
from runtime.completions.engines.configuration import Configuration
from runtime.completions.engines.engine import EngineError
from runtime.completions.memo import CompletionMemo
from runtime.completions.requests import Requests, asked_model


@dataclass(frozen=True)
class Forecast:
    """What a stage needs before it runs."""

    needed: int
    memoised: int
    refused: int
    """Requests that a server refused before, and that are not sent again."""
    longest: int
    """Tokens at which a completion is cut off."""
    unit: Unit
    tokens: int | None = 0
    """Tokens of the new completions; None where neither history nor an assumption gives them."""
    mean: float | None = None
    """Tokens of one, where a person assumes them."""
    prompt_tokens: int | None = 0
    cost: Decimal | None = Decimal(0)
    """In the currency of the endpoint's prices; None where they or the tokens are not known."""
    hours: Hours | None = None
    """Of `tokens`, else of the most that they can be; None where no rate is known."""

    @property
    def new(self) -> int:
        return self.needed - self.memoised - self.refused

    @property
    def most(self) -> int:
        """Tokens of the new completions at most: none is longer than where it is cut off."""
        return self.new * self.longest


def forecast_of(
    requests: Requests,
    memo: CompletionMemo,
    model: Model,
    configuration: Configuration,
    assumed: Assumed = NOTHING,
    refused_too: bool = False,
) -> Forecast:
    """What the requests of a table need; `refused_too` where those that were refused are sent again."""
    wanted = requests.wanted
    known = memo.present(wanted)
    refused = {} if refused_too else memo.refusals(sorted({*wanted} - known))
    return forecast(len(wanted), len(known), requests.node, memo, model, configuration, assumed, len(refused))


def forecast(
    needed: int,
    memoised: int,
    node: Node,
    memo: CompletionMemo,
    model: Model,
    configuration: Configuration,
    assumed: Assumed = NOTHING,
    refused: int = 0,
) -> Forecast:
    """What so many completions of a node's model need; what is assumed goes before history."""
    assert isinstance(node.operator, Asks)
    runner = find_runner(model, configuration)
    # What a server runs that a recipe names is not counted in GPUs; of a model that nobody runs yet it is what people ask for.
    ours = runner.devices is not None if runner is not None else model.endpoint is None
    bare = Forecast(needed, memoised, refused, node.operator.max_tokens, "GPU-hours" if ours else "hours")
    if not bare.new:
        return bare
    history, hours, cost = memo.history(asked_model(node)), None, None
    mean = assumed.tokens if assumed.tokens is not None else None if history is None else history.tokens
    tokens = None if mean is None else round(bare.new * mean)
    prompt_tokens = None if history is None else round(bare.new * history.prompt_tokens)
    if runner is not None and runner.prices is not None and tokens is not None and prompt_tokens is not None:
        cost = (runner.prices.input * prompt_tokens + runner.prices.output * tokens) / 1_000_000
    amount = bare.most if tokens is None else tokens
    if assumed.tokens_per_s is not None:
        hours = assumed_hours(amount, assumed.tokens_per_s, bare.unit)
    elif history is not None and runner is not None and history.tokens and history.seconds:
        # Each of the completions that are under way at a time gets its share of the rate.
        rate = history.tokens / history.seconds * runner.window / (runner.devices or 1)
        hours = Hours(amount / rate / 3600, bare.unit, "history", rate, f"{history.completions:,} earlier completions")
    return replace(bare, tokens=tokens, mean=assumed.tokens, prompt_tokens=prompt_tokens, cost=cost, hours=hours)


def find_runner(model: Model, configuration: Configuration) -> Runner | None:
    try:
        return runner_of(model, configuration)
    except EngineError:
        return None
