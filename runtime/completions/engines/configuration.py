"""Your own configuration: who runs a model, where, with which key. It belongs to a person, never to a recipe."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from compiler.text.composing import read_document
from compiler.text.diagnostics import Diagnostic, RecipeError
from compiler.text.document import load_text
from operators.asks.asks import Amount
from operators.base.declare import Declared
from runtime.store.project import follow_name

#: What a build may run on, as --engine and `executor` name it.
EXECUTOR = r"^(local|ray|ray://([A-Za-z0-9.\-]{1,253}|\[[0-9A-Fa-f:]{2,45}\]):[0-9]{1,5})$"
EXECUTORS = "`local`, `ray` or `ray://HOST:PORT`"


class Prices(Declared):
    """What a million tokens cost, in one currency."""

    input: Amount = Decimal(0)
    """Of prompts."""
    output: Amount = Decimal(0)
    """Of completions."""


class Runs(Declared):
    """How an engine runs on this machine."""

    concurrency: int = Field(16, ge=1, le=4096)
    """Requests at a time."""
    python: str | None = None
    """The interpreter of the environment in which the engine is installed; this one unless said."""
    settings: dict[str, str | int | float | bool] = {}
    """What the engine is started with besides, such as tensor_parallel_size: tuning."""
    devices: int = Field(1, ge=1)
    """How many GPUs it takes, for the GPU-hours of a plan."""


class Endpoint(Runs):
    """One way to run models: a server, or a process of its own on this machine."""

    engine: Literal["openai", "vllm", "transformers"]
    """`openai`: any server with that interface. `vllm`, `transformers`: a process on this machine."""
    url: str | None = None
    """The server's address up to and with its version, such as https://models.example.org/v1."""
    key: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """The environment variable that holds the key; the key itself stands nowhere."""
    model: str | None = None
    """What the server calls the model, where that is not its id."""
    timeout: float = Field(600, gt=0)
    """Seconds after which a request is given up, however much of its answer has come."""
    attempts: int = Field(5, ge=1, le=100)
    """How often a request is sent before it has failed."""
    wait: float = Field(60, ge=0)
    """The longest pause between two attempts, in seconds, whatever the server asks for."""
    path: str | None = None
    """The folder with the weights, for an engine on this machine."""
    dtype: str | None = None
    """The number type, where the recipe declares none."""
    prices: Prices | None = None
    """What it costs, for plans and budgets."""

    @model_validator(mode="after")
    def complete(self) -> Endpoint:
        if self.engine == "openai" and self.url is None:
            raise ValueError("an `openai` endpoint needs `url`")
        if self.engine in ("vllm", "transformers") and self.path is None:
            raise ValueError(f"a `{self.engine}` endpoint needs `path`, the folder with the weights")
        return self


class Training(Declared):
    """How training runs on this machine; nothing of it changes what is learnt, beyond the last bits."""

    processes: int = Field(1, ge=1)
    """Processes that share the model by FSDP, one for each GPU."""
    threads: int = Field(0, ge=0)
    """CPU threads of each; all cores unless said."""
    python: str | None = None
    """The interpreter of the environment with TRL; this one unless said."""
    trackers: tuple[Literal["tensorboard", "trackio", "wandb"], ...] = ()
    """Where the loss is told besides the metrics file; those that are not installed are left out, and it is said."""
    micro_batch_size: int | None = Field(None, ge=1)
    """Rows that one device computes at a time, in the place of the recipe's."""


class Checkpoints(Runs):
    """How checkpoints of a recipe are asked on this machine."""

    engine: Literal["vllm", "transformers"] | None = None
    """What runs them; vLLM where it is installed unless said. Of plain transformers `concurrency` is always 1."""


class Configuration(Declared):
    """The whole file."""

    endpoints: dict[str, Endpoint] = {}
    """Logical name -> who that is here."""
    models: dict[str, str] = {}
    """Model id -> the endpoint that runs it, for models whose recipe names none."""
    weights: dict[str, str] = {}
    """Model id -> the folder with its weights, for models that are trained; else the hub's cache is looked into."""
    training: Training = Field(default_factory=lambda: Training())
    """How training runs here."""
    executor: str = Field("local", pattern=EXECUTOR)
    """Where builds run unless --engine says: `local`, `ray` or `ray://HOST:PORT`."""
    checkpoints: Checkpoints = Field(default_factory=lambda: Checkpoints())
    """How checkpoints of a recipe are asked here."""


def configuration_path() -> Path:
    """RECIPE_CONFIG, else config.yaml in the user's folder for configuration.

    Raises RecipeError where RECIPE_CONFIG is a link that leads out of the project in which it stands.
    """
    named = os.environ.get("RECIPE_CONFIG")
    if named:
        return follow_name(named)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "data-recipe" / "config.yaml"


def read_configuration() -> Configuration:
    """The configuration of whoever runs this; empty where there is none. Raises RecipeError with every mistake in it."""
    path = configuration_path()
    if not path.exists():
        return Configuration()
    node = read_document(load_text(path, os.environ.get("RECIPE_CONFIG") or str(path)))
    try:
        return Configuration.model_validate(node.plain() or {})
    except ValidationError as error:
        raise RecipeError(
            tuple(
                Diagnostic(describe_problem(problem), node.find(problem["loc"], key=problem["type"] == "extra_forbidden"))
                for problem in error.errors(include_url=False)
            )
        ) from None


def describe_problem(problem: Mapping[str, Any]) -> str:
    """A mistake in the configuration, for a person."""
    if problem["type"] == "string_pattern_mismatch" and problem["loc"] == ("executor",):
        return f"`{problem['input'][:80]}` is no executor: it is {EXECUTORS}"
    if problem["type"] == "extra_forbidden":
        return f"there is no key `{problem['loc'][-1]}` here; docs/models.md lists them"
    return str(problem["msg"]).removeprefix("Value error, ")
