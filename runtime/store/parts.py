"""Files of a store as values: each part is declared with what it looks like, and looked at when it is read."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, dataclass_transform

from blake3 import blake3

#: What keys and digests look like, and so what files of the store are called: nothing else is ever looked for.
DIGEST = re.compile(r"[0-9a-f]{64}")
OBJECT = "object:"
"""Stands before the digest of an object wherever a record names one."""

Looks = Callable[[Any], bool]
"""Whether a value that was read from JSON looks like what we write there."""


class Unsound(Exception):
    """What is wrong with a file that is none of ours, in a few words."""


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Sealed:
    """What a sealed file holds: parts whose types are annotated with what they look like. None as a default is not written.

    No dataclass: to make one takes longer than to read all records of a build.
    """

    order: ClassVar[str]
    """The parts in the order in which they are written."""
    looks: ClassVar[dict[str, Looks]] = {}

    def __init_subclass__(cls) -> None:
        cls.looks = cls.looks | {name: said.__metadata__[0] for name, said in cls.__annotations__.items() if is_part(said)}

    def __init__(self, **parts: Any) -> None:
        absent = [name for name in self.looks.keys() - parts.keys() if not hasattr(type(self), name)]
        if absent or parts.keys() - self.looks.keys():
            raise TypeError(f"{type(self).__name__} has the parts {', '.join(self.looks)}, and not {', '.join(parts)}")
        self.__dict__.update(parts)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is never changed; `replaced` makes another")

    def replaced(self, **changes: Any) -> Self:
        """The same with other parts."""
        return type(self)(**{**vars(self), **changes})

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Self:
        """Raises Unsound for what none of ours would hold."""
        for name, looks in cls.looks.items():
            if name not in body:
                if getattr(cls, name, name) is not None:
                    raise Unsound(f"it lacks its {name}")
            elif not looked_at(looks, body[name]):
                raise Unsound(f"its {name} is not what we write there")
        if unknown := body.keys() - cls.looks.keys():
            raise Unsound(f"it has a part `{min(unknown)[:80]}`")
        return cls(**body)

    def body(self) -> dict[str, Any]:
        """Its parts, as they are written."""
        told = {name: getattr(self, name) for name in self.order.split()}
        return {name: each for name, each in told.items() if each is not None or getattr(type(self), name, name) is not None}


def looked_at(looks: Looks, value: Any) -> bool:
    """Whether a value looks like that; one that is nested deeper than anybody looks does not."""
    try:
        return looks(value)
    except RecursionError:
        return False


def is_part(said: Any) -> bool:
    """Whether an annotation says what a part looks like."""
    return hasattr(said, "__metadata__")


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


def is_reference(value: Any) -> bool:
    """An object, or one for each of several parts of a table."""
    return is_object(value) or (isinstance(value, list) and 1 < len(value) <= 256 and all(map(is_object, value)))


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
