"""What a worker is given and gives back: a store goes as the place where it lies, an error as itself."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from compiler.graph.facts import installed_version
from compiler.graph.nodes import Graph
from runtime.store.bound import Bound
from runtime.store.location import Location
from runtime.store.store import Store, StoreError

MOST = 64 << 20
"""Bytes of one payload at most: what is larger lies in the store."""
#: What every task rests on: another version might make other bytes.
ALIKE = ("data-recipe", "duckdb", "numpy", "pyarrow", "blake3", "unicode")


@dataclass(frozen=True)
class Site:
    """Where the store of a build lies, and what a task may take of its machine."""

    location: Location
    """Where the store is: a folder that every machine sees under one path, or a URL, with a cache on each of them."""
    build: str
    """The name of the running build, for which a worker holds what it writes."""
    bound: Bound
    versions: Mapping[str, str]
    """What has to be the same on all machines -> its version where the build is."""
    sends: bool
    """Whether what a task wrote is sent to a shared store when it ends: a task on another machine goes on from it."""


def versions_of(names: Iterable[str]) -> dict[str, str]:
    """The versions of those that are installed here."""
    found = {}
    for name in sorted(names):
        with suppress(LookupError):
            found[name] = installed_version(name)
    return found


def rests_on(graph: Graph) -> set[str]:
    """All whose version is in a key of the graph, and what every task rests on."""
    return {*ALIKE, *(name for _, node in graph for name in node.operator.depends())}


class Packer(pickle.Pickler):
    """Writes the store as a word: whoever reads it has one of its own."""

    def __init__(self, file: io.BytesIO, store: Store) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.store = store

    def persistent_id(self, obj: Any) -> str | None:
        if not isinstance(obj, Store):
            return None
        assert obj.folder == self.store.folder, "a task works on the store of its build alone"
        return "store"


class Unpacker(pickle.Unpickler):
    """Reads what a packer wrote."""

    def __init__(self, file: io.BytesIO, store: Store) -> None:
        super().__init__(file)
        self.store = store

    def persistent_load(self, pid: Any) -> Store:
        return self.store


def pack(value: Any, store: Store) -> bytes:
    """A value for a worker, or for whoever started one."""
    file = io.BytesIO()
    Packer(file, store).dump(value)
    if file.tell() > MOST:
        message = f"a task takes {file.tell() >> 20} MB that do not lie in the store, and {MOST >> 20} MB at most are handed over"
        raise StoreError(message, "build without Ray: --engine local")
    return file.getvalue()


def unpack(data: bytes, store: Store) -> Any:
    """The value again, on this machine's store."""
    return Unpacker(io.BytesIO(data), store).load()


@dataclass(frozen=True)
class Failed:
    """An error on its way: its class may be made with other arguments than those that it keeps."""

    kind: type[Exception]
    arguments: tuple[Any, ...]
    state: dict[str, Any]

    def error(self) -> Exception:
        """The error again, with its message, hint and lines."""
        made = self.kind.__new__(self.kind, *self.arguments)
        made.args = self.arguments if not isinstance(made, OSError) else made.args
        made.__dict__.update(self.state)
        return made


def failed(error: Exception) -> Failed:
    """An error as it is told elsewhere."""
    reduced = error.__reduce__()
    assert isinstance(reduced, tuple)
    state = reduced[2] if len(reduced) > 2 and isinstance(reduced[2], dict) else {}
    return Failed(type(error), reduced[1], state)
