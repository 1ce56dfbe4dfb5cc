"""The plan: which stages would run and which are reused, each with its key and its cause."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, NamedTuple

from compiler.graph.facts import Facts
from compiler.graph.keys import ingredients, own_ingredients
from compiler.graph.nodes import Graph, Node, stage_name
from compiler.graph.stage import Stage
from compiler.graph.stages import stage_at, stages
from compiler.text.canonical import canonical, digest_of
from operators.base.declare import Measure


class Result(NamedTuple):
    """What others see of a recorded result."""

    digest: str
    ids: str
    """The digest of its row ids and item ids alone."""
    columns: Mapping[str, str]
    """The digest of each column."""


Lookup = Callable[[str], Result | None]
"""Key -> the recorded result, or None."""


@dataclass(frozen=True)
class Planned:
    """What a build would do with a stage."""

    stage: Stage[Any]
    key: str | None
    digest: str | None
    state: Literal["reuse", "run", "pending"]
    cause: str

    def data(self) -> dict[str, Any]:
        """The same as plain data, for programs."""
        named = {"node": self.stage.index, "name": self.stage.name, "operator": self.stage.operator.name}
        return {**named, "key": self.key, "digest": self.digest, "state": self.state, "cause": self.cause}


@dataclass
class Addresses:
    """What is known of each node's address; `build` asks again as digests arrive."""

    graph: Graph
    facts: Facts
    lookup: Lookup

    def __post_init__(self) -> None:
        self.keys: dict[int, str] = {}
        self.results: dict[int, Result] = {}

    def key(self, index: int) -> str | None:
        """The key of a node, or None while it is pending."""
        for at in self.below(index) if index not in self.keys else ():
            parts = ingredients(self.graph, at, self.facts, partial(self.seen_by, at))
            if parts is not None:
                self.keys[at] = digest_of(parts)
        return self.keys.get(index)

    def below(self, index: int) -> list[int]:
        """The nodes without a key among all that a node reads, and itself, in an order in which each follows what it reads."""
        found, queue = set(), [index]
        while queue:
            at = queue.pop()
            if at not in found and at not in self.keys:
                found.add(at)
                queue += self.graph.nodes[at].inputs
        return sorted(found)

    def address(self, index: int) -> str | None:
        """What others see of a node: the digest of a cut, the key of anything else."""
        self.key(index)
        return self.known_address(index)

    def known_address(self, index: int) -> str | None:
        """The address of a node whose key was worked out before; a pending one is not tried again for every reader."""
        key = self.keys.get(index)
        if key is None or not self.graph.nodes[index].cut:
            return key
        if index not in self.results:
            found = self.lookup(key)
            if found is None:
                return None
            self.results[index] = found
        return self.results[index].digest

    def seen_by(self, reader: int, source: int) -> str | None:
        """What one node depends on of another: one that asks or trains a model on its row ids and the columns it reads alone."""
        address, node = self.known_address(source), self.graph.nodes[reader]
        if address is None or not node.cut or source != next(iter(node.inputs), None) or not stage_at(self.graph, reader).narrow:
            return address
        result = self.results[source]
        return digest_of({"ids": result.ids, "columns": {name: result.columns[name] for name in node.carried}})


def known_checkpoint(graph: Graph, index: int, addresses: Addresses) -> Node:
    """A node that asks a checkpoint of the recipe, with the digest of the weights, by which its completions are known."""
    node = graph.nodes[index]
    found = [at for at in node.inputs if graph.nodes[at].aspect == "checkpoint"]
    if not found or (digest := addresses.address(found[0])) is None:
        return node
    return replace(node, entries={**node.entries, "model": {"checkpoint": digest}})


def make_plan(addresses: Addresses, before: Mapping[str, Any]) -> tuple[Planned, ...]:
    """Every stage of a graph; `before` holds the ingredients of each stage at the last build, by name."""
    return tuple(plan_stage(stage, addresses, before.get(stage.name)) for stage in stages(addresses.graph))


def plan_stage(stage: Stage[Any], addresses: Addresses, before: Mapping[str, Any] | None) -> Planned:
    """What becomes of one stage, and why."""
    key, digest = addresses.key(stage.index), addresses.address(stage.index)
    if digest is not None:
        return Planned(stage, key, digest, "reuse", "in the store")
    if key is not None:
        cause = "never built" if before is None else cause_of(before, snapshot(addresses, stage.index))
        return Planned(stage, key, None, "run", cause or "its result is not in this store")
    graph = addresses.graph
    below = [stage_name(graph, each) for each in cuts_below(graph, stage.index) if addresses.address(each) is None]
    return Planned(stage, None, None, "pending", "waits for " + (", ".join(below) or f"{stage.lacks}, which are not here"))


def cuts_below(graph: Graph, index: int) -> list[int]:
    """The cuts that a node reads, through decisions and columns."""
    found: dict[int, None] = {}
    queue = list(reversed(graph.nodes[index].inputs))
    while queue:
        source = queue.pop()
        if graph.nodes[source].cut:
            found[source] = None
        else:
            queue += reversed(graph.nodes[source].inputs)
    return list(found)


