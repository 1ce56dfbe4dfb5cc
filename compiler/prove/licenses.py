"""Licences over the graph: a source that must not be used is told with the path to what it would reach."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.graph.nodes import Graph
from compiler.recipe.sections import Recipe
from compiler.text.diagnostics import Diagnostic, Note


def complain_licenses(graph: Graph, recipe: Recipe) -> Iterator[Diagnostic]:
    """Each source that must not be used once, with the path to the first output it reaches."""
    told: set[str] = set()
    for name, output in graph.outputs.items():
        for path in paths(graph, output):
            nodes = [graph.nodes[index] for index in path]
            # A licence only grows on its way, but where such rows are left out.
            if nodes[0].label not in told and all(node.license == "C" for node in nodes if node.aspect == "table"):
                told.add(nodes[0].label)
                labels = [node.label for node in nodes if node.aspect != "columns"]
                message = f"the source `{nodes[0].label}` has licence class C: it must not be used"
                hint = "remove the source; " + " -> ".join(dict.fromkeys([*labels, name]))
                between = dict.fromkeys((node.label, node.span) for node in nodes[1:-1] if node.aspect == "table")
                notes = [Note(f"it reaches the output `{name}` through `{label}`", span) for label, span in between]
                yield Diagnostic(message, recipe.sources[nodes[0].label].node.find(("license",)), hint, tuple(notes))


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
