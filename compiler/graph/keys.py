"""Keys: the address of a node's result, made of all that decides it and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from compiler.graph.facts import Facts
from compiler.graph.nodes import Graph, Node
from compiler.graph.stages import stage_at
from compiler.text.canonical import digest_of
from operators.base.declare import Map, Operator, Role
from operators.base.pairs import Pairwise

Address = Callable[[int], str | None]


def identity(operator: Operator, facts: Facts, entries: Mapping[str, Any], *roles: Any) -> dict[str, Any]:
    """What an operator itself puts into a key: its name, version, parameters, profile entries and versions."""
    return {
        "operator": operator.name,
        "version": operator.version,
        "parameters": operator.parameters(*roles),
        "entries": dict(entries),
        "depends": {name: facts.version(name) for name in operator.depends()},
    }


def own_ingredients(graph: Graph, index: int, facts: Facts) -> dict[str, Any]:
    """All that decides a node's result, but for what it reads; the digest of a leaf is None where nobody has it."""
    node = graph.nodes[index]
    operator_parts = identity(node.operator, facts, node.entries, *roles_of(node))
    node_parts = {**operator_parts, "aspect": node.aspect, "seed": node.seed, "columns": carried(node)}
    return stage_at(graph, index).own(facts, node_parts) if node.cut else node_parts


def ingredients(graph: Graph, index: int, facts: Facts, address: Address) -> dict[str, Any] | None:
    """All that decides a node's result, or None while the digest of a cut below it is not known."""
    node = graph.nodes[index]
    stage = stage_at(graph, index) if node.cut else None
    if stage is not None and not stage.ready(facts):
        return None
    inputs = [known for source in node.inputs if (known := address(source)) is not None]
    if len(inputs) < len(node.inputs):
        return None
    own = own_ingredients(graph, index, facts)
    if stage is None:
        return {**own, "inputs": inputs}
    return own if stage.leaf else {**own, "inputs": stage.key_inputs(inputs)}


def locked_classes(graph: Graph, index: int, facts: Facts) -> Mapping[str, int]:
    """Licence class -> rows of a source, by the lock; none where it counted them as another recipe reads or maps them."""
    leaf = facts.leaves[graph.nodes[index].label]
    parts = ingredients(graph, index, facts, lambda _: None) if leaf.classes else None
    return leaf.classes if parts is not None and digest_of(parts) == leaf.counted else {}


def structures(graph: Graph, facts: Facts) -> dict[int, str | None]:
    """A hash of each node by what it is made from, down to the leaves: equal ones give equal results, built or not."""
    found: dict[int, str | None] = {}
    for index, _ in graph:
        parts = ingredients(graph, index, facts, found.__getitem__)
        found[index] = None if parts is None else digest_of(parts)
    return found


def roles_of(node: Node) -> tuple[Role, ...]:
    """Which of its operator's fields decide a node: together with what it reads, all that are no tuning and no label."""
    match node.aspect:
        case "columns":
            return ("result", "measured", "decided") if isinstance(node.operator, Map) else ("result", "measured")
        case "decision":
            return ("decided",)
        case "table" | "checkpoint":
            return ("result", "measured", "column", "decided")


def carried(node: Node) -> dict[str, Any]:
    """The columns a node reads or carries, as (place of the maker among its inputs, name there)."""
    places = {source: place for place, source in enumerate(node.inputs)}
    return {
        name: [None if made.node is None else places[made.node], made.name]
        for name, made in node.carried.items()
        if node.aspect == "columns" or made.moved(name)
    } | ({"": sorted(node.columns)} if node.aspect == "table" else {"form": node.form})


def value_key(graph: Graph, index: int, facts: Facts) -> str:
    """What decides the values of a columns node, besides the cells it reads: equal cells have equal values."""
    node, against = graph.nodes[index], [own_ingredients(graph, each, facts) for each in graph.against(index)]
    parts = {**identity(node.operator, facts, node.entries, *roles_of(node)), "form": node.form is not None}
    if isinstance(node.operator, Pairwise):
        parts["seed"] = node.seed
    return digest_of({**parts, **({"against": against} if against else {})})


def memo_key(node: Node, facts: Facts) -> str:
    """The key of a dear measure's memo: the measure, without the table or the column it reads."""
    return digest_of(identity(node.operator, facts, node.entries, *roles_of(node)))
