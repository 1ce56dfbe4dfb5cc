"""Trainings that a build would run: rows, tokens and hours, by what earlier trainings took or by what is assumed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from compiler.graph.plan import describe
from compiler.graph.stages import TrainStage, of_kind
from operators.base.bounds import MANY, Between, exactly
from operators.learn.train import Train
from runtime.completions.assumed import Assumed, Hours, assumed_hours
from runtime.forecast.predictor import Predictor
from runtime.store.record import CheckpointRecord, Record
from runtime.store.store import Damaged
from runtime.tables.table import Table, open_table
from runtime.training.stage import characters_of


@dataclass(frozen=True)
class Tokens:
    """Tokens of all epochs."""

    count: int
    basis: Literal["history", "at most"]
    source: str
    """By what, such as `an earlier training on these rows`."""

    def text(self) -> str:
        return f"{'about' if self.basis == 'history' else self.basis} {self.count:,} tokens ({self.source})"

    def data(self) -> dict[str, Any]:
        """The same for programs."""
        return {"count": self.count, "basis": self.basis, "told": self.source}


@dataclass(frozen=True)
class TrainForecast:
    """One training that would run."""

    stage: str
    model: str
    objective: str
    rows: Between
    epochs: Decimal
    tokens: Tokens | None
    """None where it is not known how many rows there are."""
    hours: Hours | None
    why: str
    """Why no earlier training tells the hours, where none does."""

    @property
    def lacks(self) -> tuple[str, ...]:
        """The names of what is unknown and may be assumed."""
        return ("train_tokens_per_s",) if self.tokens is not None and self.hours is None else ()

    def line(self) -> str:
        """`train.sft: 240 rows, 2 epochs of Qwen/Qwen3-8B: about 98,304 tokens (...), 1.2 GPU-hours (...)`."""
        epochs = f"{self.epochs.normalize():f} epoch{'s' * (self.epochs != 1)} of {self.model}"
        if self.tokens is None:
            return f"{self.stage}: {epochs}; how many rows there are is not known yet: tokens and GPU-hours unknown"
        rows = f"{self.rows.low:,}" if self.rows.exact else f"{self.rows.low:,} to {self.rows.high:,}"
        most = "at most " if self.tokens.basis == "at most" else ""
        hours = f"GPU-hours unknown ({self.why})" if self.hours is None else most + self.hours.text()
        return f"{self.stage}: {rows} rows, {epochs}: {self.tokens.text()}, {hours}"

    def data(self) -> dict[str, Any]:
        """The same for programs; None is not known."""
        return {
            "stage": self.stage,
            "model": self.model,
            "objective": self.objective,
            "rows": [self.rows.low, self.rows.high if self.rows.high < MANY else None],
            "epochs": float(self.epochs),
            "tokens": None if self.tokens is None else self.tokens.data(),
            "hours": None if self.hours is None else self.hours.data(),
            "why": self.why if self.hours is None else None,
        }


@dataclass(frozen=True)
class Earlier:
    """The trainings in a store whose weights come from one base: they are as fast, and cut their texts into the same tokens."""

    records: tuple[CheckpointRecord, ...]

    def hours(self, operator: Train, tokens: int) -> Hours | None:
        """Estimated by the trainings of the same objective and dtype, on the hardware that took most tokens."""
        groups: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
        for record in self.records:
            made, settings = record.manifest["made"], record.manifest["settings"]
            alike = record.kind == operator.name and settings["dtype"] == operator.dtype
            if alike and made["tokens"] and made["seconds"]:
                groups.setdefault((made["device"]["kind"], made["device"]["name"], made["processes"]), []).append(made)
        if not groups:
            return None
        (kind, name, processes), group = max(groups.items(), key=lambda each: (sum(made["tokens"] for made in each[1]), each[0]))
        # A process has a GPU of its own; on a CPU they share what there is.
        devices = processes if kind == "cuda" else 1
        rate = sum(made["tokens"] for made in group) / sum(made["seconds"] for made in group) / devices
        source = f"{len(group)} earlier training{'s' * (len(group) > 1)} on {f'{devices} x ' if devices > 1 else ''}{name}"
        return Hours(tokens / rate / 3600, "GPU-hours" if kind == "cuda" else "hours", "history", rate, source)

    def tokens(self, operator: Train, itself: Mapping[str, Any], data: Record, table: Table) -> Tokens | None:
        """Of rows that are built: as an earlier training on them had, else estimated by the characters and tokens of others."""
        for record in self.records:
            same = record.manifest["data"]["digest"] == data.digest
            if same and text_inputs(record.snapshot["itself"]) == text_inputs(itself):
                return Tokens(round(of_epoch(record) * float(operator.epochs)), "history", "an earlier training on these rows")
        counted = [record for record in self.records if record.manifest["data"].get("characters")]
        if not counted:
            return None
        before = sum(record.manifest["data"]["characters"] for record in counted)
        characters = characters_of(table, operator.reads(table.columns))
        count = round(characters * sum(map(of_epoch, counted)) / before * float(operator.epochs))
        those = f"{len(counted):,} earlier training{'s' * (len(counted) > 1)}"
        return Tokens(count, "history", f"{characters:,} characters an epoch, in tokens as long as those of {those}")


def text_inputs(itself: Mapping[str, Any]) -> tuple[Any, ...]:
    """What the text of a training's rows depends on, besides their cells: templates and profile entries."""
    return itself["entries"], *(itself["parameters"].get(name) for name in ("prompt", "completion", "messages", "tools", "loss"))


