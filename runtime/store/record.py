"""Records and the small files that can tell when they were cut short or changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blake3 import blake3

from compiler.graph.plan import Result
from runtime.store.files import open_file


@dataclass(frozen=True)
class Record:
    """One result: written once, never changed."""

    key: str
    body: dict[str, Any]

    @property
    def digest(self) -> str:
        """The digest of the logical result."""
        return str(self.body["digest"])

    @property
    def result(self) -> Result:
        """What others see of it."""
        columns = {name: str(each["digest"]) for name, each in self.body["columns"].items()}
        return Result(self.digest, str(self.body["ids"]), columns)

    def objects(self) -> set[str]:
        """The digests of all objects the result is made of."""
        return set(named_objects(self.body))


def named_objects(value: Any) -> Iterator[str]:
    """Every string `object:DIGEST` in a record."""
    if isinstance(value, str) and value.startswith("object:"):
        yield value.removeprefix("object:")
    elif isinstance(value, dict):
        for part in value.values():
            yield from named_objects(part)
    elif isinstance(value, list):
        for part in value:
            yield from named_objects(part)


def hash_path(path: Path) -> str:
    """The digest of a file's bytes, 64 hexadecimal digits."""
    hasher = blake3(max_threads=blake3.AUTO)
    # Read, not mapped: mapped pages of a large object would count as memory of the process.
    buffer = bytearray(1 << 22)
    with open_file(path) as file:
        while size := file.readinto(buffer):
            hasher.update(memoryview(buffer)[:size])
    return hasher.hexdigest()


def sealed(body: dict[str, Any]) -> bytes:
    """A small file that can tell when it was cut short or changed: its digest stands in its first line."""
    text = json.dumps(body, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return blake3(text).hexdigest().encode() + b"\n" + text


def unsealed(data: bytes) -> dict[str, Any] | None:
    """The content of a sealed file, or None where it is damaged."""
    seal, _, text = data.partition(b"\n")
    if blake3(text).hexdigest().encode() != seal:
        return None
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):  # sealed by somebody else's hand
        return None
    return body if isinstance(body, dict) else None
