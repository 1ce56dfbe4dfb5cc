"""Who is judged by what: the section `evaluate` with its benchmarks, as tables of answers and scores."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.recipe.benchmarks import FEED, BenchmarkSaid
from compiler.recipe.evaluating import EvaluateSaid, complain_evaluate, judging_steps, table_name
from compiler.recipe.said import Part, Said, TableSaid
from compiler.recipe.traces import ModelSaid
from compiler.recipe.training import TrainSaid
from compiler.recipe.typed import declared
from compiler.text.diagnostics import Diagnostic
from compiler.text.document import Node
from operators.declared.evaluate import Evaluate


def evaluate_of(
    node: Node,
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


def judged_tables(node: Node, said: EvaluateSaid) -> dict[tuple[str, str], TableSaid]:
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
