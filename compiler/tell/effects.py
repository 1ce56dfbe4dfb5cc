"""What an edit does to the stages of a build: which are reused, made again, new or gone, and by which line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from compiler.graph.keys import structures
from compiler.graph.nodes import Graph, stage_name
from compiler.graph.plan import Addresses, cause_of, cuts_below, snapshot
from compiler.graph.stages import stage_at
from compiler.tell.change import Change, Subject

State = Literal["reused", "same", "recomputed", "new", "gone"]


@dataclass(frozen=True)
class Effect:
    """One stage, before and after."""

    name: str
    state: State
    """`reused`: its result is in the store. `same`: it is the stage of before, and not built."""
    cause: str
    changes: tuple[Change, ...]
    """The changes that caused it, the nearest first."""
    before: int | None
    """Its node in the graph of before."""
    after: int | None


def compare_stages(
    before: Addresses, after: Addresses, changes: tuple[Change, ...], languages: tuple[Mapping[str, str], Mapping[str, str]]
) -> tuple[Effect, ...]:
    """Every stage of both graphs in the order of the new one; those that are gone come last.

    `languages` are the codes that the roles stand for, before and after.
    """
    pairs, made = pair_stages(before, after), (structures(before.graph, before.facts), structures(after.graph, after.facts))
    found: dict[int, Effect] = {}
    for index, node in after.graph:
        if not node.cut:
            continue
        was = pairs.get(index)
        key = after.key(index)
        known = key is not None and after.lookup(key) is not None
        unchanged = was is not None and made[1][index] is not None and made[1][index] == made[0][was]
        own = subjects(after.graph, index, languages[1]) | (set() if was is None else subjects(before.graph, was, languages[0]))
        about = tuple(change for change in changes if change.subject in own)
        below = [found[cut] for cut in cuts_below(after.graph, index)]
        inherited = tuple(dict.fromkeys(change for effect in below if effect.state != "reused" for change in effect.changes))
        name = stage_name(after.graph, index)
        if known or unchanged:
            found[index] = Effect(name, "reused" if known else "same", "", about if not unchanged else (), was, index)
            continue
        decided_by = snapshot(before, was) if was is not None else None
        changed = [f"input {effect.name} changed" for effect in below if effect.state in ("recomputed", "new")]
        cause = "not there before" if decided_by is None else cause_of(decided_by, snapshot(after, index)) or ", ".join(changed)
        # One measure may be taken for steps of several names: what is edited of the table is the nearest to them then.
        of_table = tuple(change for change in changes if change.subject[:2] in (("step", node.table), ("table", node.table)))
        found[index] = Effect(name, "new" if was is None else "recomputed", cause, about or inherited or of_table, was, index)
    gone = []
    for index in (at for at, node in before.graph if node.cut and at not in pairs.values()):
        own = subjects(before.graph, index, languages[0])
        about = tuple(change for change in changes if change.subject in own)
        gone.append(Effect(stage_name(before.graph, index), "gone", "", about, index, None))
    return (*found.values(), *gone)


def pair_stages(before: Addresses, after: Addresses) -> dict[int, int]:
    """Stage of the new graph -> that of the old one: by name, else by key, else the next of its table and operator."""
    old = [index for index, node in before.graph if node.cut]
    names = {(stage_name(before.graph, index), before.graph.nodes[index].operator.name): index for index in old}
    keys = {key: index for index in old if (key := before.key(index)) is not None}
    named = {index: (stage_name(after.graph, index), node.operator.name) for index, node in after.graph if node.cut}
    pairs = {index: names[name] for index, name in named.items() if name in names}
    for index, node in after.graph:
        if not node.cut or index in pairs:
            continue
        key = after.key(index)
        free = [each for each in old if each not in pairs.values()]
        alike = [
            each
            for each in free
            if (before.graph.nodes[each].table, before.graph.nodes[each].operator.name) == (node.table, node.operator.name)
        ]
        if key is not None and keys.get(key) in free:
            pairs[index] = keys[key]
        elif alike and node.operator.name not in ("source", "output"):
            pairs[index] = alike[0]
    return pairs


def subjects(graph: Graph, index: int, languages: Mapping[str, str]) -> set[Subject]:
    """The subjects of changes that are a stage's own."""
    node = graph.nodes[index]
    if node.operator.name == "source":
        return {("source", node.label)}
    parts = {index}
    for source in node.inputs:
        if graph.nodes[source].aspect == "decision":
            parts |= {*graph.run(source), *(graph.nodes[at].measure for at in graph.run(source))}
        elif graph.nodes[source].aspect == "columns":
            parts.add(source)
    found: set[Subject] = {("table", node.table)} if node.operator.name != "output" else {("outputs",)}
    for at in parts:
        part = graph.nodes[at]
        found.add(("step", node.table, part.label))
        if part.cut and (model := stage_at(graph, at).asked_model) is not None:
            found.add(("model", model))
        if part.seed:
            found.add(("seed",))
        for role, entry in part.operator.entries():
            found |= {("profile", languages.get(role, role), entry), ("language",)}
    return found