def snapshot(addresses: Addresses, index: int) -> dict[str, Any]:
    """What decided a stage, in words that can be compared later: its own part, and that of its decisions."""
    graph = addresses.graph
    node = graph.nodes[index]
    decided_by: dict[str, Any] = {"itself": describe(addresses, index)}
    for source in node.inputs:
        for at in graph.run(source) if graph.nodes[source].aspect == "decision" else ():
            decision = graph.nodes[at]
            decided_by[f"step {decision.label}"] = describe(addresses, at) | {"measure": describe(addresses, decision.measure)}
        if graph.nodes[source].aspect == "columns":
            decided_by[f"columns {graph.nodes[source].label}"] = describe(addresses, source)
    for cut in cuts_below(graph, index):
        decided_by[f"input {stage_name(graph, cut)}"] = addresses.seen_by(index, cut)
    return decided_by


def describe(addresses: Addresses, index: int) -> dict[str, Any]:
    """A node's own ingredients, without the addresses of what it reads."""
    operator = addresses.graph.nodes[index].operator
    own = own_ingredients(addresses.graph, index, addresses.facts)
    roles = ("measured", "decided", "result", "column") if isinstance(operator, Measure) else ("result", "column")
    describe: dict[str, Any] = canonical({**own, "parameters": operator.parameters(*roles)})
    return describe


def cause_of(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs between what decided a stage then and now; empty where nothing does."""
    changes, inputs = [], {"changed": [], "new": [], "gone": []}  # type: list[str], dict[str, list[str]]
    own = difference(before.get("itself"), now.get("itself"))  # what it takes of its input is decided by its fields too
    for name in {**before, **now}:
        old, new = before.get(name), now.get(name)
        if old == new and name in before and name in now:
            continue
        state = "changed" if name in before and name in now else "new" if name in now else "gone"
        if name.startswith("input "):
            inputs[state].append(name.removeprefix("input "))
        elif state != "changed" or old is None or new is None:
            what = name.replace("columns ", "what it takes from ", 1)
            changes.append(f"{what} is {'left out' if new is None else 'new'}")
        elif differences := [each for each in difference(old, new) if not name.startswith("columns ") or each not in own]:
            changes.append(("" if name == "itself" else f"{name.removeprefix('columns ')}: ") + "; ".join(differences))
    reads = f"it reads {', '.join(inputs['new'])}" if inputs["new"] else ""
    if inputs["gone"]:
        gone = ", ".join(inputs["gone"])
        reads = f"{reads} in the place of {gone}" if reads else f"it reads {gone} no more"
    return ", ".join([*sorted(changes), *(f"input {name} changed" for name in inputs["changed"]), *([reads] if reads else [])])


def difference(old: Any, new: Any, at: str = "") -> list[str]:
    """The fields in which two descriptions differ, as `field 20 -> 30`."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for name in {**old, **new}:
            if old.get(name) != new.get(name) and not (name == "written" and old.get("leaf") != new.get("leaf")):
                inner = name if name not in ("parameters", "measure", "decimal") else at
                found += (moved_columns if name == "columns" else difference)(old.get(name), new.get(name), inner)
        return list(dict.fromkeys(found))
    if at in ("leaf", "entries"):
        return ["the bytes of its files changed" if at == "leaf" else "the language profile changed"]
    if at == "forgotten":
        return [f"its forgotten rows {len(old or ())} -> {len(new or ())}"]
    if at == "written":
        return ["the format that its file names say changed"]
    shown = render_value(old), render_value(new)
    return [f"{at} {shown[0]} -> {shown[1]}".lstrip() if shown[0] != shown[1] else f"{at or 'its declaration'} differs"]


def moved_columns(old: Any, new: Any, at: str = "columns") -> list[str]:
    """The columns that came and went, and those read in the place of others; which input they come from does not matter."""
    if not (by_role(old) and by_role(new)):
        return difference(old, new, at)  # a parameter of this name
    names = [list(each.get("", ())) for each in (old, new)]
    found = []
    for one, other, state in ((names[1], names[0], "new"), (names[0], names[1], "left out")):
        if listed := [name for name in one if name not in other]:
            found.append(f"column{'s' * (len(listed) > 1)} {', '.join(listed)} {'are' if len(listed) > 1 else 'is'} {state}")
    for role in sorted({*old, *new} - {"", "form"}):
        was, now = (each[role][1] if role in each else None for each in (old, new))
        if was != now and role not in {*names[0]} ^ {*names[1]}:
            instead = f" in the place of {was}" if was and now else "" if now else " no more"
            found.append(f"reads column {now or was}{instead}")
    return found


def by_role(value: Any) -> bool:
    """Whether a description is of the columns that a node reads, and no parameter that is called `columns`."""
    return isinstance(value, dict) and all(isinstance(part, list | tuple) for role, part in value.items() if role != "form")


def render_value(value: Any) -> str:
    """A value in a cause, as a recipe would write it, cut to a readable length."""
    match value:
        case None:
            text = "unset"
        case bool():
            text = str(value).lower()
        case dict() if set(value) == {"decimal"}:
            text = str(value["decimal"])
        case dict():
            text = "{" + ", ".join(f"{name}: {render_value(part)}" for name, part in value.items()) + "}"
        case list():
            text = "[" + ", ".join("null" if part is None else render_value(part) for part in value) + "]"
        case _:
            text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."
