"""States from which a training goes on: each a folder that counts as whole only once its last file is there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch.distributed.tensor import DTensor
from transformers.trainer import TRAINER_STATE_NAME

from runtime.store.files import replacing, sync
from runtime.training.errors import JobError
from runtime.training.ranks import Ranks

WHOLE = "whole.json"
"""Written last, after all else is on the disk: which files there are, and how large."""
KEPT = 2
RANDOM = "random"
FOLDER = "states"


@dataclass(frozen=True)
class Shard:
    """What a state keeps of a process: its part of the weights, what the optimizer knows of them, its random numbers."""

    model: Any
    optimizer: Any
    random: Mapping[str, torch.Tensor]

    def weights(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Weights and their names, in the order in which the optimizer numbers them."""
        names = {id(value): name for name, value in self.model.named_parameters()}
        for group in self.optimizer.param_groups:
            for value in group["params"]:
                yield names[id(value)], value

    def tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        """All of it, by names."""
        for name, value in self.weights():
            yield f"model.{name}", local(value)
            for what, tensor in self.optimizer.state[value].items():
                yield f"optimizer.{name}.{what}", local(tensor)
        for name, value in self.random.items():
            yield f"{RANDOM}.{name}", value


class States:
    """The states of one training, written and read by all of its processes together."""

    def __init__(self, folder: Path, identity: str, ranks: Ranks) -> None:
        self.folder, self.identity, self.ranks = folder / FOLDER, identity, ranks

    def last(self) -> int | None:
        """The step of the newest whole state. Raises JobError where it is of another training."""
        whole = self.whole()
        if not whole:
            return None
        if self.read(whole[-1])["identity"] != self.identity:
            message = f"{self.path(whole[-1])} is of a training with other settings or rows"
            raise JobError(message, f"remove {self.folder} to begin anew")
        return whole[-1]

    def whole(self) -> list[int]:
        """The steps whose states are whole."""
        paths = [path for path in self.folder.glob("step-*") if is_whole(path)]
        return sorted(int(path.name.removeprefix("step-")) for path in paths)

    def path(self, step: int) -> Path:
        return self.folder / f"step-{step}"

    def read(self, step: int) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.path(step) / "state.json").read_text("utf-8"))
        return state

    def save(self, step: int, shard: Shard, fields: Mapping[str, Any], loop: Mapping[str, Any]) -> None:
        """Write a state, and let go of all but the last. Where that fails no process goes on, and older ones stay as they are.

        `loop` is what transformers' training loop knows of where it is, in a file that it reads by itself.
        """
        path = self.path(step)
        try:
            self.ranks.once(lambda: clear(path))
            self.ranks.together(lambda: self.write(path, shard))
            self.ranks.once(lambda: self.finish(path, fields, loop))
        except JobError:
            if self.ranks.first:
                remove(path)
            raise
        self.ranks.once(self.prune)

    def write(self, path: Path, shard: Shard) -> None:
        """This process's part."""
        part = {name: own.contiguous() for name, own in shard.tensors()}
        if not all(bool(own.isfinite().all()) for own in part.values()):
            raise JobError(f"after {path.name} not all weights are numbers", "a lower `learning_rate`; older states are kept")
        file = path / part_of(self.ranks.number, self.ranks.count)
        save_file(part, file)
        sync(file)

    def finish(self, path: Path, fields: Mapping[str, Any], loop: Mapping[str, Any]) -> None:
        """Say that the state is whole, once all of it has reached the disk."""
        content = {**fields, "identity": self.identity, "processes": self.ranks.count}
        write_synced(path / "state.json", content)
        write_synced(path / TRAINER_STATE_NAME, loop)
        sync(path)
        files = {each.name: each.stat().st_size for each in sorted(path.iterdir())}
        write_synced(path / WHOLE, files)
        sync(path)
        sync(self.folder)

    def prune(self) -> None:
        """Remove all states but the last, and what a run that was killed left unfinished."""
        kept = {self.path(step) for step in self.whole()[-KEPT:]}
        for path in self.folder.glob("step-*"):
            if path not in kept:
                remove(path)

    def load(self, step: int, shard: Shard) -> None:
        """Put a state's weights, and what the optimizer knew of them, into this process's part."""
        state, optimizer = self.read(step), shard.optimizer
        count, own = state["processes"], state["processes"] == self.ranks.count
        with ExitStack() as opened:
            # Where as many processes read as wrote, each finds in its own file all that it needs.
            paths = [self.path(step) / part_of(each, count) for each in ([self.ranks.number] if own else range(count))]
            shards = ShardFiles([opened.enter_context(safe_open(path, "pt")) for path in paths], None if own else self.ranks)
            groups = optimizer.state_dict()["param_groups"]
            optimizer_state: dict[int, dict[str, Any]] = {}
            for at, (name, value) in enumerate(shard.weights()):
                shards.fill(f"model.{name}", value)
                optimizer_state[at] = {}
                for what in shards.optimizer_names(name):
                    if what == "step":
                        optimizer_state[at][what] = shards.whole(f"optimizer.{name}.{what}")
                    else:
                        optimizer_state[at][what] = torch.zeros_like(value)
                        shards.fill(f"optimizer.{name}.{what}", optimizer_state[at][what])
        for group, rate in zip(groups, state["learning_rates"], strict=True):
            group["lr"] = rate
        optimizer.load_state_dict({"state": optimizer_state, "param_groups": groups})

    def load_random(self, step: int) -> None:
        """Go on with the random numbers of this process, where as many processes wrote the state."""
        processes = self.read(step)["processes"]
        if processes != self.ranks.count:
            return  # as many random numbers as processes: with another number of them there is nothing to go on with
        with safe_open(self.path(step) / part_of(self.ranks.number, processes), "pt") as file:
            torch.set_rng_state(file.get_tensor(f"{RANDOM}.cpu"))
            if torch.cuda.is_available() and f"{RANDOM}.cuda" in file.keys():  # noqa: SIM118 - it is no mapping
                torch.cuda.set_rng_state(file.get_tensor(f"{RANDOM}.cuda"))


