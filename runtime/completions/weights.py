"""Where the weights of a model lie on this machine, and their digest."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compiler.compile import Read
from compiler.graph.lock import Lock
from compiler.text.canonical import digest_of
from operators.declared.model import Model
from runtime.completions.engines.choose import EMBEDDED, embedded_folder
from runtime.completions.engines.configuration import Configuration, read_configuration
from runtime.completions.engines.embedded import unpack
from runtime.completions.engines.engine import EngineError
from runtime.store.files import hash_path, replacing

#: What a folder of weights is: anything else in it, such as a README, decides nothing.
KINDS = (".safetensors", ".json", ".jinja", ".model", ".txt", ".gguf")


@dataclass(frozen=True)
class Weights:
    """The files of one model."""

    folder: Path
    embedded: bool = False
    """Whether they are the built-in model as it is shipped, which is unpacked before it is trained."""

    def files(self) -> list[Path]:
        """The files that decide, by name."""
        endings = (".gguf",) if self.embedded else KINDS
        return sorted(path for path in self.folder.iterdir() if path.suffix in endings and path.is_file())

    def unpack(self) -> Path:
        """A folder that libraries load. Raises EngineError."""
        return unpack(self.folder) if self.embedded else self.folder

    def digest(self, remembered: bool = True) -> str:
        """The digest of their names and bytes; what was hashed before and has not been touched since is remembered."""
        cached = read_cache() if remembered else {}
        digests, fresh = {}, {}
        for path in self.files():
            status = path.resolve().stat()
            stamp = f"{path.resolve()}:{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"
            digests[path.name] = fresh[stamp] = cached.get(stamp) or hash_path(path)
        if set(fresh) - set(cached):
            write_cache(cached | fresh)
        return digest_of(digests)


def cache_path() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "data-recipe" / "weights.json"


def read_cache() -> dict[str, str]:
    try:
        digests = json.loads(cache_path().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(sign): str(digest) for sign, digest in digests.items()} if isinstance(digests, dict) else {}


def write_cache(digests: Mapping[str, str]) -> None:
    path = cache_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            partial.write_text(json.dumps(dict(digests), indent=1), "utf-8")
    except OSError:
        return  # it only saves time: without it they are hashed again


def find_weights(model: Model, configuration: Configuration) -> Weights | None:
    """The weights of a model: where your configuration says, or the built-in model, or the hub's cache; else None."""
    named = configuration.weights.get(model.id)
    if named is None:
        endpoint = configuration.endpoints.get(model.endpoint or configuration.models.get(model.id, ""))
        named = endpoint.path if endpoint is not None else None
    if named is not None:
        folder = Path(named).expanduser()
        return Weights(folder) if folder.is_dir() else None
    if model.id == EMBEDDED:
        try:
            return Weights(embedded_folder(), embedded=True)
        except EngineError:
            return None
    return hub_weights(model)


def hub_weights(model: Model) -> Weights | None:
    """The snapshot in the hub's cache on this machine; nothing is fetched."""
    home = os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface") / "hub"
    folder = Path(home) / f"models--{model.id.replace('/', '--')}"
    if "/" not in model.id or ".." in model.id or not folder.is_dir():
        return None
    revision = model.revision
    if revision is None and (main := folder / "refs" / "main").is_file():
        revision = main.read_text("utf-8").strip()
    snapshot = folder / "snapshots" / (revision or "")
    return Weights(snapshot) if revision and "/" not in revision and snapshot.is_dir() else None


def weights_facts(read: Read, lock: Lock | None) -> dict[str, str | None]:
    """Model that the recipe trains -> the digest of its weights; the lock's stands in only where they are absent."""
    trained = {training.operator.model for training in read.recipe.trains.values() if training.operator.model is not None}
    digests: dict[str, str | None] = {}
    configuration = read_configuration() if trained else Configuration()
    for name in sorted(trained & set(read.recipe.models)):
        model = read.recipe.models[name].model
        weights = find_weights(model, configuration)
        locked = lock.weights.get(name) if lock is not None else None
        digests[name] = weights.digest() if weights is not None else locked
    return digests
