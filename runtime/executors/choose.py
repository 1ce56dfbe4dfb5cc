"""Which executor a build runs on: what the command says, else your own configuration, else the threads of this process."""

from __future__ import annotations

from runtime.executors.executor import Executor
from runtime.executors.local import Local
from runtime.store.store import Store

LOCAL = "local"


def chosen_executor(named: str | None) -> str:
    """The name of the executor: what is named, else the configured one. Raises RecipeError for a configuration with mistakes."""
    from runtime.completions.engines.configuration import read_configuration

    return named or read_configuration().executor


def open_executor(store: Store, named: str, threads: int) -> Executor:
    """Raises StoreError where it cannot be reached."""
    if named == LOCAL:
        return Local(store, threads)
    from runtime.executors.ray import Ray

    return Ray(store, named, threads)
