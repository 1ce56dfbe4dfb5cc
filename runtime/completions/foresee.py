"""What a build would ask for, before it asks: how much of it is here already, what the rest costs, and the first request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.plan import Addresses, known_checkpoint, stage_name
from operators.asks import Asks, Messages
from operators.bounds import MANY, Between, exactly
from operators.generate import Generate
from runtime.completions.memo import CompletionMemo
from runtime.completions.requests import Requests
from runtime.completions.stage import Forecast, forecast, forecast_of
from runtime.engines.configuration import read_configuration
from runtime.session import Session
from runtime.store import Damaged, Store
from runtime.table import open_table

if TYPE_CHECKING:
    from runtime.predict.tables import Predictor


@dataclass(frozen=True)
class Foreseen:
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

    def line(self) -> str:
        """`traces/generate: 6 completions of Qwen/Qwen3-32B needed, 2 in the store, 4 new: about 1,200 tokens, cost 0.01`."""
        told = self.forecast
        if self.needed.high >= MANY:
            return f"{self.stage}: how many completions of {self.model} are needed is not known yet"
        if not self.exact:
            count = f"{self.needed.low:,}" if self.needed.exact else f"{self.needed.low:,} to {self.needed.high:,}"
            return f"{self.stage}: {count} completions of {self.model} needed; which of them are here is not known yet" + spent(
                told, "at most "
            )
        state = f"{told.memoised:,} in the store, {told.new:,} new"
        return f"{self.stage}: {told.needed:,} completions of {self.model} needed, {state}" + (
            spent(told, "") if told.new else ""
        )


def spent(forecast: Forecast, most: str) -> str:
    """Tokens, money and hours of the new completions, as far as they are known."""
    if forecast.tokens is None:
        return "; their tokens and cost are unknown: no earlier completion of this model tells"
    parts = [f"about {forecast.tokens:,} tokens of completions"]
    if forecast.cost is not None:
        parts.append(f"cost {forecast.cost:,.2f}")
    if forecast.gpu_hours is not None:
        parts.append(f"{forecast.gpu_hours:,.1f} GPU-hours")
    return f": {most}" + ", ".join(parts)


def foresee(session: Session, predictor: Predictor | None = None) -> list[Foreseen]:
    """Every stage that would ask a model, against the store as it is; nothing is written or sent.

    `predictor` is of the session's graph, where there is one already.
    """
    graph, store = session.graph, Store(session.store_path)
    addresses = Addresses(graph, session.facts, store.result_of) if predictor is None else predictor.addresses
    memo, configuration = CompletionMemo(store), read_configuration()
    found = []
    for index, node in graph:
        operator = node.operator
        if not isinstance(operator, Asks) or (isinstance(operator, Generate) and operator.recorded is not None):
            continue
        if addresses.address(index) is not None:
            continue  # it is made, and asks for nothing
        model, name = session.models[operator.model], stage_name(graph, index)
        # Of a checkpoint that is not trained yet nothing can be in the memo.
        waits = any(graph.nodes[at].aspect == "checkpoint" and addresses.address(at) is None for at in node.inputs)
        key = None if waits else addresses.key(node.inputs[0])
        record = store.find(key) if key is not None else None
        if record is not None:
            try:
                requests = Requests(known_checkpoint(graph, index, addresses), open_table(store, record.body["table"]))
                told = forecast_of(requests, memo, model, configuration)
                wanted = exactly(told.needed)
                first = next((row for row in requests.rows() if row.messages is not None), None)
            except Damaged:
                record = None
            else:
                license = "unknown"
                if first is not None:
                    license = str(requests.table.frame("license")[first.place].as_py())
                messages = None if first is None else first.messages
                found.append(Foreseen(name, model.id or operator.model, wanted, told, True, messages, license, requests.sampling))
                continue
        if session.items is not None:  # which items a preview takes is known once their sources are read
            found.append(
                Foreseen(name, model.id or operator.model, Between(0, MANY), forecast(0, 0, memo, model, configuration), False)
            )
            continue
        if predictor is None:
            from runtime.predict.tables import Predictor

            predictor = Predictor(store, graph, session.facts, session.found.files, session.lock)
        rows = predictor.expect(index).counts.rows
        found.append(Foreseen(name, model.id or operator.model, rows, forecast(rows.high, 0, memo, model, configuration), False))
    memo.close()
    return found
