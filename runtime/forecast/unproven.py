"""What is not known of a recipe's models on this machine, and what is known to go wrong with them, before anything runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from compiler.graph.nodes import Graph
from compiler.recipe.sections import Recipe
from operators.declared.model import Model
from runtime.completions.engines.choose import runner_of
from runtime.completions.engines.configuration import Configuration, read_configuration
from runtime.completions.engines.embedded import unpacked_folder
from runtime.completions.engines.engine import EngineError
from runtime.completions.weights import find_weights
from runtime.stages.kind import Want
from runtime.stages.table import kind_at

#: What a folder has that holds a tokenizer.
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")


@dataclass(frozen=True)
class Unproven:
    """One thing to say of a model."""

    model: str
    """Its public name."""
    state: Literal["not proven", "warning"]
    message: str

    def line(self) -> str:
        return f"{self.state}: {self.model}: {self.message}"


def wants_of(recipe: Recipe, graph: Graph, among: Iterable[int]) -> Iterator[Want]:
    """What some nodes of a graph want of models."""
    for index in among:
        if graph.nodes[index].cut:
            yield from kind_at(graph, index).wants(recipe)


def unproven(recipe: Recipe, wants: Iterable[Want]) -> list[Unproven]:
    """What is not known of each model that is wanted, in one line, and what is wrong; no library of models is loaded."""
    grouped: dict[str, list[Want]] = {}
    for want in wants:
        if want.model in recipe.models:
            grouped.setdefault(want.model, []).append(want)
    configuration = read_configuration() if grouped else Configuration()
    unproven = []
    for name, group in grouped.items():
        model, lacking, wrong = recipe.models[name].model, list[str](), list[str]()
        learning = [want for want in group if want.trains or want.made]
        asking = [want for want in group if want not in learning]
        if learning:
            compare(learning, weights_at(model, configuration), lacking, wrong)
        if asking:
            compare(asking, runner_at(model, configuration), lacking, wrong)
        unproven += [Unproven(model.id, "not proven", "; ".join(lacking))] if lacking else []
        unproven += [Unproven(model.id, "warning", each) for each in wrong]
    return unproven


@dataclass(frozen=True)
class At:
    """Where a model's files are looked at."""

    folder: Path | None
    why: str = ""
    """Why there are none to look at."""
    longest: int | None = None
    """Tokens that it holds, where whoever runs it says so."""


def weights_at(model: Model, configuration: Configuration) -> At:
    """The weights that a training starts from."""
    weights = find_weights(model, configuration)
    if weights is None:
        return At(None, "its weights are not here")
    return folder_at(unpacked_folder(weights.folder) if weights.embedded else weights.folder)


def runner_at(model: Model, configuration: Configuration) -> At:
    """The files, or the context, that whoever runs a model has of it."""
    try:
        runner = runner_of(model, configuration)
    except EngineError:
        return At(None, "nothing here runs it")
    if runner.longest is not None:
        return At(runner.folder, longest=runner.longest)
    if runner.folder is None:
        return At(None, f"the server of the endpoint `{runner.name}` does not say how long its context is")
    return folder_at(runner.folder)


def folder_at(folder: Path) -> At:
    """A folder of weights; the built-in model is unpacked by the first build that needs it."""
    return At(folder) if folder.is_dir() else At(None, "its weights are not here yet")


def compare(wants: list[Want], at: At, lacking: list[str], wrong: list[str]) -> None:
    """Compare what is wanted with what there is: adds what is not known, and what is wrong."""
    longest = max(wants, key=lambda want: want.tokens)
    trains = [want for want in wants if want.trains]
    if at.folder is None and at.longest is None:
        templates = ["its chat template"] if any(not want.own for want in trains) else []
        files = ", ".join(["its tokenizer", *templates]) + " and " if trains else ""
        holds = f"whether its context holds {longest.text()} {'are' if trains else 'is'} not known"
        lacking.append(f"{at.why}, so {files}{holds}")
        return
    context = at.longest if at.longest is not None or at.folder is None else context_of(at.folder)
    if context is None:
        lacking.append(f"its config.json tells no context, so whether that holds {longest.text()} is not known")
    elif longest.tokens > context:
        wrong.append(f"{longest.text()} is more than its context of {context:,} tokens")
    if trains and at.folder is not None:
        if not any((at.folder / name).is_file() for name in TOKENIZERS):
            wrong.append("its folder has no tokenizer, and training needs one")
        bare = [want.stage for want in trains if not want.own]
        if bare and not has_template(at.folder):
            wrong.append(f"its folder has no chat template, and {bare[0]} gives none with `template: FILE`")


def context_of(folder: Path) -> int | None:
    """The longest text that a model reads, by its configuration."""
    config = read_json(folder / "config.json")
    nested = config.get("text_config")
    for part in (config, nested if isinstance(nested, dict) else {}):
        longest = part.get("max_position_embeddings")
        if isinstance(longest, int) and longest > 0:
            return longest
    return None


def has_template(folder: Path) -> bool:
    """Whether a folder holds a chat template, in one of the places where libraries look for it."""
    in_file = any((folder / name).is_file() for name in ("chat_template.jinja", "chat_template.json"))
    return in_file or bool(read_json(folder / "tokenizer_config.json").get("chat_template"))


def read_json(path: Path) -> dict[str, Any]:
    """What a file says, or nothing where it is not there or no JSON object."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
