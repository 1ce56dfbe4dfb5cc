"""Lower an evaluation to what its scores come to, and prove that nothing held out is looked at early or selects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from compiler.graph.nodes import Graph
from compiler.lower.state import Lowering, Rows
from compiler.recipe.benchmarks import FEED
from compiler.recipe.evaluating import HELD_IN, HELD_OUT, PlacedEvaluation
from compiler.recipe.sections import Recipe
from compiler.text.diagnostics import Diagnostic, Note
from compiler.text.spans import Span
from operators.base.licence import join
from operators.declared.aggregate import Aggregate
from operators.declared.evaluate import PREFIX
from operators.learn.train import Train
from operators.measures.decontaminate import Decontaminate


def lower_aggregates(
    state: Lowering, evaluation: PlacedEvaluation, answers: Mapping[tuple[str, str], Rows], wanted: Mapping[str, Span]
) -> dict[str, int]:
    """The output nodes of an evaluation that are wanted."""
    outputs = {}
    for name, benchmarks in evaluation.outputs().items():
        pairs = tuple((model, each) for each in benchmarks for model, _ in evaluation.models if (model, each) in answers)
        if name not in wanted or not pairs:
            continue
        operator, span, tables = Aggregate(judged=pairs), wanted[name], [answers[pair] for pair in pairs]
        more: dict[str, Any] = {"columns": operator.made(), "license": join(rows.license for rows in tables)}
        index = state.add_table(name, span, operator, (rows.base for rows in tables), **more)
        outputs[name] = state.add_output(name, span, state.rows_of(index))
    return outputs


def complain_unobtained(recipe: Recipe, targets: tuple[str, ...]) -> Iterator[Diagnostic]:
    """A benchmark whose files are not declared, where it is to be evaluated."""
    evaluation = recipe.evaluate
    if evaluation is None:
        return
    for each in dict.fromkeys(name for output, listed in evaluation.outputs().items() if output in targets for name in listed):
        benchmark = evaluation.benchmarks[each].benchmark
        if benchmark.source() is None:
            lacks = "files" if benchmark.items.file is None and benchmark.items.hf is None else "columns"
            message = f"the benchmark `{each}` has no {lacks} here: it does not ship with the project"
            obtain = benchmark.obtain or "say them under `benchmarks:`"
            hint = f"{obtain}; then `benchmarks: {{{each}: {{items: {{file: ...}}}}}}`"
            yield Diagnostic(message, evaluation.place(each), hint)


def complain_held_out(graph: Graph, recipe: Recipe, frozen: Mapping[str, object] | None) -> Iterator[Diagnostic]:
    """A held-out benchmark before everything it judges is frozen, or one that reaches what selects; each with its path."""
    evaluation = recipe.evaluate
    if evaluation is None:
        return
    for name in evaluation.evaluate.held_out:
        start = next((at for at, node in graph if node.label == FEED + name and not node.inputs), None)
        if start is not None:
            yield from complain_reaching(graph, start, name, evaluation)
    if HELD_OUT in graph.outputs:
        held_out = evaluation.node.find(("held_out",), key=True)
        open_ = [node for _, node in graph if isinstance(node.operator, Train) and node.label not in (frozen or {})]
        for node in open_:
            path = f"{FEED}{evaluation.evaluate.held_out[0]} -> {HELD_OUT} <- {node.label}"
            message = f"held-out benchmarks are looked at when everything is fixed, and `{node.label}` is not frozen"
            note = Note("it is trained here", node.span)
            hint = f"freeze it with `recipe freeze`: {path}"
            yield Diagnostic(message, held_out, hint, (note,))
        if not open_ and not frozen:
            message = "held-out benchmarks are looked at when everything is fixed, and nothing of this recipe is frozen"
            yield Diagnostic(message, held_out, "freeze it with `recipe freeze`")


def complain_reaching(graph: Graph, start: int, name: str, evaluation: PlacedEvaluation) -> Iterator[Diagnostic]:
    """Every way from a held-out benchmark to anything but its own scores."""
    via: dict[int, int] = {start: start}
    for index, node in graph:
        below = next((source for source in node.inputs if source in via), None)
        if below is None or (isinstance(node.operator, Decontaminate) and below in graph.against(index)):
            continue  # overlap with its text is the one thing that may be looked for
        via[index] = below
        own = node.table.startswith(f"{PREFIX}.") and node.table != HELD_IN
        if own or node.aspect == "columns":
            continue
        path = [index]
        while path[-1] != start:
            path.append(via[path[-1]])
        labels = [graph.nodes[at].label for at in reversed(path) if graph.nodes[at].aspect != "columns"]
        message = f"the held-out benchmark `{name}` reaches `{node.table}`, which selects or trains"
        hint = "its scores and its text may reach nothing: " + " -> ".join(dict.fromkeys(labels))
        note = Note(f"it comes in here, at `{node.label}`", node.span)
        yield Diagnostic(message, evaluation.place(name), hint, (note,))
        break
