"""What the machines of a Ray cluster have, and what a build and its tasks may take of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runtime.executors.executor import Resources
from runtime.store.bound import BASE, SMALLEST, Bound, show_size
from runtime.store.store import StoreError


@dataclass(frozen=True)
class Machine:
    """One machine that runs tasks, as Ray counts it."""

    name: str
    """Its address."""
    cores: int
    gpus: int
    memory: int
    """Bytes that tasks may take together."""

    def takes(self, needs: Resources) -> bool:
        """Whether a task finds room here once nothing else runs."""
        return needs.cores <= self.cores and needs.gpus <= self.gpus and needs.memory <= self.memory

    def __str__(self) -> str:
        return f"{self.name} has {listed(Resources(self.cores, self.gpus, self.memory))}"


def listed(needs: Resources) -> str:
    """Cores, GPUs and memory for people."""
    named = [f"{count} {name}{'s' * (count != 1)}" for count, name in ((needs.cores, "core"), (needs.gpus, "GPU")) if count]
    return ", ".join([*named, f"{show_size(needs.memory)} of memory"])


def machines_of(nodes: Iterable[Mapping[str, Any]]) -> list[Machine]:
    """The machines that have a core for tasks, of what Ray tells of all. Raises StoreError where there is none."""
    found = []
    for node in nodes:
        has = node["Resources"]
        if node["Alive"] and has.get("CPU", 0) >= 1:
            name = str(node.get("NodeManagerAddress", "a machine"))
            found.append(Machine(name, int(has["CPU"]), int(has.get("GPU", 0)), int(has["memory"])))
    if not found:  # a task would wait for ever
        raise StoreError("no machine of the Ray cluster has a core for tasks", "add one with `ray start --address=...`")
    return found


def bound_on(bound: Bound, machines: Sequence[Machine]) -> Bound:
    """The bound that holds on every machine. Raises StoreError where one has less than was said, or its workers do not fit."""
    smallest = min(machines, key=lambda each: each.memory)
    if bound.limit is None:
        bound = bound.within(smallest.memory)
    elif smallest.memory < bound.limit:
        has, most = show_size(smallest.memory), smallest.memory >> 20
        message = f"a build may take {show_size(bound.limit)} of every machine, and {smallest.name} has {has} for tasks"
        raise StoreError(message, f"build with --memory {most}MB, or less, or without that machine")
    # Each worker has what a process takes for itself, before it reads a row.
    cores = max(each.cores for each in machines)
    if bound.memory < (least := SMALLEST + cores * BASE):
        message = f"a build with {cores} workers on a machine does not fit into {bound.memory >> 20} MB"
        raise StoreError(message, f"the least that works is {least >> 20} MB, or fewer workers")
    return replace(bound, limit=bound.memory)


def share_on(bound: Bound, machine: int, cores: int) -> Bound:
    """What a task of so many cores may take of a machine that has `machine`: a worker for each of them, and who builds."""
    return replace(bound, tasks=max(1, machine // cores), processes=machine + 1)


def complain_unfit(needs: Resources, machines: Sequence[Machine]) -> None:
    """Raises StoreError for a task that no machine can take, however long it waits."""
    if not any(each.takes(needs) for each in machines):
        shown = "; ".join(map(str, machines[:4])) + f"; and {len(machines) - 4} more" * (len(machines) > 4)
        message = f"no machine of the Ray cluster can take a task that needs {listed(needs)}: {shown}"
        raise StoreError(message, "add such a machine with `ray start --address=...`, then run the same command again")
