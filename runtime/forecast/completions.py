"""What a build would ask for, before it asks: how much of it is here already, what the rest costs, and the first request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from compiler.graph.plan import known_checkpoint
from compiler.graph.stages import AskStage, of_kind
from operators.asks.asks import Messages
from operators.base.bounds import MANY, Between, exactly
from runtime.build.session import Session
from runtime.completions.assumed import NOTHING, Assumed, format_number
from runtime.completions.engines.configuration import read_configuration
from runtime.completions.forecast import Forecast, forecast, forecast_of
from runtime.completions.memo import CompletionMemo
from runtime.completions.requests import Requests
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

    @property
    def counted(self) -> bool:
        """Whether there is a number that it cannot exceed."""
        return self.needed.high < MANY

    @property
    def lacks(self) -> tuple[str, ...]:
        """What a person may assume, of what nothing tells."""
        told = self.forecast
        unknown = {"tokens": told.tokens is None, "tokens_per_s": told.new and told.hours is None}
        return tuple(name for name, lacking in unknown.items() if lacking)

    def line(self) -> str:
        """`traces/generate: 6 completions of Qwen/Qwen3-32B needed, 2 in the store, 4 new: about 1,200 tokens, cost 0.01`."""
        told = self.forecast
        if not self.counted:
            asks = f"{self.stage}: how many completions of {self.model} are needed is not known yet"
            return f"{asks}: tokens, cost and {told.unit} unknown"
        if not self.exact:
            count = f"{self.needed.low:,}" if self.needed.exact else f"{self.needed.low:,} to {self.needed.high:,}"
            asks = f"{self.stage}: {count} completions of {self.model} needed; which of them are here is not known yet"
            return f"{asks}: {spent(told, 'at most ')}" if told.new else asks
        refused = f"{told.refused:,} refused before, " if told.refused else ""
        state = f"{told.memoised:,} in the store, {refused}{told.new:,} new"
        asks = f"{self.stage}: {told.needed:,} completions of {self.model} needed, {state}"
        return f"{asks}: {spent(told, '')}" if told.new else asks

    def data(self) -> dict[str, Any]:
        """The same for programs; None is not known."""
        told = self.forecast
        known = {
            "tokens": told.tokens,
            "tokens_assumed": told.mean,
            "tokens_at_most": told.most,
            "prompt_tokens": told.prompt_tokens,
            "cost": told.cost,
            "hours": None if told.hours is None else told.hours.data(),
        }
        return {
            "model": self.model,
            "needed": [self.needed.low, self.needed.high if self.counted else None],
            "in_store": told.memoised if self.exact else None,
            "refused": told.refused if self.exact else None,
            "new": told.new if self.exact else None,
            **(known if self.counted else dict.fromkeys(known)),
        }


def spent(forecast: Forecast, most: str) -> str:
    """Tokens, money and hours of the new completions, as far as they are known; `most` where fewer may be needed."""
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


def foresee(session: Session, predictor: Predictor, assumed: Assumed = NOTHING) -> list[AskForecast]:
    """Every stage that would ask a model, against the store as it is; nothing is written or sent.

    `predictor` is of the session's graph.
    """
    graph, store, addresses = session.graph, predictor.store, predictor.addresses
    memo, configuration = CompletionMemo(store), read_configuration()
    found = []
    for stage in of_kind(AskStage, graph):
        index, operator, name = stage.index, stage.operator, stage.name
        if stage.looked_up or addresses.address(index) is not None:
            continue  # nothing is sent, or it is made and asks for nothing
        model, asking = session.models[operator.model], known_checkpoint(graph, index, addresses)
        # Of a checkpoint that is not trained yet nothing can be in the memo.
        waits = stage.checkpoint is not None and addresses.address(stage.checkpoint) is None
        key = None if waits else addresses.key(stage.rows)
        record = store.find(key) if key is not None else None
        if record is not None:
            try:
                requests = Requests(asking, open_table(store, record.table))
                told = forecast_of(requests, memo, model, configuration, assumed)
                wanted = exactly(told.needed)
                first = next((row for row in requests.rows() if row.messages is not None), None)
            except Damaged:
                record = None
            else:
                license = "unknown"
                if first is not None:
                    license = str(requests.table.frame("license")[first.place].as_py())
                messages = None if first is None else first.messages
                found.append(
                    AskForecast(name, model.id or operator.model, wanted, told, True, messages, license, requests.sampling)
                )
                continue
        # Which items a preview takes is known once their sources are read.
        rows = predictor.expect(index).counts.rows if session.items is None else Between(0, MANY)
        told = forecast(rows.high if rows.high < MANY else 0, 0, asking, memo, model, configuration, assumed)
        found.append(AskForecast(name, model.id or operator.model, rows, told, False))
    memo.close()
    return found