@dataclass(frozen=True)
class ShardFiles:
    """The files that the processes of a state wrote, read as if they were one."""

    files: list[Any]
    ranks: Ranks | None
    """Who shares what they hold; None where the one file is this process's own."""

    @cached_property
    def names(self) -> list[str]:
        return sorted(self.files[0].keys())

    def optimizer_names(self, name: str) -> list[str]:
        """What the optimizer knew of a weight."""
        start = f"optimizer.{name}."
        return [each.removeprefix(start) for each in self.names if each.startswith(start) and "." not in each[len(start) :]]

    def whole(self, name: str) -> torch.Tensor:
        tensor: torch.Tensor = self.files[0].get_tensor(name)
        return tensor

    @torch.no_grad()
    def fill(self, name: str, value: torch.Tensor) -> None:
        """Copy a tensor into a weight, or into the part of it that this process holds: shards lie one after another."""
        mine = local(value)
        if self.ranks is None:
            mine.copy_(self.files[0].get_tensor(name))
            return
        shards = [file.get_tensor(name) for file in self.files]
        tensor = torch.cat(shards) if len(shards) > 1 else shards[0]
        if isinstance(value, DTensor):
            chunks = tensor.chunk(self.ranks.count)
            tensor = chunks[self.ranks.number] if self.ranks.number < len(chunks) else tensor[:0]
        mine.copy_(tensor)


def random_numbers() -> dict[str, torch.Tensor]:
    """Where the random numbers of this process are."""
    states = {"cpu": torch.get_rng_state()}
    return states | {"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else states


def local(value: torch.Tensor) -> torch.Tensor:
    """The part of a tensor that is in this process."""
    own: torch.Tensor = (value.to_local() if isinstance(value, DTensor) else value).detach()
    return own


def part_of(number: int, count: int) -> str:
    return f"part-{number + 1}-of-{count}.safetensors"


def is_whole(path: Path) -> bool:
    """Whether a state's last file is there, and all others have the sizes in it."""
    try:
        files = json.loads((path / WHOLE).read_text("utf-8"))
        return all((path / name).stat().st_size == size for name, size in files.items())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False


def clear(path: Path) -> None:
    remove(path)
    path.mkdir(parents=True)


def remove(path: Path) -> None:
    """Remove a state; the file that makes it whole goes first, so that half of it is never taken for one."""
    (path / WHOLE).unlink(missing_ok=True)
    if path.is_dir():
        shutil.rmtree(path)


def write_synced(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file that is there whole, and on the disk, or not at all."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(content, indent=1), "utf-8")
        sync(partial)
