"""Whether a mixture can be filled: the most rows of each group that may reach it, by how many rows its sources have at most."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from compiler.graph.nodes import Graph
from compiler.graph.stage import Most
from compiler.graph.stages import DecideStage, of_kind, stage_at
from compiler.recipe.sections import Recipe
from compiler.text.diagnostics import Diagnostic, Note
from operators.declared.by_row import categories_of
from operators.sets.mixture import Mixture


def complain_short(graph: Graph, recipe: Recipe, rows: Callable[[str], float]) -> Iterator[Diagnostic]:
    """A mixture that takes more rows of a group than there are; `rows` tells what a source has at most."""
    for stage in of_kind(DecideStage, graph):
        operator, node = stage.operator, stage.node
        if not isinstance(operator, Mixture) or operator.by != "rows" or operator.shortage != "error":
            continue
        most = most_of(graph, stage.base, operator.of, rows)
        if most is None:
            continue
        step = next(each for each in recipe.tables[node.table].steps if each.operator == operator and each.span() == node.span)
        field = "take" if operator.take is not None else "ratio"
        known = recipe.categories if operator.of == "category" else recipe.named
        for group, amount in operator.amounts(None).items():
            there = most.get(group, 0) * (operator.repeat or {}).get(group, 1)
            if group not in known or amount <= there:
                continue  # a group that is not known is told already
            message = f"the mixture takes {amount:,} of `{group}`, and there are at most {there:,}"
            fed = {
                name: rows(name)
                for name, feed in recipe.sources.items()
                if group in (name, *(categories_of(feed.operator.category) or ()))
            }
            notes = tuple(
                Note(f"`{name}` has at most {most:,}", recipe.sources[name].span(("file",))) for name, most in fed.items()
            )
            hint = "take less, add sources, or say `shortage: up_to`"
            yield Diagnostic(message, step.span((field, group)), hint, notes)


def most_of(graph: Graph, index: int, of: str, rows: Callable[[str], float]) -> Most | None:
    """The most rows of each group at a node; None where nothing bounds any."""
    return stage_at(graph, graph.base(index)).most(of, rows, lambda below: most_of(graph, below, of, rows))
