"""The section `evaluate`: who is judged by what, and the tables of answers and scores that follow from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from compiler.recipe.benchmarks import FEED, PlacedBenchmark
from compiler.recipe.placed import Part, PlacedStep, PlacedTable
from compiler.recipe.traces import PlacedModel
from compiler.recipe.training import PlacedTraining
from compiler.recipe.typed import declared
from compiler.text.diagnostics import Diagnostic, Note, meant
from compiler.text.document import TextNode
from compiler.text.spans import Span
from operators.asks.answers import Answers
from operators.base.declare import Step
from operators.declared.evaluate import PREFIX, Evaluate
from operators.maps.select import Select
from operators.maps.spans import Spans
from operators.measures.score import Score

HELD_IN, HELD_OUT = f"{PREFIX}.held_in", f"{PREFIX}.held_out"
#: What a person says -> the output that is meant.
ALIASES = {PREFIX: HELD_IN}


@dataclass(frozen=True)
class PlacedEvaluation:
    """How models are judged, and the place that says it."""

    evaluate: Evaluate
    node: TextNode
    models: tuple[tuple[str, Span], ...]
    """Who is judged, with the place that says so."""
    benchmarks: Mapping[str, PlacedBenchmark]

    @property
    def listed(self) -> tuple[str, ...]:
        """The benchmarks that models are judged by."""
        return (*self.evaluate.held_in, *self.evaluate.held_out)

    def place(self, benchmark: str, *lists: str) -> Span:
        """Where the recipe lists a benchmark, in one of these lists or in any."""
        for name in lists or ("held_in", "held_out"):
            if benchmark in (listed := getattr(self.evaluate, name)):
                return self.node.find((name, listed.index(benchmark)))
        return self.node.span

    def outputs(self) -> dict[str, tuple[str, ...]]:
        """Output -> the benchmarks it tells of."""
        both = {HELD_IN: self.evaluate.held_in, HELD_OUT: self.evaluate.held_out}
        return {name: listed for name, listed in both.items() if listed}


def evaluate_of(
    node: TextNode,
    trains: Mapping[str, PlacedTraining],
    models: Mapping[str, PlacedModel],
    benchmarks: Mapping[str, PlacedBenchmark],
    problems: list[Diagnostic],
) -> PlacedEvaluation | None:
    """How models are judged; None where the recipe says nothing of it, or something wrong."""
    part = node.get("evaluate")
    evaluate = None if part is None else declared(Evaluate, part, problems)
    if part is None or evaluate is None:
        return None
    if evaluate.models:
        named = [(name, part.find(("models", at))) for at, name in enumerate(evaluate.models)]
    else:
        span = node.find(("evaluate",), key=True)
        bases = [each.operator.model for each in trains.values() if each.operator.model is not None]
        named = [(name, span) for name in dict.fromkeys([*bases, *(each.label for each in trains.values())])]
    evaluation = PlacedEvaluation(evaluate, part, tuple(named), benchmarks)
    section = node.get("models")
    declared_models = () if section is None else (*section.entries, *map(str, section.left))
    if "models" not in node.left:
        problems += complain_evaluate(evaluation, frozenset((*models, *declared_models)))
    if not named and not part.lacks and node.get("train") is None and "train" not in node.left:
        problems.append(Diagnostic("`evaluate` judges nobody", part.span, "name `models`, or train one under `train:`"))
    return evaluation


def complain_evaluate(evaluation: PlacedEvaluation, models: frozenset[str]) -> Iterator[Diagnostic]:
    """Who is not known, and what is held in and out at once."""
    for name, span in evaluation.models:
        if name not in models:
            hint = meant(name, models, "there is: " + ", ".join(f"`{each}`" for each in sorted(models)))
            yield Diagnostic(f"there is no model `{name}` to judge", span, hint)
    for name in evaluation.evaluate.held_out:
        if name in evaluation.evaluate.held_in:
            message = f"the benchmark `{name}` is held in and held out at once"
            note = Note("held in here", evaluation.place(name, "held_in"))
            yield Diagnostic(message, evaluation.place(name, "held_out"), "what guides choices cannot judge them", (note,))


def judging_steps(evaluation: PlacedEvaluation, model: str, placed: PlacedBenchmark) -> list[tuple[str, Step, str | None]]:
    """(label, step, column it makes) of what one model goes through for one benchmark (paper section 3.2, appendix C.2)."""
    benchmark, how = placed.benchmark, evaluation.evaluate
    sampling = {name: getattr(how, name) for name in ("temperature", "top_p", "top_k", "min_p", "max_tokens", "seed")}
    wording = {name: getattr(benchmark, name) for name in ("system", "ask", "language")}
    question = {"model": model, "samples": how.trials, **wording}
    tuned = {"max_failures": how.max_failures, "budget": how.budget, "open": how.tags.open, "close": how.tags.close}
    gold = {"gold": "gold"} if benchmark.task == "choice" else {}
    score = {"in": "answer", "gold": "gold_answer", "kind": benchmark.task, "language": benchmark.language}
    answers, spans, taken = Answers.model_validate(sampling | question | tuned | gold), Spans(**dict(how.tags)), benchmark.taken()
    steps: list[tuple[str, Step, str | None]] = [
        ("answers", answers, None),
        ("spans", spans, None),
        ("extract", taken, None),
        ("score", Score.model_validate(score), "correct"),
    ]
    # An item may have a solution of its own, which is looked for elsewhere: of the model's there is one name alone.
    of_items, of_model = benchmark.known_columns(), {*answers.made(), *spans.makes(), *taken.makes(), "correct"}
    asked = tuple(sorted(of_items - of_model))
    return [("select", Select(columns=asked), None), *steps] if of_items & of_model else steps


def answer_tables(node: TextNode, evaluation: PlacedEvaluation) -> dict[tuple[str, str], PlacedTable]:
    """The table of each judged model's answers to each benchmark that has files."""
    tables = {}
    for benchmark, each in evaluation.benchmarks.items():
        if each.benchmark.source() is None or benchmark not in evaluation.listed:
            continue
        span = evaluation.place(benchmark)
        for model, _ in evaluation.models:
            steps = judging_steps(evaluation, model, each)
            part = Part(node, ("evaluate",))
            own = tuple(PlacedStep(label, step, part, column) for label, step, column in steps)
            name = f"{PREFIX}.{model}.{benchmark}"  # no name that a recipe may give has a dot
            tables[(model, benchmark)] = PlacedTable(name, ((FEED + benchmark, span),), own, span)
    return tables
