"""Whether a mixture can be filled: the most rows of each group that may reach it, by how many rows its sources have at most."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from compiler.graph.nodes import Graph
from compiler.recipe.sections import Recipe
from compiler.text.diagnostics import Diagnostic, Note
from operators.asks.asks import Asks
from operators.asks.attach import Attach
from operators.base.declare import SetDecision
from operators.declared.source import Source
from operators.sets.combine import Combine
from operators.sets.mixture import Mixture

Most = Mapping[str, float]
"""Group -> the most rows of it; infinite where nobody knows."""


def complain_short(graph: Graph, recipe: Recipe, rows: Callable[[str], float]) -> list[Diagnostic]:
    """A mixture that takes more rows of a group than there are; `rows` tells what a source has at most."""
    found = []
    for _, node in graph:
        operator = node.operator
        if not isinstance(operator, Mixture) or operator.by != "rows" or operator.shortage != "error":
            continue
        most = most_of(graph, node.inputs[0], operator.of, rows)
        if most is None:
            continue
        said = next(each for each in recipe.tables[node.table].steps if each.operator == operator and each.span() == node.span)
        field = "take" if operator.take is not None else "ratio"
        known = recipe.categories if operator.of == "category" else recipe.named
        for group, amount in operator.amounts(None).items():
            there = most.get(group, 0) * (operator.repeat or {}).get(group, 1)
            if group not in known or amount <= there:
                continue  # a group that is not known is told already
            message = f"the mixture takes {amount:,} of `{group}`, and there are at most {there:,}"
            fed = {name: rows(name) for name, feed in recipe.sources.items() if group in (name, feed.operator.category)}
            notes = tuple(
                Note(f"`{name}` has at most {most:,}", recipe.sources[name].span(("file",))) for name, most in fed.items()
            )
            hint = "take less, add sources, or say `shortage: up_to`"
            found.append(Diagnostic(message, said.span((field, group)), hint, notes))
    return found


def most_of(graph: Graph, index: int, of: str, rows: Callable[[str], float]) -> Most | None:
    """The most rows of each group at a node; None where nothing bounds any."""
    node = graph.nodes[graph.base(index)]
    operator = node.operator
    if isinstance(operator, Source):
        return {(operator.category if of == "category" else node.label): rows(node.label)}
    if isinstance(operator, Combine) and node.inputs:
        parts = [most_of(graph, each, of, rows) for each in node.inputs]
        known = [each for each in parts if each is not None]
        groups = {group for each in known for group in each}
        return {group: sum(each.get(group, 0) for each in known) for group in groups} if len(known) == len(parts) else None
    if isinstance(operator, Attach):
        below, asks = most_of(graph, node.inputs[0], of, rows), graph.nodes[node.inputs[1]].operator
        times = asks.samples if isinstance(asks, Asks) and asks.born else 1
        return None if below is None else {group: times * count for group, count in below.items()}
    if isinstance(operator, SetDecision) and not operator.tells_copy:
        return most_of(graph, node.inputs[0], of, rows)
    return None  # an expand, rows that stand in a mixture again, and what is left out
