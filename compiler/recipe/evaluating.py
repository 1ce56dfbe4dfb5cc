"""The section `evaluate`: who is judged by what, and the tables of answers and scores that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.recipe.benchmarks import FEED, BenchmarkSaid
from compiler.recipe.said import Part, Said, TableSaid
from compiler.recipe.traces import ModelSaid
from compiler.recipe.training import TrainSaid
from compiler.recipe.typed import declared
from compiler.text.diagnostics import Diagnostic, Note, meant
from compiler.text.document import TextNode
from compiler.text.spans import Span
from operators.asks.answers import Answers
from operators.base.declare import Step
from operators.declared.evaluate import PREFIX, Evaluate
from operators.maps.spans import Spans
from operators.measures.score import Score

HELD_IN, HELD_OUT = f"{PREFIX}.held_in", f"{PREFIX}.held_out"
#: What a person says -> the output that is meant.
ALIASES = {PREFIX: HELD_IN}


@dataclass(frozen=True)
class EvaluateSaid:
    """How models are judged, and the place that says it."""

    evaluate: Evaluate
    node: TextNode
    models: tuple[tuple[str, Span], ...]
    """Who is judged, with the place that says so."""
    benchmarks: Mapping[str, BenchmarkSaid]

    def place(self, benchmark: str) -> Span:
        """Where the recipe lists a benchmark."""
        for name in ("held_in", "held_out"):
            listed = getattr(self.evaluate, name)
            if benchmark in listed:
                return self.node.find((name, listed.index(benchmark)))
        return self.node.span

    def outputs(self) -> dict[str, tuple[str, ...]]:
        """Output -> the benchmarks it tells of."""
        both = {HELD_IN: self.evaluate.held_in, HELD_OUT: self.evaluate.held_out}
        return {name: listed for name, listed in both.items() if listed}


def evaluate_of(
    node: TextNode,
    trains: Mapping[str, TrainSaid],
    models: Mapping[str, ModelSaid],
    benchmarks: Mapping[str, BenchmarkSaid],
    found: list[Diagnostic],
) -> EvaluateSaid | None:
    """How models are judged; None where the recipe says nothing of it, or something wrong."""
    part = node.get("evaluate")
    evaluate = None if part is None else declared(Evaluate, part, found)
    if part is None or evaluate is None:
        return None
    if evaluate.models:
        named = [(name, part.find(("models", at))) for at, name in enumerate(evaluate.models)]
    else:
        span = node.find(("evaluate",), key=True)
        bases = [said.operator.model for said in trains.values() if said.operator.model is not None]
        named = [(name, span) for name in dict.fromkeys([*bases, *(said.label for said in trains.values())])]
    said = EvaluateSaid(evaluate, part, tuple(named), benchmarks)
    section = node.get("models")
    told = () if section is None or not isinstance(section.value, dict) else (*section.value, *map(str, section.left))
    if "models" not in node.left:
        found += complain_evaluate(said, frozenset((*models, *told)))
    if not named and not part.lacks:
        found.append(Diagnostic("`evaluate` judges nobody", part.span, "name `models`, or train one under `train:`"))
    return said


def complain_evaluate(said: EvaluateSaid, models: frozenset[str]) -> list[Diagnostic]:
    """Who is not known, and what is held in and out at once."""
    found = []
    for name, span in said.models:
        if name not in models:
            hint = meant(name, models, "there is: " + ", ".join(f"`{each}`" for each in sorted(models)))
            found.append(Diagnostic(f"there is no model `{name}` to judge", span, hint))
    for name in said.evaluate.held_out:
        if name in said.evaluate.held_in:
            message = f"the benchmark `{name}` is held in and held out at once"
            places = [said.node.find((each, getattr(said.evaluate, each).index(name))) for each in ("held_out", "held_in")]
            found.append(
                Diagnostic(message, places[0], "what guides choices cannot judge them", (Note("held in here", places[1]),))
            )
    return found


def judging_steps(said: EvaluateSaid, model: str, benchmark: BenchmarkSaid) -> list[tuple[str, Step, str | None]]:
    """(label, step, column it makes) of what one model goes through for one benchmark (paper section 3.2, appendix C.2)."""
    judged, how = benchmark.benchmark, said.evaluate
    sampling = {name: getattr(how, name) for name in ("temperature", "top_p", "top_k", "min_p", "max_tokens", "seed")}
    asked = {"model": model, "samples": how.trials, "system": judged.system, "ask": judged.ask, "language": judged.language}
    tuned = {"max_failures": how.max_failures, "budget": how.budget, "open": how.tags.open, "close": how.tags.close}
    gold = {"gold": "gold"} if judged.task == "choice" else {}
    score = {"in": "answer", "gold": "gold_answer", "kind": judged.task, "language": judged.language}
    return [
        ("answers", Answers.model_validate(sampling | asked | tuned | gold), None),
        ("spans", Spans(**dict(how.tags)), None),
        ("extract", judged.taken(), None),
        ("score", Score.model_validate(score), "correct"),
    ]


def table_name(model: str, benchmark: str) -> str:
    """The table of one model's answers to one benchmark; no name that a recipe may give has a dot."""
    return f"{PREFIX}.{model}.{benchmark}"


def judged_tables(node: TextNode, said: EvaluateSaid) -> dict[tuple[str, str], TableSaid]:
    """The table of each judged model's answers to each benchmark that has files."""
    tables = {}
    for benchmark, each in said.benchmarks.items():
        if each.benchmark.source() is None or benchmark not in (*said.evaluate.held_in, *said.evaluate.held_out):
            continue
        span = said.place(benchmark)
        for model, _ in said.models:
            steps = judging_steps(said, model, each)
            part = Part(node, ("evaluate",))
            own = tuple(Said(label, step, part, column) for label, step, column in steps)
            name = table_name(model, benchmark)
            tables[(model, benchmark)] = TableSaid(name, ((FEED + benchmark, span),), own, span)
    return tables
