"""Licences over the graph: a source that must not be used is told with the path to what it would reach."""

from __future__ import annotations

from compiler.graph.nodes import Graph
from compiler.recipe.sections import Recipe
from compiler.text.diagnostics import Diagnostic, Note


def complain_licenses(graph: Graph, recipe: Recipe) -> list[Diagnostic]:
    """A source that must not be used, with the path to each output it reaches."""
    problems = []
    for name, output in graph.outputs.items():
        for path in paths(graph, output):
            source = graph.nodes[path[0]]
            if source.license == "C" and not source.inputs:
                labels = [graph.nodes[index].label for index in path if graph.nodes[index].aspect != "columns"]
                problems.append(
                    Diagnostic(
                        f"the source `{source.label}` has licence class C: it must not be used",
                        recipe.sources[source.label].node.find(("license",)),
                        "remove the source; " + " -> ".join(dict.fromkeys([*labels, name])),
                        tuple(
                            Note(f"it reaches the output `{name}` through `{graph.nodes[index].label}`", graph.nodes[index].span)
                            for index in path[1:-1]
                            if graph.nodes[index].aspect == "table"
                        ),
                    )
                )
    return problems


def paths(graph: Graph, output: int) -> list[list[int]]:
    """One path from each source that an output reads, shortest first."""
    through: dict[int, list[int]] = {output: [output]}
    queue, ends = [output], []
    while queue:
        index = queue.pop(0)
        if not graph.nodes[index].inputs:
            ends.append(through[index])
        for source in graph.nodes[index].inputs:
            if source not in through:
                through[source] = [source, *through[index]]
                queue.append(source)
    return ends
