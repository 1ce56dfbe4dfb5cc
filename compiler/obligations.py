"""What a recipe's people owe, before and after an edit: declared by operators, and by what licences join to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from compiler.compile import Read
from compiler.graph import Graph
from compiler.spans import Span


@dataclass(frozen=True)
class Owed:
    """One obligation, and whether the edit brings it."""

    state: Literal["new", "standing", "gone"]
    kind: str
    message: str
    place: Span | None


def compare_obligations(before: tuple[Read, Graph] | None, after: tuple[Read, Graph]) -> tuple[Owed, ...]:
    """Every obligation of the new recipe, the new ones first, and those of the old one that are gone."""
    old = {} if before is None else {(kind, message): place for kind, message, place in obligations(*before)}
    new = {(kind, message): place for kind, message, place in obligations(*after)}
    found = [Owed("standing" if each in old else "new", *each, place) for each, place in new.items()]
    found += [Owed("gone", *each, place) for each, place in old.items() if each not in new]
    found += [] if before is None else list(licences(before[1], after))
    order = ["new", "standing", "gone"]
    return tuple(sorted(found, key=lambda owed: order.index(owed.state)))


def obligations(read: Read, graph: Graph) -> Iterator[tuple[str, str, Span]]:
    """(kind, what is owed, the line that brings it) of every operator that an output depends on."""
    for _, node in graph:
        for each in node.operator.obligations(node.label):
            feed = read.recipe.sources.get(node.label) if not node.inputs else None
            yield each.kind, each.message, node.span if feed is None else feed.node.find(each.path)


def licences(before: Graph, after: tuple[Read, Graph]) -> Iterator[Owed]:
    """Outputs whose licence class is another than it was."""
    read, graph = after
    for name, index in graph.outputs.items():
        if name not in before.outputs:
            continue
        old, new = before.nodes[before.outputs[name]].license, graph.nodes[index].license
        if old != new:
            brought = [node.label for _, node in graph if not node.inputs and node.license == new]
            place = read.recipe.sources[brought[0]].node.find(("license",)) if brought else graph.nodes[index].span
            by = f", by {', '.join(f'`{each}`' for each in brought)}" if brought else ""
            yield Owed("new", "licence", f"the output `{name}` is of class {new} now, and was {old}{by}", place)
