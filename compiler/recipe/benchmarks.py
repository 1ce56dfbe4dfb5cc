"""Benchmarks: the one that the recipe declares, over the one beside it, before the one that ships with the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compiler.recipe.profiles import read_own
from compiler.recipe.typed import valid
from compiler.text.diagnostics import Diagnostic, RecipeError, meant
from compiler.text.document import TextNode
from compiler.text.merge import merge
from compiler.text.project import Place
from operators.declared.benchmark import Benchmark

Where = tuple[str | int, ...]
FEED = "benchmark."
"""What the source with a benchmark's rows is called by, before its name; no name that a recipe may give has a dot."""


@dataclass(frozen=True)
class PlacedBenchmark:
    """One benchmark and its place."""

    benchmark: Benchmark
    node: TextNode

    @property
    def items(self) -> TextNode:
        """The part that says its files and columns."""
        return self.node.get("items") or self.node


def load_benchmarks(node: TextNode, place: Place, problems: list[Diagnostic]) -> Mapping[str, PlacedBenchmark]:
    """Every benchmark that `evaluate` or `decontaminate` names or `benchmarks` declares, and the sets they are parallel to.

    Mistakes go into `problems`, and a benchmark that is wrong is left out.
    """
    own = node.get("benchmarks")
    declared = {} if own is None else {name: each.node for name, each in own.entries.items()}
    named = {str(each.value): each.span for _, each in (*listed(node), *looked_for(node))}
    loaded: dict[str, PlacedBenchmark] = {}
    waiting = list({**named, **declared})
    while waiting:
        name = waiting.pop(0)
        path = place.find("benchmarks", name)
        if path is None and name not in declared:
            otherwise = f"declare it under `benchmarks:`, or in benchmarks/{name}.yaml beside the recipe"
            hint = meant(name, place.names("benchmarks"), otherwise)
            problems.append(Diagnostic(f"there is no benchmark `{name}`", named[name], hint))
            continue
        try:
            file_node = None if path is None else read_benchmark(path, place)
            over = declared.get(name)
            whole = over if file_node is None else file_node if over is None else merge(file_node, over)
            assert whole is not None
            if (benchmark := typed_benchmark(name, whole, problems)) is None:
                continue
            loaded[name] = PlacedBenchmark(benchmark, whole)
        except RecipeError as error:
            problems += error.diagnostics
            continue
        for at, parallel in enumerate(loaded[name].benchmark.parallel_to):
            if parallel not in {**named, **declared}:
                named[parallel] = whole.find(("parallel_to", at))
                waiting.append(parallel)
    return loaded


def lost(node: TextNode, loaded: Mapping[str, PlacedBenchmark]) -> list[Where]:
    """The places of a recipe that name a benchmark which is wrong or not there."""
    return [path for path, each in (*listed(node), *looked_for(node)) if str(each.value) not in loaded]


def listed(node: TextNode) -> list[tuple[Where, TextNode]]:
    """The benchmarks that a recipe's `evaluate` lists, each with its path."""
    evaluate = node.get("evaluate")
    lists = {name: None if evaluate is None else evaluate.get(name) for name in ("held_in", "held_out")}
    return [(("evaluate", name, at), each) for name, one in lists.items() if one is not None for at, each in enumerate(one.items)]


def looked_for(node: TextNode, path: Where = ()) -> list[tuple[Where, TextNode]]:
    """The benchmarks that any `decontaminate` of a recipe names, each with its path."""
    inside: list[tuple[str | int, TextNode]] = [*enumerate(node.items), *((key, each.node) for key, each in node.entries.items())]
    found = [each for step, below in inside for each in looked_for(below, (*path, step))]
    against = node.at(("decontaminate", "against"))
    named = against.items if against is not None else []
    return [*found, *(((*path, "decontaminate", "against", at), each) for at, each in enumerate(named))]


def read_benchmark(path: Path, place: Place) -> TextNode:
    """A benchmark's own file, without its head."""
    node, problems = read_own(path, place, "benchmark", "benchmark", "file")
    if problems or node is None:
        raise RecipeError(problems)
    return TextNode({key: entry for key, entry in node.entries.items() if key not in ("format", "benchmark")}, node.span)


def typed_benchmark(name: str, node: TextNode, problems: list[Diagnostic]) -> Benchmark | None:
    """The benchmark that a node declares, or None with its mistakes in `problems`."""
    benchmark = valid(Benchmark, node.plain(), node, problems, f"the benchmark `{name}`")
    if benchmark is None:
        return None
    if (lacking := benchmark.lacks()) and not node.lacks:
        message = f"the benchmark `{name}` maps no column `{lacking[0]}`, which the task `{benchmark.task}` needs"
        problems.append(Diagnostic(message, node.find(("items", "columns")), "map it under `items: columns:`"))
    return None if lacking else benchmark
