"""Files of a store as values: each part is declared with what it looks like, and looked at when it is read."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from blake3 import blake3

#: What keys and digests look like, and so what files of the store are called: nothing else is ever looked for.
DIGEST = re.compile(r"[0-9a-f]{64}")
OBJECT = "object:"
"""Stands before the digest of an object wherever a record names one."""

Looks = Callable[[Any], bool]
"""Whether a value that was read from JSON looks like what we write there."""


class Unsound(Exception):
    """What is wrong with a file that is none of ours, in a few words."""


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """What a sealed file holds: parts whose types are annotated with what they look like. None as a default is not written."""

    order: ClassVar[str]
    """The parts in the order in which they are written."""

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Self:
        """Raises Unsound for what none of ours would hold."""
        declared = {part.name: part for part in fields(cls)}
        for name, part in declared.items():
            if name not in body:
                if part.default is not None:
                    raise Unsound(f"it lacks its {name}")
                continue
            (looks,) = part.type.__metadata__  # type: ignore[union-attr]
            if not looks(body[name]):
                raise Unsound(f"its {name} is not what we write there")
        if unknown := body.keys() - declared.keys():
            raise Unsound(f"it has a part `{min(unknown)[:80]}`")
        return cls(**body)

    def body(self) -> dict[str, Any]:
        """Its parts, as they are written."""
        absent = {part.name for part in fields(self) if part.default is None and getattr(self, part.name) is None}
        return {name: getattr(self, name) for name in self.order.split() if name not in absent}


def sealed(body: Mapping[str, Any]) -> bytes:
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


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_map(value: Any) -> bool:
    return isinstance(value, dict)


def is_digest(value: Any) -> bool:
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


def is_object(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(OBJECT) and is_digest(value[len(OBJECT) :])


def is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def maybe(looks: Looks) -> Looks:
    return lambda value: value is None or looks(value)


def each(looks: Looks) -> Looks:
    """A list of such."""
    return lambda value: isinstance(value, list) and all(map(looks, value))


def each_of(looks: Looks) -> Looks:
    """A map to such."""
    return lambda value: isinstance(value, dict) and all(map(looks, value.values()))


def having(**parts: Looks) -> Looks:
    """A map that has these parts, and maybe more."""
    return lambda value: isinstance(value, dict) and all(name in value and looks(value[name]) for name, looks in parts.items())
