"""The stage that asks a model: refuse what is too dear or pinned, fill the memo, count failures, make the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from compiler.graph.lock import Pin
from compiler.graph.nodes import Node
from operators.asks.asks import Asks
from operators.asks.generate import Generate
from operators.declared.model import Model
from runtime.completions.answers import Lost, make_completions, match_recorded
from runtime.completions.engines.choose import Runner, endpoint_of, open_engine
from runtime.completions.engines.configuration import read_configuration
from runtime.completions.engines.engine import Engine, EngineError
from runtime.completions.fill import Failures, Filled, fill
from runtime.completions.forecast import Forecast, find_runner, forecast_of
from runtime.completions.memo import CompletionMemo
from runtime.completions.refusals import ALWAYS, MEANING
from runtime.completions.requests import Requests
from runtime.completions.sharing import take_in
from runtime.completions.spending import Meter, Spending, tell_over
from runtime.store.digest import id_bytes
from runtime.store.record import CompletionsRecord, Record
from runtime.store.store import Store, StoreError
from runtime.tables.table import Table

Opens = tuple[Callable[..., Engine], tuple[Any, ...]]
"""What opens an engine, and its arguments, before the configuration."""
Begin = Callable[[Callable[..., Engine], tuple[Any, ...], int], Engine]
"""Called with what opens an engine, its arguments, and the GPUs that it takes."""


def begin_here(function: Callable[..., Engine], arguments: tuple[Any, ...], gpus: int) -> Engine:
    """An engine of this process, which sees all GPUs that there are."""
    return function(*arguments)


def call_here(function: Callable[..., Any], *arguments: Any) -> Any:
    """A call."""
    return function(*arguments)


@dataclass
class Asking:
    """What every stage of a build that asks a model needs besides its table."""

    memo: CompletionMemo
    models: Mapping[str, Model]
    pins: Mapping[str, Pin]
    """Stage -> the lock's pin of it."""
    remake: frozenset[str] = frozenset()
    """Stages that may come out otherwise than they are pinned."""
    silent: bool = False
    """Nothing may be asked: only what is in the memo is used."""
    retry_refused: bool = False
    """What a server refused before is asked for again."""
    resume: str = "recipe build"
    """The command that goes on where a build stopped."""
    call: Callable[..., Any] = call_here
    """Calls a function that reads and writes the store: here, or on a worker."""
    begin: Begin = begin_here
    """Starts an engine that is a process: here, or on a worker with GPUs."""
    spending: Spending = field(default_factory=Spending)
    """What the build has spent, against the recipe's budget."""
    checkpoints: dict[str, Opens] = field(default_factory=dict)
    """Digest of a checkpoint of this recipe that is asked -> what opens its engine."""

    def ask(
        self,
        store: Store,
        node: Node,
        name: str,
        key: str,
        table: Table,
        source: Table | None,
        say: Callable[[str], None],
        again: bool = False,
    ) -> tuple[CompletionsRecord, Filled | None]:
        """(the record of a stage that asks, what was asked for). Raises StoreError, Failures."""
        operator = node.operator
        assert isinstance(operator, Asks)
        if isinstance(operator, Generate) and operator.recorded is not None:
            assert source is not None
            return self.call(match_recorded, store, node, table, source), None
        take_in(self.memo)
        requests = Requests(node, table)
        pin = self.pins.get(name)
        if pin is not None and (pin.key != key or name in self.remake):
            pin = None  # it binds nothing
        configuration, model = read_configuration(), self.models[operator.model]
        opens = self.checkpoints.get(node.entries["model"].get("checkpoint", ""))
        forecast = forecast_of(requests, self.memo, model, configuration, refused_too=self.retry_refused)
        if forecast.new:
            if self.silent:
                hint = "build the recipe first"
                raise StoreError(f"`{name}` needs {forecast.new:,} completions that are not in the store", hint)
            if pin is not None:
                raise StoreError(
                    f"the lock pins `{name}`, and {forecast.new:,} of its completions are not in this store",
                    f"import them with `recipe store completions import`, or make others: --remake {name}",
                )
        runner = find_runner(model, configuration) if forecast.new else None
        complain_budget(name, operator, forecast, self.spending, runner)
        gpus = (runner.devices if runner is not None else None) or 1
        meter = Meter(self.spending, name, operator.budget, runner.prices if runner is not None else None, gpus)
        origin = ""

        def opened() -> Engine:
            if opens is not None:
                return self.begin(opens[0], (*opens[1], configuration), configuration.checkpoints.devices)
            endpoint = endpoint_of(model, configuration)[1]
            if endpoint is not None and endpoint.engine == "openai":
                return open_engine(model, endpoint)  # whatever the build runs on: the key stays here
            return self.begin(open_engine, (model, endpoint), endpoint.devices if endpoint is not None else 1)

        try:
            if forecast.new and opens is None:
                origin = endpoint_of(model, configuration)[0]
            filled = fill(self.memo, requests, opened, origin, say, meter, self.retry_refused)
        except EngineError as error:
            raise StoreError(str(error), error.hint) from None
        filled.examples = examples_of(requests, filled)
        complain_everything(name, filled, origin, self.resume)
        complain_spent(meter, filled, self.resume)
        complain_failures(name, operator, filled, self.resume)
        try:
            record = make_completions(store, requests, self.memo, filled.failed)
        except Lost as lost:
            if again:
                raise StoreError(f"{lost} completions of `{name}` are damaged as soon as they are written") from None
            return self.ask(store, node, name, key, table, source, say, again=True)
        if pin is not None and record.digest != pin.digest:
            raise StoreError(
                f"`{name}` comes out as {record.digest[:12]}, and the lock pins {pin.digest[:12]}",
                f"the completions here are others than those it was locked with; accept them: --remake {name}",
            )
        counts = {name: getattr(filled, name) for name in ("needed", "memoised", "new")}
        return record.replaced(asked_for={**counts, "refused": len(filled.refused)}), filled

    def asks_again(self, record: Record) -> bool:
        """Whether a recorded stage is to run for what was refused in it."""
        return self.retry_refused and isinstance(record, CompletionsRecord) and bool((record.asked_for or {}).get("refused"))


