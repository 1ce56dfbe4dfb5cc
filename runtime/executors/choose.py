"""Which executor a build runs on: what the command says, else your own configuration, else the threads of this process."""

from __future__ import annotations

from runtime.executors.executor import Executor
from runtime.executors.local import Local
from runtime.store.store import Store


def open_executor(store: Store, named: str | None, threads: int) -> Executor:
    """Raises StoreError where it cannot be reached, RecipeError for a configuration with mistakes."""
    if named is None:
        from runtime.completions.engines.configuration import read_configuration

        named = read_configuration().executor
    if named == "local":
        return Local(store, threads)
    from runtime.executors.ray import Ray

    return Ray(store, named, threads)
