"""Completions that a build would ask for: how many are here already, what the others cost, and the first request."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from compiler.graph.plan import known_checkpoint
from compiler.graph.stages import AskStage, of_kind
from operators.asks.asks import Messages
from operators.base.bounds import MANY, Between, exactly
from runtime.completions.assumed import NOTHING, Assumed, format_number
from runtime.completions.engines.configuration import read_configuration
from runtime.completions.forecast import Forecast, forecast, forecast_of
from runtime.completions.memo import CompletionMemo
from runtime.completions.requests import Requests
from runtime.completions.sharing import take_in
from runtime.forecast.predictor import Predictor
from runtime.store.store import Damaged
from runtime.tables.table import open_table


@dataclass(frozen=True)
class AskForecast:
    """One stage that asks a model."""

    stage: str
    model: str
    needed: Between
    """Completions; a range where its rows are not known yet."""
    forecast: Forecast
    """Of the most that it may need."""
    exact: bool
    """Whether its requests are known, and so which of them are in the store."""
    first: Messages | None = None
    license: str = "unknown"
    """The class of the row that the first request is made of."""
    sampling: dict[str, Any] | None = None
    told: tuple[str, ...] = ()
    """The roles of its messages that the recipe says, and no row."""

    @property
    def counted(self) -> bool:
        """Whether there is a number that it cannot exceed."""
        return self.needed.high < MANY

    @property
    def lacks(self) -> tuple[str, ...]:
        """The names of what is unknown and may be assumed."""
        costs = self.forecast
        unknown = {"tokens": costs.tokens is None, "tokens_per_s": costs.new and costs.hours is None}
        return tuple(name for name, lacking in unknown.items() if lacking)

    def line(self) -> str:
        """`traces/generate: 6 completions of Qwen/Qwen3-32B needed, 2 in the store, 4 new: about 1,200 tokens, cost 0.01`."""
        costs = self.forecast
        if not self.counted:
            asks = f"{self.stage}: how many completions of {self.model} are needed is not known yet"
            return f"{asks}: tokens, cost and {costs.unit} unknown"
        if not self.exact:
            count = f"{self.needed.low:,}" if self.needed.exact else f"{self.needed.low:,} to {self.needed.high:,}"
            asks = f"{self.stage}: {count} completions of {self.model} needed; which of them are here is not known yet"
            return f"{asks}: {cost_text(costs, 'at most ')}" if costs.new else asks
        refused = f"{costs.refused:,} refused before, " if costs.refused else ""
        state = f"{costs.memoised:,} in the store, {refused}{costs.new:,} new"
        asks = f"{self.stage}: {costs.needed:,} completions of {self.model} needed, {state}"
        return f"{asks}: {cost_text(costs, '')}" if costs.new else asks

    def data(self) -> dict[str, Any]:
        """The same for programs; None is not known."""
        costs = self.forecast
        numbers = {
            "tokens": costs.tokens,
            "tokens_assumed": costs.mean,
            "tokens_at_most": costs.most,
            "prompt_tokens": costs.prompt_tokens,
            "cost": costs.cost,
            "hours": None if costs.hours is None else costs.hours.data(),
        }
        return {
            "model": self.model,
            "needed": [self.needed.low, self.needed.high if self.counted else None],
            "in_store": costs.memoised if self.exact else None,
            "refused": costs.refused if self.exact else None,
            "new": costs.new if self.exact else None,
            **(numbers if self.counted else dict.fromkeys(numbers)),
        }


def cost_text(forecast: Forecast, most: str) -> str:
    """Tokens, money and hours of the new completions, as far as they are known; `most` is put before what may be less."""
    if forecast.tokens is None:
        parts = ["tokens and cost unknown (no earlier completion of this model tells)"]
        parts.append(f"at most {forecast.most:,} tokens (`max_tokens` {forecast.longest:,} of each)")
        most = "at most "
    else:
        mean = "" if forecast.mean is None else f" (assumed: {format_number(forecast.mean)} of each)"
        parts = [f"{most}about {forecast.tokens:,} tokens of completions{mean}"]
    if forecast.cost is not None:
        parts.append(f"{most}cost {forecast.cost:,.2f}")
    elif forecast.tokens is not None and forecast.prompt_tokens is None:
        parts.append("cost unknown")
    parts.append(f"{forecast.unit} unknown" if forecast.hours is None else most + forecast.hours.text())
    return ", ".join(parts)


def foresee(predictor: Predictor, assumed: Assumed = NOTHING) -> list[AskForecast]:
    """Every stage that would ask a model, against the store as it is; no model is asked."""
    session, graph, store, addresses = predictor.session, predictor.graph, predictor.store, predictor.addresses
    memo, configuration = CompletionMemo(store), read_configuration()
    forecasts = []
    # Of the others nothing is sent, or they are made and ask for nothing.
    stages = [each for each in of_kind(AskStage, graph) if not each.looked_up and addresses.address(each.index) is None]
    if stages:
        take_in(memo)
    for stage in stages:
        operator = stage.operator
        model, asking = session.models[operator.model], known_checkpoint(graph, stage.index, addresses)
        name = model.id or operator.model
        # Of a checkpoint that is not trained yet nothing can be in the memo.
        waits = stage.checkpoint is not None and addresses.address(stage.checkpoint) is None
        record = store.find(None if waits else addresses.key(stage.rows))
        if record is not None:
            with suppress(Damaged):
                requests = Requests(asking, open_table(store, record.table))
                costs = forecast_of(requests, memo, model, configuration, assumed)
                first = next((row for row in requests.rows() if row.messages is not None), None)
                license = "unknown" if first is None else str(requests.table.frame("license")[first.place].as_py())
                messages = None if first is None else first.messages
                needed = exactly(costs.needed)
                shown = messages, license, requests.sampling, operator.told
                forecasts.append(AskForecast(stage.name, name, needed, costs, True, *shown))
                continue
        # Which items a preview takes is known once their sources are read.
        rows = predictor.expect(stage.index).counts.rows if session.items is None else Between(0, MANY)
        costs = forecast(rows.high if rows.high < MANY else 0, 0, asking, memo, model, configuration, assumed)
        forecasts.append(AskForecast(stage.name, name, rows, costs, False))
    memo.close()
    return forecasts
