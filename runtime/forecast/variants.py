"""The least work for all variants of an ablation: what they share is counted once, in stages, completions and trainings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from compiler.graph.plan import Planned, make_plan
from compiler.graph.shared import SharedStage, forms, identify, share
from compiler.recipe.ablations import VariantName
from runtime.build.session import Session
from runtime.completions.assumed import Assumed
from runtime.forecast.completions import AskForecast, foresee
from runtime.forecast.predictor import Predictor
from runtime.forecast.trainings import TrainForecast
from runtime.forecast.trainings import foresee as foresee_trainings


@dataclass
class LeastWork:
    """What a build of all variants would do."""

    ablation: str
    variants: tuple[str, ...]
    stages: tuple[SharedStage, ...]
    apart: int
    """How many stages would run if each variant were built in a store of its own kind."""
    asks: list[AskForecast] = field(default_factory=list)
    trains: list[TrainForecast] = field(default_factory=list)

    @property
    def running(self) -> int:
        return sum(each.planned.state != "reuse" for each in self.stages)

    def lines(self) -> Iterator[str]:
        """The plan for a person."""
        width = max((len(each.planned.stage.name) for each in self.stages), default=0)
        for each in self.stages:
            planned, whose = each.planned, "all" if each.variants == self.variants else ", ".join(each.variants)
            key = (planned.key or "pending")[:12]
            yield f"{planned.state:<7}  {planned.stage.name:<{width}}  {key:<12}  [{whose}]  {planned.cause}"
        reused = len(self.stages) - self.running
        yield f"{self.running} to run for {len(self.variants)} variants, which one by one have {self.apart}; {reused} reused"
        yield from (each.line() for each in self.asks)
        if len(self.asks) > 1:
            yield "what several of these stages ask alike is asked once, and counted in each of them"
        yield from (each.line() for each in self.trains)
        lacks = dict.fromkeys(name for group in (self.asks, self.trains) for each in group for name in each.lacks)
        if lacks:
            yield "what is unknown can be assumed: " + " ".join(f"--assume {name}=N" for name in lacks)

    def data(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "ablation": self.ablation,
            "variants": list(self.variants),
            "stages": [{**each.planned.data(), "variants": list(each.variants)} for each in self.stages],
            "to_run": self.running,
            "one_by_one": self.apart,
            "asks": [{"stage": each.stage, **each.data()} for each in self.asks],
            "trains": [each.data() for each in self.trains],
        }


def least_work(ablation: str, opened: Mapping[VariantName, Session], given: Assumed) -> LeastWork:
    """The plan of all variants against the store as it is; nothing is written and no model is asked."""
    plans: dict[str, tuple[Planned, ...]] = {}
    known: dict[str, list[str]] = {}
    for chosen, session in opened.items():
        store = session.open_store()
        before = store.last_build(session.read.recipe.name).snapshots
        plans[chosen.variant] = make_plan(session.addresses(store), before)
        known[chosen.variant] = forms(session.graph, session.facts, session.read.recipe)
    apart = sum(each.state != "reuse" for plan in plans.values() for each in plan)
    work = LeastWork(ablation, tuple(plans), tuple(share(plans, known).values()), apart)
    counted: set[str] = set()
    for chosen, session in opened.items():
        running = [each for each in plans[chosen.variant] if each.state != "reuse"]
        names = {each.stage.name: identify(each, known[chosen.variant]) for each in running}
        if session.models and {*names.values()} - counted:
            predictor = Predictor(session)
            work.asks += [each for each in foresee(predictor, given) if names.get(each.stage) not in counted]
            work.trains += [each for each in foresee_trainings(predictor, given) if names.get(each.stage) not in counted]
        counted |= {*names.values()}
    return work
