"""Which executor a build runs on: what the command says, else your own configuration, else the threads of this process."""

from __future__ import annotations

import os

from compiler.graph.nodes import Graph
from runtime.executors.executor import Executor
from runtime.executors.local import Local
from runtime.store.store import Store

LOCAL = "local"


def chosen_executor(named: str | None) -> str:
    """The name of the executor: what is named, else the configured one. Raises RecipeError for a configuration with mistakes."""
    from runtime.completions.engines.configuration import read_configuration

    return named or read_configuration().executor


def core_count(most: int | None = None) -> int:
    """How many cores of this machine a build uses: RECIPE_THREADS, else all that there are, or as many as it takes at most."""
    cores = os.cpu_count() or 1
    return int(os.environ.get("RECIPE_THREADS") or 0) or min(cores, most or cores)


def open_executor(store: Store, named: str, graph: Graph) -> Executor:
    """What the stages of a graph run on. Raises StoreError where it cannot be reached."""
    if named == LOCAL:
        return Local(store, core_count(most=4))
    from runtime.executors.payload import rests_on
    from runtime.executors.ray import Ray

    return Ray(store, named, core_count(), rests_on(graph))
