"""The passes: functions from a graph to a graph, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from compiler.graph.keys import roles_of
from compiler.graph.nodes import Graph, Node
from compiler.text.canonical import digest_of


def drop_unused(graph: Graph) -> Graph:
    """Leave out the nodes that no output reads."""
    needed = set(graph.outputs.values())
    for index in range(len(graph.nodes) - 1, -1, -1):
        if index in needed:
            needed.update(graph.nodes[index].inputs)
    return renumber(graph, {index: index for index in sorted(needed)})


def share_equal(graph: Graph) -> Graph:
    """Let equal columns nodes be one, so that a measure said twice is taken once.

    Tables and decisions keep their own nodes: their labels are what `why` and the funnel tell people.
    """
    first: dict[str, int] = {}
    stand: dict[int, int] = {}
    for index, node in graph:
        if node.aspect != "columns":
            stand[index] = index
            continue
        moved = substitute(node, stand)
        same = digest_of(
            {
                "operator": node.operator.name,
                "parameters": node.operator.parameters(*roles_of(node)),
                "entries": dict(node.entries),
                "inputs": list(moved.inputs),
                "reads": {name: [made.node, made.name] for name, made in moved.carried.items()},
                "form": node.form,
            }
        )
        stand[index] = first.setdefault(same, index)
    kept = {index: index for index in stand.values()}
    moved_graph = replace(graph, nodes=tuple(substitute(node, stand) for node in graph.nodes))
    return renumber(moved_graph, kept)


def substitute(node: Node, stand: dict[int, int]) -> Node:
    """The node with other nodes in the place of what it reads."""
    inputs = tuple(dict.fromkeys(stand[source] for source in node.inputs))
    carried = {name: made if made.node is None else replace(made, node=stand[made.node]) for name, made in node.carried.items()}
    return replace(node, inputs=inputs, carried=carried)


def renumber(graph: Graph, kept: dict[int, int]) -> Graph:
    """The graph of the kept nodes only, in their order."""
    place = {index: number for number, index in enumerate(sorted(kept))}
    nodes = tuple(substitute(graph.nodes[index], place) for index in sorted(kept))
    return Graph(nodes, {name: place[index] for name, index in graph.outputs.items()})


PASSES: tuple[Callable[[Graph], Graph], ...] = (
    share_equal,
    drop_unused,
)