def of_epoch(record: CheckpointRecord) -> float:
    """The tokens that a training took in each epoch."""
    manifest = record.manifest
    return float(manifest["made"]["tokens"]) / float(manifest["settings"]["epochs"])


def earlier_trainings(trainings: Sequence[CheckpointRecord], weights: str) -> Earlier:
    """Those that went on from a base, or from what was trained from it."""
    family, count = {weights}, 0
    while len(family) > count:
        count = len(family)
        family |= {each.digest for each in trainings if each.manifest["weights"] in family}
    return Earlier(tuple(each for each in trainings if each.manifest["weights"] in family))


def foresee(predictor: Predictor, assumed: Assumed) -> Iterator[TrainForecast]:
    """Every training that would run, against the store as it is; nothing is written and no library of training is loaded."""
    session, addresses = predictor.session, predictor.addresses
    waiting = []
    for stage in of_kind(TrainStage, predictor.graph):
        if addresses.address(stage.index) is None:
            if session.items is None:
                predictor.expect(stage.rows)  # where that tells the very rows, a training of them may be here
            waiting += [stage] if addresses.address(stage.index) is None else []
    trainings = list(predictor.store.records(CheckpointRecord)) if waiting else []
    for stage in waiting:
        node, operator = stage.node, stage.operator
        base = session.read.recipe.base_of(node.label)
        weights = session.facts.weights.get(base)
        before = Earlier(()) if weights is None else earlier_trainings(trainings, weights)
        rows, tokens = rows_and_tokens(predictor, stage, before)
        why = "without its weights no earlier training can be told to be of it" if weights is None else ""
        why = why or f"no earlier {operator.name} of it in {operator.dtype} tells"
        hours = None
        if tokens is not None and assumed.train_tokens_per_s is not None:
            hours = assumed_hours(tokens.count, assumed.train_tokens_per_s, "GPU-hours")
        elif tokens is not None:
            hours = before.hours(operator, tokens.count)
        name = session.models[base].id or base
        yield TrainForecast(stage.name, name, operator.name, rows, operator.epochs, tokens, hours, why)


def rows_and_tokens(predictor: Predictor, stage: TrainStage, before: Earlier) -> tuple[Between, Tokens | None]:
    """(rows, their tokens) of a training; where nothing tells, no row is longer than `max_length`."""
    operator, record = stage.operator, predictor.store.find(predictor.addresses.key(stage.rows))
    rows = Between(0, MANY)
    if record is not None:
        rows = exactly(record.rows)
        with suppress(Damaged):
            table, itself = open_table(predictor.store, record.table), describe(predictor.addresses, stage.index)
            if (tokens := before.tokens(operator, itself, record, table)) is not None:
                return rows, tokens
    elif predictor.session.items is None:  # which items a preview takes is known once their sources are read
        rows = predictor.expect(stage.rows).counts.rows
    if rows.high >= MANY:
        return rows, None
    most = rows.high * operator.max_length * math.ceil(operator.epochs)
    return rows, Tokens(most, "at most", f"`max_length` {operator.max_length:,} of each row")