def examples_of(requests: Requests, filled: Filled) -> dict[str, str]:
    """How requests were refused -> the first row that so fared, as the beginning of its id."""
    examples: dict[str, str] = {}
    if filled.refused:
        ids = id_bytes(requests.table.frame("row_id"))
        for place, addresses in enumerate(requests.addresses):
            for address in filled.refused.intersection(map(bytes, addresses)):
                examples.setdefault(filled.failed[address], ids[place].tobytes().hex()[:12])
    return examples


def complain_everything(name: str, filled: Filled, origin: str, resume: str) -> None:
    """Raises Failures where the server refuses whatever is asked."""
    status = filled.everything
    if status is None:
        return
    hint = f"look at your configuration: url, key and model of the endpoint `{origin}`; then go on: {resume}"
    if status not in ALWAYS:
        hint += f"; if it is these rows that it refuses, let them be left out: `max_failures` of `{name}`"
    raise Failures(
        f"HTTP {status}: {MEANING.get(status, 'it is refused')}; no more was asked for `{name}`,"
        f" and the {filled.new:,} completions that came are in the store",
        hint,
    )


def complain_failures(name: str, operator: Asks, filled: Filled, resume: str) -> None:
    """Raises Failures where more requests failed than may."""
    failed = len(filled.failed)
    if failed and failed > operator.max_failures * filled.needed:
        stored = filled.needed - failed
        again = f"{resume} --retry-refused" if len(filled.refused) == failed else resume
        hint = f"ask for the others again: {again}; or let them be left out: `max_failures` of `{name}`"
        if filled.refused and len(filled.refused) < failed:
            hint += "; what was refused is asked for with --retry-refused alone"
        raise Failures(
            f"{failed:,} of the {filled.needed:,} requests of `{name}` failed: {filled.reasons()};"
            f" {stored:,} completions are in the store",
            hint,
        )


def complain_spent(meter: Meter, filled: Filled, resume: str) -> None:
    """Raises Failures where a budget kept requests from being sent."""
    if meter.over is not None:
        message, budget = tell_over(meter.over, meter.spending)
        came = f"the {filled.new:,} completions that came are in the store and not paid again"
        raise Failures(f"{message}; {came}", f"raise {budget}, or go on with as much again: {resume}")


def complain_budget(name: str, operator: Asks, forecast: Forecast, spending: Spending, runner: Runner | None) -> None:
    """Raises StoreError where it is known before anything is sent that a budget is too small, or cannot be counted."""
    for whose, budget, spent in ((f"`{name}`", operator.budget, 0), ("the recipe", spending.budget, spending.completions)):
        if budget is None:
            continue
        if budget.completions is not None and spent + forecast.new > budget.completions:
            hint = "raise `budget`, or try a part of the recipe first: --sample N"
            before = f" besides {spent:,} of other stages" if spent else ""
            message = f"`{name}` needs {forecast.new:,} completions{before} and the budget of {whose} is {budget.completions:,}"
            raise StoreError(message, hint)
        if budget.money is not None and runner is not None and runner.engine == "openai" and runner.prices is None:
            message = f"{whose} has a budget of money, and what `{name}` costs is not known"
            raise StoreError(message, f"give the endpoint `{runner.name}` its `prices` in your configuration")
