"""The graphs of several variants as one: what is made of the same things in the same way is one node, built or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compiler.graph.facts import Facts
from compiler.graph.keys import own_ingredients
from compiler.graph.nodes import Graph
from compiler.graph.plan import Planned
from compiler.graph.stages import stage_at
from compiler.recipe.sections import Recipe
from compiler.text.canonical import digest_of


@dataclass(frozen=True)
class SharedStage:
    """One stage, and the variants that need it."""

    planned: Planned
    """As the first of them has it."""
    variants: tuple[str, ...]


def forms(graph: Graph, facts: Facts, recipe: Recipe) -> list[str]:
    """What each node is made of, down to the leaves, whether or not their bytes are here: equal ones give equal results."""
    found: list[str] = []
    models = {name: each.model.model_dump(mode="json") for name, each in recipe.models.items()}
    for index, node in graph:
        inputs: Sequence[str] = [found[each] for each in node.inputs]
        parts: dict[str, Any] = {"own": own_ingredients(graph, index, facts)}
        if node.cut:
            stage = stage_at(graph, index)
            inputs, parts["said"] = stage.key_inputs(inputs), None if stage.ready(facts) else stage.said(models)
        found.append(digest_of({**parts, "inputs": inputs}))
    return found


def share(plans: Mapping[str, Sequence[Planned]], known: Mapping[str, Sequence[str]]) -> dict[str, SharedStage]:
    """What a stage is known by -> the stage, of the plans of several variants; `known` are the forms of their nodes."""
    shared: dict[str, SharedStage] = {}
    for variant, plan in plans.items():
        for each in plan:
            name = identify(each, known[variant])
            before = shared.get(name, SharedStage(each, ()))
            shared[name] = SharedStage(before.planned, tuple(dict.fromkeys((*before.variants, variant))))
    return shared


def identify(planned: Planned, known: Sequence[str]) -> str:
    """What tells a stage from others: its key, or its form where it has none yet, and what its rows are called."""
    stage = planned.stage
    return " ".join((planned.key or known[stage.index], stage.node.table, stage.node.label))


def merge_graphs(lines: Mapping[str, Sequence[dict[str, Any]]], known: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """The lines of several graphs as those of one, each with the variants that have the node."""
    merged: dict[str, dict[str, Any]] = {}
    for variant, nodes in lines.items():
        places: list[int] = []
        for node in nodes:
            name = f"{known[variant][node['id']]} {node['name']}"
            place = merged[name]["id"] if name in merged else len(merged)
            inputs = [places[each] for each in node["inputs"]]
            merged.setdefault(name, {**node, "id": place, "inputs": inputs, "variants": []})["variants"].append(variant)
            places.append(place)
    return list(merged.values())
